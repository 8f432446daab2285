//! Listing tags as they stand.

use consign_types::filter::Filter;
use consign_types::resource::PackagesRef;

use super::project;
use super::tagging::mark;
use crate::cursor::{Cursor, Value};
use crate::select::{Order, condition};
use crate::tables::tags::{self, PlacedTag};
use crate::{Listed, Metadata, Page, Result};

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
}
