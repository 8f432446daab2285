//! Reading a file.

use consign_types::resource::FileRef;

use super::listable_version;
use crate::tables::file_row::File;
use crate::tables::files;
use crate::{Error, Metadata, Result};

impl Metadata {
    /// The file that a version serves at a path, or its row of this revision. `FileNotFound`; `VersionNotFound`: the files of a draft and of a quarantined version are
    /// told of, though they can't be read.
    pub async fn find_file(&self, name: FileRef, revision: Option<i32>) -> Result<File> {
        self.pool
            .read(move |db| {
                let version = listable_version(db, &name.version)?;
                let found = match revision {
                    Some(revision) => files::find_revision(db, version.id, &name.path, revision, false)?,
                    None => files::list_served_at(db, version.id, &[&name.path])?.pop(),
                };
                found.ok_or(Error::FileNotFound(name))
            })
            .await
    }
}
