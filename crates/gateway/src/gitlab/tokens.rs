//! Tokens: those of projects and groups, deploy tokens, and, in `personal`, those of users. `wanted` says which of them a list has.

mod personal;
mod wanted;

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::Json;
use axum::response::NoContent;
use consign_client::{Caller, Client};
use consign_proto::metadata::token::Kind;
use consign_proto::metadata::{self as wire, CreateTokenRequest, Role as WireRole, RotateTokenRequest};
use consign_types::access::{Role, ScopeNames};
use consign_types::resource::{TokenParent, TokenRef};
use consign_types::text::DeployUsername;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::{Created, needs_no_body};
use super::call::Call;
use super::entity::{DeployToken, Token};
use super::form::{Form, access_level, end};
use super::pages::{Listing, Page, Pages, Paging};
use super::query::Query;
use super::refusal::{Refusal, Result};
use super::words::filtered_by;
use wanted::{Wanted, Which};

/// How long a token counts that is given another secret, where nobody says.
const WEEK_SECONDS: i64 = 7 * 24 * 60 * 60;

/// What a client sends to make a token, or to give one another secret.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "TokenFields")]
struct Fields {
    name: Option<String>,
    /// What it is for.
    description: Option<String>,
    /// The name by which a deploy token signs in: letters, digits, `.`, `_`, `-` and `+`.
    username: Option<String>,
    /// GitLab's (`api`, `read_api`, `read_package_registry`, `write_package_registry`) or Consign's own.
    #[serde(default)]
    scopes: Vec<String>,
    /// The role of a project's or group's token: 10, 15, 20, 30, 40 or 50; 40 where it isn't given.
    #[schemars(with = "Option<i64>")]
    access_level: Option<Value>,
    /// A day, which begins at midnight, or an instant. A token that is rotated counts for a week where it isn't given.
    expires_at: Option<String>,
}

/// A token of whichever kind a route is about.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum AnyToken {
    Token(Token),
    Deploy(DeployToken),
}

impl AnyToken {
    fn of(token: &wire::Token, secret: Option<String>) -> Self {
        if token.kind() == Kind::Deploy { Self::Deploy(DeployToken::of(token, secret)) } else { Self::Token(Token::of(token, secret)) }
    }
}

pub(super) fn routes() -> ApiRouter<Client> {
    let lists = || get_with(list_below, |op| op.summary("Lists tokens")).post_with(create_below, |op| op.summary("Makes a token"));
    let ones = || get_with(get_below, |op| op.summary("Reads a token")).delete_with(delete_below, |op| op.summary("Ends a token"));
    let rotated = || post_with(rotate_below, |op| needs_no_body(op).summary("Gives a token another secret").response::<405, Refusal>());
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
        .api_route("/api/v4/deploy_tokens", get_with(list_deploy, |op| op.summary("Lists the deploy tokens of the instance")))
        .merge(personal::routes())
        .with_path_items(|item| item.tag("Tokens"))
}

/// Whose tokens a route is about, and which of them.
struct Place {
    client: Client,
    parent: TokenParent,
    kind: Kind,
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
    Ok(Place { client, parent, kind })
}

/// `POST` of each of these lists.
async fn create_below(call: Call, form: Form<Fields>) -> Result<Created<AnyToken>> {
    below(&call)?.create(form).await
}

/// `GET` of each of these lists.
async fn list_below(call: Call, wanted: Query<Wanted>, paging: Query<Paging>) -> Result<Listing<AnyToken>> {
    let place = below(&call)?;
    let which = wanted.read()?.which(place.kind)?;
    place.list(&call, which, &paging).await
}

/// `GET /deploy_tokens`: those of all projects and groups, for administrators.
async fn list_deploy(call: Call, wanted: Query<Wanted>, paging: Query<Paging>) -> Result<Listing<AnyToken>> {
    let place = Place { client: call.signed_in()?, parent: TokenParent::Instance, kind: Kind::Deploy };
    let which = wanted.read()?.which(place.kind)?;
    place.list(&call, which, &paging).await
}

/// `GET` of one of them.
async fn get_below(call: Call) -> Result<Json<AnyToken>> {
    let token = below(&call)?.find(call.number(6, "token_id")?).await?;
    Ok(Json(AnyToken::of(&token, None)))
}

/// `DELETE` of one of them.
async fn delete_below(call: Call) -> Result<NoContent> {
    below(&call)?.revoke(call.number(6, "token_id")?).await
}

/// `POST /…/access_tokens/:id/rotate`.
async fn rotate_below(call: Call, form: Form<Fields>) -> Result<Json<AnyToken>> {
    let place = below(&call)?;
    if call.segment(6) == "self" {
        return place.rotate_itself(form).await;
    }
    let id = call.number(6, "token_id")?;
    match place.find(id).await {
        // A deploy token is none of these. Whoever comes with a secret that was replaced is refused where it counts.
        Err(refusal) if !refusal.asks_for_token() => Err(refusal),
        _ => rotate(&place.client, place.name(id).to_string(), form).await,
    }
}

