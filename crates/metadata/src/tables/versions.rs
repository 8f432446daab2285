//! Versions: what GitLab calls a package.

use consign_types::order::SortKey;
use consign_types::retention::may_lose_files;
use consign_types::version::VersionState;
use consign_types::{PackageName, Timestamp, VersionName};
use diesel::dsl::{Eq, InnerJoin, IntoBoxed, On, sql};
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};

use super::BATCH;
use super::version_row::{Version, VersionRow};
use crate::batch::{Batch, push};
use crate::connection::{Db, MultiBackend, each};
use crate::cursor::Cursor;
use crate::error::Result;
use crate::page::{MAX_COUNTED, Page};
use crate::prepared::fixed;
use crate::schema::{packages, projects, versions};
use crate::select::{BOOLEANS, Condition, Extent, Field, Order};

/// What a query reads of a version.
pub(crate) type Read = (VersionRow, PackageName, Option<String>);

impl From<Read> for Version {
    fn from((row, package, tags): Read) -> Self {
        let tags = tags.iter().flat_map(|tags| tags.split(' ')).filter_map(|tag| tag.parse().ok()).collect();
        Self { row, package, tags }
    }
}

/// The columns of a [`Read`].
pub(crate) type Columns = (<versions::table as Table>::AllColumns, packages::name, SqlLiteral<Nullable<Text>>);

pub(crate) fn columns() -> Columns {
    // The names of tags have no blanks.
    (
        versions::all_columns,
        packages::name,
        sql("(select string_agg(t.tag, ' ' order by t.tag) from tags t where t.version_id = versions.id)"),
    )
}

/// Which versions to list.
#[derive(Default)]
pub(crate) struct Selection {
    /// Where they are.
    pub(crate) extent: Extent,
    /// Their package; `None` for all.
    pub(crate) package: Option<i64>,
    /// Only packages from this name on.
    pub(crate) from_package: Option<String>,
    /// Only projects from this path on.
    pub(crate) from_project: Option<String>,
    /// Also hidden ones.
    pub(crate) show_hidden: bool,
    /// Also drafts.
    pub(crate) show_drafts: bool,
    /// Also those that are deleted and are not purged before this instant.
    pub(crate) show_deleted: Option<Timestamp>,
    pub(crate) filter: Option<Condition<Source>>,
}

impl Selection {
    /// The same but for the filter, which can't be had twice.
    pub(crate) fn again(&self) -> Self {
        let Self { extent, from_package, from_project, .. } = self;
        Self { extent: extent.clone(), from_package: from_package.clone(), from_project: from_project.clone(), filter: None, ..*self }
    }
}

/// Versions, their packages and their projects.
pub(crate) type Source = diesel::dsl::InnerJoinQuerySource<
    diesel::dsl::InnerJoinQuerySource<versions::table, packages::table>,
    projects::table,
    Eq<packages::project_id, projects::id>,
>;

const STATES: &[&str] = &["draft", "open", "published", "yanked", "quarantined", "deleted"];

/// What lists of versions can be filtered by.
pub(crate) fn field(name: &str) -> Option<Field> {
    Some(match name {
        "id" => Field::Number("versions.id"),
        "package" => Field::Name("packages.name", "packages.name_key"),
        "version" => Field::Unordered("versions.version"),
        "state" => Field::Word("versions.state", STATES),
        "hidden" => Field::Word("(case when versions.hidden then 'true' else 'false' end)", BOOLEANS),
        "namespace_id" => Field::Number("projects.namespace_id"),
        "creator" => Field::Text("versions.creator"),
        "labels" => Field::Labels("version_labels", "version_labels.version_id", "versions.id"),
        "content_digest" => Field::Digest("versions.content_digest"),
        "create_time" => Field::Time("versions.created_at"),
        "update_time" => Field::Time("versions.updated_at"),
        "publish_time" => Field::Time("versions.published_at"),
        "last_download_time" => Field::Time("versions.downloaded_at"),
        _ => return None,
    })
}

