//! Files: one row each time bytes were published at a path of a version. The newest row of a path that is not deleted is the one
//! served.

use consign_types::{Digest, FilePath, Timestamp};
use diesel::dsl::{exists, max, not, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::QueryFragment;
use diesel::sql_types::{Array, BigInt, Binary, Integer, Text, Untyped};

use super::BATCH;
use super::file_row::File;
use crate::batch::{Batch, Part, push, push_rows};
use crate::columns::Instant;
use crate::connection::{Db, MultiBackend, each};
use crate::cursor::Cursor;
use crate::error::Result;
use crate::page::{MAX_COUNTED, Page};
use crate::prepared::{fixed, rounded};
use crate::schema::{blobs, files};
use crate::select::{Condition, Field, Order};

/// What lists of files can be filtered by.
pub(crate) fn field(name: &str) -> Option<Field> {
    Some(match name {
        "id" => Field::Number("files.id"),
        "path" => Field::Text("files.path"),
        "revision" => Field::Number("files.revision"),
        "media_type" => Field::Text("files.media_type"),
        "creator" => Field::Text("files.creator"),
        "sha256" => Field::Digest("files.digest"),
        "size_bytes" => Field::Number("files.size_bytes"),
        "create_time" => Field::Time("files.created_at"),
        _ => return None,
    })
}

/// Adds new files of one publish, which differ in what they are and in nothing else.
pub(crate) fn insert(batch: &mut Batch<'_>, new: &[File]) {
    match (batch, new) {
        (Batch::Postgres(parts), [first, _, ..]) => parts.push(Part::new(1, by_columns(first, new))),
        (batch, new) => {
            let new = new.to_vec();
            push_rows!(batch, fixed new, |rows| diesel::insert_into(files::table).values(rows));
        }
    }
}

/// An insert whose text is the same for any number of rows: PostgreSQL takes longer to read a text with a place for each value than to
/// insert the rows.
fn by_columns(first: &File, new: &[File]) -> impl QueryFragment<Pg> + use<> {
    debug_assert!(new.iter().all(|file| {
        let File { id, path, revision, digest, size_bytes, media_type, .. } = file.clone();
        let nothing = File { download_count: 0, downloaded_at: None, deleted_at: None, purge_at: None, ..first.clone() };
        *file == File { id, path, revision, digest, size_bytes, media_type, ..nothing }
    }));
    let columns = "insert into files (id, path, revision, digest, size_bytes, media_type, \
                   project_id, version_id, download_count, sequence, creator, created_at) \
                   select u.*, ";
    sql::<Untyped>(columns)
        .bind::<BigInt, _>(first.project_id)
        .sql(", ")
        .bind::<BigInt, _>(first.version_id)
        .sql(", 0, ")
        .bind::<BigInt, _>(first.sequence)
        .sql(", ")
        .bind::<Text, _>(first.creator.clone())
        .sql(", ")
        .bind::<Instant, _>(first.created_at)
        .sql(" from unnest(")
        .bind::<Array<BigInt>, _>(new.iter().map(|file| file.id).collect::<Vec<_>>())
        .sql(", ")
        .bind::<Array<Text>, _>(new.iter().map(|file| file.path.clone()).collect::<Vec<_>>())
        .sql(", ")
        .bind::<Array<Integer>, _>(new.iter().map(|file| file.revision).collect::<Vec<_>>())
        .sql(", ")
        .bind::<Array<Binary>, _>(new.iter().map(|file| file.digest).collect::<Vec<_>>())
        .sql(", ")
        .bind::<Array<BigInt>, _>(new.iter().map(|file| file.size_bytes).collect::<Vec<_>>())
        .sql(", ")
        .bind::<Array<Text>, _>(new.iter().map(|file| file.media_type.clone()).collect::<Vec<_>>())
        .sql(") u")
}

/// Writes a file as it is now.
pub(crate) fn update(batch: &mut Batch<'_>, file: &File) {
    let file = file.clone();
    push!(batch, diesel::update(files::table.find(file.id)).set(file));
}

/// Deletes rows until they are purged.
pub(crate) fn mark_deleted(batch: &mut Batch<'_>, ids: Vec<i64>, sequence: i64, now: Timestamp, purge_at: Timestamp) {
    let values = (files::sequence.eq(sequence), files::deleted_at.eq(now), files::purge_at.eq(purge_at));
    push!(batch, diesel::update(files::table.filter(files::id.eq_any(rounded(ids)))).set(values));
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
        let query = files::table.filter(files::version_id.eq(version)).filter(files::path.eq(path)).filter(files::deleted_at.is_null());
        let query = query.order(files::revision.desc()).limit(1);
        return Ok(each!(db, connection => fixed!(query).load(connection))?);
    }
    let mut found = Vec::new();
    for paths in paths.chunks(BATCH) {
        let query = files::table
            .filter(files::version_id.eq(version))
            .filter(files::path.eq_any(paths.iter().copied()))
            .filter(files::deleted_at.is_null())
            .filter(not(exists(newer())));
        found.append(&mut query.select(files::all_columns).load(db)?);
    }
    Ok(found)
}

