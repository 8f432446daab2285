//! Blobs: the copy of each digest that files and attestations refer to.

use consign_types::version::VersionState;
use consign_types::{Digest, Timestamp};
use diesel::dsl::{exists, not, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::QueryFragment;
use diesel::sql_types::{Array, BigInt, Binary, Untyped};

use super::BATCH;
use crate::batch::{Batch, Part, push_rows};
use crate::columns::Instant;
use crate::connection::{Db, each};
use crate::error::Result;
use crate::prepared::{Kept, fixed, rounded};
use crate::schema::{blobs, files, packages, tombstones, versions};

/// A stored copy of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Queryable)]
pub(crate) struct StoredCopy {
    pub(crate) digest: Digest,
    pub(crate) generation: i64,
    pub(crate) size_bytes: i64,
}

type Columns = (blobs::digest, blobs::generation, blobs::size_bytes);
const COLUMNS: Columns = (blobs::digest, blobs::generation, blobs::size_bytes);

/// The copies that are referred to, of these digests.
pub(crate) fn list(db: &mut Db, digests: &[Digest]) -> Result<Vec<StoredCopy>> {
    if let [digest] = digests {
        let query = blobs::table.find(digest).select(COLUMNS);
        return Ok(each!(db, connection => fixed!(query).load(connection))?);
    }
    let mut found = Vec::new();
    for digests in digests.chunks(BATCH) {
        let query = blobs::table.filter(blobs::digest.eq_any(rounded(digests.to_vec()))).select(COLUMNS);
        found.append(&mut each!(&mut *db, connection => Kept(query).load(connection))?);
    }
    Ok(found)
}

/// The same, of those digests that some file of the project has which can be read.
pub(crate) fn list_of_project(db: &mut Db, project: i64, digests: &[Digest]) -> Result<Vec<StoredCopy>> {
    let mut found = Vec::new();
    for digests in digests.chunks(BATCH) {
        let referred = files::table
            .inner_join(versions::table.inner_join(packages::table))
            .filter(files::digest.eq(blobs::digest))
            .filter(files::project_id.eq(project))
            .filter(files::deleted_at.is_null())
            .filter(versions::state.eq_any(VersionState::READABLE))
            .filter(packages::retired.eq(0));
        let query = blobs::table.filter(blobs::digest.eq_any(digests)).filter(exists(referred));
        found.append(&mut query.select(COLUMNS).load(db)?);
    }
    Ok(found)
}

/// Adds copies where their digests have none. They come sorted, so that concurrent publishers wait for each other in one order.
///
/// The rows that are there are not locked: the files that are to refer to them hold them by their foreign key.
pub(crate) fn insert(batch: &mut Batch<'_>, copies: &[StoredCopy], now: Timestamp) {
    debug_assert!(copies.is_sorted());
    if let (Batch::Postgres(parts), [_, _, ..]) = (&mut *batch, copies) {
        return parts.push(Part::new(1, by_columns(copies, now)));
    }
    let values: Vec<_> = copies
        .iter()
        .map(|copy| {
            (
                blobs::digest.eq(copy.digest),
                blobs::generation.eq(copy.generation),
                blobs::size_bytes.eq(copy.size_bytes),
                blobs::created_at.eq(now),
            )
        })
        .collect();
    push_rows!(batch, fixed values, |rows| diesel::insert_into(blobs::table).values(rows).on_conflict_do_nothing());
}

/// The same insert, whose text is the same for any number of rows.
fn by_columns(copies: &[StoredCopy], now: Timestamp) -> impl QueryFragment<Pg> + use<> {
    sql::<Untyped>("insert into blobs (digest, generation, size_bytes, created_at) select u.*, ")
        .bind::<Instant, _>(now)
        .sql(" from unnest(")
        .bind::<Array<Binary>, _>(copies.iter().map(|copy| copy.digest).collect::<Vec<_>>())
        .sql(", ")
        .bind::<Array<BigInt>, _>(copies.iter().map(|copy| copy.generation).collect::<Vec<_>>())
        .sql(", ")
        .bind::<Array<BigInt>, _>(copies.iter().map(|copy| copy.size_bytes).collect::<Vec<_>>())
        .sql(") u on conflict do nothing")
}

/// Lets files refer to another copy of the same bytes than before, unless that one is dead or the row has changed. Whether it was done.
pub(crate) fn replace(db: &mut Db, copy: StoredCopy, before: i64) -> Result<bool> {
    let is_dead = tombstones::table.filter(tombstones::digest.eq(copy.digest)).filter(tombstones::generation.eq(copy.generation));
    let row = blobs::table.filter(blobs::digest.eq(copy.digest)).filter(blobs::generation.eq(before)).filter(not(exists(is_dead)));
    Ok(diesel::update(row).set(blobs::generation.eq(copy.generation)).execute(db)? == 1)
}

/// The generation of the rows that [`hold`] makes.
const HELD: i64 = -1;

/// Keeps publishers from these digests until the transaction ends, and returns the copies that files may refer to. The digests come
/// sorted, so that those who hold some wait for each other in one order.
///
/// A digest that has no row gets one for as long: a publisher who enters it meanwhile waits.
pub(crate) fn hold(db: &mut Db, digests: &[Digest], now: Timestamp) -> Result<Vec<StoredCopy>> {
    debug_assert!(digests.is_sorted());
    let mut found = Vec::new();
    for digests in digests.chunks(BATCH) {
        let copies: Vec<_> = digests.iter().map(|digest| StoredCopy { digest: *digest, generation: HELD, size_bytes: 0 }).collect();
        let mut batch = Batch::new(db);
        insert(&mut batch, &copies, now);
        batch.send(db)?;
        let query = blobs::table.filter(blobs::digest.eq_any(digests)).order(blobs::digest).select(COLUMNS);
        let held: Vec<StoredCopy> = match db {
            Db::Postgres(connection) => query.for_update().load(connection)?,
            // Its writer is alone.
            Db::Sqlite(connection) => query.load(connection)?,
        };
        found.extend(held.into_iter().filter(|copy| copy.generation != HELD));
    }
    Ok(found)
}

/// Removes the rows that [`hold`] made.
pub(crate) fn let_go(db: &mut Db, digests: &[Digest]) -> Result<()> {
    for digests in digests.chunks(BATCH) {
        let held = blobs::table.filter(blobs::digest.eq_any(digests)).filter(blobs::generation.eq(HELD));
        diesel::delete(held).execute(db)?;
    }
    Ok(())
}

/// Removes the rows of these digests, to which nothing refers.
pub(crate) fn remove(db: &mut Db, digests: &[Digest]) -> Result<()> {
    for digests in digests.chunks(BATCH) {
        diesel::delete(blobs::table.filter(blobs::digest.eq_any(digests))).execute(db)?;
    }
    Ok(())
}

/// Copies that files may refer to, in the order of their digests, at most `limit`, those after `after`.
pub(crate) fn list_page(db: &mut Db, after: Option<Digest>, limit: i64) -> Result<Vec<StoredCopy>> {
    let query = blobs::table.order(blobs::digest).limit(limit).select(COLUMNS).into_boxed();
    let query = match after {
        Some(after) => query.filter(blobs::digest.gt(after)),
        None => query,
    };
    Ok(query.load(db)?)
}
