//! Projects: the homes of packages.

use consign_types::resource::ProjectRef;
use consign_types::{ProjectPath, Timestamp};
use diesel::deserialize::{self, FromSql};
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::{AsExpression, FromSqlRow};

use crate::columns::text_enum;
use crate::connection::{Db, each};
use crate::error::{Error, Result};
use crate::schema::projects;

text_enum! {
    /// Who may know of a project.
    Visibility {
        /// Its members.
        Private = "private",
        /// Everybody who is logged in.
        Internal = "internal",
        /// Everybody.
        Public = "public",
    }
}

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
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// Who may know of it.
    pub visibility: Visibility,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Adds a project; `None` if its path is taken.
pub(crate) fn insert(
    db: &mut Db,
    namespace: i64,
    path: &ProjectPath,
    (display_name, description): (&str, &str),
    visibility: Visibility,
    now: Timestamp,
) -> Result<Option<Project>> {
    let values = (
        projects::namespace_id.eq(namespace),
        projects::path.eq(path),
        projects::display_name.eq(display_name),
        projects::description.eq(description),
        projects::visibility.eq(visibility),
        projects::created_at.eq(now),
        projects::updated_at.eq(now),
    );
    Ok(each!(db, connection => diesel::insert_into(projects::table)
        .values(values)
        .on_conflict_do_nothing()
        .returning(projects::all_columns)
        .get_result(connection)
        .optional())?)
}

/// The project of this id or path.
pub(crate) fn find(db: &mut Db, name: &ProjectRef) -> Result<Project> {
    let found = match name {
        ProjectRef::Id(id) => projects::table.find(id).first(db),
        ProjectRef::Path(path) => projects::table.filter(projects::path.eq(path)).first(db),
    };
    found.optional()?.ok_or_else(|| Error::ProjectNotFound(name.clone()))
}

/// Projects with ids above `after`, of one namespace or of all, in the order of their ids.
pub(crate) fn list(db: &mut Db, namespace: Option<i64>, after: i64, limit: i64) -> Result<Vec<Project>> {
    let mut query = projects::table.filter(projects::id.gt(after)).order(projects::id).limit(limit).into_boxed();
    if let Some(namespace) = namespace {
        query = query.filter(projects::namespace_id.eq(namespace));
    }
    Ok(query.load(db)?)
}
