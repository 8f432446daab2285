//! `consign.metadata.v1.TokenService`.

mod trust;

use std::sync::Arc;

use consign_metadata::{About, CreateToken, Error, ListTokens, Metadata, Principal, RevokeToken, RotateToken, Shown, Token, TokenOrder};
use consign_proto::metadata::token_service_server::TokenService;
use consign_proto::metadata::{
    self as wire, CreateTokenRequest, CreateTokenResponse, CreateTrustRuleRequest, CreateTrustRuleResponse, DeleteTrustRuleRequest,
    DeleteTrustRuleResponse, ExchangeTokenRequest, ExchangeTokenResponse, GetTokenRequest, GetTokenResponse, GetTrustRuleRequest,
    GetTrustRuleResponse, ListTokensRequest, ListTokensResponse, ListTrustRulesRequest, ListTrustRulesResponse, RevokeTokenRequest,
    RevokeTokenResponse, RotateTokenRequest, RotateTokenResponse, TestPermissionsRequest, TestPermissionsResponse, UpdateTrustRuleRequest,
    UpdateTrustRuleResponse, WhoAmIRequest, WhoAmIResponse,
};
use consign_proto::status::{invalid, status};
use consign_types::Reason;
use consign_types::access::methods::need;
use consign_types::access::{SCOPE_WORDS, ScopeNames};
use consign_types::resource::{PackageRef, ScopeRef, StageRef, TagRef, TokenParent, TokenRef, UserRef};
use consign_types::token::TokenKind;
use tonic::{Request, Response, Status};

use super::page::{Listing, skipping};
use super::{decode, encode};
use crate::auth::{Caller, Subject as _, caller};
use crate::oidc::Issuers;

/// The service, over the metadata plane.
#[derive(Clone, Debug)]
pub(crate) struct TokenApi {
    pub(crate) metadata: Metadata,
    /// `None` where there is nothing to verify ID tokens by.
    pub(crate) issuers: Option<Arc<Issuers>>,
}

const ORDERS: &[(&str, TokenOrder)] = &[
    ("id", TokenOrder::Id),
    ("display_name", TokenOrder::DisplayName),
    ("create_time", TokenOrder::CreateTime),
    ("expire_time", TokenOrder::ExpireTime),
    ("last_use_time", TokenOrder::LastUseTime),
];

