//! Tombstones: copies of bytes that nothing may refer to again.

use consign_types::{CopyName, Digest, Timestamp};
use diesel::dsl::max;
use diesel::prelude::*;

use super::BATCH;
use super::blobs::StoredCopy;
use crate::connection::{Db, each};
use crate::error::Result;
use crate::schema::tombstones;

/// The youngest generation that is dead, of each of these digests that has one.
pub(crate) fn list_newest(db: &mut Db, digests: &[Digest]) -> Result<Vec<(Digest, i64)>> {
    let mut found = Vec::new();
    for digests in digests.chunks(BATCH) {
        let query = tombstones::table
            .filter(tombstones::digest.eq_any(digests))
            .group_by(tombstones::digest)
            .select((tombstones::digest, max(tombstones::generation).assume_not_null()));
        found.append(&mut query.load(db)?);
    }
    Ok(found)
}

/// The copies of some digests that were dead before an instant.
pub(crate) fn list(db: &mut Db, digests: &[Digest], before: Timestamp) -> Result<Vec<CopyName>> {
    let mut found: Vec<(Digest, i64)> = Vec::new();
    for digests in digests.chunks(BATCH) {
        let query = tombstones::table.filter(tombstones::digest.eq_any(digests)).filter(tombstones::created_at.le(before));
        found.append(&mut query.select((tombstones::digest, tombstones::generation)).load(db)?);
    }
    Ok(found.into_iter().map(|(digest, generation)| CopyName { digest, generation }).collect())
}

/// Declares copies dead.
pub(crate) fn insert(db: &mut Db, copies: &[StoredCopy], now: Timestamp) -> Result<()> {
    for copies in copies.chunks(BATCH) {
        let values: Vec<_> = copies
            .iter()
            .map(|copy| (tombstones::digest.eq(copy.digest), tombstones::generation.eq(copy.generation), tombstones::created_at.eq(now)))
            .collect();
        each!(db, connection => diesel::insert_into(tombstones::table).values(values).on_conflict_do_nothing().execute(connection))?;
    }
    Ok(())
}

/// Forgets tombstones from before an instant, at most `limit`; returns how many those were.
pub(crate) fn remove_until(db: &mut Db, before: Timestamp, limit: i64) -> Result<usize> {
    let query = tombstones::table.filter(tombstones::created_at.lt(before)).order(tombstones::created_at).limit(limit);
    let Some(last) = query.select(tombstones::created_at).load::<Timestamp>(db)?.pop() else { return Ok(0) };
    Ok(diesel::delete(tombstones::table.filter(tombstones::created_at.le(last))).execute(db)?)
}

/// Copies that were dead before an instant, in the order of their names, at most `limit`, those after `after`.
pub(crate) fn list_page(db: &mut Db, after: Option<CopyName>, before: Timestamp, limit: i64) -> Result<Vec<CopyName>> {
    let query = tombstones::table
        .filter(tombstones::created_at.le(before))
        .order((tombstones::digest, tombstones::generation))
        .limit(limit)
        .into_boxed();
    let query = match after {
        Some(CopyName { digest, generation }) => {
            let later = tombstones::digest.eq(digest).and(tombstones::generation.gt(generation));
            query.filter(tombstones::digest.gt(digest).or(later))
        }
        None => query,
    };
    let found: Vec<(Digest, i64)> = query.select((tombstones::digest, tombstones::generation)).load(db)?;
    Ok(found.into_iter().map(|(digest, generation)| CopyName { digest, generation }).collect())
}
