//! Finding the files that have some bytes.

use consign_types::Digest;

use super::within::{Within, extent};
use crate::cursor::{Cursor, Value};
use crate::select::Order;
use crate::tables::file_row::LocatedFile;
use crate::tables::located_files;
use crate::{Listed, Metadata, Page, Result};

/// How files with the same bytes are ordered.
const BY_PROJECT: Order = Order { columns: &["files.project_id", "files.id"], kinds: "n", descending: false };

/// Files that have some bytes.
#[derive(Clone, Debug)]
pub struct FindByDigest {
    /// Where to look.
    pub within: Within,
    /// What the bytes hash to.
    pub digest: Digest,
    /// Which page of them.
    pub page: Page<Cursor>,
}

impl LocatedFile {
    /// Where it stands among the files with the same bytes.
    pub fn cursor(&self) -> Cursor {
        Cursor { values: vec![Value::Number(self.file.project_id)], id: self.file.id }
    }
}

impl Metadata {
    /// Readable files that have these bytes, all revisions, by project and id.
    pub async fn find_by_digest(&self, request: FindByDigest) -> Result<Listed<LocatedFile>> {
        self.pool
            .read(move |db| {
                let extent = extent(db, request.within)?;
                let page = request.page;
                let rows = located_files::list_with_digest(db, request.digest, extent, &BY_PROJECT, page.after.as_ref(), page.limit())?;
                Ok(page.of(rows))
            })
            .await
    }
}
