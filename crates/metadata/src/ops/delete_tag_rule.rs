//! Removing a rule over tags.

use consign_types::Timestamp;
use consign_types::resource::TagRuleRef;
use consign_types::text::{Etag, RequestId};

use super::change::{Begun, begin, call};
use super::idempotency::Fingerprint;
use super::{etag_of, tag_rule};
use crate::connection::Db;
use crate::tables::tag_rules;
use crate::{Metadata, Principal, Result};

/// A rule to be removed.
#[derive(Clone, Debug)]
pub struct DeleteTagRule {
    /// Who removes it.
    pub principal: Principal,
    /// The rule.
    pub name: TagRuleRef,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Removes a rule for good. `RuleNotFound`, `EtagMismatch`.
    pub async fn delete_tag_rule(&self, request: DeleteTagRule) -> Result<()> {
        let now = self.now();
        self.pool.write(move |db| delete(db, &request, now)).await
    }
}

fn delete(db: &mut Db, request: &DeleteTagRule, now: Timestamp) -> Result<()> {
    let fingerprint = Fingerprint::new().shown(&(&request.name, &request.etag)).finish();
    let call = call(&request.principal, "DeleteTagRule", &request.name, request.request_id.as_ref(), fingerprint, now);
    let Begun::New(change) = begin(db, &request.name.project, &call)? else {
        return Ok(());
    };
    let rule = tag_rule(db, change.project.id, &request.name)?;
    etag_of(request.etag.as_ref(), &rule.etag(), &request.name)?;
    tag_rules::remove(db, rule.id)?;
    change.batch(db, &(), Vec::new()).send(db)
}
