//! Changing a protection rule.

use consign_types::Timestamp;
use consign_types::access::Role;
use consign_types::pattern::NamePattern;
use consign_types::protection::Protection;
use consign_types::resource::{ProtectionRuleRef, RuleRef};
use consign_types::text::{Etag, RequestId};

use super::change::{Begun, begin, call};
use super::create_protection_rule::{check_asks, taken};
use super::etag_of;
use super::idempotency::Fingerprint;
use crate::connection::Db;
use crate::tables::protection_rules::{self, ProtectionRule};
use crate::{Error, Metadata, Principal, Result};

/// A rule to be changed.
#[derive(Clone, Debug)]
pub struct UpdateProtectionRule {
    /// Who changes it.
    pub principal: Principal,
    /// The rule.
    pub name: ProtectionRuleRef,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// The packages.
    pub packages: Option<NamePattern>,
    /// The least role that publishes; `Some(None)` for no limit.
    pub publish: Option<Option<Role>>,
    /// The least role that deletes; `Some(None)` for no limit.
    pub delete: Option<Option<Role>>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Changes a rule. `RuleNotFound`, `EtagMismatch`, `NameTaken`, `ArgumentInvalid`.
    pub async fn update_protection_rule(&self, request: UpdateProtectionRule) -> Result<ProtectionRule> {
        let now = self.now();
        let rule = self.pool.write(move |db| update(db, &request, now)).await?;
        self.sites.invalidate_all();
        Ok(rule)
    }
}

fn update(db: &mut Db, request: &UpdateProtectionRule, now: Timestamp) -> Result<ProtectionRule> {
    let shown = (&request.name, &request.etag, &request.packages, request.publish, request.delete);
    let fingerprint = Fingerprint::new().shown(&shown).finish();
    let call = call(&request.principal, "UpdateProtectionRule", &request.name, request.request_id.as_ref(), fingerprint, now);
    let change = match begin(db, &request.name.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let mut rule = protection_rule(db, change.project.id, &request.name)?;
    etag_of(request.etag.as_ref(), &rule.etag(), &request.name)?;
    check_asks(&request.principal, &rule.protection)?;
    let Protection { packages, publish, delete } = rule.protection;
    rule.protection = Protection {
        packages: request.packages.clone().unwrap_or(packages),
        publish: request.publish.unwrap_or(publish),
        delete: request.delete.unwrap_or(delete),
    };
    check_asks(&request.principal, &rule.protection)?;
    if protection_rules::has_pattern(db, &rule)? {
        return Err(taken(&rule));
    }
    (rule.revision, rule.updated_at) = (rule.revision + 1, now);
    protection_rules::update(db, &rule)?;
    change.batch(db, &rule, Vec::new()).send(db)?;
    Ok(rule)
}

pub(super) fn protection_rule(db: &mut Db, project: i64, name: &ProtectionRuleRef) -> Result<ProtectionRule> {
    protection_rules::find(db, project, name.id)?.ok_or_else(|| Error::RuleNotFound(RuleRef::Protection(name.clone())))
}
