//! Packages: names within a project, each with its versions.

use consign_types::label::Labels;
use consign_types::order::VersionScheme;
use consign_types::text::Description;
use consign_types::{PackageName, Timestamp, VersionName};
use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use serde::{Deserialize, Serialize};

use crate::batch::{Batch, push};
use crate::connection::Db;
use crate::cursor::Cursor;
use crate::error::Result;
use crate::schema::{packages, projects};
use crate::select::{Condition, Extent, Field, Order};

/// A package.
#[derive(Clone, Debug, Queryable, Insertable, AsChangeset, Serialize, Deserialize)]
#[diesel(table_name = packages, treat_none_as_null = true)]
pub struct Package {
    /// Its id, never reused.
    pub id: i64,
    /// Its project.
    pub project_id: i64,
    /// Its name.
    pub name: PackageName,
    /// The name in lower case.
    pub name_key: String,
    /// 0 while it holds its name, its own id once it was deleted.
    pub retired: i64,
    /// What it is for.
    pub description: Description,
    /// What is said about it.
    pub labels: Labels,
    /// How its versions are ordered.
    pub version_scheme: VersionScheme,
    /// Versions that are neither drafts nor deleted.
    pub version_count: i64,
    /// File rows of its versions that are not deleted, all revisions.
    pub file_count: i64,
    /// The sum of their sizes.
    pub size_bytes: i64,
    /// The number of its last change.
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

impl Package {
    /// Differs after every change.
    pub fn etag(&self) -> String {
        format!("{:x}-{:x}", self.id, self.sequence)
    }

    /// A package that is new, of a project.
    pub(crate) fn new(id: i64, project_id: i64, name: &PackageName, sequence: i64, now: Timestamp) -> Self {
        Self {
            id,
            project_id,
            name: name.clone(),
            name_key: name.as_str().to_ascii_lowercase(),
            retired: 0,
            description: "".parse().expect("a description may be empty"),
            labels: Labels::default(),
            version_scheme: VersionScheme::Semver,
            version_count: 0,
            file_count: 0,
            size_bytes: 0,
            sequence,
            created_at: now,
            updated_at: now,
            deleted_at: None,
            purge_at: None,
        }
    }
}

/// Which packages to list.
pub(crate) struct Selection {
    /// Where they are.
    pub(crate) extent: Extent,
    /// Also those that are deleted and are not purged before this instant.
    pub(crate) show_deleted: Option<Timestamp>,
    pub(crate) filter: Option<Condition<Source>>,
}

type Source = diesel::dsl::InnerJoinQuerySource<packages::table, projects::table>;

/// What lists of packages can be filtered by.
pub(crate) fn field(name: &str) -> Option<Field> {
    Some(match name {
        "package_id" => Field::Name("packages.name", "packages.name_key"),
        "labels" => Field::Labels("package_labels", "package_labels.package_id", "packages.id"),
        "version_count" => Field::Number("packages.version_count"),
        "size_bytes" => Field::Number("packages.size_bytes"),
        "create_time" => Field::Time("packages.created_at"),
        "update_time" => Field::Time("packages.updated_at"),
        _ => return None,
    })
}

/// The highest version that `latest` takes.
fn latest() -> SqlLiteral<Nullable<Text>> {
    sql("(select v.version from versions v where v.package_id = packages.id and v.offered = 2 order by v.sort_key desc limit 1)")
}

/// The package that holds this name.
pub(crate) fn find(db: &mut Db, project: i64, name: &PackageName) -> Result<Option<Package>> {
    let query = packages::table.filter(packages::project_id.eq(project)).filter(packages::name.eq(name));
    Ok(query.filter(packages::retired.eq(0)).first(db).optional()?)
}

/// The package that was last deleted under this name and can be brought back.
pub(crate) fn find_deleted(db: &mut Db, project: i64, name: &PackageName, now: Timestamp) -> Result<Option<Package>> {
    let query = packages::table.filter(packages::project_id.eq(project)).filter(packages::name.eq(name));
    let query = query.filter(packages::retired.ne(0)).filter(packages::purge_at.gt(now));
    Ok(query.order((packages::deleted_at.desc(), packages::id.desc())).first(db).optional()?)
}

/// The highest version of each of these packages that `latest` takes.
pub(crate) fn list_latest(db: &mut Db, ids: &[i64]) -> Result<Vec<(i64, Option<VersionName>)>> {
    Ok(packages::table.filter(packages::id.eq_any(ids)).select((packages::id, latest())).load(db)?)
}

/// Packages that fit, behind a cursor.
pub(crate) fn list(db: &mut Db, selection: Selection, order: &Order, after: Option<&Cursor>, limit: i64) -> Result<Vec<Package>> {
    let mut query = packages::table
        .inner_join(projects::table)
        .filter(projects::deleted_at.is_null())
        .select(packages::all_columns)
        .order(order.by())
        .limit(limit)
        .into_boxed();
    let (project, conditions) = selection.extent.parts();
    if let Some(project) = project {
        query = query.filter(packages::project_id.eq(project));
    }
    for condition in conditions {
        query = query.filter(condition);
    }
    query = match selection.show_deleted {
        Some(now) => query.filter(packages::purge_at.is_null().or(packages::purge_at.gt(now).assume_not_null())),
        None => query.filter(packages::retired.eq(0)),
    };
    for condition in selection.filter.into_iter().chain(after.map(|after| order.behind(after)).transpose()?) {
        query = query.filter(condition);
    }
    Ok(query.load(db)?)
}

/// The packages that hold the most bytes, of a project, or of those whose paths lie within these bounds.
pub(crate) fn list_largest(db: &mut Db, project: Option<i64>, bounds: &(String, String), limit: i64) -> Result<Vec<Package>> {
    let mut query = packages::table
        .inner_join(projects::table)
        .filter(projects::deleted_at.is_null())
        .filter(packages::retired.eq(0))
        .select(packages::all_columns)
        .order((packages::size_bytes.desc(), packages::id.desc()))
        .limit(limit)
        .into_boxed();
    query = match project {
        Some(project) => query.filter(packages::project_id.eq(project)),
        None => query.filter(projects::path.gt(&bounds.0)).filter(projects::path.lt(&bounds.1)),
    };
    Ok(query.load(db)?)
}

/// Adds a package.
pub(crate) fn insert(batch: &mut Batch<'_>, package: &Package) {
    let package = package.clone();
    push!(batch, diesel::insert_into(packages::table).values(package));
}

/// Writes a package as it is now.
pub(crate) fn update(batch: &mut Batch<'_>, package: &Package) {
    let package = package.clone();
    push!(batch, fixed diesel::update(packages::table.find(package.id)).set(package));
}

/// A package whose time is over, or that of its project; with its project.
pub(crate) fn find_purgeable(db: &mut Db, now: Timestamp) -> Result<Option<(i64, i64)>> {
    let columns = (packages::id, packages::project_id);
    let own = packages::table.filter(packages::purge_at.le(now)).select(columns).first(db).optional()?;
    if own.is_some() {
        return Ok(own);
    }
    let query = packages::table.inner_join(projects::table).filter(projects::purge_at.le(now));
    Ok(query.select(columns).first(db).optional()?)
}

/// Removes a package of which nothing is left.
pub(crate) fn remove(db: &mut Db, id: i64) -> Result<()> {
    diesel::delete(packages::table.find(id)).execute(db)?;
    Ok(())
}