/// Gives a token another secret: the one of this name, or where that is empty the one in use.
async fn rotate(client: &Client, name: String, form: Form<Fields>) -> Result<Json<AnyToken>> {
    let fields = form.read().await?;
    let expire_time = end(fields.expires_at.as_deref())?;
    let ttl = expire_time.is_none().then_some(prost_types::Duration { seconds: WEEK_SECONDS, nanos: 0 });
    let request = RotateTokenRequest { name, expire_time, ttl, ..RotateTokenRequest::default() };
    let (token, secret) = client.rotate_token_by(request).await?;
    Ok(Json(AnyToken::of(&token, Some(secret))))
}

impl Place {
    async fn create(self, form: Form<Fields>) -> Result<Created<AnyToken>> {
        let fields = form.read().await?;
        let role = match self.kind {
            Kind::Personal => None,
            Kind::Deploy => Some(Role::Developer),
            _ => Some(fields.access_level.as_ref().map_or(Ok(Role::Maintainer), access_level)?),
        };
        let request = CreateTokenRequest {
            parent: self.parent.to_string(),
            kind: self.kind.into(),
            display_name: fields.name.clone().ok_or_else(|| Refusal::parameter("name is missing"))?,
            description: fields.description.clone().unwrap_or_default(),
            username: if self.kind == Kind::Deploy { fields.username()? } else { String::new() },
            scope_names: fields.scopes()?,
            role: role.map_or(WireRole::Unspecified, WireRole::from).into(),
            expire_time: end(fields.expires_at.as_deref())?,
            ..CreateTokenRequest::default()
        };
        let (token, secret) = self.client.create_token(request).await?;
        Ok(Created(AnyToken::of(&token, Some(secret))))
    }

    async fn list(&self, call: &Call, which: Which, paging: &Query<Paging>) -> Result<Listing<AnyToken>> {
        let pages = Pages::of(paging)?;
        let asked = which.request(&self.parent, pages.size(), pages.skip());
        let found = self.client.list_tokens_page(asked).await.map_err(|error| filtered_by("search", error))?;
        let items = found.tokens.iter().map(|token| AnyToken::of(token, None)).collect();
        Ok(pages.answer(call, Page { items, more: !found.next_page_token.is_empty(), total: Some(found.total_size) }))
    }

    async fn find(&self, id: i64) -> Result<wire::Token> {
        let token = self.client.find_token(&self.name(id)).await?;
        if token.kind() == self.kind { Ok(token) } else { Err(Refusal::token_not_found()) }
    }

    /// Gives the token in use another secret, where it is one of these: 405 where it is of another kind, and where it is of another place
    /// what the plane says of that.
    async fn rotate_itself(&self, form: Form<Fields>) -> Result<Json<AnyToken>> {
        let name = match self.client.who_am_i().await.map_err(Refusal::from) {
            Ok(Caller { token, .. }) => match (self.kind, token.kind()) {
                // Those of projects and groups are personal ones too in GitLab: of users of their own.
                (Kind::Personal, Kind::Personal | Kind::Project | Kind::Namespace) => token.name,
                (kind, its) if kind == its => self.name(token.id).to_string(),
                _ => return Err(Refusal::method_not_allowed()),
            },
            // Whoever comes with a secret that was replaced is refused where it counts.
            Err(refusal) if refusal.asks_for_token() => String::new(),
            Err(refusal) => return Err(refusal),
        };
        rotate(&self.client, name, form).await
    }

    async fn revoke(&self, id: i64) -> Result<NoContent> {
        self.find(id).await?;
        self.client.revoke_token(&self.name(id)).await?;
        Ok(NoContent)
    }

    fn name(&self, token: i64) -> TokenRef {
        TokenRef { parent: self.parent.clone(), token }
    }
}

impl Fields {
    fn scopes(&self) -> Result<Vec<String>> {
        if self.scopes.is_empty() {
            return Err(Refusal::parameter("scopes is missing"));
        }
        let names = ScopeNames::read(self.scopes.iter().map(String::as_str)).ok_or_else(|| Refusal::no_valid_value("scopes"))?;
        Ok(names.words().iter().map(|word| (*word).to_owned()).collect())
    }

    fn username(&self) -> Result<String> {
        let Some(name) = self.username.as_deref().filter(|name| !name.is_empty()) else { return Ok(String::new()) };
        let name: DeployUsername = name.parse().map_err(|_| Refusal::username_invalid())?;
        Ok(name.to_string())
    }
}
