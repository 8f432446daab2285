//! Blobs: the copy of each digest that files refer to.

use consign_types::{Digest, Timestamp};
use diesel::prelude::*;

use super::BATCH;
use crate::connection::{Db, each};
use crate::error::Result;
use crate::schema::blobs;

/// The copies that are referred to, of these digests.
pub(crate) fn find(db: &mut Db, digests: &[Digest]) -> Result<Vec<(Digest, i64)>> {
    let mut found = Vec::new();
    for digests in digests.chunks(BATCH) {
        let query = blobs::table.filter(blobs::digest.eq_any(digests)).select((blobs::digest, blobs::generation));
        found.append(&mut query.load(db)?);
    }
    Ok(found)
}

/// Adds copies, given as digest, generation and size, where their digests have none. Digests must come sorted, so that
/// concurrent publishers wait for each other in one order.
pub(crate) fn insert(db: &mut Db, copies: &[(Digest, i64, i64)], now: Timestamp) -> Result<()> {
    debug_assert!(copies.is_sorted());
    for copies in copies.chunks(BATCH) {
        let values: Vec<_> = copies
            .iter()
            .map(|(digest, generation, size)| {
                (blobs::digest.eq(*digest), blobs::generation.eq(*generation), blobs::size.eq(*size), blobs::created_at.eq(now))
            })
            .collect();
        each!(db, connection => diesel::insert_into(blobs::table).values(values).on_conflict_do_nothing().execute(connection))?;
    }
    Ok(())
}
