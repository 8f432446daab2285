//! ID tokens of CI systems (OpenID Connect Core 1.0), verified: that their issuer made them, for us, and that their time has come.
//!
//! Anybody may send a token, so what it says is worth nothing until its signature holds. Only its issuer is read before, and only to find
//! it among those that the settings name: no address that a stranger chose is ever asked for keys.
//!
//! - `token`: the parts of a token, within bounds
//! - `fetch`: the keys of an issuer, over HTTP; `reach`: which addresses it may go to
//! - `cache`: when keys are fetched, and how long they count
//! - `keys`: the keys themselves, and which of them a token must be signed by
//! - `validity`: from when to when a token counts

mod cache;
mod error;
mod fetch;
mod keys;
mod reach;
mod token;
mod validity;

use std::fmt;

use consign_types::trust::{Claims, Issuer};
use consign_types::{Digest, Timestamp};

pub use error::VerifyError;
pub use reach::Loopback;

use cache::KeyCache;
use fetch::Source;
use token::Token;
use validity::{LEEWAY_SECONDS, Validity};

/// Verifies ID tokens. It keeps the keys of the last 100 issuers.
#[derive(Debug)]
pub struct Verifier {
    keys: KeyCache,
    clock: fn() -> Timestamp,
}

/// The client of HTTP could not be made: the system has no certificates that it trusts.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the client that fetches the keys of OIDC issuers")]
pub struct VerifierError(#[source] reqwest::Error);

/// An ID token that its issuer made for us and that counts now. Whether it is for us, and which rule trusts it, is to be asked
/// next: [`TrustRule::matches`](consign_types::trust::TrustRule::matches).
#[derive(Clone)]
pub struct Verified {
    /// Who made it.
    pub issuer: Issuer,
    /// Whom it is about: claim `sub`, not empty.
    pub subject: String,
    /// All that it says.
    pub claims: Claims,
    /// What no other token shares, of this issuer and all others. A token that was used once is refused by it until [`Self::replay_until`].
    ///
    /// It is made of the issuer and claim `jti`; without that, of what is signed. The signature is no part of it: of some, there is more
    /// than one that holds.
    pub unique: Digest,
    /// Its claim `exp`.
    pub expires_at: Timestamp,
}

impl Verified {
    /// From when on it is refused for its age alone.
    pub fn replay_until(&self) -> Timestamp {
        self.expires_at.plus_seconds(LEEWAY_SECONDS)
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("issuer", &self.issuer).field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

impl Verifier {
    /// A verifier that knows no keys yet.
    ///
    /// Issuers are asked through the proxies of the environment, as S3 is, and their certificates are judged by those that the system trusts.
    pub fn new(loopback: Loopback, clock: fn() -> Timestamp) -> Result<Self, VerifierError> {
        Ok(Self { keys: KeyCache::new(Source::new(loopback).map_err(VerifierError)?, clock), clock })
    }

    /// Verifies a token that one of these issuers must have made; keys of others are not fetched.
    pub async fn verify(&self, token: &str, issuers: &[Issuer]) -> Result<Verified, VerifyError> {
        let token = Token::parse(token)?;
        let named = token.claims.get("iss").and_then(|value| value.as_str());
        let issuer = issuers.iter().find(|issuer| named == Some(issuer.as_str())).ok_or(VerifyError::Issuer)?;
        let key = self.keys.find(issuer, &token.signer).await?;
        if !key.has_signed(&token) {
            return Err(VerifyError::Signature);
        }
        let validity = Validity::read(&token.claims)?;
        validity.check((self.clock)())?;
        let subject = token.claims.get("sub").and_then(|value| value.as_str()).filter(|subject| !subject.is_empty());
        Ok(Verified {
            issuer: issuer.clone(),
            subject: subject.ok_or(VerifyError::Claim("sub"))?.to_owned(),
            unique: unique(issuer, &token)?,
            claims: token.claims,
            expires_at: validity.expires,
        })
    }
}

/// The issuers that the settings name, and who verifies their tokens.
#[derive(Debug)]
pub(crate) struct Issuers {
    named: Vec<Issuer>,
    verifier: Verifier,
}

impl Issuers {
    /// If one of them is on this machine, keys are fetched from it.
    pub(crate) fn new(named: Vec<Issuer>, clock: fn() -> Timestamp) -> Result<Self, VerifierError> {
        let loopback = if named.iter().any(Issuer::is_loopback) { Loopback::Allowed } else { Loopback::Refused };
        Ok(Self { named, verifier: Verifier::new(loopback, clock)? })
    }

    /// Whether tokens of an issuer are verified at all.
    pub(crate) fn take(&self, issuer: &Issuer) -> bool {
        self.named.contains(issuer)
    }

    /// Verifies a token. What is answered depends on the token alone, so it tells nothing of who trusts whom.
    pub(crate) async fn verify(&self, token: &str) -> Result<Verified, VerifyError> {
        self.verifier.verify(token, &self.named).await
    }
}

/// The texts are told apart by their lengths, so that no two of them make the same digest.
fn unique(issuer: &Issuer, token: &Token<'_>) -> Result<Digest, VerifyError> {
    let (kind, text) = match token.claims.get("jti").map(|value| value.as_str()) {
        None | Some(Some("")) => ("signed", token.signed),
        Some(Some(id)) => ("jti", id),
        Some(None) => return Err(VerifyError::Claim("jti")),
    };
    Ok(Digest::of(format!("{}:{issuer}{kind}:{text}", issuer.as_str().len()).as_bytes()))
}
