//! Files: one row each time bytes were published at a path of a version. The newest row of a path is the one served.

use consign_types::{Digest, FilePath, Timestamp};
use diesel::dsl::{exists, not};
use diesel::prelude::*;

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
    pub size: i64,
    /// What the publisher said that it is, such as `application/zip`; may be empty.
    pub media_type: String,
    /// Who published it.
    pub creator: String,
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
    pub(crate) size: i64,
    pub(crate) media_type: &'a str,
    pub(crate) creator: &'a str,
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
pub(crate) fn find_served(db: &mut Db, version: i64, paths: &[&FilePath]) -> Result<Vec<File>> {
    let mut found = Vec::new();
    for paths in paths.chunks(BATCH) {
        let query = files::table
            .filter(files::version_id.eq(version))
            .filter(files::path.eq_any(paths.iter().copied()))
            .filter(not(exists(newer())))
            .select(files::all_columns);
        found.append(&mut query.load(db)?);
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

/// All rows of a version with ids above `after`, in the order of their ids.
pub(crate) fn list(db: &mut Db, version: i64, after: i64, limit: i64) -> Result<Vec<File>> {
    let query = files::table.filter(files::version_id.eq(version)).filter(files::id.gt(after));
    Ok(query.order(files::id).limit(limit).load(db)?)
}

/// Which of these digests some file of the project has, with the copy of the bytes and their size.
pub(crate) fn find_readable_blobs(db: &mut Db, project: i64, digests: &[Digest]) -> Result<Vec<(Digest, i64, i64)>> {
    let mut found = Vec::new();
    for digests in digests.chunks(BATCH) {
        let referred = files::table.filter(files::digest.eq(blobs::digest)).filter(files::project_id.eq(project));
        let query = blobs::table.filter(blobs::digest.eq_any(digests)).filter(exists(referred)).select((
            blobs::digest,
            blobs::generation,
            blobs::size,
        ));
        found.append(&mut query.load(db)?);
    }
    Ok(found)
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
