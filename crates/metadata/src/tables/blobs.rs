//! Blobs: the copy of each digest that files refer to.

use consign_types::{Digest, Timestamp};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::upsert::excluded;

use super::BATCH;
use crate::batch::{Batch, push};
use crate::connection::Db;
use crate::error::Result;
use crate::schema::{blobs, files};

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
    let mut found = Vec::new();
    for digests in digests.chunks(BATCH) {
        found.append(&mut blobs::table.filter(blobs::digest.eq_any(digests)).select(COLUMNS).load(db)?);
    }
    Ok(found)
}

/// The same, of those digests that some file of the project has.
pub(crate) fn list_of_project(db: &mut Db, project: i64, digests: &[Digest]) -> Result<Vec<StoredCopy>> {
    let mut found = Vec::new();
    for digests in digests.chunks(BATCH) {
        let referred = files::table.filter(files::digest.eq(blobs::digest)).filter(files::project_id.eq(project));
        let query = blobs::table.filter(blobs::digest.eq_any(digests)).filter(exists(referred));
        found.append(&mut query.select(COLUMNS).load(db)?);
    }
    Ok(found)
}

/// Adds copies where their digests have none, and locks the rows. They must come sorted, so that concurrent publishers wait for each
/// other in one order.
pub(crate) fn insert(batch: &mut Batch<'_>, copies: &[StoredCopy], now: Timestamp) {
    debug_assert!(copies.is_sorted());
    for copies in copies.chunks(BATCH) {
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
        push!(
            batch,
            diesel::insert_into(blobs::table)
                .values(values)
                .on_conflict(blobs::digest)
                .do_update()
                .set(blobs::digest.eq(excluded(blobs::digest)))
        );
    }
}
