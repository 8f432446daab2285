//! Ending a token.

use consign_types::Timestamp;
use consign_types::resource::TokenRef;
use consign_types::text::Etag;

use super::change::call;
use super::create_token::{check_current, note_token};
use super::etag_of;
use super::idempotency::Fingerprint;
use super::list_tokens::token;
use crate::connection::Db;
use crate::tables::tokens::{self, Token};
use crate::{Error, Metadata, Principal, Result};

/// A token to be ended.
#[derive(Clone, Debug)]
pub struct RevokeToken {
    /// Who ends it.
    pub principal: Principal,
    /// The token.
    pub name: TokenRef,
    /// Its etag as last read.
    pub etag: Option<Etag>,
}

impl Metadata {
    /// Ends a token: within two seconds nobody believes it any more. One that has ended is answered as it is. `TokenNotFound`,
    /// `EtagMismatch`.
    pub async fn revoke_token(&self, request: RevokeToken) -> Result<Token> {
        let now = self.now();
        let token = self.pool.write(move |db| revoke(db, &request, now)).await?;
        self.principals.invalidate_all();
        Ok(token)
    }
}

fn revoke(db: &mut Db, request: &RevokeToken, now: Timestamp) -> Result<Token> {
    let mut token = token(db, &request.name)?;
    if token.revoked_at.is_some() {
        return Ok(token);
    }
    if request.principal.role < token.role {
        return Err(Error::RoleInsufficient(token.role));
    }
    check_current(&request.principal)?;
    etag_of(request.etag.as_ref(), &token.etag(), &request.name)?;
    (token.revoked_at, token.revision) = (Some(now), token.revision + 1);
    tokens::update(db, &token)?;
    let fingerprint = Fingerprint::new().field(request.name.to_string()).finish();
    note_token(db, &call(&request.principal, "RevokeToken", &request.name, None, fingerprint, now), &token)?;
    Ok(token)
}
