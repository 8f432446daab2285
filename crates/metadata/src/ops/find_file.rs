//! One file.

use consign_types::resource::FileRef;

use super::find_readable;
use crate::tables::files::{self, File};
use crate::{Error, Metadata, Result};

/// A file to be found.
#[derive(Clone, Debug)]
pub struct FindFile {
    /// Its name.
    pub name: FileRef,
}

impl Metadata {
    /// The file that a version serves at a path.
    pub async fn find_file(&self, FindFile { name }: FindFile) -> Result<File> {
        self.pool
            .read(move |db| {
                let version = find_readable(db, &name.version)?;
                let found = files::find_served(db, version.id, &[&name.path])?;
                found.into_iter().next().ok_or(Error::FileNotFound { version: name.version, path: name.path })
            })
            .await
    }
}
