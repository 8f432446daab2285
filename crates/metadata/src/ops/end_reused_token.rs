//! Ending a token one of whose former secrets is used to rotate it.

use consign_types::resource::TokenRef;
use consign_types::text::RequestId;
use consign_types::{Digest, Timestamp};

use super::authenticate::identify;
use super::change::call;
use super::create_token::note_token;
use super::idempotency::{Fingerprint, is_claimed};
use super::list_tokens;
use crate::connection::Db;
use crate::tables::{replaced_secrets, tokens};
use crate::{Error, Metadata, Principal, Result};

impl Metadata {
    /// Ends the token that this was a secret of: two have rotated it, so one of them has no right to. Says nothing of what it finds. Who
    /// only repeats the rotation that replaced the secret, by its request id, ends nothing.
    pub async fn end_reused_token(&self, secret: &str, request_id: Option<RequestId>) -> Result<()> {
        let (digest, now) = (Digest::of(secret.as_bytes()), self.now());
        // Nobody waits for those who come with a token that was revoked by others, or long ago.
        if self.pool.read(move |db| find(db, digest)).await?.is_none() {
            return Ok(());
        }
        if self.pool.write(move |db| end(db, digest, request_id.as_ref(), now)).await? {
            self.principals.invalidate_all();
        }
        Ok(())
    }
}

/// The name and id of the token that this was a secret of, if that is not revoked.
fn find(db: &mut Db, digest: Digest) -> Result<Option<(TokenRef, i64)>> {
    let Some(id) = replaced_secrets::find(db, digest)? else { return Ok(None) };
    Ok(tokens::find(db, id)?.filter(|token| token.revoked_at.is_none()).map(|token| (token.name(), id)))
}

/// Whether a token was ended.
fn end(db: &mut Db, digest: Digest, request_id: Option<&RequestId>, now: Timestamp) -> Result<bool> {
    let Some((name, id)) = find(db, digest)? else { return Ok(false) };
    let mut token = list_tokens::token(db, &name)?;
    let (actor, user, _) = match identify(db, &token, now) {
        // Whom it acts for is gone, and with it the token.
        Err(Error::TokenInvalid) => return Ok(false),
        identified => identified?,
    };
    let principal = Principal { name: actor, user, token: id, is_old: true, ..Principal::anonymous() };
    let rotation = call(&principal, "RotateToken", &name, request_id, digest, now);
    let is_repeated = match rotation.key() {
        Some(key) => is_claimed(db, key)?,
        None => false,
    };
    if token.revoked_at.is_some() || is_repeated {
        return Ok(false);
    }
    (token.revoked_at, token.revision) = (Some(now), token.revision + 1);
    tokens::update(db, &token)?;
    tracing::warn!(token = %name, "a secret that was replaced was used to rotate the token: it is revoked");
    let fingerprint = Fingerprint::new().field(name.to_string()).finish();
    note_token(db, &call(&principal, "EndReusedToken", &name, None, fingerprint, now), &token).map(|()| true)
}
