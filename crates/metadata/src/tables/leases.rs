//! Leases: bytes that are on their way. The id of a lease is the number of its upload.

use consign_types::{Digest, Timestamp};
use diesel::prelude::*;

use super::BATCH;
use super::reservations::Reservation;
use crate::batch::{Batch, push, push_rows};
use crate::connection::Db;
use crate::error::Result;
use crate::prepared::rounded;
use crate::schema::leases;

/// A lease to be taken.
#[derive(Clone)]
pub(crate) struct NewLease {
    /// The bytes, where they are known.
    pub(crate) digest: Option<Digest>,
    /// The most bytes that may be sent.
    pub(crate) max_bytes: i64,
    /// Those that count against the quota meanwhile.
    pub(crate) reserved_bytes: i64,
}

/// Takes leases, by these ids.
pub(crate) fn insert(db: &mut Db, new: &Reservation<'_>, ids: &[i64]) -> Result<()> {
    let row = |(lease, &id): (&NewLease, &i64)| {
        (
            leases::id.eq(id),
            leases::project_id.eq(new.project),
            leases::digest.eq(lease.digest),
            leases::max_bytes.eq(lease.max_bytes),
            leases::reserved_bytes.eq(lease.reserved_bytes),
            leases::created_at.eq(new.now),
            leases::expires_at.eq(new.expires_at),
        )
    };
    let added: Vec<_> = new.leases.iter().zip(ids).map(row).collect();
    let mut batch = Batch::new(db);
    push_rows!(&mut batch, added, |rows| diesel::insert_into(leases::table).values(rows));
    batch.send(db)
}

/// Removes leases.
pub(crate) fn remove(batch: &mut Batch<'_>, ids: &[i64]) {
    if let &[id] = ids {
        push!(batch, fixed diesel::delete(leases::table.find(id)));
        return;
    }
    for ids in ids.chunks(BATCH) {
        let ids = rounded(ids.to_vec());
        push!(batch, diesel::delete(leases::table.filter(leases::id.eq_any(ids))));
    }
}

/// What an upload of a project has reserved.
pub(crate) fn sum_reserved(db: &mut Db, project: i64, upload: i64) -> Result<i64> {
    let query = leases::table.filter(leases::id.eq(upload)).filter(leases::project_id.eq(project));
    Ok(query.select(leases::reserved_bytes).first(db).optional()?.unwrap_or_default())
}

/// The project that has the oldest lease whose time is over.
pub(crate) fn find_expired(db: &mut Db, now: Timestamp) -> Result<Option<i64>> {
    let query = leases::table.filter(leases::expires_at.lt(now)).order(leases::expires_at);
    Ok(query.select(leases::project_id).first(db).optional()?)
}

/// Some leases of a project whose time is over, at most `limit`, and what they have reserved.
pub(crate) fn list_expired(db: &mut Db, project: i64, now: Timestamp, limit: i64) -> Result<Vec<(i64, i64)>> {
    let query = leases::table.filter(leases::expires_at.lt(now)).filter(leases::project_id.eq(project));
    Ok(query.order(leases::expires_at).limit(limit).select((leases::id, leases::reserved_bytes)).load(db)?)
}

/// Those of these uploads of a project that have a lease, and what they have reserved.
pub(crate) fn list_of(db: &mut Db, project: i64, uploads: &[i64]) -> Result<Vec<(i64, i64)>> {
    let mut found = Vec::new();
    for uploads in uploads.chunks(BATCH) {
        let query = leases::table.filter(leases::id.eq_any(uploads)).filter(leases::project_id.eq(project));
        found.append(&mut query.select((leases::id, leases::reserved_bytes)).load(db)?);
    }
    Ok(found)
}

/// Removes the leases of a project that goes.
pub(crate) fn remove_of_project(db: &mut Db, project: i64) -> Result<()> {
    diesel::delete(leases::table.filter(leases::project_id.eq(project))).execute(db)?;
    Ok(())
}

/// Those of some digests for which a lease is not over.
pub(crate) fn list_digests(db: &mut Db, digests: &[Digest], now: Timestamp) -> Result<Vec<Digest>> {
    let mut found = Vec::new();
    for digests in digests.chunks(BATCH) {
        let query = leases::table.filter(leases::digest.eq_any(digests)).filter(leases::expires_at.ge(now)).distinct();
        found.append(&mut query.select(leases::digest.assume_not_null()).load(db)?);
    }
    Ok(found)
}
