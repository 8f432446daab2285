//! Members of projects and groups: users with a role there.

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::Json;
use axum::response::NoContent;
use consign_client::Client;
use consign_proto::metadata::{self as wire, CreateMemberRequest, ListMembersRequest, Role as WireRole, UpdateMemberRequest};
use consign_types::access::Role;
use consign_types::resource::{MemberParent, MemberRef, UserRef};
use prost_types::FieldMask;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::answer::Created;
use super::call::Call;
use super::entity::Member;
use super::form::{self, Form, access_level, number};
use super::pages::{Listing, Page, Pages, Paging};
use super::query::{Query, quoted};
use super::refusal::{Refusal, Result};
use super::words::filtered_by;

/// What a client sends to give a user a role, or another one.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "MemberFields")]
struct Fields {
    /// The number of the user.
    #[schemars(with = "Option<i64>")]
    user_id: Option<Value>,
    /// The user's name, in place of the number.
    username: Option<String>,
    /// 10, 20, 30, 40 or 50.
    #[schemars(with = "Option<i64>")]
    access_level: Option<Value>,
    /// A day, which begins at midnight, or an instant; empty or `null` for no end.
    #[serde(default, deserialize_with = "form::given")]
    #[schemars(with = "Option<String>")]
    expires_at: Option<Value>,
}

/// Which members.
#[derive(Debug, Deserialize, JsonSchema)]
struct Wanted {
    /// A part of the user name.
    query: Option<String>,
}

pub(super) fn routes() -> ApiRouter<Client> {
    let below = |router: ApiRouter<Client>, owner| {
        router
            .api_route(
                &format!("/api/v4/{owner}/{{id}}/members"),
                get_with(list, |op| op.summary("Lists members"))
                    .post_with(create, |op| op.summary("Gives a user a role").response::<409, Refusal>()),
            )
            .api_route(
                &format!("/api/v4/{owner}/{{id}}/members/all"),
                get_with(list_all, |op| op.summary("Lists members, those of groups above too")),
            )
            .api_route(
                &format!("/api/v4/{owner}/{{id}}/members/{{user_id}}"),
                get_with(get, |op| op.summary("Reads a member"))
                    .put_with(update, |op| op.summary("Gives a member another role"))
                    .delete_with(delete, |op| op.summary("Takes a member's role away")),
            )
            .api_route(
                &format!("/api/v4/{owner}/{{id}}/members/all/{{user_id}}"),
                get_with(get_all, |op| op.summary("Reads a member, of a group above too")),
            )
    };
    ["projects", "groups"].into_iter().fold(ApiRouter::new(), below).with_path_items(|item| item.tag("Members"))
}

/// `GET /…/members`: those whose role was given right there.
async fn list(call: Call, wanted: Query<Wanted>, paging: Query<Paging>) -> Result<Listing<Member>> {
    list_of(&call, &wanted, &paging, false).await
}

/// `GET /…/members/all`.
async fn list_all(call: Call, wanted: Query<Wanted>, paging: Query<Paging>) -> Result<Listing<Member>> {
    list_of(&call, &wanted, &paging, true).await
}

async fn list_of(call: &Call, wanted: &Query<Wanted>, paging: &Query<Paging>, show_inherited: bool) -> Result<Listing<Member>> {
    let client = call.signed_in()?;
    let (wanted, pages) = (wanted.read()?, Pages::of(paging)?);
    let part = wanted.query.filter(|part| !part.is_empty());
    let found = client
        .list_members_page(ListMembersRequest {
            parent: parent(call)?.to_string(),
            filter: part.map(|part| format!("username : {}", quoted(&part))).unwrap_or_default(),
            page_size: pages.size(),
            skip: pages.skip(),
            show_inherited,
            highest_only: show_inherited,
            count: true,
            ..ListMembersRequest::default()
        })
        .await
        .map_err(|error| filtered_by("query", error))?;
    let items = found.members.iter().map(|member| Member::of(member, &call.origin())).collect();
    Ok(pages.answer(call, Page { items, more: !found.next_page_token.is_empty(), total: Some(found.total_size) }))
}

