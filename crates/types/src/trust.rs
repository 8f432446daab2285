//! Trust rules: which ID tokens of CI systems (OpenID Connect Core 1.0, section 2) a project takes, by what their claims say.
//!
//! **Write rules on claims that can't change hands.** A name can be given up and taken by somebody else, and the rule would then trust the
//! newcomer: name the number beside it, and the name only in addition.
//!
//! | issuer | identity that stays | changes hands |
//! | --- | --- | --- |
//! | GitLab | `project_id`, `namespace_id`, `user_id` | `project_path`, `namespace_path`, `user_login`, `sub` |
//! | GitHub Actions | `repository_id`, `repository_owner_id` | `repository`, `repository_owner`, `actor`, `sub` |
//! | Kubernetes | `sub`, as in `system:serviceaccount:<namespace>:<name>` | |
//!
//! Where the issuer is GitLab.com or GitHub, a rule without one of these numbers is refused; [`nature`] knows more of their claims. What a
//! claim such as `environment` says narrows a rule, but identifies nobody. A rule that grants publishing does well to add
//! `ref_protected`: `true`, or a `ref` that is protected: else whoever may push a branch may publish.

mod claims;
mod issuer;
mod known;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;

pub use claims::Claims;
pub use issuer::Issuer;
pub use known::{Nature, nature};
pub use words::{Audience, ClaimGlob, ClaimName};

use known::{FOREIGN_EVENTS, required_ids};
use words::MAX_VALUE_BYTES;

/// The most audiences that a rule takes.
pub const MAX_AUDIENCES: usize = 10;

/// The most claims that a rule names.
pub const MAX_CLAIMS: usize = 20;

/// Which ID tokens are trusted: of one issuer, for one of some audiences, with claims that all fit.
///
/// At least one claim is about an identity and is not left open: no rule fits everybody of an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustRule {
    issuer: Issuer,
    audiences: Vec<Audience>,
    claims: BTreeMap<ClaimName, ClaimGlob>,
}

/// A trust rule would trust too many, or says too much.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustRuleError {
    /// No audience, or too many.
    #[error("a trust rule names 1 to {MAX_AUDIENCES} audiences, not {0}")]
    Audiences(usize),
    /// No claim, or too many.
    #[error("a trust rule names 1 to {MAX_CLAIMS} claims, not {0}")]
    Claims(usize),
    /// No claim tells one job from another.
    #[error(
        "the trust rule fits everyone of its issuer: name a claim that says who they are, such as `project_id`, `repository_id` or `sub`, \
         with more than wildcards"
    )]
    FitsEveryone,
    /// All that it names could belong to somebody else tomorrow.
    #[error("a trust rule of `{issuer}` names one of `{}` without wildcards: all other names can change hands", .ids.join("`, `"))]
    NoId {
        /// The issuer.
        issuer: Issuer,
        /// The claims of which one is to be named.
        ids: &'static [&'static str],
    },
}

/// An ID token is not one that a rule trusts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// It is of another issuer.
    #[error("the issuer is another")]
    Issuer,
    /// It is for others.
    #[error("the audience is another")]
    Audience,
    /// It lacks a claim that the rule names, or has a list or an object in its place.
    #[error("the claim `{0}` is missing")]
    Missing(ClaimName),
    /// A claim says something else.
    #[error("the claim `{0}` does not fit")]
    Claim(ClaimName),
    /// Its job may run code of strangers, and the rule does not say that it wants these.
    #[error("the job was started by `{0}`, which can run foreign code: a rule that trusts it names this `event_name`")]
    ForeignCode(&'static str),
}

impl TrustRule {
    /// A rule that tells identities apart.
    pub fn new(issuer: Issuer, audiences: Vec<Audience>, claims: BTreeMap<ClaimName, ClaimGlob>) -> Result<Self, TrustRuleError> {
        if !(1..=MAX_AUDIENCES).contains(&audiences.len()) {
            return Err(TrustRuleError::Audiences(audiences.len()));
        }
        if !(1..=MAX_CLAIMS).contains(&claims.len()) {
            return Err(TrustRuleError::Claims(claims.len()));
        }
        if !claims.iter().any(|(name, glob)| identifies(name, glob)) {
            return Err(TrustRuleError::FitsEveryone);
        }
        let ids = required_ids(&issuer);
        let is_exact = |id: &&str| claims.iter().any(|(name, glob)| name.as_str() == *id && glob.is_exact());
        if !ids.is_empty() && !ids.iter().any(is_exact) {
            return Err(TrustRuleError::NoId { issuer, ids });
        }
        Ok(Self { issuer, audiences, claims })
    }

    /// Whose tokens it trusts.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// For whom the tokens must be made: one of these.
    pub fn audiences(&self) -> &[Audience] {
        &self.audiences
    }

    /// What the tokens must say: all of these.
    pub fn claims(&self) -> &BTreeMap<ClaimName, ClaimGlob> {
        &self.claims
    }

    /// Whether a token that says this is for one of the audiences.
    pub fn takes_audience(&self, claims: &Claims) -> bool {
        claims.audiences().any(|given| self.audiences.iter().any(|taken| taken.as_str() == given))
    }

    /// Whether the rule trusts a token, which must have been verified before; the claims that the rule names, as the token has them.
    ///
    /// A claim fits as a string, an integer or a boolean (in its JSON form) of at most 1024 bytes; of `aud`, which may be a list, one entry.
    pub fn matches(&self, claims: &Claims) -> Result<BTreeMap<String, String>, Mismatch> {
        if claims.text("iss").as_deref() != Some(self.issuer.as_str()) {
            return Err(Mismatch::Issuer);
        }
        if !self.takes_audience(claims) {
            return Err(Mismatch::Audience);
        }
        let named = self.claims.iter().map(|(name, glob)| Ok((name.to_string(), fitting(claims, name, glob)?)));
        let named = named.collect::<Result<_, _>>()?;
        self.refuse_foreign_code(claims)?;
        Ok(named)
    }

    /// Some events run code of whoever opens a request for a merge, with the identity of the repository that it is for. They are refused
    /// whoever the issuer is: other forges have taken them over from GitHub.
    fn refuse_foreign_code(&self, claims: &Claims) -> Result<(), Mismatch> {
        let event = claims.text("event_name").and_then(|given| FOREIGN_EVENTS.into_iter().find(|event| *event == given));
        let is_named = |event: &&str| self.claims.iter().any(|(name, glob)| name.as_str() == "event_name" && glob.as_str() == *event);
        event.filter(|event| !is_named(event)).map_or(Ok(()), |event| Err(Mismatch::ForeignCode(event)))
    }
}

fn identifies(name: &ClaimName, glob: &ClaimGlob) -> bool {
    let nature = nature(name.as_str());
    !glob.fits_everything() && !matches!(nature, Some(Nature::Circumstance | Nature::Envelope))
}

fn fitting(claims: &Claims, name: &ClaimName, glob: &ClaimGlob) -> Result<String, Mismatch> {
    let fits = |value: &str| value.len() <= MAX_VALUE_BYTES && glob.matches(value);
    if name.as_str() == "aud" {
        let fitting = claims.audiences().find(|audience| fits(audience));
        return fitting.map(str::to_owned).ok_or_else(|| Mismatch::Claim(name.clone()));
    }
    let value = claims.text(name.as_str()).ok_or_else(|| Mismatch::Missing(name.clone()))?;
    if fits(&value) { Ok(value.into_owned()) } else { Err(Mismatch::Claim(name.clone())) }
}
