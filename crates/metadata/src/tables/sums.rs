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

/// Whether a project is not deleted and its path lies between these, which are those of [`bounds`].
#[diesel::dsl::auto_type]
fn within<'a>(first: &'a str, end: &'a str) -> _ {
    projects::deleted_at.is_null().and(projects::path.gt(first)).and(projects::path.lt(end))
}

/// All paths that start with the namespace and `/`: `0` is the character behind `/`. Without a namespace, all paths.
pub(crate) fn bounds(namespace: Option<&NamespacePath>) -> (String, String) {
    // Paths are of ASCII characters, and `~` is behind all that they have.
    namespace.map_or((String::new(), "~".to_owned()), |namespace| (format!("{namespace}/"), format!("{namespace}0")))
}

/// The counters of the projects of a namespace, or of all, added up. Bytes that several projects share are stored once.
pub(crate) fn counters_of(db: &mut Db, namespace: Option<&NamespacePath>) -> Result<Counters> {
    let (first, end) = bounds(namespace);
    let sums = (sum("counters.file_count"), sum("counters.logical_bytes"), sum("counters.reserved_bytes"));
    let query = counters::table.inner_join(projects::table).filter(within(&first, &end)).select(sums);
    let (file_count, logical_bytes, reserved_bytes) = query.first(db)?;
    let referred = files::table
        .inner_join(projects::table.on(projects::id.eq(files::project_id)))
        .filter(files::digest.eq(blobs::digest))
        .filter(within(&first, &end));
    let stored_bytes = blobs::table.filter(exists(referred)).select(sum("blobs.size_bytes")).first(db)?;
    Ok(Counters { file_count, logical_bytes, stored_bytes, reserved_bytes, ..Counters::default() })
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

/// The counters of the first project behind an id that is not deleted: of one that is, rows may be going.
pub(crate) fn next(db: &mut Db, after: i64) -> Result<Option<Counters>> {
    let query = counters::table.inner_join(projects::table).filter(projects::deleted_at.is_null());
    Ok(query.filter(counters::project_id.gt(after)).order(counters::project_id).select(counters::all_columns).first(db).optional()?)
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
    Ok(Counters { project_id: project, file_count, logical_bytes, stored_bytes, reserved_bytes, ..Counters::default() })
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
           from versions v left join sums s on s.version_id = v.id where v.project_id = $1 and v.retired = 0\
         ), in_packages as (\
           select package_id, sum(case when state not in ('draft', 'deleted') then 1 else 0 end) as versions_now, \
             sum(case when retired = 0 then rows_now else 0 end) as rows_now, \
             sum(case when retired = 0 then bytes_now else 0 end) as bytes_now \
           from of_version group by package_id\
         ), of_package as (\
           select p.id, p.version_count, p.file_count, p.size_bytes, coalesce(i.versions_now, 0) as versions_now, \
             coalesce(i.rows_now, 0) as rows_now, coalesce(i.bytes_now, 0) as bytes_now \
           from packages p left join in_packages i on i.package_id = p.id where p.project_id = $1 and p.retired = 0\
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
