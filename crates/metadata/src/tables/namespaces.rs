//! Namespaces: the groups that projects live in.

use consign_types::resource::NamespaceRef;
use consign_types::{NamespacePath, Timestamp};
use diesel::prelude::*;

use crate::connection::{Db, each};
use crate::error::{Error, Result};
use crate::schema::namespaces;

/// A namespace.
#[derive(Clone, Debug, Queryable)]
pub struct Namespace {
    /// Its id, never reused.
    pub id: i64,
    /// Its full path, unique.
    pub path: NamespacePath,
    /// What people call it.
    pub display_name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Adds a namespace; `None` if its path is taken.
pub(crate) fn insert(db: &mut Db, path: &NamespacePath, display_name: &str, now: Timestamp) -> Result<Option<Namespace>> {
    let values = (namespaces::path.eq(path), namespaces::display_name.eq(display_name), namespaces::created_at.eq(now));
    Ok(each!(db, connection => diesel::insert_into(namespaces::table)
        .values(values)
        .on_conflict_do_nothing()
        .returning(namespaces::all_columns)
        .get_result(connection)
        .optional())?)
}

/// The namespace of this id or path.
pub(crate) fn find(db: &mut Db, name: &NamespaceRef) -> Result<Namespace> {
    let found = match name {
        NamespaceRef::Id(id) => namespaces::table.find(id).first(db),
        NamespaceRef::Path(path) => namespaces::table.filter(namespaces::path.eq(path)).first(db),
    };
    found.optional()?.ok_or_else(|| Error::NamespaceNotFound(name.clone()))
}

/// Namespaces with ids above `after`, in the order of their ids.
pub(crate) fn list(db: &mut Db, after: i64, limit: i64) -> Result<Vec<Namespace>> {
    Ok(namespaces::table.filter(namespaces::id.gt(after)).order(namespaces::id).limit(limit).load(db)?)
}
