//! `consign.metadata.v1.TokenService`.

use consign_metadata::{CreateToken, Metadata, Principal, RevokeToken, RotateToken};
use consign_proto::metadata::token_service_server::TokenService;
use consign_proto::metadata::{
    self as wire, CreateTokenRequest, CreateTokenResponse, CreateTrustRuleRequest, CreateTrustRuleResponse, DeleteTrustRuleRequest,
    DeleteTrustRuleResponse, ExchangeTokenRequest, ExchangeTokenResponse, GetTrustRuleRequest, GetTrustRuleResponse, ListTokensRequest,
    ListTokensResponse, ListTrustRulesRequest, ListTrustRulesResponse, RevokeTokenRequest, RevokeTokenResponse, RotateTokenRequest,
    RotateTokenResponse, TestPermissionsRequest, TestPermissionsResponse, UpdateTrustRuleRequest, UpdateTrustRuleResponse, WhoAmIRequest,
    WhoAmIResponse,
};
use consign_proto::status::{invalid, status, unimplemented};
use consign_types::Reason;
use consign_types::pattern::NamePattern;
use consign_types::resource::{TokenParent, TokenRef};
use consign_types::token::TokenKind;
use tonic::{Request, Response, Status};

use super::page::Listing;
use super::{decode, encode};
use crate::auth::{Caller, caller};

/// The service, over the metadata plane.
#[derive(Clone, Debug)]
pub(crate) struct TokenApi {
    pub(crate) metadata: Metadata,
}

