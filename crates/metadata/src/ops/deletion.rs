//! Deleting for a while, and bringing back: what packages, versions, files and projects have in common.

use consign_types::Timestamp;
use consign_types::resource::{PackageRef, ProjectRef, TagRef};
use consign_types::text::Description;

use super::change::Change;
use super::tagging::Mover;
use crate::connection::Db;
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

/// Refuses a deletion under tags that hold what is deleted. Answers all tags that point there.
pub(super) fn check_holders(
    db: &mut Db,
    change: &Change<'_>,
    principal: &Principal,
    what: String,
    of: (Option<i64>, Option<i64>),
    force: Force,
) -> Result<Vec<PlacedTag>> {
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

/// When what is deleted now is removed for good.
pub(super) fn purge_at(now: Timestamp, restore_seconds: i64) -> Timestamp {
    now.plus_seconds(restore_seconds)
}
