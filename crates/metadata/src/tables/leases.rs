//! Leases: bytes that are on their way. The id of a lease is the number of its upload.

use consign_types::{Digest, Timestamp};
use diesel::prelude::*;

use super::BATCH;
use crate::connection::{Db, each};
use crate::error::Result;
use crate::schema::leases;

/// Takes a lease for each of these, given as digest if it is known, and limit in bytes. Returns their ids in the same order.
pub(crate) fn insert(db: &mut Db, project: i64, new: &[(Option<Digest>, i64)], now: Timestamp, expires: Timestamp) -> Result<Vec<i64>> {
    let mut ids = Vec::with_capacity(new.len());
    for new in new.chunks(BATCH) {
        let values: Vec<_> = new
            .iter()
            .map(|(digest, max_bytes)| {
                (
                    leases::project_id.eq(project),
                    leases::digest.eq(*digest),
                    leases::max_bytes.eq(*max_bytes),
                    leases::created_at.eq(now),
                    leases::expires_at.eq(expires),
                )
            })
            .collect();
        let mut rows: Vec<i64> = each!(db, connection => diesel::insert_into(leases::table)
            .values(values)
            .returning(leases::id)
            .get_results(connection))?;
        ids.append(&mut rows);
    }
    Ok(ids)
}

/// Ends leases whose bytes are published.
pub(crate) fn remove(db: &mut Db, ids: &[i64]) -> Result<()> {
    for ids in ids.chunks(BATCH) {
        diesel::delete(leases::table.filter(leases::id.eq_any(ids))).execute(db)?;
    }
    Ok(())
}

/// Ends leases whose time is over. Returns how many.
pub(crate) fn remove_expired(db: &mut Db, now: Timestamp) -> Result<usize> {
    Ok(diesel::delete(leases::table.filter(leases::expires_at.lt(now))).execute(db)?)
}
