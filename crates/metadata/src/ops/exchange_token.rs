//! Changing an ID token of a CI system into a token of a project.

use std::collections::{BTreeMap, BTreeSet};

use consign_types::access::Scope;
use consign_types::resource::ProjectRef;
use consign_types::text::{DisplayName, RequestId};
use consign_types::token::{TokenKind, TokenSecret};
use consign_types::{Digest, Timestamp};

use super::authenticate::bot_name;
use super::change::{call, lock, note};
use super::idempotency::{Fingerprint, answered, to_json};
use crate::batch::Batch;
use crate::connection::Db;
use crate::tables::idempotency_records as records;
use crate::tables::tokens::{self, Owner, Token};
use crate::tables::trust_rules::{self, TrustRule};
use crate::tables::used_id_tokens;
use crate::{Error, Metadata, Principal, Result};

/// An ID token that was verified and that a rule trusts, to be changed into a token.
#[derive(Clone, Debug)]
pub struct ExchangeToken {
    /// The project, as the caller named it.
    pub project: ProjectRef,
    /// The rule that fitted, as it was read.
    pub rule: TrustRule,
    /// What the rule named, as the ID token has it.
    pub claims: BTreeMap<String, String>,
    /// Whom the ID token is about.
    pub subject: String,
    /// What no other ID token shares.
    pub unique: Digest,
    /// Until when it is to be remembered that this one was used.
    pub replay_until: Timestamp,
    /// Scopes wished for; none stands for all that the rule grants.
    pub scopes: BTreeSet<Scope>,
    /// For how many seconds it is wished to count; `None` for as long as the rule allows.
    pub ttl_seconds: Option<i64>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Makes a token for the job that has an ID token, and returns its secret, which is kept nowhere. The same request again makes another
    /// secret for the same token. `IdTokenUsed` for an ID token that was changed before, `ScopeInsufficient` beyond what the rule grants,
    /// `TrustNotMatched` if the rule is another one by now.
    pub async fn exchange_token(&self, request: ExchangeToken) -> Result<(Token, TokenSecret)> {
        let (now, secret) = (self.now(), TokenSecret::generate(TokenKind::Job));
        let digest = secret.digest();
        let (token, is_replaced) = self.pool.write(move |db| exchange(db, &request, digest, now)).await?;
        if is_replaced {
            self.principals.invalidate_all();
        }
        Ok((token, secret))
    }
}

/// The token, and whether it had another secret before.
fn exchange(db: &mut Db, request: &ExchangeToken, secret: Digest, now: Timestamp) -> Result<(Token, bool)> {
    // The unique number is in the fingerprint, so nobody gets at a token by its request id alone.
    let shown = (&request.project, request.rule.id, request.unique, &request.scopes, request.ttl_seconds);
    let fingerprint = Fingerprint::new().shown(&shown).finish();
    let anybody = Principal::anonymous();
    let first = call(&anybody, "ExchangeToken", &request.project, request.request_id.as_ref(), fingerprint, now);
    lock(db, request.rule.project_id)?.ok_or_else(|| Error::TrustNotMatched(request.project.clone()))?;
    if let Some(key) = first.key()
        && !records::insert(db, key, fingerprint, &[], now)?
    {
        let id = answered(db, key, fingerprint)?.read()?;
        let token = tokens::find_locked(db, id)?.filter(|token| token.is_active(now)).ok_or(Error::IdTokenUsed)?;
        tokens::replace(db, id, secret, None)?;
        return Ok((token, true));
    }
    if trust_rules::find(db, request.rule.project_id, request.rule.id)?.is_none_or(|rule| rule != request.rule) {
        return Err(Error::TrustNotMatched(request.project.clone()));
    }
    let mut token = granted(request, now)?;
    if !used_id_tokens::insert(db, request.unique, request.replay_until)? {
        return Err(Error::IdTokenUsed);
    }
    token.id = tokens::insert(db, &token, secret, false)?;
    let job = Principal { name: bot_name("project", request.rule.project_id, &token), token: token.id, ..Principal::anonymous() };
    let noted = call(&job, "ExchangeToken", &request.project, request.request_id.as_ref(), fingerprint, now);
    note(db, &noted, request.rule.project_id, &(token.id, request.rule.id, &request.claims))?;
    if let Some(key) = first.key() {
        let mut batch = Batch::new(db);
        records::update(&mut batch, key, to_json(&token.id));
        batch.send(db)?;
    }
    Ok((token, false))
}

/// What the rule grants of what was wished for.
fn granted(request: &ExchangeToken, now: Timestamp) -> Result<Token> {
    let terms = &request.rule.terms;
    if !request.scopes.is_subset(&terms.scopes) {
        return Err(Error::ScopeInsufficient("the trust rule grants fewer scopes".to_owned()));
    }
    let ttl = request.ttl_seconds.unwrap_or(terms.maximum_ttl_seconds).min(terms.maximum_ttl_seconds);
    if ttl <= 0 {
        return Err(Error::ArgumentInvalid { field: "ttl", rule: "more than nothing".to_owned() });
    }
    let shown: String = request.subject.chars().filter(|c| !c.is_control()).take(60).collect();
    let display_name: DisplayName = shown.parse().map_err(|_| Error::TokenInvalid)?;
    Ok(Token {
        id: 0,
        owner: Owner::Project(request.rule.project_id),
        kind: TokenKind::Job,
        display_name,
        role: terms.role,
        scopes: if request.scopes.is_empty() { terms.scopes.clone() } else { request.scopes.clone() },
        packages: terms.packages.clone(),
        claims: request.claims.clone(),
        expires_at: Some(now.plus_seconds(ttl)),
        creator: format!("project_{}_trust_{}", request.rule.project_id, request.rule.id).parse().map_err(|_| Error::TokenInvalid)?,
        created_at: now,
        last_used_at: None,
        revoked_at: None,
        revision: 1,
    })
}
