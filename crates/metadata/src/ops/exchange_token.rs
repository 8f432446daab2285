//! Changing an ID token of a CI system into a token of a project.

use std::collections::{BTreeMap, BTreeSet};

use consign_types::access::{Scope, ScopeNames};
use consign_types::resource::{ProjectRef, TrustRuleRef};
use consign_types::text::{DisplayName, RequestId};
use consign_types::token::{TokenKind, TokenSecret};
use consign_types::trust::Claims;
use consign_types::{Digest, Timestamp};

use super::authenticate::actor;
use super::change::{call, lock, note};
use super::create_token::Told;
use super::create_trust_rule::MAX_RULES;
use super::idempotency::{Fingerprint, answered, to_json};
use crate::batch::Batch;
use crate::connection::Db;
use crate::tables::idempotency_records as records;
use crate::tables::projects;
use crate::tables::tokens::{self, Owner, Token};
use crate::tables::trust_rules::{self, TrustRule};
use crate::tables::used_id_tokens;
use crate::{Error, Metadata, Principal, Result};

/// An ID token that was verified, to be changed into a token by a rule that trusts it.
#[derive(Clone, Debug)]
pub struct ExchangeToken {
    /// The project, as the caller named it.
    pub project: ProjectRef,
    /// What the ID token says.
    pub claims: Claims,
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
    /// Makes a token for the job that has an ID token, by the first rule that trusts it. Returns it with its secret, which is kept nowhere,
    /// and the rule. The same request again makes another secret for the same token. `TrustNotMatched` where no rule fits or there is no
    /// such project, `IdTokenUsed` for an ID token that was changed before, `ScopeInsufficient` beyond what the rule grants.
    pub async fn exchange_token(&self, request: ExchangeToken) -> Result<(Token, TokenSecret, TrustRuleRef)> {
        let (now, secret) = (self.now(), TokenSecret::generate(TokenKind::Job));
        let digest = secret.digest();
        let (token, rule, is_replaced) = self.pool.write(move |db| exchange(db, &request, digest, now)).await?;
        if is_replaced {
            self.principals.invalidate_all();
        }
        Ok((token, secret, rule))
    }
}

/// The token, the rule, and whether the token had another secret before.
fn exchange(db: &mut Db, request: &ExchangeToken, secret: Digest, now: Timestamp) -> Result<(Token, TrustRuleRef, bool)> {
    let not_matched = || Error::TrustNotMatched(request.project.clone());
    let project = projects::find(db, &request.project)?.ok_or_else(not_matched)?.id;
    lock(db, project)?.ok_or_else(not_matched)?;
    let rules = trust_rules::list(db, project, 0, MAX_RULES)?;
    let fitting = rules.into_iter().find_map(|rule| Some((rule.trust.matches(&request.claims).ok()?, rule)));
    let (claims, rule) = fitting.ok_or_else(not_matched)?;
    let name = TrustRuleRef { project: ProjectRef::Id(project), id: rule.id };
    // The unique number is in the fingerprint, so nobody gets at a token by its request id alone.
    let shown = (&request.project, rule.id, request.unique, &request.scopes, request.ttl_seconds);
    let fingerprint = Fingerprint::new().shown(&shown).finish();
    let anybody = Principal::anonymous();
    let first = call(&anybody, "ExchangeToken", &request.project, request.request_id.as_ref(), fingerprint, now);
    if let Some(key) = first.key()
        && !records::insert(db, key, fingerprint, &[], now)?
    {
        let id = answered(db, key, fingerprint)?.read()?;
        let token = tokens::find_locked(db, id)?.filter(|token| token.is_active(now)).ok_or(Error::IdTokenUsed)?;
        tokens::replace(db, id, secret, None)?;
        return Ok((token, name, true));
    }
    let mut token = granted(request, &rule, claims, now)?;
    if !used_id_tokens::insert(db, request.unique, request.replay_until)? {
        return Err(Error::IdTokenUsed);
    }
    token.id = tokens::insert(db, &token, secret, false)?;
    let job = Principal { name: actor(&token)?, token: token.id, ..Principal::anonymous() };
    let noted = call(&job, "ExchangeToken", &request.project, request.request_id.as_ref(), fingerprint, now);
    note(db, &noted, project, &(rule.id, Told::of(&token)))?;
    if let Some(key) = first.key() {
        let mut batch = Batch::new(db);
        records::update(&mut batch, key, to_json(&token.id));
        batch.send(db)?;
    }
    Ok((token, name, false))
}

/// What the rule grants of what was wished for.
fn granted(request: &ExchangeToken, rule: &TrustRule, claims: BTreeMap<String, String>, now: Timestamp) -> Result<Token> {
    let terms = &rule.terms;
    if !request.scopes.iter().all(|scope| scope.is_within(&terms.scopes)) {
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
        owner: Owner::Project(rule.project_id),
        kind: TokenKind::Job,
        display_name,
        description: "".parse().expect("a description may be empty"),
        username: None,
        role: terms.role,
        scopes: if request.scopes.is_empty() { terms.scopes.clone() } else { request.scopes.clone() },
        scope_names: ScopeNames::default(),
        packages: terms.packages.clone(),
        stages: terms.stages.clone(),
        claims,
        expires_at: Some(now.plus_seconds(ttl)),
        creator: format!("project_{}_trust_{}", rule.project_id, rule.id).parse().map_err(|_| Error::TokenInvalid)?,
        created_at: now,
        last_used_at: None,
        revoked_at: None,
        revision: 1,
    })
}
