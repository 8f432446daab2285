//! Deleting for a while, and bringing back: what packages, versions, files and projects have in common.

use consign_types::Timestamp;
use consign_types::resource::{PackageRef, ProjectRef, StageRef, TagRef};
use consign_types::text::Description;

use super::change::Change;
use super::tagging::Mover;
use crate::connection::Db;
use crate::tables::placements::{self, Placement};
use crate::tables::tags::{self, PlacedTag};
use crate::{Error, Principal, Result};

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
    principal: &Principal,
    what: String,
    of: (Option<i64>, Option<i64>),
    force: Force,
) -> Result<Vec<PlacedTag>> {
    if force == Force::No || of != (None, None) {
        check_stages(db, change.project.id, &what, of)?;
    }
    let reason: Description = "".parse().expect("a reason may be empty");
    let by = Mover::new(db, change, principal, &reason)?;
    let tags = tags::list_of(db, change.project.id, of.0, of.1)?;
    let holders = tags.iter().filter(|tag| by.holds(tag));
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
