//! Making a rule over tags.

use consign_types::Timestamp;
use consign_types::resource::{ProjectRef, TagRuleRef};
use consign_types::tag::Rule;
use consign_types::text::{Description, RequestId};

use super::change::{Begun, begin, call};
use super::idempotency::Fingerprint;
use super::tagging::MAX_RULES;
use crate::connection::Db;
use crate::tables::tag_rules::{self, TagRule};
use crate::{Error, Metadata, Principal, Result};

/// A rule to be made.
#[derive(Clone, Debug)]
pub struct CreateTagRule {
    /// Who makes it.
    pub principal: Principal,
    /// The project that it is for.
    pub project: ProjectRef,
    /// The rule.
    pub rule: Rule,
    /// Why it is there.
    pub description: Description,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Makes a rule. Tags that break it already stay as they are. `ArgumentInvalid` beyond 1000 rules in a project.
    pub async fn create_tag_rule(&self, request: CreateTagRule) -> Result<TagRule> {
        let now = self.now();
        self.pool.write(move |db| create(db, &request, now)).await
    }
}

fn create(db: &mut Db, request: &CreateTagRule, now: Timestamp) -> Result<TagRule> {
    let fingerprint = Fingerprint::new().shown(&(&request.project, &request.rule, &request.description)).finish();
    let call = call(&request.principal, "CreateTagRule", &request.project, request.request_id.as_ref(), fingerprint, now);
    let change = match begin(db, &request.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let project = change.project.id;
    if tag_rules::list(db, project, 0, MAX_RULES)?.len() >= usize::try_from(MAX_RULES).unwrap_or(usize::MAX) {
        return Err(Error::ArgumentInvalid { field: "tag_rule", rule: format!("a project has at most {MAX_RULES} rules") });
    }
    let mut rule = TagRule {
        id: 0,
        project_id: project,
        rule: request.rule.clone(),
        description: request.description.clone(),
        revision: 1,
        created_at: now,
        updated_at: now,
    };
    rule.id = tag_rules::insert(db, &rule)?;
    let name = TagRuleRef { project: ProjectRef::Id(rule.project_id), id: rule.id };
    change.named(&name).batch(db, &rule, Vec::new()).send(db)?;
    Ok(rule)
}
