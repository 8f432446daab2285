//! Searching the published versions of a project, or of all.

use consign_types::resource::ProjectsRef;

use super::list_versions::{VersionList, list};
use super::project;
use crate::tables::version_row::Version;
use crate::tables::versions::Selection;
use crate::{Listed, Metadata, Result};

/// Which versions of a project or of all.
#[derive(Clone, Debug)]
pub struct SearchVersions {
    /// The project, or all.
    pub parent: ProjectsRef,
    /// Which of them, how ordered, and which page.
    pub list: VersionList,
}

impl Metadata {
    /// Published versions of a project, or of all. `ProjectNotFound`, `FilterInvalid`.
    pub async fn search_versions(&self, request: SearchVersions) -> Result<Listed<Version>> {
        self.pool
            .read(move |db| {
                let project = match &request.parent {
                    ProjectsRef::One(name) => Some(project(db, name)?.id),
                    ProjectsRef::All => None,
                };
                list(db, request.list, Selection { project, ..Selection::default() })
            })
            .await
    }
}
