//! One version.

use consign_types::resource::VersionRef;

use super::project;
use crate::tables::versions::{self, Version};
use crate::{Error, Metadata, Result};

impl Metadata {
    /// The version of this name, in whichever state it is, or `VersionNotFound`.
    pub async fn find_version(&self, name: VersionRef) -> Result<Version> {
        self.pool
            .read(move |db| {
                let project = project(db, &name.project)?;
                versions::find(db, project.id, &name.package, &name.version)?.ok_or(Error::VersionNotFound(name))
            })
            .await
    }
}