/// The file of this revision at a path; with `deleted`, a deleted one.
pub(crate) fn find_revision(db: &mut Db, version: i64, path: &FilePath, revision: i32, deleted: bool) -> Result<Option<File>> {
    let query = files::table
        .filter(files::version_id.eq(version))
        .filter(files::path.eq(path))
        .filter(files::revision.eq(revision))
        .filter(files::deleted_at.is_not_null().eq(deleted));
    Ok(query.first(db).optional()?)
}

/// The file that was last deleted at a path.
pub(crate) fn find_deleted(db: &mut Db, version: i64, path: &FilePath) -> Result<Option<File>> {
    let query = files::table.filter(files::version_id.eq(version)).filter(files::path.eq(path)).filter(files::deleted_at.is_not_null());
    Ok(query.order((files::sequence.desc(), files::revision.desc())).first(db).optional()?)
}

/// For each of these digests the newest row of a version that has it, whether that is served or not.
pub(crate) fn list_by_digest(db: &mut Db, version: i64, digests: &[Digest]) -> Result<Vec<File>> {
    let mut newest: Vec<i64> = Vec::new();
    for digests in digests.chunks(BATCH) {
        let query = files::table
            .filter(files::version_id.eq(version))
            .filter(files::digest.eq_any(digests))
            .filter(files::deleted_at.is_null())
            .group_by(files::digest)
            .select(max(files::id).assume_not_null());
        newest.append(&mut query.load(db)?);
    }
    get(db, &newest)
}

/// The files that versions serve, all of them.
pub(crate) fn list_served_of(db: &mut Db, versions: &[i64]) -> Result<Vec<File>> {
    let mut found = Vec::new();
    for versions in versions.chunks(BATCH) {
        let query = files::table.filter(files::version_id.eq_any(versions)).filter(files::deleted_at.is_null());
        found.append(&mut query.filter(not(exists(newer()))).select(files::all_columns).load(db)?);
    }
    Ok(found)
}

/// The files that a version served as of a change, by path.
pub(crate) fn list_served_as_of(db: &mut Db, version: i64, sequence: i64, limit: i64) -> Result<Vec<File>> {
    let newer = newer().filter(other.field(files::sequence).le(sequence));
    let query = files::table.filter(files::version_id.eq(version)).filter(files::deleted_at.is_null()).filter(files::sequence.le(sequence));
    Ok(query.filter(not(exists(newer))).select(files::all_columns).order(files::path).limit(limit).load(db)?)
}

/// The file that a version served at a path as of a change.
pub(crate) fn find_served_as_of(db: &mut Db, version: i64, path: &FilePath, sequence: i64) -> Result<Option<File>> {
    let query = files::table.filter(files::version_id.eq(version)).filter(files::path.eq(path)).filter(files::deleted_at.is_null());
    Ok(query.filter(files::sequence.le(sequence)).order(files::revision.desc()).first(db).optional()?)
}

/// The files that a version serves, by path from `after` on.
pub(crate) fn list_served(db: &mut Db, version: i64, after: Option<&FilePath>, limit: i64) -> Result<Vec<File>> {
    let mut query = files::table
        .filter(files::version_id.eq(version))
        .filter(files::deleted_at.is_null())
        .filter(not(exists(newer())))
        .select(files::all_columns)
        .order(files::path)
        .limit(limit)
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(files::path.gt(after));
    }
    Ok(query.load(db)?)
}

