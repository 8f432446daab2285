//! Deleting for a while, and bringing back: what packages, versions, files and projects have in common.

use std::collections::{HashMap, HashSet};

use consign_types::resource::{PackageRef, ProjectRef, StageRef, TagRef};
use consign_types::{PackageName, TagName, Timestamp};

use super::change::Change;
use super::tagging::MAX_RULES;
use crate::connection::Db;
use crate::tables::placements::{self, Placement};
use crate::tables::tag_rules::{self, TagRule};
use crate::tables::tags::{self, PlacedTag};
use crate::tables::version_row::Version;
use crate::{Error, Result};

/// How many holders a refusal names.
const MAX_NAMED: usize = 20;

/// Whether and how something is to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// Not while something holds it.
    No,
    /// Whatever holds it.
    Yes,
}

/// Refuses a deletion of what is placed on a stage, and of what tags hold. Answers all tags that point there.
///
/// What runs is never deleted under those who run it; a whole project goes with its stages, if that is forced.
pub(super) fn check_holders(
    db: &mut Db,
    change: &Change<'_>,
    what: String,
    of: (Option<i64>, Option<i64>),
    force: Force,
) -> Result<Vec<PlacedTag>> {
    if force == Force::No || of != (None, None) {
        check_stages(db, change.project.id, &what, of)?;
    }
    let rules = tag_rules::list(db, change.project.id, 0, MAX_RULES)?;
    let tags = tags::list_of(db, change.project.id, of.0, of.1)?;
    let holders = tags.iter().filter(|tag| holds(&rules, &tag.package, &tag.row.tag));
    let project = ProjectRef::Id(change.project.id);
    let name = |tag: &PlacedTag| {
        let package = PackageRef { project: project.clone(), package: tag.package.clone() };
        TagRef { package, tag: tag.row.tag.clone() }.to_string()
    };
    let holders: Vec<String> = holders.take(MAX_NAMED).map(name).collect();
    if holders.is_empty() || force == Force::Yes {
        return Ok(tags);
    }
    Err(Error::InUse { what, holders })
}

/// The ids of those of some versions, a page of them at most, that no tag holds and no stage has, by a fixed number of statements.
pub(super) fn free(db: &mut Db, versions: &[Version]) -> Result<HashSet<i64>> {
    let tagged: HashSet<i64> = versions.iter().filter(|version| !version.tags.is_empty()).map(|version| version.project_id).collect();
    let mut rules: HashMap<i64, Vec<TagRule>> = HashMap::new();
    if !tagged.is_empty() {
        for rule in tag_rules::list_of(db, &tagged.into_iter().collect::<Vec<_>>(), MAX_RULES)? {
            rules.entry(rule.project_id).or_default().push(rule);
        }
    }
    let is_held = |version: &&Version| {
        let rules = rules.get(&version.project_id).map_or(&[][..], Vec::as_slice);
        version.tags.iter().any(|tag| holds(rules, &version.package, tag))
    };
    let mut free: HashSet<i64> = versions.iter().filter(|version| !is_held(version)).map(|version| version.id).collect();
    let placed = placements::list_placed(db, &free.iter().copied().collect::<Vec<_>>())?;
    for version in placed {
        free.remove(&version);
    }
    Ok(free)
}

/// Whether a rule of its project lets a tag hold the version that it points at.
fn holds(rules: &[TagRule], package: &PackageName, tag: &TagName) -> bool {
    rules.iter().any(|rule| rule.rule.holds() && rule.rule.fits(package, tag))
}

fn check_stages(db: &mut Db, project: i64, what: &str, (package, version): (Option<i64>, Option<i64>)) -> Result<()> {
    let most = i64::try_from(MAX_NAMED).unwrap_or(i64::MAX);
    let placed = placements::list_holding(db, project, package, version, most)?;
    let name = |placed: Placement| StageRef { project: ProjectRef::Id(project), stage: placed.stage }.to_string();
    let mut stages: Vec<String> = placed.into_iter().map(name).collect();
    stages.dedup();
    if stages.is_empty() { Ok(()) } else { Err(Error::Placed { what: what.to_owned(), stages }) }
}

/// When what is deleted now is removed for good.
pub(super) fn purge_at(now: Timestamp, restore_seconds: i64) -> Timestamp {
    now.plus_seconds(restore_seconds)
}