#[tonic::async_trait]
impl TokenService for TokenApi {
    async fn create_token(&self, request: Request<CreateTokenRequest>) -> Result<Response<CreateTokenResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let parent: TokenParent = decode::name("parent", &request.parent)?;
        let wanted = CreateToken {
            principal: caller.about(&parent).await?,
            parent,
            kind: kind(request.kind)?,
            display_name: decode::text("display_name", &request.display_name)?,
            description: decode::text("description", &request.description)?,
            username: decode::optional("username", &request.username, decode::text)?,
            role: decode::role("role", request.role)?,
            scopes: decode::scopes(&request.scopes)?,
            scope_names: scope_names(&request.scope_names)?,
            packages: decode::globs("package_patterns", &request.package_patterns)?,
            stages: decode::globs("stage_patterns", &request.stage_patterns)?,
            expires_at: decode::time("expire_time", request.expire_time)?,
            request_id: decode::request_id(&request.request_id)?,
        };
        let (token, secret) = self.metadata.create_token(wanted).await.map_err(status)?;
        Ok(Response::new(CreateTokenResponse { token: Some(self.shown(token)), secret: secret.expose().to_owned() }))
    }

    async fn get_token(&self, request: Request<GetTokenRequest>) -> Result<Response<GetTokenResponse>, Status> {
        let caller = caller(&request)?;
        let name: TokenRef = decode::name("name", &request.get_ref().name)?;
        own_or_tended(&caller, &name).await?;
        let token = self.metadata.find_named_token(name).await.map_err(status)?;
        Ok(Response::new(GetTokenResponse { token: Some(self.shown(token)) }))
    }

    async fn list_tokens(&self, request: Request<ListTokensRequest>) -> Result<Response<ListTokensResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let parent = caller.unjudged().meaning(decode::name("parent", &request.parent)?);
        caller.about(&parent).await?;
        let shown = match (request.hide_active, request.show_inactive) {
            (true, _) => Shown::Inactive,
            (false, true) => Shown::All,
            (false, false) => Shown::Active,
        };
        let (as_of, counting) = (self.metadata.now(), format!("{shown:?}"));
        // Whose tokens `users/-` are is part of the question.
        let listing = Listing::of("ListTokens", &[&parent.to_string(), &request.filter, &request.order_by, &counting]);
        let (order, descending) = decode::order(&request.order_by, ORDERS)?;
        let page = skipping(listing.page(request.page_size, &request.page_token)?, request.skip, request.count)?;
        let wanted = ListTokens { parent, shown, as_of, filter: decode::filter(&request.filter)?, order, descending, page };
        let found = self.metadata.list_tokens(wanted).await.map_err(status)?;
        let next_page_token = listing.next(&found, |token| order.cursor(token).to_string());
        let total_size = found.total.unwrap_or_default();
        Ok(Response::new(ListTokensResponse { tokens: found.map(|token| encode::token(token, as_of)).items, next_page_token, total_size }))
    }

    async fn revoke_token(&self, request: Request<RevokeTokenRequest>) -> Result<Response<RevokeTokenResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let name: TokenRef = decode::name("name", &request.name)?;
        let (principal, _) = own_or_tended(&caller, &name).await?;
        decode::request_id(&request.request_id)?;
        // A revoked token is answered as it is, so no record of the request is needed.
        let token =
            self.metadata.revoke_token(RevokeToken { principal, name, etag: decode::etag(&request.etag)? }).await.map_err(status)?;
        Ok(Response::new(RevokeTokenResponse { token: Some(self.shown(token)) }))
    }

    async fn rotate_token(&self, request: Request<RotateTokenRequest>) -> Result<Response<RotateTokenResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        if let Some(secret) = caller.reused() {
            self.metadata.end_reused_token(secret, decode::request_id(&request.request_id)?).await.map_err(status)?;
            return Err(status(Error::TokenRevoked));
        }
        let name = match request.name.as_str() {
            "" => self.metadata.find_token(caller.anyone()?.token).await.map_err(status)?.name(),
            name => decode::name("name", name)?,
        };
        let overlap = request.overlap.unwrap_or_default();
        let ttl = request.ttl.map(|ttl| whole("ttl", ttl)).transpose()?;
        let (principal, is_own) = own_or_tended(&caller, &name).await?;
        let wanted = RotateToken {
            principal,
            name,
            is_own,
            expires_at: decode::time("expire_time", request.expire_time)?,
            ttl_seconds: ttl,
            overlap_seconds: whole("overlap", overlap)?,
            etag: decode::etag(&request.etag)?,
            request_id: decode::request_id(&request.request_id)?,
        };
        let (token, secret) = self.metadata.rotate_token(wanted).await.map_err(status)?;
        Ok(Response::new(RotateTokenResponse { token: Some(self.shown(token)), secret: secret.expose().to_owned() }))
    }

    async fn who_am_i(&self, request: Request<WhoAmIRequest>) -> Result<Response<WhoAmIResponse>, Status> {
        let principal = caller(&request)?.anyone()?;
        let token = self.metadata.find_token(principal.token).await.map_err(status)?;
        let user = principal.user.map(|id| UserRef::Id(id).to_string()).unwrap_or_default();
        Ok(Response::new(WhoAmIResponse { actor: principal.name.to_string(), user, token: Some(self.shown(token)) }))
    }

    async fn exchange_token(&self, request: Request<ExchangeTokenRequest>) -> Result<Response<ExchangeTokenResponse>, Status> {
        trust::exchange(&self.metadata, self.issuers.as_deref(), &caller(&request)?, request.into_inner()).await.map(Response::new)
    }

    async fn create_trust_rule(&self, request: Request<CreateTrustRuleRequest>) -> Result<Response<CreateTrustRuleResponse>, Status> {
        let rule = trust::create(&self.metadata, self.issuers.as_deref(), &caller(&request)?, request.into_inner()).await?;
        Ok(Response::new(CreateTrustRuleResponse { trust_rule: Some(rule) }))
    }

    async fn get_trust_rule(&self, request: Request<GetTrustRuleRequest>) -> Result<Response<GetTrustRuleResponse>, Status> {
        let rule = trust::get(&self.metadata, &caller(&request)?, request.into_inner()).await?;
        Ok(Response::new(GetTrustRuleResponse { trust_rule: Some(rule) }))
    }

    async fn list_trust_rules(&self, request: Request<ListTrustRulesRequest>) -> Result<Response<ListTrustRulesResponse>, Status> {
        trust::list(&self.metadata, &caller(&request)?, request.into_inner()).await.map(Response::new)
    }

    async fn update_trust_rule(&self, request: Request<UpdateTrustRuleRequest>) -> Result<Response<UpdateTrustRuleResponse>, Status> {
        let rule = trust::update(&self.metadata, self.issuers.as_deref(), &caller(&request)?, request.into_inner()).await?;
        Ok(Response::new(UpdateTrustRuleResponse { trust_rule: Some(rule) }))
    }

    async fn delete_trust_rule(&self, request: Request<DeleteTrustRuleRequest>) -> Result<Response<DeleteTrustRuleResponse>, Status> {
        trust::delete(&self.metadata, &caller(&request)?, request.into_inner()).await?;
        Ok(Response::new(DeleteTrustRuleResponse {}))
    }

    async fn test_permissions(&self, request: Request<TestPermissionsRequest>) -> Result<Response<TestPermissionsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        if request.methods.is_empty() || request.methods.len() > MAX_METHODS {
            return Err(invalid("methods", Reason::ArgumentInvalid, format!("1 to {MAX_METHODS}")));
        }
        caller.anyone()?;
        let about = about(&request.resource)?;
        let mut allowed_methods = Vec::new();
        for method in request.methods {
            if need(&method).is_none() {
                return Err(invalid("methods", Reason::ArgumentInvalid, "no such method, or not served yet"));
            }
            if caller.may(&method, about.clone()).await? {
                allowed_methods.push(method);
            }
        }
        Ok(Response::new(TestPermissionsResponse { allowed_methods }))
    }
}

