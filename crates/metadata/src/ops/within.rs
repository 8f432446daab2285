//! Where lists over projects look.

use consign_types::access::Reach;
use consign_types::resource::ProjectRef;

use super::project;
use crate::Result;
use crate::connection::Db;
use crate::select::Extent;

/// One project, or all within the caller's reach.
#[derive(Clone, Debug)]
pub enum Within {
    /// One.
    Project(ProjectRef),
    /// All of these.
    Reach(Reach),
}

/// Finds the project. `ProjectNotFound`.
pub(super) fn extent(db: &mut Db, within: Within) -> Result<Extent> {
    Ok(match within {
        Within::Project(name) => Extent::Project(project(db, &name)?.id),
        Within::Reach(reach) => Extent::Reach(reach),
    })
}
