//! A page of files.

use consign_types::resource::VersionRef;

use super::find_readable;
use crate::tables::files::{self, File};
use crate::{Metadata, Result};

/// Which page.
#[derive(Clone, Debug)]
pub struct ListFiles {
    /// The version.
    pub parent: VersionRef,
    /// The id of the last row of the page before; 0 for the first page.
    pub after: i64,
    /// How many at most.
    pub limit: i64,
}

impl Metadata {
    /// All rows of a version, superseded ones included, in the order in which they were published.
    pub async fn list_files(&self, page: ListFiles) -> Result<Vec<File>> {
        self.pool
            .read(move |db| {
                let version = find_readable(db, &page.parent)?;
                files::list(db, version.id, page.after, page.limit)
            })
            .await
    }
}
