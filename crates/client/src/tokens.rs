//! Making and ending tokens.

use consign_proto::metadata::token_service_client::TokenServiceClient;
use consign_proto::metadata::{
    CreateTokenRequest, GetTokenRequest, ListTokensRequest, ListTokensResponse, RevokeTokenRequest, RotateTokenRequest,
    TestPermissionsRequest, Token, WhoAmIRequest,
};
use consign_types::resource::{TokenParent, TokenRef};
use prost_types::Timestamp;
use uuid::Uuid;

use crate::retry::repeat;
use crate::transport::Transport;
use crate::{Client, Error, Result};

/// How many tokens are asked for at once.
const PAGE: i32 = 1000;

/// Who makes requests.
#[derive(Clone, Debug)]
pub struct Caller {
    /// By which name, as rows and logs have it.
    pub actor: String,
    /// The resource name of the user behind the token; empty where there is none.
    pub user: String,
    /// The token, without its secret.
    pub token: Token,
}

impl Client {
    pub(crate) fn token_service(&self) -> TokenServiceClient<Transport> {
        TokenServiceClient::new(self.metadata.clone())
    }

    /// Makes a token, and returns it with its secret, which can't be read again. The request's id is set here.
    pub async fn create_token(&self, request: CreateTokenRequest) -> Result<(Token, String)> {
        let request = CreateTokenRequest { request_id: Uuid::new_v4().to_string(), ..request };
        let call = || async { self.token_service().create_token(self.request(request.clone())).await };
        let made = repeat(call).await?;
        Ok((made.token.ok_or(Error::Protocol("no token"))?, made.secret))
    }

    /// All tokens of a project or user; those that do not count any more only if `all` are asked for.
    pub async fn list_tokens(&self, parent: &TokenParent, all: bool) -> Result<Vec<Token>> {
        let (mut tokens, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListTokensRequest {
                parent: parent.to_string(),
                page_size: PAGE,
                page_token,
                show_inactive: all,
                ..ListTokensRequest::default()
            };
            let page = self.list_tokens_page(request).await?;
            tokens.extend(page.tokens);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(tokens);
            }
        }
    }

    /// A token.
    pub async fn find_token(&self, name: &TokenRef) -> Result<Token> {
        let request = GetTokenRequest { name: name.to_string() };
        let call = || async { self.token_service().get_token(self.request(request.clone())).await };
        repeat(call).await?.token.ok_or(Error::Protocol("no token"))
    }

    /// A page of tokens.
    pub async fn list_tokens_page(&self, request: ListTokensRequest) -> Result<ListTokensResponse> {
        let call = || async { self.token_service().list_tokens(self.request(request.clone())).await };
        Ok(repeat(call).await?)
    }

    /// Ends a token.
    pub async fn revoke_token(&self, name: &TokenRef) -> Result<Token> {
        let request = RevokeTokenRequest { name: name.to_string(), ..RevokeTokenRequest::default() };
        let call = || async { self.token_service().revoke_token(self.request(request.clone())).await };
        repeat(call).await?.token.ok_or(Error::Protocol("no token"))
    }

    /// Gives a token another secret, and another end where one is given; the secret before counts for so many seconds more.
    pub async fn rotate_token(&self, name: &TokenRef, overlap_seconds: i64, expire_time: Option<Timestamp>) -> Result<(Token, String)> {
        let overlap = Some(prost_types::Duration { seconds: overlap_seconds, nanos: 0 });
        self.rotate_token_by(RotateTokenRequest { name: name.to_string(), expire_time, overlap, ..RotateTokenRequest::default() }).await
    }

    /// Gives a token another secret, as the request says. Its id is set here.
    pub async fn rotate_token_by(&self, request: RotateTokenRequest) -> Result<(Token, String)> {
        let request = RotateTokenRequest { request_id: Uuid::new_v4().to_string(), ..request };
        let call = || async { self.token_service().rotate_token(self.request(request.clone())).await };
        let rotated = repeat(call).await?;
        Ok((rotated.token.ok_or(Error::Protocol("no token"))?, rotated.secret))
    }

    /// Who the caller is.
    pub async fn who_am_i(&self) -> Result<Caller> {
        let call = || async { self.token_service().who_am_i(self.request(WhoAmIRequest {})).await };
        let me = repeat(call).await?;
        Ok(Caller { actor: me.actor, user: me.user, token: me.token.ok_or(Error::Protocol("no token"))? })
    }

    /// Whether the caller may call a method, by its full name, on what has this resource name.
    pub async fn may(&self, method: &str, resource: &str) -> Result<bool> {
        let request = TestPermissionsRequest { resource: resource.to_owned(), methods: vec![method.to_owned()] };
        let call = || async { self.token_service().test_permissions(self.request(request.clone())).await };
        Ok(!repeat(call).await?.allowed_methods.is_empty())
    }
}
