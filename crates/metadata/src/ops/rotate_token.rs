//! Giving a token another secret.

use consign_types::Timestamp;
use consign_types::resource::TokenRef;
use consign_types::text::{Etag, RequestId};
use consign_types::token::TokenSecret;

use super::change::call;
use super::create_token::{check_covered, check_current, check_expiry, note_token};
use super::etag_of;
use super::idempotency::{Fingerprint, answered, to_json};
use super::list_tokens::token;
use crate::batch::Batch;
use crate::connection::Db;
use crate::tables::tokens::{self, Token};
use crate::tables::{idempotency_records as records, replaced_secrets};
use crate::{Error, Metadata, Principal, Result};

/// How long an old secret may count beside a new one.
const MAX_OVERLAP_SECONDS: i64 = 24 * 60 * 60;

/// A token that is to have another secret.
#[derive(Clone, Debug)]
pub struct RotateToken {
    /// Who wants it.
    pub principal: Principal,
    /// The token.
    pub name: TokenRef,
    /// Whether it is the caller's own, which needs no other right than to be that.
    pub is_own: bool,
    /// Until when it is to count; `None` leaves that as it is.
    pub expires_at: Option<Timestamp>,
    /// For how long it is to count, in place of that, in seconds: but no longer than whoever wants it may say.
    pub ttl_seconds: Option<i64>,
    /// How long the old secret counts beside the new one.
    pub overlap_seconds: i64,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Gives a token another secret, which is kept nowhere. The same request again makes another one in place of that. `TokenNotFound`,
    /// `EtagMismatch`, `TokenNotActive` where it does not count any more.
    pub async fn rotate_token(&self, request: RotateToken) -> Result<(Token, TokenSecret)> {
        let now = self.now();
        let answer = self.pool.write(move |db| rotate(db, &request, now)).await?;
        self.principals.invalidate_all();
        Ok(answer)
    }
}

fn rotate(db: &mut Db, request: &RotateToken, now: Timestamp) -> Result<(Token, TokenSecret)> {
    let shown = (request.expires_at, request.overlap_seconds, &request.etag);
    let fingerprint = Fingerprint::new().field(request.name.to_string()).shown(&shown);
    let fingerprint = request.ttl_seconds.into_iter().fold(fingerprint, |fingerprint, ttl| fingerprint.shown(&ttl)).finish();
    let call = call(&request.principal, "RotateToken", &request.name, request.request_id.as_ref(), fingerprint, now);
    let is_repeated = match call.key() {
        Some(key) => !records::insert(db, key, fingerprint, &[], now)?,
        None => false,
    };
    let mut token = token(db, &request.name)?;
    if !request.is_own {
        check_covered(&request.principal, &token)?;
    }
    let secret = TokenSecret::generate(token.kind);
    if let Some(key) = call.key().filter(|_| is_repeated) {
        // What was done with the token since the first time stands. That time's secret was perhaps never seen, so an old one may ask again.
        if answered(db, key, fingerprint)?.read::<i64>()? != token.revision {
            return Err(Error::EtagMismatch(request.name.to_string()));
        }
        tokens::replace_latest(db, token.id, secret.digest())?;
        return Ok((token, secret));
    }
    check_current(&request.principal)?;
    etag_of(request.etag.as_ref(), &token.etag(), &request.name)?;
    if !(0..=MAX_OVERLAP_SECONDS).contains(&request.overlap_seconds) {
        return Err(Error::ArgumentInvalid { field: "overlap", rule: "from nothing to 24 hours".to_owned() });
    }
    check_expiry(request.expires_at, now)?;
    if !token.is_active(now) {
        return Err(Error::TokenNotActive(request.name.clone()));
    }
    token.expires_at = end(request, &token, now)?;
    token.revision += 1;
    tokens::update(db, &token)?;
    let until = Some(now.plus_seconds(request.overlap_seconds)).filter(|_| request.overlap_seconds > 0);
    replaced_secrets::insert(db, token.id)?;
    tokens::replace(db, token.id, secret.digest(), until)?;
    note_token(db, &call, &token)?;
    if let Some(key) = call.key() {
        let mut batch = Batch::new(db);
        records::update(&mut batch, key, to_json(&token.revision));
        batch.send(db)?;
    }
    Ok((token, secret))
}

/// Until when a token is to count that gets another secret.
fn end(request: &RotateToken, token: &Token, now: Timestamp) -> Result<Option<Timestamp>> {
    let limit = if request.is_own { token.expires_at } else { request.principal.expires_at };
    if let Some(ttl) = request.ttl_seconds {
        if request.expires_at.is_some() || ttl <= 0 {
            return Err(Error::ArgumentInvalid { field: "ttl", rule: "more than nothing, and in place of `expire_time`".to_owned() });
        }
        let end = now.plus_seconds(ttl);
        if !end.is_storable() {
            return Err(Error::ArgumentInvalid { field: "ttl", rule: "ends before the year 10000".to_owned() });
        }
        return Ok(Some(limit.map_or(end, |limit| limit.min(end))));
    }
    if limit.is_some_and(|limit| request.expires_at.is_some_and(|end| end > limit)) {
        return Err(Error::ScopeInsufficient("it prolongs no token beyond its own end".to_owned()));
    }
    Ok(request.expires_at.or(token.expires_at))
}
