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

/// How many bytes a page says at most, but for its last release.
const MAX_PAGE_BYTES: usize = 3 << 20;

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
    pub async fn list_releases(
        &self,
        name: ProjectRef,
        (order, descending): (ReleaseOrder, bool),
        page: Page<Cursor>,
    ) -> Result<Listed<Release>> {
        self.pool
            .read(move |db| {
                let project = project(db, &name)?.id;
                let total = if page.count { Some(releases::count(db, project)?) } else { None };
                Ok(Listed { total, ..read(db, project, order, descending, page)? })
            })
            .await
    }
}

/// Reads a few at a time, so that no more is in memory than a page may say.
fn read(db: &mut Db, project: i64, order: ReleaseOrder, descending: bool, page: Page<Cursor>) -> Result<Listed<Release>> {
    let (mut rows, mut bytes): (Vec<Release>, usize) = (Vec::new(), 0);
    let (mut after, mut offset) = (page.after.clone(), page.skip);
    loop {
        let left = page.limit() - i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let slice = Slice { limit: left.min(AT_ONCE), offset };
        let mut found = releases::list(db, project, &order.order(descending), after.as_ref(), slice)?;
        let is_last = i64::try_from(found.len()).is_ok_and(|length| length < slice.limit || length == left);
        bytes += found.iter().map(Release::bytes).sum::<usize>();
        rows.append(&mut found);
        if bytes > MAX_PAGE_BYTES && rows.len() > 1 {
            rows.pop();
            return Ok(Listed { items: rows, more: true, total: None });
        }
        if is_last {
            return Ok(page.of(rows));
        }
        (after, offset) = (rows.last().map(|release| order.cursor(release)), 0);
    }
}
