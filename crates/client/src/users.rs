//! Users, and the roles that they have.

use consign_proto::metadata::user_service_client::UserServiceClient;
use consign_proto::metadata::{
    CreateMemberRequest, CreateUserRequest, DeleteMemberRequest, GetUserRequest, ListMembersRequest, ListMembersResponse, ListUsersRequest,
    ListUsersResponse, Member, UpdateMemberRequest, UpdateUserRequest, User,
};
use consign_types::resource::{MemberParent, MemberRef};
use uuid::Uuid;

use crate::retry::repeat;
use crate::transport::Transport;
use crate::{Client, Error, Result};

/// How many of them are asked for at once.
const PAGE: i32 = 1000;

impl Client {
    fn user_service(&self) -> UserServiceClient<Transport> {
        UserServiceClient::new(self.metadata.clone())
    }

    /// Makes a user. The request's id is set here.
    pub async fn create_user(&self, request: CreateUserRequest) -> Result<User> {
        let request = CreateUserRequest { request_id: Uuid::new_v4().to_string(), ..request };
        let call = || async { self.user_service().create_user(self.request(request.clone())).await };
        repeat(call).await?.user.ok_or(Error::Protocol("no user"))
    }

    /// The user of this name: `users/7`, `users/alice`.
    pub async fn find_user(&self, name: &str) -> Result<User> {
        let request = GetUserRequest { name: name.to_owned() };
        let call = || async { self.user_service().get_user(self.request(request.clone())).await };
        repeat(call).await?.user.ok_or(Error::Protocol("no user"))
    }

    /// All users that the caller may know of.
    pub async fn list_users(&self) -> Result<Vec<User>> {
        let (mut users, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListUsersRequest { page_size: PAGE, page_token, ..ListUsersRequest::default() };
            let page = self.list_users_page(request).await?;
            users.extend(page.users);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(users);
            }
        }
    }

    /// A page of the users that the caller may know of.
    pub async fn list_users_page(&self, request: ListUsersRequest) -> Result<ListUsersResponse> {
        let call = || async { self.user_service().list_users(self.request(request.clone())).await };
        Ok(repeat(call).await?)
    }

    /// Changes a user. The request's id is set here.
    pub async fn update_user(&self, request: UpdateUserRequest) -> Result<User> {
        let request = UpdateUserRequest { request_id: Uuid::new_v4().to_string(), ..request };
        let call = || async { self.user_service().update_user(self.request(request.clone())).await };
        repeat(call).await?.user.ok_or(Error::Protocol("no user"))
    }

    /// Gives a user a role. The request's id is set here.
    pub async fn create_member(&self, request: CreateMemberRequest) -> Result<Member> {
        let request = CreateMemberRequest { request_id: Uuid::new_v4().to_string(), ..request };
        let call = || async { self.user_service().create_member(self.request(request.clone())).await };
        repeat(call).await?.member.ok_or(Error::Protocol("no member"))
    }

    /// All members of a place, those of namespaces above it included.
    pub async fn list_members(&self, parent: &MemberParent) -> Result<Vec<Member>> {
        let (mut members, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListMembersRequest {
                parent: parent.to_string(),
                page_size: PAGE,
                page_token,
                show_inherited: true,
                ..ListMembersRequest::default()
            };
            let page = self.list_members_page(request).await?;
            members.extend(page.members);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(members);
            }
        }
    }

    /// A page of the members of a place.
    pub async fn list_members_page(&self, request: ListMembersRequest) -> Result<ListMembersResponse> {
        let call = || async { self.user_service().list_members(self.request(request.clone())).await };
        Ok(repeat(call).await?)
    }

    /// Changes a user's role. The request's id is set here.
    pub async fn update_member(&self, request: UpdateMemberRequest) -> Result<Member> {
        let request = UpdateMemberRequest { request_id: Uuid::new_v4().to_string(), ..request };
        let call = || async { self.user_service().update_member(self.request(request.clone())).await };
        repeat(call).await?.member.ok_or(Error::Protocol("no member"))
    }

    /// Takes a user's role away.
    pub async fn delete_member(&self, name: &MemberRef) -> Result<()> {
        let request =
            DeleteMemberRequest { name: name.to_string(), request_id: Uuid::new_v4().to_string(), ..DeleteMemberRequest::default() };
        let call = || async { self.user_service().delete_member(self.request(request.clone())).await };
        repeat(call).await?;
        Ok(())
    }
}
