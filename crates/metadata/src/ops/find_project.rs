//! One project.

use consign_types::resource::ProjectRef;

use super::project;
use crate::tables::projects::Project;
use crate::{Metadata, Result};

impl Metadata {
    /// The project of this name, or `ProjectNotFound`.
    pub async fn find_project(&self, name: ProjectRef) -> Result<Project> {
        self.pool.read(move |db| project(db, &name)).await
    }
}