/// `GET /…/members/:user_id`.
async fn get(call: Call) -> Result<Json<Member>> {
    let user = call.number(6, "user_id")?;
    find(&call, user, false).await
}

/// `GET /…/members/all/:user_id`: the highest of the roles that the user has there.
async fn get_all(call: Call) -> Result<Json<Member>> {
    let user = call.number(7, "user_id")?;
    find(&call, user, true).await
}

async fn find(call: &Call, user: i64, show_inherited: bool) -> Result<Json<Member>> {
    let asked = ListMembersRequest {
        parent: parent(call)?.to_string(),
        filter: format!("user = {user}"),
        order_by: "role desc".to_owned(),
        show_inherited,
        page_size: 1,
        ..ListMembersRequest::default()
    };
    let found = call.signed_in()?.list_members_page(asked).await?.members.pop().ok_or_else(Refusal::not_found)?;
    Ok(Json(Member::of(&found, &call.origin())))
}

/// `POST /…/members`.
async fn create(call: Call, form: Form<Fields>) -> Result<Created<Member>> {
    let client = call.signed_in()?;
    let parent = parent(&call)?;
    let fields = form.read().await?;
    let role = fields.role()?.ok_or_else(|| Refusal::parameter("access_level is missing"))?;
    let user = match (&fields.user_id, &fields.username) {
        (Some(id), None) => UserRef::Id(number("user_id", id)?),
        (None, Some(name)) => UserRef::Name(name.parse().map_err(|_| Refusal::user_not_found())?),
        _ => return Err(Refusal::parameter("user_id, username are missing, exactly one parameter must be provided")),
    };
    let new = CreateMemberRequest {
        parent: parent.to_string(),
        user: user.to_string(),
        role: WireRole::from(role).into(),
        expire_time: fields.end()?,
        ..CreateMemberRequest::default()
    };
    let member = client.create_member(new).await.map_err(Refusal::member_taken)?;
    Ok(Created(Member::of(&member, &call.origin())))
}

/// `PUT /…/members/:user_id`: what is not sent stays.
async fn update(call: Call, form: Form<Fields>) -> Result<Json<Member>> {
    let client = call.signed_in()?;
    let name = name(&call)?;
    let fields = form.read().await?;
    let role = fields.role()?.ok_or_else(|| Refusal::parameter("access_level is missing"))?;
    let given = ["role"].into_iter().chain(fields.expires_at.is_some().then_some("expire_time"));
    let request = UpdateMemberRequest {
        update_mask: Some(FieldMask { paths: given.map(str::to_owned).collect() }),
        member: Some(wire::Member {
            name: name.to_string(),
            role: WireRole::from(role).into(),
            expire_time: fields.end()?,
            ..Default::default()
        }),
        ..UpdateMemberRequest::default()
    };
    let member = client.update_member(request).await?;
    Ok(Json(Member::of(&member, &call.origin())))
}

/// `DELETE /…/members/:user_id`.
async fn delete(call: Call) -> Result<NoContent> {
    call.signed_in()?.delete_member(&name(&call)?).await?;
    Ok(NoContent)
}

impl Fields {
    fn role(&self) -> Result<Option<Role>> {
        self.access_level.as_ref().map(access_level).transpose()
    }

    fn end(&self) -> Result<Option<prost_types::Timestamp>> {
        match &self.expires_at {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => form::end(Some(text)),
            Some(_) => Err(Refusal::parameter("expires_at is invalid")),
        }
    }
}

/// The project or group whose members a route is about.
fn parent(call: &Call) -> Result<MemberParent> {
    match call.segment(3) {
        "projects" => call.project().map(MemberParent::Project),
        _ => call.group().map(MemberParent::Namespace),
    }
}

fn name(call: &Call) -> Result<MemberRef> {
    Ok(MemberRef { parent: parent(call)?, user: UserRef::Id(call.number(6, "user_id")?) })
}
