//! Loose blobs: digests that files or attestations were removed of, so that none may be left.

use consign_types::{Digest, Timestamp};
use diesel::prelude::*;

use super::BATCH;
use crate::connection::{Db, each};
use crate::error::Result;
use crate::schema::loose_blobs;

/// Adds digests; those that are there stay as they are.
pub(crate) fn insert(db: &mut Db, digests: &[Digest], now: Timestamp) -> Result<()> {
    for digests in digests.chunks(BATCH) {
        let values: Vec<_> = digests.iter().map(|digest| (loose_blobs::digest.eq(*digest), loose_blobs::since.eq(now))).collect();
        each!(db, connection => diesel::insert_into(loose_blobs::table).values(values).on_conflict_do_nothing().execute(connection))?;
    }
    Ok(())
}

/// Those that are loose for longest, from before an instant.
pub(crate) fn list(db: &mut Db, before: Timestamp, limit: i64) -> Result<Vec<Digest>> {
    let query = loose_blobs::table.filter(loose_blobs::since.lt(before)).order(loose_blobs::since).limit(limit);
    Ok(query.select(loose_blobs::digest).load(db)?)
}

/// Puts digests off: they are looked at again when they have been loose for as long from `now` on.
pub(crate) fn put_off(db: &mut Db, digests: &[Digest], now: Timestamp) -> Result<()> {
    for digests in digests.chunks(BATCH) {
        diesel::update(loose_blobs::table.filter(loose_blobs::digest.eq_any(digests))).set(loose_blobs::since.eq(now)).execute(db)?;
    }
    Ok(())
}

/// Forgets digests.
pub(crate) fn remove(db: &mut Db, digests: &[Digest]) -> Result<()> {
    for digests in digests.chunks(BATCH) {
        diesel::delete(loose_blobs::table.filter(loose_blobs::digest.eq_any(digests))).execute(db)?;
    }
    Ok(())
}
