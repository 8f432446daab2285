//! Tokens: personal ones, those of projects and groups, and deploy tokens.

use std::collections::BTreeSet;

use axum::Json;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use consign_client::Client;
use consign_proto::access::scope_numbers;
use consign_proto::metadata::token::Kind;
use consign_proto::metadata::{CreateTokenRequest, Role as WireRole, Token};
use consign_types::Timestamp;
use consign_types::access::{Role, Scope, scopes_named};
use consign_types::resource::{TokenParent, TokenRef, UserRef};
use serde::Deserialize;
use serde_json::Value;

use super::call::Call;
use super::form::number;
use super::pages::Pages;
use super::refusal::{Refusal, Result};
use super::{entity, form};

/// What a client sends to make a token, or to give one another secret.
#[derive(Debug, Deserialize)]
struct Fields {
    name: Option<String>,
    #[serde(default)]
    scopes: Vec<String>,
    access_level: Option<Value>,
    expires_at: Option<String>,
}

/// Whose tokens a route is about, and which of them.
struct Place {
    client: Client,
    parent: TokenParent,
    kind: Kind,
    /// The user whose they are, if they are personal.
    user: Option<i64>,
}

/// The tokens of a project or group: `access_tokens` and `deploy_tokens` below it.
fn below(call: &Call) -> Result<Place> {
    let client = call.signed_in()?;
    let is_project = call.segment(3) == "projects";
    let parent = if is_project { TokenParent::Project(call.project()?) } else { TokenParent::Namespace(call.group()?) };
    let kind = match call.segment(5) {
        "deploy_tokens" => Kind::Deploy,
        _ if is_project => Kind::Project,
        _ => Kind::Namespace,
    };
    Ok(Place { client, parent, kind, user: None })
}

/// The caller's own personal tokens, or those of the user whom it names.
async fn personal(call: &Call, user: Option<i64>) -> Result<Place> {
    let client = call.signed_in()?;
    let user = match user {
        Some(user) => user,
        None => own(&client).await?,
    };
    Ok(Place { client, parent: TokenParent::User(UserRef::Id(user)), kind: Kind::Personal, user: Some(user) })
}

/// The user behind the caller's token.
async fn own(client: &Client) -> Result<i64> {
    let (_, user, _) = client.who_am_i().await?;
    match user.parse() {
        Ok(UserRef::Id(user)) => Ok(user),
        _ => Err(Refusal::forbidden()),
    }
}

/// `POST` of each of these lists.
pub(crate) async fn create_below(call: Call, body: Body) -> Result<Response> {
    create(&call, below(&call)?, body).await
}

/// `GET` of each of these lists.
pub(crate) async fn list_below(call: Call) -> Result<Response> {
    list(&call, below(&call)?).await
}

/// `GET` of one of them.
pub(crate) async fn get_below(call: Call) -> Result<Json<Value>> {
    let place = below(&call)?;
    place.find(call.number(6, "token_id")?).await.map(|token| Json(place.entity(&token, None)))
}

/// `DELETE` of one of them.
pub(crate) async fn delete_below(call: Call) -> Result<StatusCode> {
    below(&call)?.revoke(call.number(6, "token_id")?).await
}

/// `POST /…/access_tokens/:id/rotate`.
pub(crate) async fn rotate_below(call: Call, body: Body) -> Result<Json<Value>> {
    let place = below(&call)?;
    let token = place.find(call.number(6, "token_id")?).await?;
    place.rotate(&call, token.id, body).await
}

/// `POST /user/personal_access_tokens`, and `POST /users/:user_id/personal_access_tokens`.
pub(crate) async fn create_personal(call: Call, body: Body) -> Result<Response> {
    let user = if call.segment(3) == "user" { None } else { Some(call.number(4, "user_id")?) };
    create(&call, personal(&call, user).await?, body).await
}

/// `GET /personal_access_tokens`: one's own, or those of `user_id`.
pub(crate) async fn list_personal(call: Call) -> Result<Response> {
    #[derive(Deserialize)]
    struct Wanted {
        user_id: Option<i64>,
    }
    let wanted: Wanted = call.query().map_err(|_| Refusal::parameter("user_id is invalid"))?;
    list(&call, personal(&call, wanted.user_id).await?).await
}

/// `GET /personal_access_tokens/:id`, where `self` is the one in use.
pub(crate) async fn get_personal(call: Call) -> Result<Json<Value>> {
    let place = personal(&call, None).await?;
    place.find(place.named(&call).await?).await.map(|token| Json(place.entity(&token, None)))
}

