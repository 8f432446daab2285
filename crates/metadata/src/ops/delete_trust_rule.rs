//! Removing a trust rule.

use consign_types::Timestamp;
use consign_types::resource::TrustRuleRef;
use consign_types::text::{Etag, RequestId};

use super::change::{Begun, begin, call};
use super::etag_of;
use super::idempotency::Fingerprint;
use super::update_trust_rule::trust_rule;
use crate::connection::Db;
use crate::tables::trust_rules;
use crate::{Metadata, Principal, Result};

/// A rule to be removed.
#[derive(Clone, Debug)]
pub struct DeleteTrustRule {
    /// Who removes it.
    pub principal: Principal,
    /// The rule.
    pub name: TrustRuleRef,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Removes a rule for good; tokens that it gave stay until their end. `RuleNotFound`, `EtagMismatch`.
    pub async fn delete_trust_rule(&self, request: DeleteTrustRule) -> Result<()> {
        let now = self.now();
        self.pool.write(move |db| delete(db, &request, now)).await
    }
}

fn delete(db: &mut Db, request: &DeleteTrustRule, now: Timestamp) -> Result<()> {
    let fingerprint = Fingerprint::new().shown(&(&request.name, &request.etag)).finish();
    let call = call(&request.principal, "DeleteTrustRule", &request.name, request.request_id.as_ref(), fingerprint, now);
    let Begun::New(change) = begin(db, &request.name.project, &call)? else {
        return Ok(());
    };
    let rule = trust_rule(db, change.project.id, &request.name)?;
    etag_of(request.etag.as_ref(), &rule.etag(), &request.name)?;
    trust_rules::remove(db, rule.id)?;
    change.batch(db, &(), Vec::new()).send(db)
}
