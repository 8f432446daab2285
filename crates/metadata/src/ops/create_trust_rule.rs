//! Making a trust rule.

use consign_types::Timestamp;
use consign_types::access::Role;
use consign_types::resource::ProjectRef;
use consign_types::text::{Description, RequestId};
use consign_types::trust::TrustRule as Trust;

use super::change::{Begun, begin, call};
use super::create_member::check_outlived;
use super::create_token::{MAX_GLOBS, check_current};
use super::idempotency::Fingerprint;
use crate::connection::Db;
use crate::tables::trust_rules::{self, Terms, TrustRule};
use crate::{Error, Metadata, Principal, Result};

/// How many rules a project has at most: each of them may have to be asked.
pub(super) const MAX_RULES: i64 = 50;

/// How long a token counts that a rule grants, at most.
const MAX_TTL_SECONDS: i64 = 24 * 60 * 60;

/// A rule to be made.
#[derive(Clone, Debug)]
pub struct CreateTrustRule {
    /// Who makes it.
    pub principal: Principal,
    /// The project that it is for.
    pub project: ProjectRef,
    /// Whom it trusts.
    pub trust: Trust,
    /// What it grants.
    pub terms: Terms,
    /// Why it is there.
    pub description: Description,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Makes a rule. It grants no more than its maker has: `RoleInsufficient`, `ScopeInsufficient`. `ArgumentInvalid` beyond 50 rules in
    /// a project.
    pub async fn create_trust_rule(&self, request: CreateTrustRule) -> Result<TrustRule> {
        let now = self.now();
        self.pool.write(move |db| create(db, &request, now)).await
    }
}

fn create(db: &mut Db, request: &CreateTrustRule, now: Timestamp) -> Result<TrustRule> {
    let shown = (&request.project, &request.trust, &request.terms, &request.description);
    let fingerprint = Fingerprint::new().shown(&shown).finish();
    let call = call(&request.principal, "CreateTrustRule", &request.project, request.request_id.as_ref(), fingerprint, now);
    let change = match begin(db, &request.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    check_terms(&request.principal, &request.terms)?;
    let project = change.project.id;
    if trust_rules::list(db, project, 0, MAX_RULES)?.len() >= usize::try_from(MAX_RULES).unwrap_or(usize::MAX) {
        return Err(invalid("trust_rule", format!("a project has at most {MAX_RULES} rules")));
    }
    let mut rule = TrustRule {
        id: 0,
        project_id: project,
        trust: request.trust.clone(),
        terms: request.terms.clone(),
        description: request.description.clone(),
        revision: 1,
        created_at: now,
        updated_at: now,
    };
    rule.id = trust_rules::insert(db, &rule)?;
    change.batch(db, &rule, Vec::new()).send(db)?;
    Ok(rule)
}

/// Refuses terms that no token can have, or that grant more than the caller has.
pub(super) fn check_terms(principal: &Principal, terms: &Terms) -> Result<()> {
    if terms.role == Role::Admin {
        return Err(invalid("trust_rule.role", "at most that of an owner: it counts in one project alone"));
    }
    if terms.scopes.is_empty() {
        return Err(invalid("trust_rule.scopes", "at least one"));
    }
    for (field, globs) in [("trust_rule.package_patterns", &terms.packages), ("trust_rule.stage_patterns", &terms.stages)] {
        if globs.len() > MAX_GLOBS {
            return Err(invalid(field, format!("at most `{MAX_GLOBS}`")));
        }
    }
    if !(1..=MAX_TTL_SECONDS).contains(&terms.maximum_ttl_seconds) {
        return Err(invalid("trust_rule.maximum_ttl", "from 1 second to 24 hours"));
    }
    check_current(principal)?;
    if terms.role > principal.role {
        return Err(Error::RoleInsufficient(terms.role));
    }
    if !principal.grant.covers(&terms.scopes, &terms.packages, &terms.stages) {
        return Err(Error::ScopeInsufficient("a rule may grant no more than the token that makes it".to_owned()));
    }
    check_outlived(principal, None)
}

fn invalid(field: &'static str, rule: impl Into<String>) -> Error {
    Error::ArgumentInvalid { field, rule: rule.into() }
}
