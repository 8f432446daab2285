//! Listing the files of a version.

use consign_types::filter::Filter;
use consign_types::resource::VersionRef;

use super::listable_version;
use crate::cursor::{Cursor, Value};
use crate::select::{Order, condition};
use crate::tables::file_row::File;
use crate::tables::files::{self, Selection};
use crate::{Listed, Metadata, Page, Result};

/// Which files of a version.
#[derive(Clone, Debug)]
pub struct ListFiles {
    /// Their version.
    pub version: VersionRef,
    /// Which of them.
    pub filter: Option<Filter>,
    /// How they are ordered.
    pub order: FileOrder,
    /// Falling instead of rising.
    pub descending: bool,
    /// Also those that are deleted and can be brought back.
    pub show_deleted: bool,
    /// Which page of them.
    pub page: Page<Cursor>,
}

/// How files are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileOrder {
    /// By path, then by revision.
    Path,
    /// By id.
    Id,
    /// By when they were published.
    CreateTime,
    /// By size.
    Size,
}

impl FileOrder {
    /// Where a file stands in this order.
    pub fn cursor(self, file: &File) -> Cursor {
        let values = match self {
            Self::Path => vec![Value::Text(file.path.to_string()), Value::Number(file.revision.into())],
            Self::Id => Vec::new(),
            Self::CreateTime => vec![Value::Time(file.created_at)],
            Self::Size => vec![Value::Number(file.size_bytes)],
        };
        Cursor { values, id: file.id }
    }

    pub(super) fn order(self, descending: bool) -> Order {
        let (columns, kinds): (&'static [&'static str], _) = match self {
            Self::Path => (&["files.path", "files.revision"], "sn"),
            Self::Id => (&["files.id"], ""),
            Self::CreateTime => (&["files.created_at", "files.id"], "t"),
            Self::Size => (&["files.size_bytes", "files.id"], "n"),
        };
        Order { columns, kinds, descending }
    }
}

impl Metadata {
    /// All rows of a version, superseded ones included; `VersionNotFound`. The files of a draft and of a quarantined version are told of too, though they can't be read.
    pub async fn list_files(&self, request: ListFiles) -> Result<Listed<File>> {
        let now = self.now();
        self.pool
            .read(move |db| {
                let version = listable_version(db, &request.version)?;
                let show_deleted = request.show_deleted.then_some(now);
                let selection = || -> Result<Selection> {
                    let filter = request.filter.clone().map(|filter| condition(filter, &files::field)).transpose()?;
                    Ok(Selection { version: version.id, show_deleted, filter })
                };
                let (order, page) = (request.order.order(request.descending), request.page);
                let total = if page.count { Some(files::count(db, selection()?)?) } else { None };
                let rows = files::list(db, selection()?, &order, &page)?;
                Ok(Listed { total, ..page.of(rows) })
            })
            .await
    }
}
