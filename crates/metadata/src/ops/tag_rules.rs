//! The rules over tags: making, listing, changing, removing and trying them.

use consign_types::resource::{PackageRef, ProjectRef, TagRef, TagRuleRef};
use consign_types::tag::Rule;
use consign_types::text::{Description, Etag, RequestId};
use consign_types::{TagName, Timestamp};

use super::change::{Begun, begin, call};
use super::idempotency::Fingerprint;
use super::tagging::MAX_RULES;
use super::{etag_of, project};
use crate::connection::Db;
use crate::tables::tag_rules::{self, TagRule};
use crate::tables::tags;
use crate::{Error, Listed, Metadata, Page, Principal, Result};

/// How many tags a trial shows.
const MAX_SHOWN: usize = 1000;

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
    pub action: Option<consign_types::tag::Action>,
    /// Why it is there.
    pub description: Option<Description>,
}

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

/// A rule to be tried.
#[derive(Clone, Debug)]
pub struct TestTagRule {
    /// The project whose tags it is tried on.
    pub project: ProjectRef,
    /// The rule.
    pub rule: Rule,
    /// Names to try it on; the tags of the project where there are none.
    pub names: Vec<TagName>,
}

/// What a rule means for one tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleTrial {
    /// The name.
    pub tag: TagName,
    /// The tag of that name, where it is one of the project.
    pub existing: Option<TagRef>,
    /// Whether the rule fits.
    pub fits: bool,
    /// Attestations that the rule demands and its version does not have.
    pub missing: Vec<String>,
}

impl Metadata {
    /// Makes a rule. Tags that break it already stay as they are. `ArgumentInvalid` beyond 1000 rules in a project.
    pub async fn create_tag_rule(&self, request: CreateTagRule) -> Result<TagRule> {
        let now = self.now();
        self.pool.write(move |db| create(db, &request, now)).await
    }

    /// Rules of a project, by id.
    pub async fn list_tag_rules(&self, name: ProjectRef, page: Page<i64>) -> Result<Listed<TagRule>> {
        self.pool
            .read(move |db| {
                let project = project(db, &name)?.id;
                Ok(page.of(tag_rules::list(db, project, page.after.unwrap_or_default(), page.limit())?))
            })
            .await
    }

    /// Changes a rule. `RuleNotFound`, `EtagMismatch`.
    pub async fn update_tag_rule(&self, request: UpdateTagRule) -> Result<TagRule> {
        let now = self.now();
        self.pool.write(move |db| update(db, &request, now)).await
    }

    /// Removes a rule for good. `RuleNotFound`, `EtagMismatch`.
    pub async fn delete_tag_rule(&self, request: DeleteTagRule) -> Result<()> {
        let now = self.now();
        self.pool.write(move |db| delete(db, &request, now)).await
    }

    /// What a rule would mean for names, or for the tags of the project that it fits: at most 1000 of these, and how many there are in
    /// all.
    pub async fn test_tag_rule(&self, request: TestTagRule) -> Result<(Vec<RuleTrial>, usize)> {
        self.pool.read(move |db| test(db, &request)).await
    }
}

fn create(db: &mut Db, request: &CreateTagRule, now: Timestamp) -> Result<TagRule> {
    let fingerprint = Fingerprint::new().shown(&(&request.project, &request.rule, &request.description)).finish();
    let call = call(&request.principal.name, "CreateTagRule", request.request_id.as_ref(), fingerprint, now);
    let change = match begin(db, &request.project, &call)? {
        Begun::Done(shown) => return find(db, shown[0], &TagRuleRef { project: request.project.clone(), rule: shown[1] }),
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
    change.batch(db, [project, rule.id], Vec::new()).send(db)?;
    Ok(rule)
}

fn find(db: &mut Db, project: i64, name: &TagRuleRef) -> Result<TagRule> {
    tag_rules::find(db, project, name.rule)?.ok_or_else(|| Error::RuleNotFound(name.clone()))
}

fn update(db: &mut Db, request: &UpdateTagRule, now: Timestamp) -> Result<TagRule> {
    let fingerprint = Fingerprint::new().shown(&(&request.name, &request.etag, &request.rule)).finish();
    let call = call(&request.principal.name, "UpdateTagRule", request.request_id.as_ref(), fingerprint, now);
    let change = match begin(db, &request.name.project, &call)? {
        Begun::Done(shown) => return find(db, shown[0], &request.name),
        Begun::New(change) => change,
    };
    let mut rule = find(db, change.project.id, &request.name)?;
    etag_of(&request.etag, rule.etag(), &request.name)?;
    let RuleChange { tags, packages, action, description } = request.rule.clone();
    rule.rule = Rule {
        tags: tags.unwrap_or(rule.rule.tags),
        packages: packages.unwrap_or(rule.rule.packages),
        action: action.unwrap_or(rule.rule.action),
    };
    rule.description = description.unwrap_or(rule.description);
    (rule.revision, rule.updated_at) = (rule.revision + 1, now);
    tag_rules::update(db, &rule)?;
    change.batch(db, [change.project.id], Vec::new()).send(db)?;
    Ok(rule)
}

fn delete(db: &mut Db, request: &DeleteTagRule, now: Timestamp) -> Result<()> {
    let fingerprint = Fingerprint::new().shown(&(&request.name, &request.etag)).finish();
    let call = call(&request.principal.name, "DeleteTagRule", request.request_id.as_ref(), fingerprint, now);
    let Begun::New(change) = begin(db, &request.name.project, &call)? else {
        return Ok(());
    };
    let rule = find(db, change.project.id, &request.name)?;
    etag_of(&request.etag, rule.etag(), &request.name)?;
    tag_rules::remove(db, rule.id)?;
    change.batch(db, [], Vec::new()).send(db)
}

fn test(db: &mut Db, request: &TestTagRule) -> Result<(Vec<RuleTrial>, usize)> {
    let project = project(db, &request.project)?.id;
    let existing = tags::list_of(db, project, None, None)?;
    let rule = &request.rule;
    let missing = || match &rule.action {
        consign_types::tag::Action::Require(types) => types.clone(),
        _ => Vec::new(),
    };
    let named = |tag: &tags::PlacedTag| {
        let package = PackageRef { project: ProjectRef::Id(project), package: tag.package.clone() };
        TagRef { package, tag: tag.row.tag.clone() }
    };
    let fitting: Vec<_> = existing.iter().filter(|tag| rule.fits(&tag.package, &tag.row.tag)).collect();
    let count = fitting.len();
    if request.names.is_empty() {
        let trial =
            |tag: &&tags::PlacedTag| RuleTrial { tag: tag.row.tag.clone(), existing: Some(named(tag)), fits: true, missing: missing() };
        return Ok((fitting.iter().take(MAX_SHOWN).map(trial).collect(), count));
    }
    let trial = |name: &TagName| {
        let existing = existing.iter().find(|tag| tag.row.tag == *name);
        let fits = rule.tags.matches(name.as_str());
        let missing = if fits && existing.is_some() { missing() } else { Vec::new() };
        RuleTrial { tag: name.clone(), existing: existing.map(named), fits, missing }
    };
    Ok((request.names.iter().map(trial).collect(), count))
}
