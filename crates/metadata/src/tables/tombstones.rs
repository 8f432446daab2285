//! Tombstones: copies of bytes that nothing may refer to again.

use consign_types::{Digest, Timestamp};
use diesel::dsl::max;
use diesel::prelude::*;

use super::BATCH;
use crate::connection::{Db, each};
use crate::error::Result;
use crate::schema::tombstones;

/// The youngest dead copy of each of these digests that has one.
pub(crate) fn newest(db: &mut Db, digests: &[Digest]) -> Result<Vec<(Digest, Option<i64>)>> {
    let mut found = Vec::new();
    for digests in digests.chunks(BATCH) {
        let query = tombstones::table
            .filter(tombstones::digest.eq_any(digests))
            .group_by(tombstones::digest)
            .select((tombstones::digest, max(tombstones::generation)));
        found.append(&mut query.load(db)?);
    }
    Ok(found)
}

/// Declares copies dead, given as digest and generation.
pub(crate) fn insert(db: &mut Db, copies: &[(Digest, i64)], now: Timestamp) -> Result<()> {
    for copies in copies.chunks(BATCH) {
        let values: Vec<_> = copies
            .iter()
            .map(|(digest, generation)| {
                (tombstones::digest.eq(*digest), tombstones::generation.eq(*generation), tombstones::created_at.eq(now))
            })
            .collect();
        each!(db, connection => diesel::insert_into(tombstones::table).values(values).on_conflict_do_nothing().execute(connection))?;
    }
    Ok(())
}
