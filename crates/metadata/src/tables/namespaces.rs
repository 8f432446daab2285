//! Namespaces: folders of projects and of further namespaces.

use consign_types::access::Reach;
use consign_types::resource::NamespaceRef;
use consign_types::text::DisplayName;
use consign_types::{NamespacePath, Timestamp};
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::connection::{Db, MultiBackend, each};
use crate::cursor::Cursor;
use crate::error::Result;
use crate::page::{MAX_COUNTED, Slice};
use crate::schema::{namespaces, projects};
use crate::select::{Condition, Field, Order, around};
use crate::tables::sums;

/// A folder of projects.
#[derive(Clone, Debug, Queryable, Serialize, Deserialize)]
pub struct Namespace {
    /// Its id, never reused.
    pub id: i64,
    /// The namespace around it.
    pub parent_id: Option<i64>,
    /// Its full path, unique.
    pub path: NamespacePath,
    /// What people call it.
    pub display_name: DisplayName,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was deleted with what is in it, and is only kept for that.
    #[serde(default)]
    pub deleted_at: Option<Timestamp>,
}

impl Namespace {
    /// Differs from that of another namespace which had this path before.
    pub fn etag(&self) -> String {
        format!("{:x}", self.id)
    }
}

/// A namespace to be added.
#[derive(Insertable)]
#[diesel(table_name = namespaces)]
pub(crate) struct NewNamespace<'a> {
    pub(crate) parent_id: Option<i64>,
    pub(crate) path: &'a NamespacePath,
    pub(crate) display_name: &'a DisplayName,
    pub(crate) created_at: Timestamp,
}

/// Which namespaces to list.
pub(crate) struct Selection<'a> {
    /// Those that the caller may know of.
    pub(crate) reach: &'a Reach,
    pub(crate) filter: Option<Condition<namespaces::table>>,
}

/// What lists of namespaces can be filtered by.
pub(crate) fn field(name: &str) -> Option<Field> {
    Some(match name {
        "id" => Field::Number("namespaces.id"),
        "path" => Field::Text("namespaces.path"),
        "display_name" => Field::Text("namespaces.display_name"),
        "create_time" => Field::Time("namespaces.created_at"),
        _ => return None,
    })
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

/// The namespace of this id or path, unless it is deleted.
pub(crate) fn find(db: &mut Db, name: &NamespaceRef) -> Result<Option<Namespace>> {
    Ok(find_any(db, name)?.filter(|namespace| namespace.deleted_at.is_none()))
}

/// The namespace of this id or path, deleted or not.
pub(crate) fn find_any(db: &mut Db, name: &NamespaceRef) -> Result<Option<Namespace>> {
    let found = match name {
        NamespaceRef::Id(id) => namespaces::table.find(id).first(db),
        NamespaceRef::Path(path) => namespaces::table.filter(namespaces::path.eq(path)).first(db),
    };
    Ok(found.optional()?)
}

/// Namespaces that fit, behind a cursor.
pub(crate) fn list(db: &mut Db, selection: Selection<'_>, order: &Order, after: Option<&Cursor>, slice: Slice) -> Result<Vec<Namespace>> {
    let mut query = chosen(selection).order(order.by()).limit(slice.limit).offset(slice.offset);
    if let Some(after) = after {
        query = query.filter(order.behind(after)?);
    }
    Ok(query.load(db)?)
}

/// How many namespaces fit, as far as they are counted.
pub(crate) fn count(db: &mut Db, selection: Selection<'_>) -> Result<i64> {
    let ids: Vec<i64> = chosen(selection).select(namespaces::id).limit(MAX_COUNTED + 1).load(db)?;
    Ok(i64::try_from(ids.len()).unwrap_or(i64::MAX))
}

fn chosen(selection: Selection<'_>) -> namespaces::BoxedQuery<'static, MultiBackend> {
    let mut query = namespaces::table.into_boxed().filter(namespaces::deleted_at.is_null());
    for condition in around(selection.reach).into_iter().chain(selection.filter) {
        query = query.filter(condition);
    }
    query
}

/// A namespace and all around it, by id, from the inside out.
pub(crate) fn list_around(db: &mut Db, path: &NamespacePath) -> Result<Vec<i64>> {
    let paths: Vec<NamespacePath> = std::iter::successors(Some(path.clone()), NamespacePath::parent).collect();
    Ok(namespaces::table.filter(namespaces::path.eq_any(paths)).order(namespaces::path.desc()).select(namespaces::id).load(db)?)
}

/// Whether a namespace holds namespaces or projects, deleted ones included.
pub(crate) fn is_used(db: &mut Db, id: i64) -> Result<bool> {
    let child = namespaces::table.filter(namespaces::parent_id.eq(id));
    let project = projects::table.filter(projects::namespace_id.eq(id));
    Ok(diesel::select(exists(child)).get_result(db)? || diesel::select(exists(project)).get_result(db)?)
}

/// Locks a namespace and those below it, deleted or not, a bounded number of them, so that nothing is added to them until the transaction
/// ends. The inner ones come first. What others add while one of them is waited for is not among them.
pub(crate) fn lock_below(db: &mut Db, path: &NamespacePath, limit: i64) -> Result<Vec<Namespace>> {
    let (first, end) = sums::bounds(Some(path));
    let within = namespaces::path.gt(first).and(namespaces::path.lt(end));
    let query = namespaces::table.filter(namespaces::path.eq(path).or(within)).order(namespaces::path.desc()).limit(limit);
    Ok(match db {
        Db::Postgres(connection) => query.for_update().load(connection)?,
        Db::Sqlite(connection) => query.load(connection)?,
    })
}

/// Notes that a namespace is deleted.
pub(crate) fn mark_deleted(db: &mut Db, id: i64, now: Timestamp) -> Result<()> {
    diesel::update(namespaces::table.find(id)).set(namespaces::deleted_at.eq(Some(now))).execute(db)?;
    Ok(())
}

/// Brings back a namespace and all around it. Each is written, deleted or not, so that whoever is deleting one is waited for.
pub(crate) fn restore_around(db: &mut Db, path: &NamespacePath) -> Result<()> {
    let paths: Vec<NamespacePath> = std::iter::successors(Some(path.clone()), NamespacePath::parent).collect();
    diesel::update(namespaces::table.filter(namespaces::path.eq_any(paths)))
        .set(namespaces::deleted_at.eq(None::<Timestamp>))
        .execute(db)?;
    Ok(())
}

/// A deleted namespace that holds nothing any more.
pub(crate) fn find_purgeable(db: &mut Db) -> Result<Option<i64>> {
    let children = diesel::alias!(namespaces as children);
    let child = children.filter(children.field(namespaces::parent_id).eq(namespaces::id.nullable()));
    let project = projects::table.filter(projects::namespace_id.eq(namespaces::id));
    let empty = namespaces::table.filter(namespaces::deleted_at.is_not_null()).filter(not(exists(child))).filter(not(exists(project)));
    Ok(empty.select(namespaces::id).first(db).optional()?)
}

/// Removes a namespace.
pub(crate) fn remove(db: &mut Db, id: i64) -> Result<()> {
    diesel::delete(namespaces::table.find(id)).execute(db)?;
    Ok(())
}
