//! `consign.metadata.v1.UserService`.

use consign_metadata::{
    CreateMember, CreateUser, DeleteMember, Error, ListMembers, ListUsers, MemberOrder, Metadata, Owner, Principal, UpdateMember,
    UpdateUser, UserOrder,
};
use consign_proto::metadata::user_service_server::UserService;
use consign_proto::metadata::{
    self as wire, CreateMemberRequest, CreateMemberResponse, CreateUserRequest, CreateUserResponse, DeleteMemberRequest,
    DeleteMemberResponse, GetUserRequest, GetUserResponse, ListMembersRequest, ListMembersResponse, ListUsersRequest, ListUsersResponse,
    UpdateMemberRequest, UpdateMemberResponse, UpdateUserRequest, UpdateUserResponse,
};
use consign_proto::status::status;
use consign_types::access::Role;
use consign_types::resource::{MemberParent, MemberRef, NamespaceRef, ProjectRef, TokenParent, TokenRef, UserRef, bot_token};
use tonic::{Request, Response, Status};

use super::page::{Listing, skipping};
use super::{decode, encode};
use crate::auth::{Caller, Instance, Subject as _, caller};

/// The service, over the metadata plane.
#[derive(Clone, Debug)]
pub(crate) struct UserApi {
    pub(crate) metadata: Metadata,
}

const USER_ORDERS: &[(&str, UserOrder)] =
    &[("username", UserOrder::Username), ("id", UserOrder::Id), ("create_time", UserOrder::CreateTime)];

const MEMBER_ORDERS: &[(&str, MemberOrder)] = &[("username", MemberOrder::Username), ("role", MemberOrder::Role)];

#[tonic::async_trait]
impl UserService for UserApi {
    async fn create_user(&self, request: Request<CreateUserRequest>) -> Result<Response<CreateUserResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let new = CreateUser {
            principal: caller.about(&Instance).await?,
            username: decode::name("username", &request.username)?,
            display_name: decode::text("display_name", &request.display_name)?,
            email: decode::optional("email", &request.email, decode::text)?,
            is_admin: request.admin,
            request_id: decode::request_id(&request.request_id)?,
        };
        let user = self.metadata.create_user(new).await.map_err(status)?;
        Ok(Response::new(CreateUserResponse { user: Some(encode::user(user, true)) }))
    }

    async fn get_user(&self, request: Request<GetUserRequest>) -> Result<Response<GetUserResponse>, Status> {
        let caller = caller(&request)?;
        let name: UserRef = decode::name("name", &request.get_ref().name)?;
        if let UserRef::Id(id) = name
            && let Some(token) = bot_token(id)
        {
            caller.anyone()?;
            let user = self.bot(&caller, token).await?.ok_or_else(|| status(Error::UserNotFound(name)))?;
            return Ok(Response::new(GetUserResponse { user: Some(user) }));
        }
        caller.everywhere().await?;
        let principal = caller.anyone()?;
        let user = self.metadata.find_user(name, known_to(&principal)).await.map_err(status)?;
        let is_shown = known_to(&principal).is_none() || principal.user == Some(user.id);
        Ok(Response::new(GetUserResponse { user: Some(encode::user(user, is_shown)) }))
    }

    async fn list_users(&self, request: Request<ListUsersRequest>) -> Result<Response<ListUsersResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        caller.everywhere().await?;
        let principal = caller.anyone()?;
        let known_to = known_to(&principal);
        let sees_all = known_to.is_none();
        let listing = Listing::of("ListUsers", &[&request.filter, &request.order_by]);
        let (order, descending) = decode::order(&request.order_by, USER_ORDERS)?;
        let page = skipping(listing.page(request.page_size, &request.page_token)?, request.skip, request.count)?;
        let wanted = ListUsers { known_to, filter: decode::filter(&request.filter)?, order, descending, page };
        let found = self.metadata.list_users(wanted).await.map_err(status)?;
        let (next_page_token, total_size) = (listing.next(&found, |user| order.cursor(user).to_string()), found.total.unwrap_or_default());
        let encode = |user: consign_metadata::User| {
            let is_shown = sees_all || principal.user == Some(user.id);
            encode::user(user, is_shown)
        };
        Ok(Response::new(ListUsersResponse { users: found.map(encode).items, next_page_token, total_size }))
    }

    async fn update_user(&self, request: Request<UpdateUserRequest>) -> Result<Response<UpdateUserResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let new = decode::present("user", request.user)?;
        let mask = decode::mask(request.update_mask, &["display_name", "email", "admin", "disabled"])?;
        let name: UserRef = decode::name("user.name", &new.name)?;
        let wanted = UpdateUser {
            principal: caller.about(&name).await?,
            name,
            etag: decode::etag(&new.etag)?,
            display_name: mask
                .changed("display_name", !new.display_name.is_empty(), || decode::text("user.display_name", &new.display_name))?,
            email: mask.changed("email", !new.email.is_empty(), || decode::optional("user.email", &new.email, decode::text))?,
            is_admin: mask.changed("admin", new.admin, || Ok(new.admin))?,
            is_disabled: mask.changed("disabled", new.disabled, || Ok(new.disabled))?,
            request_id: decode::request_id(&request.request_id)?,
        };
        let user = self.metadata.update_user(wanted).await.map_err(status)?;
        Ok(Response::new(UpdateUserResponse { user: Some(encode::user(user, true)) }))
    }

    async fn create_member(&self, request: Request<CreateMemberRequest>) -> Result<Response<CreateMemberResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let parent: MemberParent = decode::name("parent", &request.parent)?;
        let new = CreateMember {
            principal: caller.about(&parent).await?,
            parent,
            user: decode::name("user", &request.user)?,
            role: decode::present("role", decode::role("role", request.role)?)?,
            expires_at: decode::time("expire_time", request.expire_time)?,
            request_id: decode::request_id(&request.request_id)?,
        };
        let member = self.metadata.create_member(new).await.map_err(status)?;
        Ok(Response::new(CreateMemberResponse { member: Some(encode::member(member, false)) }))
    }

    async fn list_members(&self, request: Request<ListMembersRequest>) -> Result<Response<ListMembersResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let parent: MemberParent = decode::name("parent", &request.parent)?;
        caller.about(&parent).await?;
        let inherited = if request.show_inherited { "inherited" } else { "" };
        let mut arguments = vec![request.parent.as_str(), &request.filter, &request.order_by, inherited];
        arguments.extend(request.highest_only.then_some("highest"));
        let listing = Listing::of("ListMembers", &arguments);
        let (order, descending) = decode::order(&request.order_by, MEMBER_ORDERS)?;
        let wanted = ListMembers {
            parent,
            show_inherited: request.show_inherited,
            highest_only: request.highest_only,
            filter: decode::filter(&request.filter)?,
            order,
            descending,
            page: skipping(listing.page(request.page_size, &request.page_token)?, request.skip, request.count)?,
        };
        let found = self.metadata.list_members(wanted).await.map_err(status)?;
        let next_page_token = listing.next(&found, |member| order.cursor(&member.0).to_string());
        let total_size = found.total.unwrap_or_default();
        let members = found.map(|(member, is_inherited)| encode::member(member, is_inherited)).items;
        Ok(Response::new(ListMembersResponse { members, next_page_token, total_size }))
    }

    async fn update_member(&self, request: Request<UpdateMemberRequest>) -> Result<Response<UpdateMemberResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let new = decode::present("member", request.member)?;
        let mask = decode::mask(request.update_mask, &["role", "expire_time"])?;
        let name: MemberRef = decode::name("member.name", &new.name)?;
        let role = decode::role("member.role", new.role)?;
        let wanted = UpdateMember {
            principal: caller.about(&name.parent).await?,
            name,
            etag: decode::etag(&new.etag)?,
            role: mask.changed("role", role.is_some(), || decode::present("member.role", role))?,
            expires_at: mask.changed("expire_time", new.expire_time.is_some(), || decode::time("member.expire_time", new.expire_time))?,
            request_id: decode::request_id(&request.request_id)?,
        };
        let member = self.metadata.update_member(wanted).await.map_err(status)?;
        Ok(Response::new(UpdateMemberResponse { member: Some(encode::member(member, false)) }))
    }

    async fn delete_member(&self, request: Request<DeleteMemberRequest>) -> Result<Response<DeleteMemberResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let name: MemberRef = decode::name("name", &request.name)?;
        let wanted = DeleteMember {
            principal: leaving_or_tended(&caller, &name).await?,
            name,
            etag: decode::etag(&request.etag)?,
            request_id: decode::request_id(&request.request_id)?,
        };
        self.metadata.delete_member(wanted).await.map_err(status)?;
        Ok(Response::new(DeleteMemberResponse {}))
    }
}