impl TokenApi {
    /// A token as it is now.
    fn shown(&self, token: Token) -> wire::Token {
        encode::token(token, self.metadata.now())
    }
}

/// How many methods one call asks about at most.
const MAX_METHODS: usize = 200;

/// What a permission is asked for: an instance, a namespace, a project, a package, a tag, or a stage.
fn about(resource: &str) -> Result<About, Status> {
    if let Ok(tag) = resource.parse::<TagRef>() {
        return Ok(tag.about());
    }
    if let Ok(stage) = resource.parse::<StageRef>() {
        return Ok(stage.about());
    }
    if let Ok(package) = resource.parse::<PackageRef>() {
        return Ok(package.about());
    }
    decode::name::<ScopeRef>("resource", resource).map(|scope| scope.about())
}

/// A token may end and rotate itself; others take the role and scope of the method. Whether it is itself is told.
async fn own_or_tended(caller: &Caller, name: &TokenRef) -> Result<(Principal, bool), Status> {
    match caller.owns(name) {
        Some(principal) => Ok((principal, true)),
        None => caller.about(name).await.map(|principal| (principal, false)),
    }
}

fn whole(field: &str, duration: prost_types::Duration) -> Result<i64, Status> {
    if duration.nanos == 0 { Ok(duration.seconds) } else { Err(invalid(field, Reason::ArgumentInvalid, "whole seconds")) }
}

fn scope_names(words: &[String]) -> Result<ScopeNames, Status> {
    let names = ScopeNames::read(words.iter().map(String::as_str));
    names.ok_or_else(|| invalid("scope_names", Reason::ArgumentInvalid, format!("each one of {}", SCOPE_WORDS.join(", "))))
}

fn kind(number: i32) -> Result<TokenKind, Status> {
    match wire::token::Kind::try_from(number) {
        Ok(wire::token::Kind::Personal) => Ok(TokenKind::Personal),
        Ok(wire::token::Kind::Project) => Ok(TokenKind::Project),
        Ok(wire::token::Kind::Deploy) => Ok(TokenKind::Deploy),
        Ok(wire::token::Kind::Namespace) => Ok(TokenKind::Namespace),
        Ok(wire::token::Kind::Unspecified | wire::token::Kind::Job) | Err(_) => {
            Err(invalid("kind", Reason::ArgumentInvalid, "PERSONAL, PROJECT, NAMESPACE or DEPLOY"))
        }
    }
}
