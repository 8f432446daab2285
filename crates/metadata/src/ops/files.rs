//! Files: one, or a page of them.

use consign_types::Digest;
use consign_types::filter::Filter;
use consign_types::resource::{FileRef, ProjectsRef, VersionRef};

use super::{listable_version, project};
use crate::select::{Cursor, Order, Value, condition};
use crate::tables::files::{self, File, LocatedFile};
use crate::{Error, Listed, Metadata, Page, Result};

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

    fn order(self, descending: bool) -> Order {
        let (columns, kinds): (&'static [&'static str], _) = match self {
            Self::Path => (&["files.path", "files.revision"], "sn"),
            Self::Id => (&["files.id"], ""),
            Self::CreateTime => (&["files.created_at", "files.id"], "t"),
            Self::Size => (&["files.size_bytes", "files.id"], "n"),
        };
        Order { columns, kinds, descending }
    }
}

/// Files that have some bytes.
#[derive(Clone, Debug)]
pub struct FindByDigest {
    /// The project to look in, or all.
    pub parent: ProjectsRef,
    /// What the bytes hash to.
    pub digest: Digest,
    /// Which page of them.
    pub page: Page<Cursor>,
}

/// How files with the same bytes are ordered.
const BY_PROJECT: Order = Order { columns: &["files.project_id", "files.id"], kinds: "n", descending: false };

impl LocatedFile {
    /// Where it stands among the files with the same bytes.
    pub fn cursor(&self) -> Cursor {
        Cursor { values: vec![Value::Number(self.file.project_id)], id: self.file.id }
    }
}

impl Metadata {
    /// The file that a version serves at a path, or its row of this revision. `FileNotFound`; `VersionNotFound` if its files can't be
    /// read.
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

    /// All rows of a version, superseded ones included; `VersionNotFound` if its files can't be read.
    pub async fn list_files(&self, request: ListFiles) -> Result<Listed<File>> {
        self.pool
            .read(move |db| {
                let version = listable_version(db, &request.version)?;
                let filter = request.filter.map(|filter| condition(filter, &files::field)).transpose()?;
                let (order, page) = (request.order.order(request.descending), request.page);
                let rows = files::list(db, version.id, request.show_deleted, filter, &order, (page.after.as_ref(), page.limit()))?;
                Ok(page.of(rows))
            })
            .await
    }

    /// Readable files that have these bytes, all revisions, by project and id.
    pub async fn find_by_digest(&self, request: FindByDigest) -> Result<Listed<LocatedFile>> {
        self.pool
            .read(move |db| {
                let project = match &request.parent {
                    ProjectsRef::One(name) => Some(project(db, name)?.id),
                    ProjectsRef::All => None,
                };
                let page = request.page;
                let rows = files::list_with_digest(db, request.digest, project, &BY_PROJECT, page.after.as_ref(), page.limit())?;
                Ok(page.of(rows))
            })
            .await
    }
}
