//! Reading a version.

use consign_types::resource::VersionRef;

use super::{project, version};
use crate::tables::version_row::Version;
use crate::{Metadata, Result};

impl Metadata {
    /// The version of this name, in whichever state it is, or `VersionNotFound`.
    pub async fn find_version(&self, name: VersionRef) -> Result<Version> {
        self.pool
            .read(move |db| {
                let project = project(db, &name.project)?;
                version(db, project.id, &name)
            })
            .await
    }
}
