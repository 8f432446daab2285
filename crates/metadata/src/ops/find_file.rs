//! One file.

use consign_types::resource::FileRef;

use super::readable_version;
use crate::tables::files::{self, File};
use crate::{Error, Metadata, Result};

impl Metadata {
    /// The file that a version serves at a path, or `FileNotFound`; `VersionNotFound` if its files can't be read.
    pub async fn find_file(&self, name: FileRef) -> Result<File> {
        self.pool
            .read(move |db| {
                let version = readable_version(db, &name.version)?;
                let found = files::list_served_at(db, version.id, &[&name.path])?;
                found.into_iter().next().ok_or(Error::FileNotFound(name))
            })
            .await
    }
}
