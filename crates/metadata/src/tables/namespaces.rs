//! Namespaces: the groups that projects live in.

use consign_types::resource::NamespaceRef;
use consign_types::text::DisplayName;
use consign_types::{NamespacePath, Timestamp};
use diesel::prelude::*;

use crate::connection::{Db, each};
use crate::error::Result;
use crate::schema::namespaces;

/// A namespace.
#[derive(Clone, Debug, Queryable)]
pub struct Namespace {
    /// Its id, never reused.
    pub id: i64,
    /// Its full path, unique.
    pub path: NamespacePath,
    /// What people call it.
    pub display_name: DisplayName,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A namespace to be added.
#[derive(Insertable)]
#[diesel(table_name = namespaces)]
pub(crate) struct NewNamespace<'a> {
    pub(crate) path: &'a NamespacePath,
    pub(crate) display_name: &'a DisplayName,
    pub(crate) created_at: Timestamp,
}

/// Adds a namespace; `None` if its path is taken.
pub(crate) fn insert(db: &mut Db, new: &NewNamespace<'_>) -> Result<Option<Namespace>> {
    Ok(each!(db, connection => diesel::insert_into(namespaces::table)
        .values(new)
        .on_conflict_do_nothing()
        .returning(namespaces::all_columns)
        .get_result(connection)
        .optional())?)
}

/// The namespace of this id or path.
pub(crate) fn find(db: &mut Db, name: &NamespaceRef) -> Result<Option<Namespace>> {
    let found = match name {
        NamespaceRef::Id(id) => namespaces::table.find(id).first(db),
        NamespaceRef::Path(path) => namespaces::table.filter(namespaces::path.eq(path)).first(db),
    };
    Ok(found.optional()?)
}

/// Namespaces behind `after`, in the order of their paths.
pub(crate) fn list(db: &mut Db, after: Option<&NamespacePath>, limit: i64) -> Result<Vec<Namespace>> {
    let mut query = namespaces::table.order(namespaces::path).limit(limit).into_boxed();
    if let Some(after) = after {
        query = query.filter(namespaces::path.gt(after));
    }
    Ok(query.load(db)?)
}
