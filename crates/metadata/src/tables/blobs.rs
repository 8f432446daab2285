//! Blobs: the copy of each digest that files refer to.

use consign_types::version::VersionState;
use consign_types::{Digest, Timestamp};
use diesel::dsl::exists;
use diesel::prelude::*;

use super::BATCH;
use crate::batch::{Batch, push};
use crate::connection::Db;
use crate::error::Result;
use crate::schema::{blobs, files, packages, versions};

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

/// Adds copies where their digests have none. They come sorted, and in one statement after the other, so that concurrent publishers wait
/// for each other in one order. Returns those that are left for the caller's batch.
pub(crate) fn insert_most<'a>(db: &mut Db, copies: &'a [StoredCopy], now: Timestamp) -> Result<&'a [StoredCopy]> {
    debug_assert!(copies.is_sorted());
    let mut left = copies;
    while left.len() > BATCH {
        let (first, rest) = left.split_at(BATCH);
        let mut batch = Batch::new(db);
        insert(&mut batch, first, now);
        batch.send(db)?;
        left = rest;
    }
    Ok(left)
}

/// Adds copies where their digests have none: at most [`BATCH`] of them.
///
/// The rows that are there are not locked: the files that are to refer to them hold them by their foreign key.
pub(crate) fn insert(batch: &mut Batch<'_>, copies: &[StoredCopy], now: Timestamp) {
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
    if !values.is_empty() {
        push!(batch, diesel::insert_into(blobs::table).values(values).on_conflict_do_nothing());
    }
}
