//! Projects: the homes of packages.

use consign_types::resource::ProjectRef;
use consign_types::text::{Description, DisplayName};
use consign_types::version::Visibility;
use consign_types::{NamespacePath, ProjectPath, Timestamp};
use diesel::prelude::*;

use crate::connection::{Db, each};
use crate::error::Result;
use crate::schema::projects;

/// A project.
#[derive(Clone, Debug, Queryable)]
pub struct Project {
    /// Its id, never reused.
    pub id: i64,
    /// The namespace it lives in.
    pub namespace_id: i64,
    /// Its full path, unique.
    pub path: ProjectPath,
    /// What people call it.
    pub display_name: DisplayName,
    /// What it is for.
    pub description: Description,
    /// Who may know of it.
    pub visibility: Visibility,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A project to be added.
#[derive(Insertable)]
#[diesel(table_name = projects)]
pub(crate) struct NewProject<'a> {
    pub(crate) namespace_id: i64,
    pub(crate) path: &'a ProjectPath,
    pub(crate) display_name: &'a DisplayName,
    pub(crate) description: &'a Description,
    pub(crate) visibility: Visibility,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// Adds a project; `None` if its path is taken.
pub(crate) fn insert(db: &mut Db, new: &NewProject<'_>) -> Result<Option<Project>> {
    Ok(each!(db, connection => diesel::insert_into(projects::table)
        .values(new)
        .on_conflict_do_nothing()
        .returning(projects::all_columns)
        .get_result(connection)
        .optional())?)
}

/// The project of this id or path.
pub(crate) fn find(db: &mut Db, name: &ProjectRef) -> Result<Option<Project>> {
    let found = match name {
        ProjectRef::Id(id) => projects::table.find(id).first(db),
        ProjectRef::Path(path) => projects::table.filter(projects::path.eq(path)).first(db),
    };
    Ok(found.optional()?)
}

/// Projects behind `after`, of one namespace and those below it or of all, in the order of their paths.
pub(crate) fn list(db: &mut Db, namespace: Option<&NamespacePath>, after: Option<&ProjectPath>, limit: i64) -> Result<Vec<Project>> {
    let mut query = projects::table.order(projects::path).limit(limit).into_boxed();
    if let Some(namespace) = namespace {
        // All paths that start with the namespace and `/`: `0` is the character behind `/`.
        let (first, end) = (format!("{namespace}/"), format!("{namespace}0"));
        query = query.filter(projects::path.gt(first)).filter(projects::path.lt(end));
    }
    if let Some(after) = after {
        query = query.filter(projects::path.gt(after));
    }
    Ok(query.load(db)?)
}
