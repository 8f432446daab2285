//! Finding and listing releases.

use consign_types::release::SourceTag;
use consign_types::resource::ProjectRef;

use super::project;
use crate::connection::Db;
use crate::cursor::{Cursor, Value};
use crate::page::Slice;
use crate::select::Order;
use crate::tables::releases::{self, Release};
use crate::{Error, Listed, Metadata, Page, Result};

/// How releases are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleaseOrder {
    /// By when they were or will be released.
    ReleaseTime,
    /// By when they were made.
    CreateTime,
}

impl ReleaseOrder {
    /// Where a release stands in this order.
    pub fn cursor(self, release: &Release) -> Cursor {
        let time = match self {
            Self::ReleaseTime => release.released_at,
            Self::CreateTime => release.created_at,
        };
        Cursor { values: vec![Value::Time(time)], id: release.id }
    }

    fn order(self, descending: bool) -> Order {
        let columns: &'static [&'static str] = match self {
            Self::ReleaseTime => &["releases.released_at", "releases.id"],
            Self::CreateTime => &["releases.created_at", "releases.id"],
        };
        Order { columns, kinds: "t", descending }
    }
}

/// How many releases are read at once: they may be long.
const AT_ONCE: i64 = 8;

/// A page of which so many bytes were read is taken for full: no message that all clients take says more. What is beyond that is not cut here.
const FULL_BYTES: usize = 3 << 20;

/// Which releases, how ordered, and which page.
#[derive(Clone, Debug)]
pub struct ListReleases {
    /// Their project.
    pub project: ProjectRef,
    /// How they are ordered.
    pub order: ReleaseOrder,
    /// Falling instead of rising.
    pub descending: bool,
    /// Which page of them.
    pub page: Page<Cursor>,
}

impl Metadata {
    /// The release of a tag; `ReleaseNotFound`.
    pub async fn find_release(&self, name: ProjectRef, tag: SourceTag) -> Result<Release> {
        self.pool
            .read(move |db| {
                let project = project(db, &name)?.id;
                releases::find(db, project, &tag)?.ok_or_else(|| Error::ReleaseNotFound(tag.to_string()))
            })
            .await
    }

    /// Releases of a project. A page has fewer of them where they are long.
    pub async fn list_releases(&self, request: ListReleases) -> Result<Listed<Release>> {
        self.pool
            .read(move |db| {
                let project = project(db, &request.project)?.id;
                let total = if request.page.count { Some(releases::count(db, project)?) } else { None };
                Ok(Listed { total, ..read(db, project, &request)? })
            })
            .await
    }
}

/// Reads a few at a time, so that not much more is in memory than a page may say.
fn read(db: &mut Db, project: i64, request: &ListReleases) -> Result<Listed<Release>> {
    let ListReleases { order, descending, page, .. } = request;
    let (mut rows, mut bytes): (Vec<Release>, usize) = (Vec::new(), 0);
    let (mut after, mut offset) = (page.after.clone(), page.skip);
    loop {
        let left = page.limit() - i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let slice = Slice { limit: left.min(AT_ONCE), offset };
        let mut found = releases::list(db, project, &order.order(*descending), after.as_ref(), slice)?;
        let is_last = i64::try_from(found.len()).is_ok_and(|length| length < slice.limit || length == left);
        bytes += found.iter().map(Release::bytes).sum::<usize>();
        rows.append(&mut found);
        if is_last {
            return Ok(page.of(rows));
        }
        if bytes > FULL_BYTES {
            return Ok(Listed { items: rows, more: true, total: None });
        }
        (after, offset) = (rows.last().map(|release| order.cursor(release)), 0);
    }
}
