//! Where lists over projects look.

use consign_types::access::Reach;
use consign_types::resource::{NamespaceRef, ProjectRef};

use super::{namespace, project};
use crate::connection::Db;
use crate::select::Extent;
use crate::tables::projects;
use crate::{Error, Result};

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

/// The same, where the project may be deleted.
pub(super) fn extent_any(db: &mut Db, within: Within) -> Result<Extent> {
    match within {
        Within::Project(name) => {
            let project = projects::find_any(db, &name)?.ok_or_else(|| Error::ProjectNotFound(name))?;
            Ok(Extent::Project(project.id))
        }
        within => extent(db, within),
    }
}

/// Finds the project or namespace. `ProjectNotFound`, `NamespaceNotFound`.
pub(super) fn extent(db: &mut Db, within: Within) -> Result<Extent> {
    Ok(match within {
        Within::Project(name) => Extent::Project(project(db, &name)?.id),
        Within::Reach(reach) => Extent::Reach(reach),
        Within::Below(name, reach) => Extent::Below(namespace(db, &name)?.path, reach),
    })
}
