//! Changing a rule over tags.

use consign_types::Timestamp;
use consign_types::resource::TagRuleRef;
use consign_types::tag::Rule;
use consign_types::text::{Description, Etag, RequestId};

use super::change::{Begun, begin, call};
use super::idempotency::Fingerprint;
use super::{etag_of, tag_rule};
use crate::connection::Db;
use crate::tables::tag_rules::{self, TagRule};
use crate::{Error, Metadata, Principal, Result};

/// A rule to be changed.
#[derive(Clone, Debug)]
pub struct UpdateTagRule {
    /// Who changes it.
    pub principal: Principal,
    /// The rule.
    pub name: TagRuleRef,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// What it is to be.
    pub rule: RuleChange,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

/// What is changed of a rule; `None` stays.
#[derive(Clone, Debug, Default)]
pub struct RuleChange {
    /// The tags.
    pub tags: Option<consign_types::pattern::NamePattern>,
    /// Their packages; `Some(None)` for all.
    pub packages: Option<Option<consign_types::pattern::NamePattern>>,
    /// What it does.
    pub action: consign_types::tag::ActionChange,
    /// Why it is there.
    pub description: Option<Description>,
}

impl Metadata {
    /// Changes a rule. `RuleNotFound`, `EtagMismatch`.
    pub async fn update_tag_rule(&self, request: UpdateTagRule) -> Result<TagRule> {
        let now = self.now();
        self.pool.write(move |db| update(db, &request, now)).await
    }
}

fn update(db: &mut Db, request: &UpdateTagRule, now: Timestamp) -> Result<TagRule> {
    let fingerprint = Fingerprint::new().shown(&(&request.name, &request.etag, &request.rule)).finish();
    let call = call(&request.principal, "UpdateTagRule", &request.name, request.request_id.as_ref(), fingerprint, now);
    let change = match begin(db, &request.name.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let mut rule = tag_rule(db, change.project.id, &request.name)?;
    etag_of(request.etag.as_ref(), &rule.etag(), &request.name)?;
    let RuleChange { tags, packages, action, description } = request.rule.clone();
    rule.rule = Rule {
        tags: tags.unwrap_or(rule.rule.tags),
        packages: packages.unwrap_or(rule.rule.packages),
        action: rule.rule.action.changed(action).map_err(|error| Error::ArgumentInvalid { field: "tag_rule", rule: error.to_string() })?,
    };
    rule.description = description.unwrap_or(rule.description);
    (rule.revision, rule.updated_at) = (rule.revision + 1, now);
    tag_rules::update(db, &rule)?;
    change.batch(db, &rule, Vec::new()).send(db)?;
    Ok(rule)
}
