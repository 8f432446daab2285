//! Projects: the homes of packages.

use consign_types::access::Reach;
use consign_types::resource::ProjectRef;
use consign_types::text::{Description, DisplayName};
use consign_types::version::Visibility;
use consign_types::{NamespacePath, ProjectPath, Timestamp};
use diesel::dsl::exists;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::batch::{Batch, push};
use crate::connection::{Db, MultiBackend, each};
use crate::cursor::Cursor;
use crate::error::Result;
use crate::page::{MAX_COUNTED, Slice};
use crate::prepared::{fixed, rounded};
use crate::schema::projects;
use crate::select::{Condition, Field, Order, within};
use crate::tables::sums;

/// A project.
#[derive(Clone, Debug, Queryable, QueryableByName, AsChangeset, Serialize, Deserialize)]
#[diesel(table_name = projects, treat_none_as_null = true)]
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
    /// The number of its own last change.
    pub sequence: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
    /// When it is removed for good.
    pub purge_at: Option<Timestamp>,
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
    pub(crate) sequence: i64,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

impl Project {
    /// Whether this is a name of it: by id or by path.
    pub(crate) fn is_named(&self, name: &ProjectRef) -> bool {
        match name {
            ProjectRef::Id(id) => *id == self.id,
            ProjectRef::Path(path) => *path == self.path,
        }
    }

    /// Differs after every change.
    pub fn etag(&self) -> String {
        format!("{:x}-{:x}", self.id, self.sequence)
    }
}

/// Which projects to list.
pub(crate) struct Selection<'a> {
    /// Those of this namespace and of those below it; `None` for all.
    pub(crate) namespace: Option<&'a NamespacePath>,
    /// Only those directly in the namespace of this id.
    pub(crate) directly_in: Option<i64>,
    /// Those that the caller may know of.
    pub(crate) reach: Reach,
    /// Also those that are deleted and are not purged before this instant.
    pub(crate) show_deleted: Option<Timestamp>,
    pub(crate) filter: Option<Condition<projects::table>>,
}

const VISIBILITIES: &[&str] = &["private", "internal", "public"];

/// What lists of projects can be filtered by.
pub(crate) fn field(name: &str) -> Option<Field> {
    Some(match name {
        "id" => Field::Number("projects.id"),
        "path" => Field::Text("projects.path"),
        "display_name" => Field::Text("projects.display_name"),
        "visibility" => Field::Word("projects.visibility", VISIBILITIES),
        "create_time" => Field::Time("projects.created_at"),
        "update_time" => Field::Time("projects.updated_at"),
        _ => return None,
    })
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

/// The project of this id or path, unless it is deleted.
pub(crate) fn find(db: &mut Db, name: &ProjectRef) -> Result<Option<Project>> {
    Ok(find_any(db, name)?.filter(|project| project.deleted_at.is_none()))
}

/// The project of this id or path, deleted or not.
pub(crate) fn find_any(db: &mut Db, name: &ProjectRef) -> Result<Option<Project>> {
    let found = match name {
        ProjectRef::Id(id) => each!(db, connection => fixed!(projects::table.find(id)).get_result(connection)),
        ProjectRef::Path(path) => each!(db, connection => fixed!(projects::table.filter(projects::path.eq(path))).get_result(connection)),
    };
    Ok(found.optional()?)
}

/// The projects of these ids, those of a page at most.
pub(crate) fn list_of(db: &mut Db, ids: &[i64]) -> Result<Vec<Project>> {
    Ok(projects::table.filter(projects::id.eq_any(rounded(ids.to_vec()))).load(db)?)
}

/// The widest visibility of a project of a namespace and of those below it; private where there is none.
pub(crate) fn widest_visibility(db: &mut Db, namespace: &NamespacePath) -> Result<Visibility> {
    let (first, end) = sums::bounds(Some(namespace));
    for visibility in [Visibility::Public, Visibility::Internal] {
        let below = projects::table.filter(projects::path.gt(&first)).filter(projects::path.lt(&end));
        let seen = below.filter(projects::visibility.eq(visibility)).filter(projects::deleted_at.is_null());
        if diesel::select(exists(seen)).get_result(db)? {
            return Ok(visibility);
        }
    }
    Ok(Visibility::Private)
}

/// The ids of the projects of a namespace and of those below it that are not deleted, a bounded number of them.
pub(crate) fn list_below(db: &mut Db, namespace: &NamespacePath, limit: i64) -> Result<Vec<i64>> {
    let (first, end) = sums::bounds(Some(namespace));
    let below = projects::table.filter(projects::path.gt(first)).filter(projects::path.lt(end)).filter(projects::deleted_at.is_null());
    Ok(below.order(projects::id).limit(limit).select(projects::id).load(db)?)
}

/// Projects that fit, behind a cursor.
pub(crate) fn list(db: &mut Db, selection: Selection<'_>, order: &Order, after: Option<&Cursor>, slice: Slice) -> Result<Vec<Project>> {
    let mut query = chosen(selection).order(order.by()).limit(slice.limit).offset(slice.offset);
    if let Some(after) = after {
        query = query.filter(order.behind(after)?);
    }
    Ok(query.load(db)?)
}

/// How many projects fit, as far as they are counted.
pub(crate) fn count(db: &mut Db, selection: Selection<'_>) -> Result<i64> {
    let ids: Vec<i64> = chosen(selection).select(projects::id).limit(MAX_COUNTED + 1).load(db)?;
    Ok(i64::try_from(ids.len()).unwrap_or(i64::MAX))
}

fn chosen(selection: Selection<'_>) -> projects::BoxedQuery<'static, MultiBackend> {
    let mut query = projects::table.into_boxed();
    if let Some(namespace) = selection.namespace {
        let (first, end) = sums::bounds(Some(namespace));
        query = query.filter(projects::path.gt(first)).filter(projects::path.lt(end));
    }
    if let Some(id) = selection.directly_in {
        query = query.filter(projects::namespace_id.eq(id));
    }
    if let Some(condition) = within(&selection.reach) {
        query = query.filter(condition);
    }
    query = match selection.show_deleted {
        Some(now) => query.filter(projects::purge_at.is_null().or(projects::purge_at.gt(now).assume_not_null())),
        None => query.filter(projects::deleted_at.is_null()),
    };
    if let Some(condition) = selection.filter {
        query = query.filter(condition);
    }
    query
}

/// Writes a project as it is now.
pub(crate) fn update(batch: &mut Batch<'_>, project: &Project) {
    let project = project.clone();
    push!(batch, diesel::update(projects::table.find(project.id)).set(project));
}

/// A project whose time is over.
pub(crate) fn find_purgeable(db: &mut Db, now: Timestamp) -> Result<Option<Project>> {
    let query = projects::table.filter(projects::purge_at.le(now)).order(projects::purge_at);
    Ok(query.first(db).optional()?)
}

/// Removes a project of which nothing is left.
pub(crate) fn remove(db: &mut Db, id: i64) -> Result<()> {
    diesel::delete(projects::table.find(id)).execute(db)?;
    Ok(())
}
