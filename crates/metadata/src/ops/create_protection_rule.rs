//! Making a protection rule.

use consign_types::Timestamp;
use consign_types::access::Role;
use consign_types::protection::Protection;
use consign_types::resource::ProjectRef;
use consign_types::text::RequestId;

use super::change::{Begun, begin, call};
use super::create_token::check_current;
use super::idempotency::Fingerprint;
use crate::connection::Db;
use crate::tables::protection_rules::{self, ProtectionRule};
use crate::{Error, Metadata, Principal, Result};

/// How many rules a project has at most: all of them are known when a call is judged.
pub(super) const MAX_RULES: i64 = 100;

/// A rule to be made.
#[derive(Clone, Debug)]
pub struct CreateProtectionRule {
    /// Who makes it.
    pub principal: Principal,
    /// The project that it is for.
    pub project: ProjectRef,
    /// What it asks.
    pub protection: Protection,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Makes a rule. `NameTaken` if its pattern has one, `ArgumentInvalid` beyond 100 rules in a project, or where it asks for nothing.
    pub async fn create_protection_rule(&self, request: CreateProtectionRule) -> Result<ProtectionRule> {
        let now = self.now();
        let rule = self.pool.write(move |db| create(db, &request, now)).await?;
        self.sites.invalidate_all();
        Ok(rule)
    }
}

fn create(db: &mut Db, request: &CreateProtectionRule, now: Timestamp) -> Result<ProtectionRule> {
    let fingerprint = Fingerprint::new().shown(&(&request.project, &request.protection)).finish();
    let call = call(&request.principal, "CreateProtectionRule", &request.project, request.request_id.as_ref(), fingerprint, now);
    let change = match begin(db, &request.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    check_asks(&request.principal, &request.protection)?;
    let project = change.project.id;
    if protection_rules::list(db, project, 0, MAX_RULES)?.len() >= usize::try_from(MAX_RULES).unwrap_or(usize::MAX) {
        return Err(Error::ArgumentInvalid { field: "protection_rule", rule: format!("a project has at most {MAX_RULES} rules") });
    }
    let mut rule = ProtectionRule {
        id: 0,
        project_id: project,
        protection: request.protection.clone(),
        revision: 1,
        created_at: now,
        updated_at: now,
    };
    rule.id = protection_rules::insert(db, &rule)?.ok_or_else(|| taken(&rule))?;
    change.batch(db, &rule, Vec::new()).send(db)?;
    Ok(rule)
}

/// Refuses a rule that asks for nothing, or for a role above the caller's: whoever could not keep to it does not set it aside either.
pub(super) fn check_asks(principal: &Principal, protection: &Protection) -> Result<()> {
    check_current(principal)?;
    match (protection.publish, protection.delete) {
        (publish, delete) if publish.max(delete) > Some(principal.role) => {
            Err(Error::RoleInsufficient(publish.max(delete).unwrap_or(Role::Admin)))
        }
        (None, None) => {
            let rule = "must have `minimum_publish_role` or `minimum_delete_role`".to_owned();
            Err(Error::ArgumentInvalid { field: "protection_rule", rule })
        }
        _ => Ok(()),
    }
}

pub(super) fn taken(rule: &ProtectionRule) -> Error {
    Error::NameTaken(rule.protection.packages.text().to_owned())
}
