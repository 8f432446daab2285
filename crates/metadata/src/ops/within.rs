//! Where lists over projects look.

use consign_types::access::Reach;
use consign_types::resource::{NamespaceRef, ProjectRef};

use super::{namespace, project};
use crate::Result;
use crate::connection::Db;
use crate::select::Extent;

/// One project, or all within the caller's reach, or those of them that are below a namespace.
#[derive(Clone, Debug)]
pub enum Within {
    /// One.
    Project(ProjectRef),
    /// All of these.
    Reach(Reach),
    /// Those of them that are below this namespace.
    Below(NamespaceRef, Reach),
}

/// Finds the project or namespace. `ProjectNotFound`, `NamespaceNotFound`.
pub(super) fn extent(db: &mut Db, within: Within) -> Result<Extent> {
    Ok(match within {
        Within::Project(name) => Extent::Project(project(db, &name)?.id),
        Within::Reach(reach) => Extent::Reach(reach),
        Within::Below(name, reach) => Extent::Below(namespace(db, &name)?.path, reach),
    })
}
