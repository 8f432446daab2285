//! Trying a rule over tags.

use std::collections::HashMap;

use consign_types::resource::{PackageRef, ProjectRef, TagRef};
use consign_types::tag::{Action, Rule};
use consign_types::{ContentDigest, TagName, Timestamp};

use super::attesting::Jury;
use super::project;
use super::tagging::demanded;
use crate::connection::Db;
use crate::tables::tags;
use crate::{Metadata, Result};

/// How many tags a trial shows.
const MAX_SHOWN: usize = 1000;

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
    /// What a rule would mean for names, or for the tags of the project that it fits: at most 1000 of these, and how many there are in
    /// all.
    pub async fn test_tag_rule(&self, request: TestTagRule) -> Result<(Vec<RuleTrial>, usize)> {
        let now = self.now();
        self.pool.read(move |db| test(db, &request, now)).await
    }
}

fn test(db: &mut Db, request: &TestTagRule, now: Timestamp) -> Result<(Vec<RuleTrial>, usize)> {
    let project = project(db, &request.project)?.id;
    let existing = tags::list_of(db, project, None, None)?;
    let rule = &request.rule;
    let named = |tag: &tags::PlacedTag| {
        let package = PackageRef { project: ProjectRef::Id(project), package: tag.package.clone() };
        TagRef { package, tag: tag.row.tag.clone() }
    };
    let fitting: Vec<_> = existing.iter().filter(|tag| rule.fits(&tag.package, &tag.row.tag)).collect();
    let count = fitting.len();
    let shown: Vec<_> = if request.names.is_empty() {
        fitting.iter().take(MAX_SHOWN).copied().collect()
    } else {
        fitting.iter().filter(|tag| request.names.contains(&tag.row.tag)).copied().collect()
    };
    let attested = attested(db, project, rule, &shown, now)?;
    let missing = |tag: &tags::PlacedTag| match &rule.action {
        Action::Require(types) => {
            let attested = attested.get(&tag.row.content_digest).map_or(&[] as &[_], Vec::as_slice);
            types.iter().filter(|wanted| !attested.contains(wanted)).cloned().collect()
        }
        _ => Vec::new(),
    };
    if request.names.is_empty() {
        let trial =
            |tag: &&tags::PlacedTag| RuleTrial { tag: tag.row.tag.clone(), existing: Some(named(tag)), fits: true, missing: missing(tag) };
        return Ok((shown.iter().map(trial).collect(), count));
    }
    let trial = |name: &TagName| {
        // A name that no tag of a package in question has is judged by the pattern alone.
        let fits = rule.tags.matches(name.as_str());
        let is_meant = |tag: &&tags::PlacedTag| tag.row.tag == *name && (!fits || rule.fits(&tag.package, name));
        let existing = existing.iter().find(is_meant);
        let missing = existing.filter(|_| fits).map(missing).unwrap_or_default();
        RuleTrial { tag: name.clone(), existing: existing.map(named), fits, missing }
    };
    Ok((request.names.iter().map(trial).collect(), count))
}

/// The predicate types that the rule demands, as far as the contents of some tags have them.
fn attested(
    db: &mut Db,
    project: i64,
    rule: &Rule,
    tags: &[&tags::PlacedTag],
    now: Timestamp,
) -> Result<HashMap<ContentDigest, Vec<String>>> {
    let types = demanded(std::iter::once(rule));
    if types.is_empty() {
        return Ok(HashMap::new());
    }
    let contents: Vec<ContentDigest> = tags.iter().map(|tag| tag.row.content_digest).collect();
    Jury::reading(db, project, now)?.attested_types(db, &contents, &types)
}
