//! Tokens of users.

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::Json;
use axum::response::NoContent;
use consign_client::{Client, Error};
use consign_proto::metadata as wire;
use consign_proto::metadata::token::Kind;
use consign_types::resource::{TokenParent, TokenRef, UserRef};

use super::wanted::Wanted;
use super::{AnyToken, Fields, Place, rotate};
use crate::gitlab::answer::{Created, needs_no_body};
use crate::gitlab::call::Call;
use crate::gitlab::form::Form;
use crate::gitlab::pages::{Listing, Paging};
use crate::gitlab::query::{Query, number};
use crate::gitlab::refusal::{Refusal, Result};

pub(super) fn routes() -> ApiRouter<Client> {
    ApiRouter::new()
        .api_route("/api/v4/user/personal_access_tokens", post_with(create, |op| op.summary("Makes a personal token of one's own")))
        .api_route("/api/v4/users/{user_id}/personal_access_tokens", post_with(create, |op| op.summary("Makes a personal token of a user")))
        .api_route("/api/v4/personal_access_tokens", get_with(list, |op| op.summary("Lists personal tokens")))
        .api_route(
            "/api/v4/personal_access_tokens/{token}",
            get_with(get, |op| op.summary("Reads a personal token")).delete_with(delete, |op| op.summary("Ends a personal token")),
        )
        .api_route(
            "/api/v4/personal_access_tokens/{token}/rotate",
            post_with(rotated, |op| needs_no_body(op).summary("Gives a personal token another secret").response::<405, Refusal>()),
        )
}

/// The personal tokens of whichever user: an administrator's are all, other users' their own.
fn of_users(call: &Call) -> Result<Place> {
    Ok(Place { client: call.signed_in()?, parent: TokenParent::Users, kind: Kind::Personal })
}

/// `POST /user/personal_access_tokens`, and `POST /users/:user_id/personal_access_tokens`.
async fn create(call: Call, form: Form<Fields>) -> Result<Created<AnyToken>> {
    let client = call.signed_in()?;
    let user = if call.segment(3) == "user" { own(&client).await? } else { call.number(4, "user_id")? };
    Place { client, parent: TokenParent::User(UserRef::Id(user)), kind: Kind::Personal }.create(form).await
}

/// The user behind the caller's token.
async fn own(client: &Client) -> Result<i64> {
    match client.who_am_i().await?.user.parse() {
        Ok(UserRef::Id(user)) => Ok(user),
        _ => Err(Refusal::forbidden("the token is not that of a user")),
    }
}

/// `GET /personal_access_tokens`. Whoever asks for those of a user who is somebody else's to know is not signed in as that one.
async fn list(call: Call, wanted: Query<Wanted>, paging: Query<Paging>) -> Result<Listing<AnyToken>> {
    let (mut place, wanted) = (of_users(&call)?, wanted.read()?);
    if let Some(user) = number("user_id", wanted.user_id.as_deref())? {
        place.parent = TokenParent::User(UserRef::Id(user));
    }
    place.list(&call, wanted.which(place.kind)?, &paging).await.map_err(Refusal::of_others)
}

/// `GET /personal_access_tokens/:id`, where `self` is the one in use.
async fn get(call: Call) -> Result<Json<AnyToken>> {
    let token = if call.segment(4) == "self" {
        itself(&call).await?.1
    } else {
        let (place, id) = (of_users(&call)?, call.number(4, "id")?);
        place.client.find_token(&place.name(id)).await.map_err(Refusal::of_others)?
    };
    Ok(Json(AnyToken::of(&token, None)))
}

/// `DELETE /personal_access_tokens/:id`.
async fn delete(call: Call) -> Result<NoContent> {
    if call.segment(4) == "self" {
        let (client, token) = itself(&call).await?;
        let name: TokenRef = token.name.parse().map_err(|_| Refusal::from(Error::Protocol("a token without a name")))?;
        client.revoke_token(&name).await?;
        return Ok(NoContent);
    }
    let (place, id) = (of_users(&call)?, call.number(4, "id")?);
    place.client.revoke_token(&place.name(id)).await.map_err(Refusal::of_others)?;
    Ok(NoContent)
}

/// `POST /personal_access_tokens/:id/rotate`.
async fn rotated(call: Call, form: Form<Fields>) -> Result<Json<AnyToken>> {
    let place = of_users(&call)?;
    if call.segment(4) == "self" {
        return place.rotate_itself(form).await;
    }
    let name = place.name(call.number(4, "id")?).to_string();
    rotate(&place.client, name, form).await.map_err(Refusal::of_others)
}

/// The token in use, which may look at itself and end itself, whatever else it may do.
async fn itself(call: &Call) -> Result<(Client, wire::Token)> {
    let client = call.signed_in()?;
    let token = client.who_am_i().await?.token;
    Ok((client, token))
}
