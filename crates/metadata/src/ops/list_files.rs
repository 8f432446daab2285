//! A page of files.

use consign_types::FilePath;
use consign_types::resource::VersionRef;

use super::readable_version;
use crate::tables::files::{self, File};
use crate::{Listed, Metadata, Page, Result};

/// Which files.
#[derive(Clone, Debug)]
pub struct ListFiles {
    /// Their version.
    pub version: VersionRef,
    /// Which page of them, by path and revision.
    pub page: Page<(FilePath, i32)>,
}

impl Metadata {
    /// All rows of a version, superseded ones included, by path and revision; `VersionNotFound` if its files can't be read.
    pub async fn list_files(&self, ListFiles { version, page }: ListFiles) -> Result<Listed<File>> {
        self.pool
            .read(move |db| {
                let version = readable_version(db, &version)?;
                Ok(page.of(files::list(db, version.id, page.after.as_ref(), page.limit())?))
            })
            .await
    }
}