/// The version that holds this name in a package that holds its own.
pub(crate) fn find(db: &mut Db, project: i64, package: &PackageName, version: &VersionName) -> Result<Option<Version>> {
    let query = versions::table
        .inner_join(packages::table)
        .filter(packages::project_id.eq(project))
        .filter(packages::name.eq(package))
        .filter(packages::retired.eq(0))
        .filter(versions::version.eq(version))
        .filter(versions::retired.eq(0));
    let found = each!(db, connection => fixed!(query.select(columns())).get_result::<Read>(connection));
    Ok(found.optional()?.map(Version::from))
}

/// The version of this id, deleted or not.
pub(crate) fn get(db: &mut Db, id: i64) -> Result<Option<Version>> {
    let query = versions::table.inner_join(packages::table).filter(versions::id.eq(id)).select(columns());
    Ok(query.first::<Read>(db).optional()?.map(Version::from))
}

/// Versions of a project behind an id, and whether they may have files that newer ones replaced and that may go.
pub(crate) fn list_layered(db: &mut Db, project: i64, after: i64, limit: i64) -> Result<Vec<(i64, bool)>> {
    let columns = (versions::id, versions::retired, versions::state, versions::row_count, versions::file_count);
    let query = versions::table.filter(versions::project_id.eq(project)).filter(versions::id.gt(after));
    let rows: Vec<(i64, i64, VersionState, i64, i64)> = query.order(versions::id).limit(limit).select(columns).load(db)?;
    let layered =
        |(id, retired, state, rows, files): (i64, i64, VersionState, i64, i64)| (id, retired == 0 && may_lose_files(state) && rows > files);
    Ok(rows.into_iter().map(layered).collect())
}

/// The states of those of these versions that are not deleted.
pub(crate) fn list_states(db: &mut Db, ids: &[i64]) -> Result<Vec<(i64, VersionState)>> {
    let mut found = Vec::new();
    for ids in ids.chunks(BATCH) {
        let query = versions::table.filter(versions::id.eq_any(ids)).filter(versions::retired.eq(0));
        found.append(&mut query.select((versions::id, versions::state)).load(db)?);
    }
    Ok(found)
}

/// Where versions stand among those of their packages.
pub(crate) fn list_sort_keys(db: &mut Db, ids: &[i64]) -> Result<Vec<(i64, SortKey)>> {
    let mut found = Vec::new();
    for ids in ids.chunks(BATCH) {
        found.append(&mut versions::table.filter(versions::id.eq_any(ids)).select((versions::id, versions::sort_key)).load(db)?);
    }
    Ok(found)
}

/// The version that was last deleted under this name and can be brought back.
pub(crate) fn find_deleted(db: &mut Db, package: i64, version: &VersionName, now: Timestamp) -> Result<Option<Version>> {
    let query = versions::table
        .inner_join(packages::table)
        .filter(versions::package_id.eq(package))
        .filter(versions::version.eq(version))
        .filter(versions::retired.ne(0))
        .filter(versions::purge_at.gt(now));
    let query = query.select(columns()).order((versions::deleted_at.desc(), versions::id.desc()));
    Ok(query.first::<Read>(db).optional()?.map(Version::from))
}

/// Versions that fit, behind a cursor.
pub(crate) fn list(db: &mut Db, selection: Selection, order: &Order, page: &Page<Cursor>) -> Result<Vec<Version>> {
    let ((order, conditions), slice) = (page.read(order)?, page.slice());
    let mut query = chosen(selection).select(columns()).order(order.by()).limit(slice.limit).offset(slice.offset);
    for condition in conditions {
        query = query.filter(condition);
    }
    Ok(query.load::<Read>(db)?.into_iter().map(Version::from).collect())
}

/// How many versions fit, as far as they are counted.
pub(crate) fn count(db: &mut Db, selection: Selection) -> Result<i64> {
    let ids: Vec<i64> = chosen(selection).select(versions::id).limit(MAX_COUNTED + 1).load(db)?;
    Ok(i64::try_from(ids.len()).unwrap_or(i64::MAX))
}

type Chosen = IntoBoxed<
    'static,
    InnerJoin<InnerJoin<versions::table, packages::table>, On<projects::table, Eq<packages::project_id, projects::id>>>,
    MultiBackend,
>;

