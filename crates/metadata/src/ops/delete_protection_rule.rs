//! Removing a protection rule.

use consign_types::Timestamp;
use consign_types::resource::ProtectionRuleRef;
use consign_types::text::{Etag, RequestId};

use super::change::{Begun, begin, call};
use super::create_protection_rule::check_asks;
use super::etag_of;
use super::idempotency::Fingerprint;
use super::update_protection_rule::protection_rule;
use crate::connection::Db;
use crate::tables::protection_rules;
use crate::{Metadata, Principal, Result};

/// A rule to be removed.
#[derive(Clone, Debug)]
pub struct DeleteProtectionRule {
    /// Who removes it.
    pub principal: Principal,
    /// The rule.
    pub name: ProtectionRuleRef,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Removes a rule for good. `RuleNotFound`, `EtagMismatch`.
    pub async fn delete_protection_rule(&self, request: DeleteProtectionRule) -> Result<()> {
        let now = self.now();
        self.pool.write(move |db| delete(db, &request, now)).await?;
        self.sites.invalidate_all();
        Ok(())
    }
}

fn delete(db: &mut Db, request: &DeleteProtectionRule, now: Timestamp) -> Result<()> {
    let fingerprint = Fingerprint::new().shown(&(&request.name, &request.etag)).finish();
    let call = call(&request.principal, "DeleteProtectionRule", &request.name, request.request_id.as_ref(), fingerprint, now);
    let Begun::New(change) = begin(db, &request.name.project, &call)? else {
        return Ok(());
    };
    let rule = protection_rule(db, change.project.id, &request.name)?;
    etag_of(request.etag.as_ref(), &rule.etag(), &request.name)?;
    check_asks(&request.principal, &rule.protection)?;
    protection_rules::remove(db, rule.id)?;
    change.batch(db, &(), Vec::new()).send(db)
}
