//! Users, for those who give them roles.

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::Json;
use consign_client::Client;
use consign_proto::metadata::{CreateUserRequest, ListUsersRequest};
use consign_types::resource::UserRef;
use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::Created;
use super::call::Call;
use super::entity::User;
use super::form::Form;
use super::pages::{Listing, Page, Pages, Paging};
use super::query::{Query, quoted};
use super::refusal::{Refusal, Result};
use super::words::{filtered_by, longest};

/// What an administrator sends to make a user. There are no passwords here, so none is taken.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "UserFields")]
struct Fields {
    username: Option<String>,
    /// The name for people.
    name: Option<String>,
    email: Option<String>,
    #[schemars(with = "Option<bool>")]
    admin: Option<super::form::Flag>,
}

/// Which users.
#[derive(Debug, Deserialize, JsonSchema)]
struct Wanted {
    /// The whole user name.
    username: Option<String>,
    /// A part of the user name or of the name for people.
    search: Option<String>,
}

pub(super) fn routes() -> ApiRouter<Client> {
    ApiRouter::new()
        .api_route(
            "/api/v4/users",
            get_with(list, |op| op.summary("Lists users")).post_with(create, |op| op.summary("Makes a user").response::<409, Refusal>()),
        )
        .api_route("/api/v4/users/{user_id}", get_with(get, |op| op.summary("Reads a user")))
        .with_path_items(|item| item.tag("Users"))
}

/// `GET /users`: those that the caller may know of.
async fn list(call: Call, wanted: Query<Wanted>, paging: Query<Paging>) -> Result<Listing<User>> {
    let client = call.signed_in()?;
    let (wanted, pages) = (wanted.read()?, Pages::of(&paging)?);
    let parameter = longest(&[("username", wanted.username.as_deref()), ("search", wanted.search.as_deref())]);
    let part = wanted.search.filter(|part| !part.is_empty()).map(|part| quoted(&part));
    let named = wanted.username.map(|name| format!("username = {}", quoted(&name)));
    let searched = part.map(|part| format!("(username : {part} OR display_name : {part})"));
    let asked = ListUsersRequest {
        filter: named.into_iter().chain(searched).collect::<Vec<_>>().join(" AND "),
        page_size: pages.size(),
        skip: pages.skip(),
        count: true,
        ..ListUsersRequest::default()
    };
    let found = client.list_users_page(asked).await.map_err(|error| filtered_by(parameter, error))?;
    let items = found.users.iter().map(|user| User::of(user, &call.origin())).collect();
    Ok(pages.answer(&call, Page { items, more: !found.next_page_token.is_empty(), total: Some(found.total_size) }))
}

/// `GET /users/:id`.
async fn get(call: Call) -> Result<Json<User>> {
    let name = UserRef::Id(call.number(4, "user_id")?);
    let user = call.signed_in()?.find_user(&name.to_string()).await?;
    Ok(Json(User::of(&user, &call.origin())))
}

/// `POST /users`.
async fn create(call: Call, form: Form<Fields>) -> Result<Created<User>> {
    let client = call.signed_in()?;
    let fields = form.read().await?;
    let new = CreateUserRequest {
        username: fields.username.ok_or_else(|| Refusal::parameter("username is missing"))?,
        display_name: fields.name.unwrap_or_default(),
        email: fields.email.unwrap_or_default(),
        admin: fields.admin.is_some_and(bool::from),
        ..CreateUserRequest::default()
    };
    let user = client.create_user(new).await.map_err(Refusal::user_taken)?;
    Ok(Created(User::of(&user, &call.origin())))
}
