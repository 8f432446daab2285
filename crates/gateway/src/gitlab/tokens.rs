//! Tokens: personal ones, those of projects and groups, and deploy tokens.

use std::collections::BTreeSet;

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::Json;
use axum::response::NoContent;
use consign_client::{Client, Error};
use consign_proto::access::scope_numbers;
use consign_proto::metadata::token::Kind;
use consign_proto::metadata::{self as wire, CreateTokenRequest, Role as WireRole};
use consign_types::access::{Role, Scope, scopes_named};
use consign_types::resource::{TokenParent, TokenRef, UserRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::{Created, needs_no_body};
use super::call::Call;
use super::entity::{DeployToken, Token};
use super::form::{Form, access_level, end};
use super::pages::{Listing, Pages, Paging};
use super::query::{Query, number};
use super::refusal::{Refusal, Result};

/// What a client sends to make a token, or to give one another secret.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "TokenFields")]
struct Fields {
    name: Option<String>,
    /// GitLab's (`api`, `read_api`, `read_package_registry`, `write_package_registry`) or Consign's own.
    #[serde(default)]
    scopes: Vec<String>,
    /// The role of a project's or group's token: 10, 20, 30, 40 or 50; 40 where it isn't given.
    #[schemars(with = "Option<i64>")]
    access_level: Option<Value>,
    /// A day, which begins at midnight, or an instant.
    expires_at: Option<String>,
}

/// A token of whichever kind a route is about.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum AnyToken {
    Token(Token),
    Deploy(DeployToken),
}

/// Whose tokens.
#[derive(Debug, Deserialize, JsonSchema)]
struct Wanted {
    /// The number of a user; the caller where nothing is said.
    #[schemars(with = "i64")]
    user_id: Option<String>,
}

