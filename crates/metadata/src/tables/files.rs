//! Files: one row each time bytes were published at a path of a version. The newest row of a path is the one served.

use consign_types::text::MediaType;
use consign_types::{Digest, FilePath, Slug, Timestamp};
use diesel::dsl::{exists, not, sql};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Integer, Text};

use super::BATCH;
use crate::connection::{Db, each};
use crate::error::Result;
use crate::schema::{blobs, files};

/// A file of a version.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct File {
    /// Its id, never reused.
    pub id: i64,
    /// The project of its version.
    pub project_id: i64,
    /// Its version.
    pub version_id: i64,
    /// Where it is within the version.
    pub path: FilePath,
    /// 1 for the first row of this path, then counted up.
    pub revision: i32,
    /// The digest of its bytes.
    pub digest: Digest,
    /// How many bytes it has.
    pub size_bytes: i64,
    /// What the publisher said that it is.
    pub media_type: MediaType,
    /// Who published it.
    pub creator: Slug,
    /// When it was published.
    pub created_at: Timestamp,
}

/// A file to be added.
#[derive(Insertable)]
#[diesel(table_name = files)]
pub(crate) struct NewFile<'a> {
    pub(crate) project_id: i64,
    pub(crate) version_id: i64,
    pub(crate) path: &'a FilePath,
    pub(crate) revision: i32,
    pub(crate) digest: &'a Digest,
    pub(crate) size_bytes: i64,
    pub(crate) media_type: &'a MediaType,
    pub(crate) creator: &'a Slug,
    pub(crate) created_at: Timestamp,
}

/// Adds files.
pub(crate) fn insert(db: &mut Db, new: &[NewFile<'_>]) -> Result<Vec<File>> {
    let mut added = Vec::with_capacity(new.len());
    for new in new.chunks(BATCH) {
        let mut rows: Vec<File> = each!(db, connection => diesel::insert_into(files::table)
            .values(new)
            .returning(files::all_columns)
            .get_results(connection))?;
        added.append(&mut rows);
    }
    Ok(added)
}

/// The rows of these ids, in the order of their ids.
pub(crate) fn get(db: &mut Db, ids: &[i64]) -> Result<Vec<File>> {
    let mut found = Vec::with_capacity(ids.len());
    for ids in ids.chunks(BATCH) {
        found.append(&mut files::table.filter(files::id.eq_any(ids)).order(files::id).load(db)?);
    }
    Ok(found)
}

/// The files that a version serves at these paths.
pub(crate) fn list_served_at(db: &mut Db, version: i64, paths: &[&FilePath]) -> Result<Vec<File>> {
    // One path is one look at the index, however often it was published.
    if let [path] = paths {
        let query = files::table.filter(files::version_id.eq(version)).filter(files::path.eq(path));
        return Ok(query.order(files::revision.desc()).limit(1).load(db)?);
    }
    let mut found = Vec::new();
    for paths in paths.chunks(BATCH) {
        let query = files::table
            .filter(files::version_id.eq(version))
            .filter(files::path.eq_any(paths.iter().copied()))
            .filter(not(exists(newer())));
        found.append(&mut query.select(files::all_columns).load(db)?);
    }
    Ok(found)
}

/// The files that a version serves, with the copies of their bytes, by path from `after` on.
pub(crate) fn list_served(db: &mut Db, version: i64, after: Option<&FilePath>, limit: i64) -> Result<Vec<(File, i64)>> {
    let mut query = files::table
        .inner_join(blobs::table)
        .filter(files::version_id.eq(version))
        .filter(not(exists(newer())))
        .select((files::all_columns, blobs::generation))
        .order(files::path)
        .limit(limit)
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(files::path.gt(after));
    }
    Ok(query.load(db)?)
}

/// All rows of a version behind the row `after`, by path and revision.
pub(crate) fn list(db: &mut Db, version: i64, after: Option<&(FilePath, i32)>, limit: i64) -> Result<Vec<File>> {
    let mut query = files::table.filter(files::version_id.eq(version)).order((files::path, files::revision)).limit(limit).into_boxed();
    if let Some((path, revision)) = after {
        // Compared as a row, which both databases answer from the index; spelled out with `or`, they would sort.
        let behind = sql::<Bool>("(files.path, files.revision) > (").bind::<Text, _>(path).sql(", ").bind::<Integer, _>(revision).sql(")");
        query = query.filter(behind);
    }
    Ok(query.load(db)?)
}

diesel::alias!(files as other: OtherFiles);

/// A later row of the same path in the same version.
#[diesel::dsl::auto_type]
fn newer() -> _ {
    other
        .filter(other.field(files::version_id).eq(files::version_id))
        .filter(other.field(files::path).eq(files::path))
        .filter(other.field(files::revision).gt(files::revision))
}