#[tonic::async_trait]
impl TokenService for TokenApi {
    async fn create_token(&self, request: Request<CreateTokenRequest>) -> Result<Response<CreateTokenResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let parent: TokenParent = decode::name("parent", &request.parent)?;
        let glob = |glob: &String| NamePattern::glob(glob).map_err(|error| invalid("package_patterns", Reason::ArgumentInvalid, error));
        let wanted = CreateToken {
            principal: caller.about(&parent)?,
            parent,
            kind: kind(request.kind)?,
            display_name: decode::text("display_name", &request.display_name)?,
            role: decode::role("role", request.role)?,
            scopes: request.scopes.iter().copied().map(decode::scope).collect::<Result<_, _>>()?,
            packages: request.package_patterns.iter().map(glob).collect::<Result<_, _>>()?,
            expires_at: decode::time("expire_time", request.expire_time)?,
            request_id: decode::request_id(&request.request_id)?,
        };
        let (token, secret) = self.metadata.create_token(wanted).await.map_err(status)?;
        Ok(Response::new(CreateTokenResponse { token: Some(encode::token(token)), secret: secret.expose().to_owned() }))
    }

    async fn list_tokens(&self, request: Request<ListTokensRequest>) -> Result<Response<ListTokensResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let parent: TokenParent = decode::name("parent", &request.parent)?;
        caller.about(&parent)?;
        decode::absent("filter", request.filter.is_empty())?;
        decode::absent("order_by", request.order_by.is_empty())?;
        let inactive = if request.show_inactive { "inactive" } else { "" };
        let listing = Listing::of("ListTokens", &[&request.parent, inactive]);
        let page = listing.page(request.page_size, &request.page_token)?;
        let found = self.metadata.list_tokens(parent, request.show_inactive, page).await.map_err(status)?;
        let next_page_token = listing.next(&found, |token| token.id.to_string());
        Ok(Response::new(ListTokensResponse { tokens: found.map(encode::token).items, next_page_token }))
    }

    async fn revoke_token(&self, request: Request<RevokeTokenRequest>) -> Result<Response<RevokeTokenResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let name: TokenRef = decode::name("name", &request.name)?;
        let (principal, _) = own_or_tended(&caller, &name)?;
        decode::request_id(&request.request_id)?;
        // A revoked token is answered as it is, so no record of the request is needed.
        let token =
            self.metadata.revoke_token(RevokeToken { principal, name, etag: decode::etag(&request.etag)? }).await.map_err(status)?;
        Ok(Response::new(RevokeTokenResponse { token: Some(encode::token(token)) }))
    }

    async fn rotate_token(&self, request: Request<RotateTokenRequest>) -> Result<Response<RotateTokenResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let name: TokenRef = decode::name("name", &request.name)?;
        let overlap = request.overlap.unwrap_or_default();
        if overlap.nanos != 0 {
            return Err(invalid("overlap", Reason::ArgumentInvalid, "whole seconds"));
        }
        let (principal, is_own) = own_or_tended(&caller, &name)?;
        let wanted = RotateToken {
            principal,
            name,
            is_own,
            expires_at: decode::time("expire_time", request.expire_time)?,
            overlap_seconds: overlap.seconds,
            etag: decode::etag(&request.etag)?,
            request_id: decode::request_id(&request.request_id)?,
        };
        let (token, secret) = self.metadata.rotate_token(wanted).await.map_err(status)?;
        Ok(Response::new(RotateTokenResponse { token: Some(encode::token(token)), secret: secret.expose().to_owned() }))
    }

    async fn who_am_i(&self, request: Request<WhoAmIRequest>) -> Result<Response<WhoAmIResponse>, Status> {
        let principal = caller(&request)?.anyone();
        let token = self.metadata.find_token(principal.token).await.map_err(status)?;
        let user = if principal.grant.bound.is_none() { format!("users/{}", principal.name) } else { String::new() };
        Ok(Response::new(WhoAmIResponse { actor: principal.name.to_string(), user, token: Some(encode::token(token)) }))
    }

    async fn exchange_token(&self, _: Request<ExchangeTokenRequest>) -> Result<Response<ExchangeTokenResponse>, Status> {
        Err(unimplemented())
    }

    async fn create_trust_rule(&self, _: Request<CreateTrustRuleRequest>) -> Result<Response<CreateTrustRuleResponse>, Status> {
        Err(unimplemented())
    }

    async fn get_trust_rule(&self, _: Request<GetTrustRuleRequest>) -> Result<Response<GetTrustRuleResponse>, Status> {
        Err(unimplemented())
    }

    async fn list_trust_rules(&self, _: Request<ListTrustRulesRequest>) -> Result<Response<ListTrustRulesResponse>, Status> {
        Err(unimplemented())
    }

    async fn update_trust_rule(&self, _: Request<UpdateTrustRuleRequest>) -> Result<Response<UpdateTrustRuleResponse>, Status> {
        Err(unimplemented())
    }

    async fn delete_trust_rule(&self, _: Request<DeleteTrustRuleRequest>) -> Result<Response<DeleteTrustRuleResponse>, Status> {
        Err(unimplemented())
    }

    async fn test_permissions(&self, _: Request<TestPermissionsRequest>) -> Result<Response<TestPermissionsResponse>, Status> {
        Err(unimplemented())
    }
}

/// A token may end and rotate itself; others take the role and scope of the method. Whether it is itself is told.
fn own_or_tended(caller: &Caller, name: &TokenRef) -> Result<(Principal, bool), Status> {
    match caller.owns(name) {
        Some(principal) => Ok((principal, true)),
        None => caller.about(&name.parent).map(|principal| (principal, false)),
    }
}

fn kind(number: i32) -> Result<TokenKind, Status> {
    match wire::token::Kind::try_from(number) {
        Ok(wire::token::Kind::Personal) => Ok(TokenKind::Personal),
        Ok(wire::token::Kind::Project) => Ok(TokenKind::Project),
        Ok(wire::token::Kind::Deploy) => Ok(TokenKind::Deploy),
        Ok(wire::token::Kind::Unspecified | wire::token::Kind::Job) | Err(_) => {
            Err(invalid("kind", Reason::ArgumentInvalid, "PERSONAL, PROJECT or DEPLOY"))
        }
    }
}
