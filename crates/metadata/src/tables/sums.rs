//! Sums over many rows: for reports, not for the way of a publish.

use consign_types::NamespacePath;
use diesel::dsl::{exists, not, sql};
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::BATCH;
use super::counters::Counters;
use super::settings::CHAIN;
use crate::connection::{Db, each};
use crate::error::Result;
use crate::schema::{blobs, counters, files, leases, packages, projects, versions};

fn sum(column: &str) -> SqlLiteral<BigInt> {
    sql(&format!("coalesce(cast(sum({column}) as bigint), 0)"))
}

/// The settings of a project and of all above it: see [`CHAIN`].
pub(crate) fn settings_of(db: &mut Db, project: i64) -> Result<Option<String>> {
    Ok(projects::table.find(project).select(sql::<Nullable<Text>>(CHAIN)).first(db)?)
}

/// The projects of a namespace and of those below it, or all of them, but not the deleted ones.
pub(crate) fn projects_in(db: &mut Db, namespace: Option<&NamespacePath>) -> Result<Vec<i64>> {
    let mut query = projects::table.filter(projects::deleted_at.is_null()).select(projects::id).into_boxed();
    if let Some(namespace) = namespace {
        let (first, end) = (format!("{namespace}/"), format!("{namespace}0"));
        query = query.filter(projects::path.gt(first)).filter(projects::path.lt(end));
    }
    Ok(query.load(db)?)
}

/// The counters of projects added up.
pub(crate) fn counters_of(db: &mut Db, projects: &[i64]) -> Result<Counters> {
    let mut total = Counters::default();
    for projects in projects.chunks(BATCH) {
        let query = counters::table.filter(counters::project_id.eq_any(projects));
        let rows: Vec<Counters> = query.load(db)?;
        for row in rows {
            total.file_count += row.file_count;
            total.logical_bytes += row.logical_bytes;
            total.stored_bytes += row.stored_bytes;
            total.reserved_bytes += row.reserved_bytes;
        }
    }
    Ok(total)
}

/// The sizes of the blobs that some file of the projects has, each once.
pub(crate) fn stored_of(db: &mut Db, projects: &[i64]) -> Result<i64> {
    // Few projects are summed up by the database. Of many, each blob counts for the first chunk that has it.
    let mut total = 0;
    for (index, chunk) in projects.chunks(BATCH).enumerate() {
        let referred = files::table.filter(files::digest.eq(blobs::digest)).filter(files::project_id.eq_any(chunk));
        let mut query = blobs::table.filter(exists(referred)).select(sum("blobs.size_bytes")).into_boxed();
        for earlier in projects.chunks(BATCH).take(index) {
            let referred = files::table.filter(files::digest.eq(blobs::digest)).filter(files::project_id.eq_any(earlier));
            query = query.filter(not(exists(referred)));
        }
        total += query.first::<i64>(db)?;
    }
    Ok(total)
}

/// The sizes of those of these blobs that no file of a project has.
pub(crate) fn missing_of(db: &mut Db, project: i64, digests: &[consign_types::Digest]) -> Result<i64> {
    let mut total = 0;
    for digests in digests.chunks(BATCH) {
        let referred = files::table.filter(files::digest.eq(blobs::digest)).filter(files::project_id.eq(project));
        let query = blobs::table.filter(blobs::digest.eq_any(digests)).filter(not(exists(referred)));
        total += query.select(sum("blobs.size_bytes")).first::<i64>(db)?;
    }
    Ok(total)
}

/// The counters of the first project behind an id.
pub(crate) fn next(db: &mut Db, after: i64) -> Result<Option<Counters>> {
    Ok(counters::table.filter(counters::project_id.gt(after)).order(counters::project_id).first(db).optional()?)
}

