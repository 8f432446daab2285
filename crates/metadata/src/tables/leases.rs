//! Leases: bytes that are on their way. The id of a lease is the number of its upload.

use consign_types::{Digest, Timestamp};
use diesel::prelude::*;

use super::BATCH;
use crate::connection::{Db, each};
use crate::error::Result;
use crate::schema::leases;

/// A lease to be taken.
#[derive(Insertable)]
#[diesel(table_name = leases)]
pub(crate) struct NewLease {
    pub(crate) project_id: i64,
    pub(crate) digest: Option<Digest>,
    pub(crate) max_bytes: i64,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// Takes leases. Returns their ids, in the same order.
pub(crate) fn insert(db: &mut Db, new: &[NewLease]) -> Result<Vec<i64>> {
    let mut ids = Vec::with_capacity(new.len());
    for new in new.chunks(BATCH) {
        let mut rows: Vec<i64> = each!(db, connection => diesel::insert_into(leases::table)
            .values(new)
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

/// Some leases whose time is over, at most `limit`.
pub(crate) fn list_expired(db: &mut Db, now: Timestamp, limit: i64) -> Result<Vec<i64>> {
    let query = leases::table.filter(leases::expires_at.lt(now)).order(leases::expires_at).limit(limit);
    Ok(query.select(leases::id).load(db)?)
}
