//! Reading a project.

use consign_types::resource::ProjectRef;

use crate::tables::projects::{self, Project};
use crate::{Error, Metadata, Result};

impl Metadata {
    /// The project of this name, also a deleted one that can be brought back, or `ProjectNotFound`.
    pub async fn find_project(&self, name: ProjectRef) -> Result<Project> {
        let now = self.now();
        let is_there = move |project: &Project| project.purge_at.is_none_or(|at| at > now);
        self.pool.read(move |db| projects::find_any(db, &name)?.filter(is_there).ok_or(Error::ProjectNotFound(name))).await
    }
}