/// The counters of a project as its rows say.
pub(crate) fn recounted(db: &mut Db, project: i64) -> Result<Counters> {
    let live = files::table
        .inner_join(versions::table.inner_join(packages::table))
        .filter(files::project_id.eq(project))
        .filter(files::deleted_at.is_null())
        .filter(versions::retired.eq(0))
        .filter(packages::retired.eq(0));
    let (file_count, logical_bytes) = live.select((sql::<BigInt>("count(*)"), sum("files.size_bytes"))).first(db)?;
    let referred = files::table.filter(files::digest.eq(blobs::digest)).filter(files::project_id.eq(project));
    let stored_bytes = blobs::table.filter(exists(referred)).select(sum("blobs.size_bytes")).first(db)?;
    let reserved_bytes = leases::table.filter(leases::project_id.eq(project)).select(sum("leases.reserved_bytes")).first(db)?;
    Ok(Counters { project_id: project, sequence: 0, file_count, logical_bytes, stored_bytes, reserved_bytes })
}

/// A version or package whose counters differ from its rows.
#[derive(Debug, QueryableByName)]
struct Wrong {
    #[diesel(sql_type = Text)]
    counter: String,
    #[diesel(sql_type = BigInt)]
    counted: i64,
    #[diesel(sql_type = BigInt)]
    actual: i64,
}

const NAMES: [&str; 7] = [
    "version.row_count",
    "version.row_bytes",
    "version.file_count",
    "version.size_bytes",
    "package.version_count",
    "package.file_count",
    "package.size_bytes",
];

/// Counters of versions and packages of a project that differ from what the rows say: their names, what is counted, and what is.
pub(crate) fn wrong_versions(db: &mut Db, project: i64) -> Result<Vec<(&'static str, i64, i64)>> {
    let query = sql_query(
        "with live as (\
           select f.version_id, f.size_bytes, \
             lead(f.id) over (partition by f.version_id, f.path order by f.revision) is null as served \
           from files f where f.project_id = $1 and f.deleted_at is null\
         ), sums as (\
           select version_id, count(*) as rows_now, sum(size_bytes) as bytes_now, \
             sum(case when served then 1 else 0 end) as served_now, \
             sum(case when served then size_bytes else 0 end) as served_bytes_now \
           from live group by version_id\
         ), of_version as (\
           select v.id, v.package_id, v.retired, v.state, v.row_count, v.row_bytes, v.file_count, v.size_bytes, \
             coalesce(s.rows_now, 0) as rows_now, coalesce(s.bytes_now, 0) as bytes_now, \
             coalesce(s.served_now, 0) as served_now, coalesce(s.served_bytes_now, 0) as served_bytes_now \
           from versions v left join sums s on s.version_id = v.id where v.project_id = $1\
         ), in_packages as (\
           select package_id, sum(case when state not in ('draft', 'deleted') then 1 else 0 end) as versions_now, \
             sum(case when retired = 0 then rows_now else 0 end) as rows_now, \
             sum(case when retired = 0 then bytes_now else 0 end) as bytes_now \
           from of_version group by package_id\
         ), of_package as (\
           select p.id, p.version_count, p.file_count, p.size_bytes, coalesce(i.versions_now, 0) as versions_now, \
             coalesce(i.rows_now, 0) as rows_now, coalesce(i.bytes_now, 0) as bytes_now \
           from packages p left join in_packages i on i.package_id = p.id where p.project_id = $1\
         ), compared as (\
           select 'version.row_count' as counter, row_count as counted, rows_now as actual from of_version \
           union all select 'version.row_bytes', row_bytes, bytes_now from of_version \
           union all select 'version.file_count', file_count, served_now from of_version \
           union all select 'version.size_bytes', size_bytes, served_bytes_now from of_version \
           union all select 'package.version_count', version_count, versions_now from of_package \
           union all select 'package.file_count', file_count, rows_now from of_package \
           union all select 'package.size_bytes', size_bytes, bytes_now from of_package\
         ) select counter, cast(counted as bigint) as counted, cast(actual as bigint) as actual from compared where counted <> actual",
    );
    let wrong: Vec<Wrong> = each!(db, connection => query.bind::<BigInt, _>(project).load(connection))?;
    let name = |wrong: Wrong| Some((*NAMES.iter().find(|name| **name == wrong.counter)?, wrong.counted, wrong.actual));
    Ok(wrong.into_iter().filter_map(name).collect())
}