impl UserApi {
    /// The user for whom a token of a project or namespace acts, for the token itself and for whoever may list members there.
    async fn bot(&self, caller: &Caller, token: i64) -> Result<Option<wire::User>, Status> {
        let name = TokenRef { parent: TokenParent::Instance, token };
        let token = match self.metadata.find_named_token(name).await {
            Ok(token) => token,
            Err(Error::TokenNotFound(_)) => return Ok(None),
            Err(error) => return Err(status(error)),
        };
        let about = match token.owner {
            Owner::Project(id) => ProjectRef::Id(id).about(),
            Owner::Namespace(id) => NamespaceRef::Id(id).about(),
            Owner::User(_) => return Ok(None),
        };
        let is_known = caller.unjudged().token == token.id || caller.may(LIST_MEMBERS, about).await?;
        Ok(is_known.then(|| encode::bot(&token)))
    }
}

/// The method by which one learns who is in a place.
const LIST_MEMBERS: &str = "consign.metadata.v1.UserService/ListMembers";

/// Whoever sees a place may leave it; to take others out takes the role of the method.
async fn leaving_or_tended(caller: &Caller, name: &MemberRef) -> Result<Principal, Status> {
    if !caller.unjudged().is_owner(&TokenParent::User(name.user.clone())) {
        return caller.about(&name.parent).await;
    }
    // Whatever the own role is, it may be given back.
    Ok(caller.seeing(&name.parent).await?.acting_as(Role::Owner))
}

/// The user who is shown others by the places that they share; `None` for an administrator, who is shown all.
fn known_to(principal: &Principal) -> Option<Principal> {
    (!principal.grant.identity.is_admin()).then(|| principal.clone())
}
