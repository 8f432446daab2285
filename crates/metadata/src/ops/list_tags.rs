//! Tags as they stand, and as they stood.

use consign_types::Timestamp;
use consign_types::filter::Filter;
use consign_types::resource::{PackagesRef, TagRef};

use super::tagging::mark;
use super::{package, project};
use crate::select::{Cursor, Order, Value, condition};
use crate::tables::tag_moves::{self, TagMove};
use crate::tables::tags::{self, PlacedTag};
use crate::{Error, Listed, Metadata, Page, Result};

/// Which tags.
#[derive(Clone, Debug)]
pub struct ListTags {
    /// Their package, or all packages of a project.
    pub parent: PackagesRef,
    /// Which of them.
    pub filter: Option<Filter>,
    /// How they are ordered.
    pub order: TagOrder,
    /// Falling instead of rising.
    pub descending: bool,
    /// Which page of them.
    pub page: Page<Cursor>,
}

/// How tags are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagOrder {
    /// By package, then by name.
    Name,
    /// By when they were last moved.
    UpdateTime,
}

impl TagOrder {
    /// Where a tag stands in this order.
    pub fn cursor(self, tag: &PlacedTag) -> Cursor {
        let values = match self {
            Self::Name => vec![Value::Text(tag.package.to_string()), Value::Text(tag.row.tag.to_string())],
            Self::UpdateTime => vec![Value::Time(tag.row.updated_at)],
        };
        Cursor { values, id: tag.row.id }
    }

    fn order(self, descending: bool) -> Order {
        match self {
            Self::Name => Order { columns: &["packages.name", "tags.tag"], kinds: "ss", descending },
            Self::UpdateTime => Order { columns: &["tags.updated_at", "tags.id"], kinds: "t", descending },
        }
    }
}

/// A span of time in which a tag pointed at one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagSpan {
    /// The move that began it.
    pub began: TagMove,
    /// When the next move ended it.
    pub ended_at: Option<Timestamp>,
}

impl Metadata {
    /// Tags of a package, or of all packages of a project. `ProjectNotFound`, `FilterInvalid`.
    pub async fn list_tags(&self, request: ListTags) -> Result<Listed<PlacedTag>> {
        self.pool
            .read(move |db| {
                let project = project(db, &request.parent.project)?.id;
                let package = match &request.parent.package {
                    Some(name) => match crate::tables::packages::find(db, project, name)? {
                        Some(package) => Some(package.id),
                        None => return Ok(request.page.of(Vec::new())),
                    },
                    None => None,
                };
                let filter = request.filter.map(|filter| condition(filter, &tags::field)).transpose()?;
                let (order, page) = (request.order.order(request.descending), request.page);
                let mut rows = tags::list(db, project, package, filter, &order, (page.after.as_ref(), page.limit()))?;
                mark(db, project, &mut rows)?;
                Ok(page.of(rows))
            })
            .await
    }

    /// A tag as it stands, or `TagNotFound`.
    pub async fn find_tag(&self, name: TagRef) -> Result<PlacedTag> {
        self.pool
            .read(move |db| {
                let project = project(db, &name.package.project)?.id;
                let package = package(db, project, &name.package)?.id;
                let mut tag = tags::find(db, package, &name.tag)?.ok_or(Error::TagNotFound(name))?;
                mark(db, project, std::slice::from_mut(&mut tag))?;
                Ok(tag)
            })
            .await
    }

    /// What a tag pointed at, newest first, also where it was deleted; the page is by the ids of the moves. `TagNotFound` if there never
    /// was one.
    pub async fn list_tag_history(&self, name: TagRef, page: Page<i64>) -> Result<Listed<TagSpan>> {
        self.pool
            .read(move |db| {
                let project = project(db, &name.package.project)?.id;
                let package = package(db, project, &name.package)?.id;
                let moves = tag_moves::list(db, package, &name.tag, page.after, page.limit())?;
                if moves.is_empty() && page.after.is_none() {
                    return Err(Error::TagNotFound(name));
                }
                let mut ended_at = match moves.first() {
                    Some(first) => tag_moves::find_next_time(db, package, &name.tag, first.id)?,
                    None => None,
                };
                let spans = moves.into_iter().map(|began| {
                    let next = ended_at.replace(began.moved_at);
                    TagSpan { began, ended_at: next }
                });
                Ok(page.of(spans.collect()))
            })
            .await
    }
}