/// The same, with the copies of their bytes.
pub(crate) fn list_served_copies(db: &mut Db, version: i64, after: Option<&FilePath>, limit: i64) -> Result<Vec<(File, i64)>> {
    let mut query = files::table
        .inner_join(blobs::table)
        .filter(files::version_id.eq(version))
        .filter(files::deleted_at.is_null())
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

/// Rows of a version that are not deleted, below a path: by path, then by revision, falling.
pub(crate) fn list_falling(db: &mut Db, version: i64, below: Option<&FilePath>, limit: i64) -> Result<Vec<File>> {
    let query = files::table.filter(files::version_id.eq(version)).filter(files::deleted_at.is_null());
    let mut query = query.order((files::path.desc(), files::revision.desc())).limit(limit).into_boxed();
    if let Some(below) = below {
        query = query.filter(files::path.lt(below));
    }
    Ok(query.load(db)?)
}

/// The paths that a version serves, rising, from `after` on: a bounded number of them.
pub(crate) fn list_paths(db: &mut Db, version: i64, after: Option<&FilePath>, limit: i64) -> Result<Vec<FilePath>> {
    let query = files::table.filter(files::version_id.eq(version)).filter(files::deleted_at.is_null());
    let mut query = query.select(files::path).distinct().order(files::path).limit(limit).into_boxed();
    if let Some(after) = after {
        query = query.filter(files::path.gt(after));
    }
    Ok(query.load(db)?)
}

/// Files of a version that fit, behind a cursor.
pub(crate) fn list(db: &mut Db, selection: Selection, order: &Order, page: &Page<Cursor>) -> Result<Vec<File>> {
    let ((order, conditions), slice) = (page.read(order)?, page.slice());
    let mut query = chosen(selection).order(order.by()).limit(slice.limit).offset(slice.offset);
    for condition in conditions {
        query = query.filter(condition);
    }
    Ok(query.load(db)?)
}

/// How many files of a version fit, as far as they are counted.
pub(crate) fn count(db: &mut Db, selection: Selection) -> Result<i64> {
    let ids: Vec<i64> = chosen(selection).select(files::id).limit(MAX_COUNTED + 1).load(db)?;
    Ok(i64::try_from(ids.len()).unwrap_or(i64::MAX))
}

/// Which files of a version to list.
pub(crate) struct Selection {
    pub(crate) version: i64,
    /// Also those that are deleted and are not purged before this instant.
    pub(crate) show_deleted: Option<Timestamp>,
    pub(crate) filter: Option<Condition<files::table>>,
}

fn chosen(selection: Selection) -> files::BoxedQuery<'static, MultiBackend> {
    let mut query = files::table.into_boxed().filter(files::version_id.eq(selection.version));
    query = match selection.show_deleted {
        Some(now) => query.filter(files::purge_at.is_null().or(files::purge_at.gt(now).assume_not_null())),
        None => query.filter(files::deleted_at.is_null()),
    };
    if let Some(condition) = selection.filter {
        query = query.filter(condition);
    }
    query
}

/// The highest revision that each of these paths ever had in a version.
pub(crate) fn list_revisions(db: &mut Db, version: i64, paths: &[&FilePath]) -> Result<Vec<(FilePath, i32)>> {
    let mut found = Vec::new();
    for paths in paths.chunks(BATCH) {
        let query = files::table
            .filter(files::version_id.eq(version))
            .filter(files::path.eq_any(paths.iter().copied()))
            .group_by(files::path)
            .select((files::path, max(files::revision).assume_not_null()));
        found.append(&mut query.load(db)?);
    }
    Ok(found)
}

/// Adds downloads of a file.
pub(crate) fn add_downloads(db: &mut Db, id: i64, downloads: i64, last: Timestamp) -> Result<()> {
    let values = (files::download_count.eq(files::download_count + downloads), files::downloaded_at.eq(last));
    diesel::update(files::table.find(id)).set(values).execute(db)?;
    Ok(())
}

/// Some rows of a version, to be removed.
pub(crate) fn list_ids(db: &mut Db, version: i64, limit: i64) -> Result<Vec<(i64, Digest)>> {
    Ok(files::table.filter(files::version_id.eq(version)).select((files::id, files::digest)).limit(limit).load(db)?)
}

/// The project of the deleted row whose time has been over for longest.
pub(crate) fn find_purgeable(db: &mut Db, now: Timestamp) -> Result<Option<i64>> {
    let query = files::table.filter(files::purge_at.le(now)).order(files::purge_at);
    Ok(query.select(files::project_id).first(db).optional()?)
}

/// Some deleted rows of a project whose time is over.
pub(crate) fn list_purgeable(db: &mut Db, project: i64, now: Timestamp, limit: i64) -> Result<Vec<(i64, Digest)>> {
    let over = files::table.filter(files::purge_at.le(now));
    Ok(over.filter(files::project_id.eq(project)).select((files::id, files::digest)).limit(limit).load(db)?)
}

/// Removes rows.
pub(crate) fn remove(db: &mut Db, ids: &[i64]) -> Result<()> {
    for ids in ids.chunks(BATCH) {
        diesel::delete(files::table.filter(files::id.eq_any(ids))).execute(db)?;
    }
    Ok(())
}

/// Those of some digests that any file has, deleted ones included.
pub(crate) fn list_digests(db: &mut Db, digests: &[Digest]) -> Result<Vec<Digest>> {
    let mut found = Vec::new();
    for digests in digests.chunks(BATCH) {
        found.append(&mut files::table.filter(files::digest.eq_any(digests)).select(files::digest).distinct().load(db)?);
    }
    Ok(found)
}

diesel::alias!(files as other: OtherFiles);

/// A later row of the same path in the same version that is not deleted.
#[diesel::dsl::auto_type]
fn newer() -> _ {
    other
        .filter(other.field(files::version_id).eq(files::version_id))
        .filter(other.field(files::path).eq(files::path))
        .filter(other.field(files::revision).gt(files::revision))
        .filter(other.field(files::deleted_at).is_null())
}
