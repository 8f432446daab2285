//! Listing the versions of a package or project.

use consign_types::filter::Filter;
use consign_types::resource::{PackagesRef, ProjectRef};

use super::project;
use crate::connection::Db;
use crate::cursor::{Cursor, Value};
use crate::select::{Extent, Order, condition};
use crate::tables::version_row::Version;
use crate::tables::versions::{self, Selection};
use crate::tables::{packages, projects};
use crate::{Error, Listed, Metadata, Page, Result};

/// Which versions of a package or project.
#[derive(Clone, Debug)]
pub struct ListVersions {
    /// The package, or all packages of a project.
    pub parent: PackagesRef,
    /// Which of them, how ordered, and which page.
    pub list: VersionList,
    /// Also those that are deleted and can be brought back.
    pub show_deleted: bool,
}

/// What lists of versions have in common.
#[derive(Clone, Debug)]
pub struct VersionList {
    /// Which of them.
    pub filter: Option<Filter>,
    /// How they are ordered.
    pub order: VersionOrder,
    /// Falling instead of rising.
    pub descending: bool,
    /// Also hidden ones.
    pub show_hidden: bool,
    /// Which page of them.
    pub page: Page<Cursor>,
}

/// How versions are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionOrder {
    /// Within one package: by its version scheme.
    Version,
    /// By package, then by its version scheme.
    Package,
    /// By project, in the order in which those were made.
    Project,
    /// By the full path of the project.
    ProjectPath,
    /// By id.
    Id,
    /// By when they were made.
    CreateTime,
    /// By when they were published; drafts are left out.
    PublishTime,
}

impl VersionOrder {
    /// Where a version stands in this order.
    pub fn cursor(self, version: &Version) -> Cursor {
        let key = || Value::Bytes(version.sort_key.as_bytes().to_vec());
        let values = match self {
            Self::Version => vec![key()],
            Self::Package => vec![Value::Text(version.package.to_string()), key()],
            Self::Project | Self::ProjectPath => vec![Value::Number(version.project_id)],
            Self::Id => Vec::new(),
            Self::CreateTime => vec![Value::Time(version.created_at)],
            Self::PublishTime => vec![Value::Time(version.published_at.unwrap_or(version.created_at))],
        };
        Cursor { values, id: version.id }
    }

    fn order(self, descending: bool) -> Order {
        let (columns, kinds): (&'static [&'static str], _) = match self {
            Self::Version => (&["versions.sort_key", "versions.id"], "b"),
            Self::Package => (&["packages.name", "versions.sort_key", "versions.id"], "sb"),
            Self::Project => (&["versions.project_id", "versions.id"], "n"),
            Self::ProjectPath => (&["projects.path", "versions.id"], "s"),
            Self::Id => (&["versions.id"], ""),
            Self::CreateTime => (&["versions.created_at", "versions.id"], "t"),
            Self::PublishTime => (&["versions.published_at", "versions.id"], "t"),
        };
        Order { columns, kinds, descending }
    }
}

impl Metadata {
    /// Versions of a package, or of all packages of a project, drafts included. `ProjectNotFound`, `FilterInvalid`.
    pub async fn list_versions(&self, request: ListVersions) -> Result<Listed<Version>> {
        let now = self.now();
        self.pool
            .read(move |db| {
                let project = project(db, &request.parent.project)?.id;
                let package = match &request.parent.package {
                    Some(name) => match packages::find(db, project, name)? {
                        Some(package) => Some(package.id),
                        None => return Ok(request.list.page.of(Vec::new())),
                    },
                    None => None,
                };
                let show_drafts = request.list.order != VersionOrder::PublishTime;
                let show_deleted = request.show_deleted.then_some(now);
                list(
                    db,
                    request.list,
                    Selection { extent: Extent::Project(project), package, show_drafts, show_deleted, ..Selection::default() },
                )
            })
            .await
    }
}

pub(super) fn list(db: &mut Db, list: VersionList, selection: Selection) -> Result<Listed<Version>> {
    let VersionList { filter, order, descending, show_hidden, mut page } = list;
    let filtered = || filter.clone().map(|filter| condition(filter, &versions::field)).transpose();
    if order == VersionOrder::ProjectPath {
        for cursor in [&mut page.after, &mut page.before].into_iter().flatten() {
            *cursor = by_path(db, cursor)?;
        }
    }
    let first = match page.after.as_ref().and_then(|after| after.values.first()) {
        Some(Value::Text(text)) if !descending => Some(text.clone()),
        _ => None,
    };
    let from_package = first.clone().filter(|_| order == VersionOrder::Package);
    let from_project = first.filter(|_| order == VersionOrder::ProjectPath);
    let counted = Selection { show_hidden, filter: filtered()?, ..selection.again() };
    let total = if page.count { Some(versions::count(db, counted)?) } else { None };
    let selection = Selection { from_package, from_project, show_hidden, filter: filtered()?, ..selection };
    let rows = versions::list(db, selection, &order.order(descending), &page)?;
    Ok(Listed { total, ..page.of(rows) })
}

/// A cursor that names a project by its id, with the path that it has. `PageTokenInvalid` where the project is gone.
fn by_path(db: &mut Db, cursor: &Cursor) -> Result<Cursor> {
    let [Value::Number(id)] = cursor.values.as_slice() else { return Err(Error::PageTokenInvalid) };
    let project = projects::find_any(db, &ProjectRef::Id(*id))?.ok_or(Error::PageTokenInvalid)?;
    Ok(Cursor { values: vec![Value::Text(project.path.to_string())], id: cursor.id })
}
