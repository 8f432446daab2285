//! Listing projects.

use consign_types::access::Reach;
use consign_types::filter::Filter;
use consign_types::resource::NamespaceRef;

use super::namespace;
use crate::cursor::{Cursor, Value};
use crate::select::{Order, condition};
use crate::tables::projects::{self, Project, Selection};
use crate::{Listed, Metadata, Page, Result};

/// Which projects.
#[derive(Clone, Debug)]
pub struct ListProjects {
    /// The namespace whose projects are listed, with those of the namespaces below it; `None` for all.
    pub namespace: Option<NamespaceRef>,
    /// Those that the caller may know of.
    pub reach: Reach,
    /// Only those directly in the namespace.
    pub direct: bool,
    /// Also those that are deleted and can be brought back.
    pub show_deleted: bool,
    /// Which of them, how ordered, and which page.
    pub list: PathList<ProjectOrder>,
}

/// Which projects or namespaces, how ordered, and which page.
#[derive(Clone, Debug)]
pub struct PathList<O> {
    /// Which of them.
    pub filter: Option<Filter>,
    /// How they are ordered.
    pub order: O,
    /// Falling instead of rising.
    pub descending: bool,
    /// Which page of them.
    pub page: Page<Cursor>,
}

/// How projects are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProjectOrder {
    /// By path.
    Path,
    /// By id.
    Id,
    /// By when they were made.
    CreateTime,
    /// By when they were changed.
    UpdateTime,
}

impl ProjectOrder {
    /// Where a project stands in this order.
    pub fn cursor(self, project: &Project) -> Cursor {
        let value = match self {
            Self::Id => return Cursor { values: Vec::new(), id: project.id },
            Self::Path => Value::Text(project.path.to_string()),
            Self::CreateTime => Value::Time(project.created_at),
            Self::UpdateTime => Value::Time(project.updated_at),
        };
        Cursor { values: vec![value], id: project.id }
    }

    fn order(self, descending: bool) -> Order {
        match self {
            Self::Id => Order { columns: &["projects.id"], kinds: "", descending },
            Self::Path => Order { columns: &["projects.path", "projects.id"], kinds: "s", descending },
            Self::CreateTime => Order { columns: &["projects.created_at", "projects.id"], kinds: "t", descending },
            Self::UpdateTime => Order { columns: &["projects.updated_at", "projects.id"], kinds: "t", descending },
        }
    }
}

impl Metadata {
    /// Projects; `NamespaceNotFound`, `FilterInvalid`.
    pub async fn list_projects(&self, request: ListProjects) -> Result<Listed<Project>> {
        let now = self.now();
        self.pool
            .read(move |db| {
                let namespace = request.namespace.map(|name| namespace(db, &name)).transpose()?;
                let directly_in = namespace.as_ref().filter(|_| request.direct).map(|namespace| namespace.id);
                let namespace = namespace.map(|namespace| namespace.path);
                let PathList { filter, order, descending, page } = request.list;
                let show_deleted = request.show_deleted.then_some(now);
                let selection = || -> Result<Selection<'_>> {
                    let filter = filter.clone().map(|filter| condition(filter, &projects::field)).transpose()?;
                    Ok(Selection { namespace: namespace.as_ref(), directly_in, reach: request.reach.clone(), show_deleted, filter })
                };
                let total = if page.count { Some(projects::count(db, selection()?)?) } else { None };
                let rows = projects::list(db, selection()?, &order.order(descending), page.after.as_ref(), page.slice())?;
                Ok(Listed { total, ..page.of(rows) })
            })
            .await
    }
}
