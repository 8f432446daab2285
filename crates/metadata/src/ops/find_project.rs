//! Reading a project.

use consign_types::resource::ProjectRef;

use crate::connection::Db;
use crate::tables::projects::{self, Project};
use crate::{Error, Metadata, Result};

impl Metadata {
    /// The project of this name, also a deleted one that can be brought back, or `ProjectNotFound`.
    pub async fn find_project(&self, name: ProjectRef) -> Result<Project> {
        self.pool.read(move |db| projects::find_any(db, &name)?.ok_or(Error::ProjectNotFound(name))).await
    }
}

pub(super) fn found(db: &mut Db, id: i64) -> Result<Project> {
    projects::find_any(db, &ProjectRef::Id(id))?.ok_or(Error::ProjectNotFound(ProjectRef::Id(id)))
}
