//! One version.

use consign_types::resource::VersionRef;

use crate::tables::projects;
use crate::tables::versions::{self, VersionRow};
use crate::{Error, Metadata, Result};

impl Metadata {
    /// The version of this name, hidden ones and drafts included.
    pub async fn find_version(&self, name: VersionRef) -> Result<VersionRow> {
        self.pool
            .read(move |db| {
                let project = projects::find(db, &name.project)?;
                versions::find(db, project.id, &name.package, &name.version)?.ok_or(Error::VersionNotFound(name))
            })
            .await
    }
}
