//! Trying a rule over tags.

use consign_types::TagName;
use consign_types::resource::{PackageRef, ProjectRef, TagRef};
use consign_types::tag::Rule;

use super::project;
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
        self.pool.read(move |db| test(db, &request)).await
    }
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
        // A name that no tag of a package in question has is judged by the pattern alone.
        let fits = rule.tags.matches(name.as_str());
        let is_meant = |tag: &&tags::PlacedTag| tag.row.tag == *name && (!fits || rule.fits(&tag.package, name));
        let existing = existing.iter().find(is_meant);
        let missing = if fits && existing.is_some() { missing() } else { Vec::new() };
        RuleTrial { tag: name.clone(), existing: existing.map(named), fits, missing }
    };
    Ok((request.names.iter().map(trial).collect(), count))
}