fn chosen(selection: Selection) -> Chosen {
    let mut query = versions::table
        .inner_join(packages::table)
        .inner_join(projects::table.on(packages::project_id.eq(projects::id)))
        .into_boxed()
        .filter(packages::retired.eq(0))
        .filter(projects::deleted_at.is_null());
    let (project, conditions) = selection.extent.parts();
    if let Some(project) = project {
        // Said of both, so that either's indexes serve.
        query = query.filter(versions::project_id.eq(project)).filter(packages::project_id.eq(project));
    }
    for condition in conditions {
        query = query.filter(condition);
    }
    if let Some(name) = selection.from_package {
        query = query.filter(packages::name.ge(name));
    }
    if let Some(path) = selection.from_project {
        query = query.filter(projects::path.ge(path));
    }
    if let Some(package) = selection.package {
        query = query.filter(versions::package_id.eq(package));
    }
    if !selection.show_hidden {
        query = query.filter(versions::hidden.eq(false));
    }
    if !selection.show_drafts {
        query = query.filter(versions::published_at.is_not_null());
    }
    query = match selection.show_deleted {
        Some(now) => query.filter(versions::purge_at.is_null().or(versions::purge_at.gt(now).assume_not_null())),
        None => query.filter(versions::retired.eq(0)),
    };
    if let Some(condition) = selection.filter {
        query = query.filter(condition);
    }
    query
}

/// The versions of a package that `latest` and ranges may take, behind an id.
pub(crate) fn list_offered(db: &mut Db, package: i64, after: i64, limit: i64) -> Result<Vec<(i64, VersionName)>> {
    let query = versions::table.filter(versions::package_id.eq(package)).filter(versions::id.gt(after)).filter(versions::offered.gt(0));
    Ok(query.order(versions::id).limit(limit).select((versions::id, versions::version)).load(db)?)
}

/// What is needed to order the versions of a package anew, behind an id.
pub(crate) fn list_rows(db: &mut Db, package: i64, after: i64, limit: i64) -> Result<Vec<VersionRow>> {
    let query = versions::table.filter(versions::package_id.eq(package)).filter(versions::id.gt(after));
    Ok(query.order(versions::id).limit(limit).load(db)?)
}

/// Adds a version.
pub(crate) fn insert(batch: &mut Batch<'_>, version: &VersionRow) {
    let version = version.clone();
    push!(batch, diesel::insert_into(versions::table).values(version));
}

/// Writes a version as it is now.
pub(crate) fn update(batch: &mut Batch<'_>, version: &VersionRow) {
    let version = version.clone();
    push!(batch, fixed diesel::update(versions::table.find(version.id)).set(version));
}

/// Adds downloads of files of a version.
pub(crate) fn add_downloads(db: &mut Db, id: i64, downloads: i64, last: Timestamp) -> Result<()> {
    let values = (versions::download_count.eq(versions::download_count + downloads), versions::downloaded_at.eq(last));
    diesel::update(versions::table.find(id)).set(values).execute(db)?;
    Ok(())
}

/// Writes where a version stands among the others.
pub(crate) fn update_order(batch: &mut Batch<'_>, version: &VersionRow) {
    let (id, values) = (version.id, (versions::sort_key.eq(version.sort_key.clone()), versions::offered.eq(version.offered)));
    push!(batch, diesel::update(versions::table.find(id)).set(values));
}

/// A version whose time is over, or that of its package or project; with its project.
pub(crate) fn find_purgeable(db: &mut Db, now: Timestamp) -> Result<Option<(i64, i64)>> {
    let columns = (versions::id, versions::project_id);
    let own = versions::table.filter(versions::purge_at.le(now)).select(columns).first(db).optional()?;
    if own.is_some() {
        return Ok(own);
    }
    let of_package = versions::table.inner_join(packages::table).filter(packages::purge_at.le(now)).select(columns);
    let of_package = of_package.first(db).optional()?;
    if of_package.is_some() {
        return Ok(of_package);
    }
    let of_project = versions::table.inner_join(packages::table.inner_join(projects::table)).filter(projects::purge_at.le(now));
    Ok(of_project.select(columns).first(db).optional()?)
}

/// Removes a version of which nothing is left.
pub(crate) fn remove(db: &mut Db, id: i64) -> Result<()> {
    diesel::delete(versions::table.find(id)).execute(db)?;
    Ok(())
}