/// `DELETE /personal_access_tokens/:id`.
pub(crate) async fn delete_personal(call: Call) -> Result<StatusCode> {
    let place = personal(&call, None).await?;
    place.revoke(place.named(&call).await?).await
}

/// `POST /personal_access_tokens/:id/rotate`.
pub(crate) async fn rotate_personal(call: Call, body: Body) -> Result<Json<Value>> {
    let place = personal(&call, None).await?;
    place.rotate(&call, place.named(&call).await?, body).await
}

async fn create(call: &Call, place: Place, body: Body) -> Result<Response> {
    let fields: Fields = form::read(&call.headers, body).await?;
    let role = match place.kind {
        Kind::Personal => None,
        Kind::Deploy => Some(Role::Developer),
        _ => Some(fields.access_level.as_ref().map_or(Ok(Role::Maintainer), access_level)?),
    };
    let request = CreateTokenRequest {
        parent: place.parent.to_string(),
        kind: place.kind.into(),
        display_name: fields.name.clone().ok_or_else(|| Refusal::parameter("name is missing"))?,
        scopes: scope_numbers(&fields.scopes()?),
        role: role.map_or(WireRole::Unspecified, WireRole::from).into(),
        expire_time: fields.end()?,
        ..CreateTokenRequest::default()
    };
    let (token, secret) = place.client.create_token(request).await?;
    Ok((StatusCode::CREATED, Json(place.entity(&token, Some(&secret)))).into_response())
}

async fn list(call: &Call, place: Place) -> Result<Response> {
    let pages = Pages::of(call)?;
    let tokens = place.all().await?;
    Ok(pages.answer(call, pages.cut(tokens.iter().map(|token| place.entity(token, None)).collect())))
}

impl Place {
    /// All tokens of this kind, those that do not count any more included.
    async fn all(&self) -> Result<Vec<Token>> {
        let tokens = self.client.list_tokens(&self.parent, true).await?;
        Ok(tokens.into_iter().filter(|token| token.kind() == self.kind).collect())
    }

    async fn find(&self, id: i64) -> Result<Token> {
        self.all().await?.into_iter().find(|token| token.id == id).ok_or_else(Refusal::token_not_found)
    }

    /// The number in the path, or that of the token in use.
    async fn named(&self, call: &Call) -> Result<i64> {
        if call.segment(4) == "self" { Ok(self.client.who_am_i().await?.2.id) } else { call.number(4, "id") }
    }

    async fn revoke(&self, id: i64) -> Result<StatusCode> {
        self.find(id).await?;
        self.client.revoke_token(&self.name(id)).await?;
        Ok(StatusCode::NO_CONTENT)
    }

    async fn rotate(&self, call: &Call, id: i64, body: Body) -> Result<Json<Value>> {
        let fields: Fields = form::read(&call.headers, body).await?;
        let (token, secret) = self.client.rotate_token(&self.name(id), 0, fields.end()?).await?;
        Ok(Json(self.entity(&token, Some(&secret))))
    }

    fn name(&self, token: i64) -> TokenRef {
        TokenRef { parent: self.parent.clone(), token }
    }

    fn entity(&self, token: &Token, secret: Option<&str>) -> Value {
        if self.kind == Kind::Deploy { entity::deploy_token(token, secret) } else { entity::token(token, self.user, secret) }
    }
}

impl Fields {
    fn scopes(&self) -> Result<BTreeSet<Scope>> {
        if self.scopes.is_empty() {
            return Err(Refusal::parameter("scopes is missing"));
        }
        let named = |word: &String| scopes_named(word).ok_or_else(|| Refusal::no_valid_value("scopes"));
        Ok(self.scopes.iter().map(named).collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// The end: a day, which begins at midnight, or an instant.
    fn end(&self) -> Result<Option<prost_types::Timestamp>> {
        let Some(text) = self.expires_at.as_deref().filter(|text| !text.is_empty()) else { return Ok(None) };
        let instant = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
        let time: Timestamp = instant.parse().map_err(|_| Refusal::parameter("expires_at is invalid"))?;
        Ok(Some(consign_proto::timestamp(time)))
    }
}

/// The role of one of GitLab's numbers.
fn access_level(level: &Value) -> Result<Role> {
    Ok(match number("access_level", level)? {
        10 | 15 => Role::Guest,
        20 => Role::Reporter,
        30 => Role::Developer,
        40 => Role::Maintainer,
        50 => Role::Owner,
        _ => return Err(Refusal::no_valid_value("access_level")),
    })
}