pub(super) fn routes() -> ApiRouter<Client> {
    let lists = || get_with(list_below, |op| op.summary("Lists tokens")).post_with(create_below, |op| op.summary("Makes a token"));
    let ones = || get_with(get_below, |op| op.summary("Reads a token")).delete_with(delete_below, |op| op.summary("Ends a token"));
    let rotated = || post_with(rotate_below, |op| needs_no_body(op).summary("Gives a token another secret"));
    let below = |router: ApiRouter<Client>, owner| {
        router
            .api_route(&format!("/api/v4/{owner}/{{id}}/access_tokens"), lists())
            .api_route(&format!("/api/v4/{owner}/{{id}}/access_tokens/{{token_id}}"), ones())
            .api_route(&format!("/api/v4/{owner}/{{id}}/access_tokens/{{token_id}}/rotate"), rotated())
            .api_route(&format!("/api/v4/{owner}/{{id}}/deploy_tokens"), lists())
            .api_route(&format!("/api/v4/{owner}/{{id}}/deploy_tokens/{{token_id}}"), ones())
    };
    ["projects", "groups"]
        .into_iter()
        .fold(ApiRouter::new(), below)
        .api_route(
            "/api/v4/user/personal_access_tokens",
            post_with(create_personal, |op| op.summary("Makes a personal token of one's own")),
        )
        .api_route(
            "/api/v4/users/{user_id}/personal_access_tokens",
            post_with(create_personal, |op| op.summary("Makes a personal token of a user")),
        )
        .api_route("/api/v4/personal_access_tokens", get_with(list_personal, |op| op.summary("Lists personal tokens")))
        .api_route(
            "/api/v4/personal_access_tokens/{token}",
            get_with(get_personal, |op| op.summary("Reads a personal token"))
                .delete_with(delete_personal, |op| op.summary("Ends a personal token")),
        )
        .api_route(
            "/api/v4/personal_access_tokens/{token}/rotate",
            post_with(rotate_personal, |op| needs_no_body(op).summary("Gives a personal token another secret")),
        )
        .with_path_items(|item| item.tag("Tokens"))
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
async fn create_below(call: Call, form: Form<Fields>) -> Result<Created<AnyToken>> {
    create(below(&call)?, form).await
}

/// `GET` of each of these lists.
async fn list_below(call: Call, paging: Query<Paging>) -> Result<Listing<AnyToken>> {
    list(&call, below(&call)?, &paging).await
}

/// `GET` of one of them.
async fn get_below(call: Call) -> Result<Json<AnyToken>> {
    let place = below(&call)?;
    place.find(call.number(6, "token_id")?).await.map(|token| Json(place.entity(&token, None)))
}

/// `DELETE` of one of them.
async fn delete_below(call: Call) -> Result<NoContent> {
    below(&call)?.revoke(call.number(6, "token_id")?).await
}

/// `POST /…/access_tokens/:id/rotate`.
async fn rotate_below(call: Call, form: Form<Fields>) -> Result<Json<AnyToken>> {
    let place = below(&call)?;
    if call.segment(6) == "self" {
        return rotate_itself(&call, form).await;
    }
    let token = place.find(call.number(6, "token_id")?).await?;
    place.rotate(token.id, form).await
}

/// `POST /user/personal_access_tokens`, and `POST /users/:user_id/personal_access_tokens`.
async fn create_personal(call: Call, form: Form<Fields>) -> Result<Created<AnyToken>> {
    let user = if call.segment(3) == "user" { None } else { Some(call.number(4, "user_id")?) };
    create(personal(&call, user).await?, form).await
}

/// `GET /personal_access_tokens`: one's own, or those of `user_id`.
async fn list_personal(call: Call, wanted: Query<Wanted>, paging: Query<Paging>) -> Result<Listing<AnyToken>> {
    let user = number("user_id", wanted.read()?.user_id.as_deref())?;
    list(&call, personal(&call, user).await?, &paging).await
}

/// `GET /personal_access_tokens/:id`, where `self` is the one in use.
async fn get_personal(call: Call) -> Result<Json<AnyToken>> {
    if call.segment(4) == "self" {
        let (place, token) = itself(&call).await?;
        return Ok(Json(place.entity(&token, None)));
    }
    let place = personal(&call, None).await?;
    place.find(call.number(4, "id")?).await.map(|token| Json(place.entity(&token, None)))
}

/// `DELETE /personal_access_tokens/:id`.
async fn delete_personal(call: Call) -> Result<NoContent> {
    if call.segment(4) == "self" {
        let (place, token) = itself(&call).await?;
        place.client.revoke_token(&place.name(token.id)).await?;
        return Ok(NoContent);
    }
    personal(&call, None).await?.revoke(call.number(4, "id")?).await
}

/// `POST /personal_access_tokens/:id/rotate`.
async fn rotate_personal(call: Call, form: Form<Fields>) -> Result<Json<AnyToken>> {
    if call.segment(4) == "self" {
        return rotate_itself(&call, form).await;
    }
    personal(&call, None).await?.rotate(call.number(4, "id")?, form).await
}

/// The token in use, which may look at itself, end itself and give itself another secret, whatever else it may do.
async fn itself(call: &Call) -> Result<(Place, wire::Token)> {
    let client = call.signed_in()?;
    let (_, user, token) = client.who_am_i().await?;
    let name: TokenRef = token.name.parse().map_err(|_| Refusal::from(Error::Protocol("a token without a name")))?;
    let user = match user.parse() {
        Ok(UserRef::Id(user)) => Some(user),
        _ => None,
    };
    Ok((Place { client, parent: name.parent, kind: token.kind(), user }, token))
}

async fn rotate_itself(call: &Call, form: Form<Fields>) -> Result<Json<AnyToken>> {
    let (place, token) = itself(call).await?;
    place.rotate(token.id, form).await
}

async fn create(place: Place, form: Form<Fields>) -> Result<Created<AnyToken>> {
    let fields = form.read().await?;
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
        expire_time: end(fields.expires_at.as_deref())?,
        ..CreateTokenRequest::default()
    };
    let (token, secret) = place.client.create_token(request).await?;
    Ok(Created(place.entity(&token, Some(secret))))
}

async fn list(call: &Call, place: Place, paging: &Query<Paging>) -> Result<Listing<AnyToken>> {
    let pages = Pages::of(paging)?;
    let tokens = place.all().await?;
    Ok(pages.answer(call, pages.cut(tokens.iter().map(|token| place.entity(token, None)).collect())))
}

impl Place {
    /// All tokens of this kind, those that do not count any more included.
    async fn all(&self) -> Result<Vec<wire::Token>> {
        let tokens = self.client.list_tokens(&self.parent, true).await?;
        Ok(tokens.into_iter().filter(|token| token.kind() == self.kind).collect())
    }

    async fn find(&self, id: i64) -> Result<wire::Token> {
        self.all().await?.into_iter().find(|token| token.id == id).ok_or_else(Refusal::token_not_found)
    }

    async fn revoke(&self, id: i64) -> Result<NoContent> {
        self.find(id).await?;
        self.client.revoke_token(&self.name(id)).await?;
        Ok(NoContent)
    }

    async fn rotate(&self, id: i64, form: Form<Fields>) -> Result<Json<AnyToken>> {
        let fields = form.read().await?;
        let (token, secret) = self.client.rotate_token(&self.name(id), 0, end(fields.expires_at.as_deref())?).await?;
        Ok(Json(self.entity(&token, Some(secret))))
    }

    fn name(&self, token: i64) -> TokenRef {
        TokenRef { parent: self.parent.clone(), token }
    }

    fn entity(&self, token: &wire::Token, secret: Option<String>) -> AnyToken {
        if self.kind == Kind::Deploy {
            AnyToken::Deploy(DeployToken::of(token, secret))
        } else {
            AnyToken::Token(Token::of(token, self.user, secret))
        }
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
}
