//! One project.

use consign_types::resource::ProjectRef;

use crate::tables::projects::{self, Project};
use crate::{Metadata, Result};

impl Metadata {
    /// The project of this name.
    pub async fn find_project(&self, name: ProjectRef) -> Result<Project> {
        self.pool.read(move |db| projects::find(db, &name)).await
    }
}
