//! Changing a trust rule.

use std::collections::{BTreeMap, BTreeSet};

use consign_types::Timestamp;
use consign_types::access::{Role, Scope};
use consign_types::pattern::NamePattern;
use consign_types::resource::{RuleRef, TrustRuleRef};
use consign_types::text::{Description, Etag, RequestId};
use consign_types::trust::{Audience, ClaimGlob, ClaimName, Issuer, TrustRule as Trust};

use super::change::{Begun, begin, call};
use super::create_trust_rule::check_terms;
use super::etag_of;
use super::idempotency::Fingerprint;
use crate::connection::Db;
use crate::tables::trust_rules::{self, TrustRule};
use crate::{Error, Metadata, Principal, Result};

/// A rule to be changed; `None` stays.
#[derive(Clone, Debug)]
pub struct UpdateTrustRule {
    /// Who changes it.
    pub principal: Principal,
    /// The rule.
    pub name: TrustRuleRef,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// What is changed.
    pub change: TrustChange,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

/// What is changed of a trust rule; `None` stays.
#[derive(Clone, Debug, Default)]
pub struct TrustChange {
    /// Whose ID tokens.
    pub issuer: Option<Issuer>,
    /// For whom they are made.
    pub audiences: Option<Vec<Audience>>,
    /// What they must say.
    pub claims: Option<BTreeMap<ClaimName, ClaimGlob>>,
    /// The role that is granted.
    pub role: Option<Role>,
    /// The scopes that are granted.
    pub scopes: Option<BTreeSet<Scope>>,
    /// The packages that are granted.
    pub packages: Option<Vec<NamePattern>>,
    /// The stages that are granted.
    pub stages: Option<Vec<NamePattern>>,
    /// For how many seconds, at most.
    pub maximum_ttl_seconds: Option<i64>,
    /// Why it is there.
    pub description: Option<Description>,
}

impl Metadata {
    /// Changes a rule; tokens that it gave stay as they are. `RuleNotFound`, `EtagMismatch`, `ArgumentInvalid`, and as for a new one.
    pub async fn update_trust_rule(&self, request: UpdateTrustRule) -> Result<TrustRule> {
        let now = self.now();
        self.pool.write(move |db| update(db, &request, now)).await
    }
}

fn update(db: &mut Db, request: &UpdateTrustRule, now: Timestamp) -> Result<TrustRule> {
    let fingerprint = Fingerprint::new().shown(&(&request.name, &request.etag, &request.change)).finish();
    let call = call(&request.principal, "UpdateTrustRule", &request.name, request.request_id.as_ref(), fingerprint, now);
    let change = match begin(db, &request.name.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let mut rule = trust_rule(db, change.project.id, &request.name)?;
    etag_of(request.etag.as_ref(), &rule.etag(), &request.name)?;
    // Whoever could not have made it does not change whom it trusts.
    check_terms(&request.principal, &rule.terms)?;
    apply(&mut rule, request.change.clone())?;
    check_terms(&request.principal, &rule.terms)?;
    (rule.revision, rule.updated_at) = (rule.revision + 1, now);
    trust_rules::update(db, &rule)?;
    change.batch(db, &rule, Vec::new()).send(db)?;
    Ok(rule)
}

fn apply(rule: &mut TrustRule, change: TrustChange) -> Result<()> {
    let TrustChange { issuer, audiences, claims, role, scopes, packages, stages, maximum_ttl_seconds, description } = change;
    let issuer = issuer.unwrap_or_else(|| rule.trust.issuer().clone());
    let audiences = audiences.unwrap_or_else(|| rule.trust.audiences().to_vec());
    let claims = claims.unwrap_or_else(|| rule.trust.claims().clone());
    let trust = Trust::new(issuer, audiences, claims);
    rule.trust = trust.map_err(|error| Error::ArgumentInvalid { field: "trust_rule", rule: error.to_string() })?;
    rule.terms.role = role.unwrap_or(rule.terms.role);
    rule.terms.maximum_ttl_seconds = maximum_ttl_seconds.unwrap_or(rule.terms.maximum_ttl_seconds);
    if let Some(scopes) = scopes {
        rule.terms.scopes = scopes;
    }
    if let Some(packages) = packages {
        rule.terms.packages = packages;
    }
    if let Some(stages) = stages {
        rule.terms.stages = stages;
    }
    if let Some(description) = description {
        rule.description = description;
    }
    Ok(())
}

pub(super) fn trust_rule(db: &mut Db, project: i64, name: &TrustRuleRef) -> Result<TrustRule> {
    trust_rules::find(db, project, name.id)?.ok_or_else(|| Error::RuleNotFound(RuleRef::Trust(name.clone())))
}
