//! Which stored copy of its bytes a file or an attestation refers to.

use std::collections::HashMap;

use consign_types::receipt::Receipt;
use consign_types::{Digest, Timestamp};
use diesel::prelude::*;

use crate::batch::{Batch, send_with};
use crate::connection::Db;
use crate::error::BytesOf;
use crate::prepared::{Kept, fixed, rounded};
use crate::schema::{blobs, tombstones as dead};
use crate::tables::blobs::{self as table, StoredCopy};
use crate::tables::tombstones;
use crate::{Error, Result};

/// What refers to bytes that were uploaded for it.
pub(super) trait Brought {
    /// Proof that they are stored.
    fn receipt(&self) -> &Receipt;
    /// What they are of.
    fn bytes_of(&self) -> BytesOf;
}

/// Refuses receipts of other projects, and those whose time is over.
pub(super) fn check(brought: &[impl Brought], project: i64, now: Timestamp) -> Result<()> {
    for one in brought {
        let receipt = one.receipt();
        if receipt.project != project {
            return Err(Error::ReceiptInvalid(one.bytes_of()));
        }
        if receipt.expires < now {
            return Err(Error::BlobExpired { of: one.bytes_of(), digest: receipt.digest });
        }
    }
    Ok(())
}

fn copy_of(receipt: &Receipt) -> StoredCopy {
    StoredCopy { digest: receipt.digest, generation: receipt.generation, size_bytes: receipt.size }
}

/// The copies of what was brought, one for each digest, sorted.
pub(super) fn of(brought: &[impl Brought]) -> Vec<StoredCopy> {
    let mut copies = all_of(brought);
    copies.dedup_by_key(|copy| copy.digest);
    copies
}

fn all_of(brought: &[impl Brought]) -> Vec<StoredCopy> {
    let mut copies: Vec<StoredCopy> = brought.iter().map(|one| copy_of(one.receipt())).collect();
    copies.sort_unstable();
    copies.dedup();
    copies
}

/// Sends the writes of a publish, whose copies are entered already, and refuses it where one of these is on its way out.
///
/// Where files refer to an older copy of the same bytes than the one that came, they refer to the new one from now on, and the old one
/// is declared dead: that the new one is stored is proven, and nobody would have stored it if the old one had been there and whole.
/// An older copy that came in vain is declared dead itself.
///
/// Whoever declares a copy dead removes or changes its row, and holds it meanwhile. Either that was done before this looks, or the foreign
/// key of the files waits for it and breaks: then the publish is run again, and finds the copy gone.
pub(super) fn settle(db: &mut Db, batch: Batch<'_>, brought: &[impl Brought], now: Timestamp) -> Result<()> {
    let digests: Vec<Digest> = brought.iter().map(|one| one.receipt().digest).collect();
    let is_one = digests.len() == 1;
    let query = blobs::table
        .left_join(dead::table.on(dead::digest.eq(blobs::digest).and(dead::generation.eq(blobs::generation))))
        .filter(blobs::digest.eq_any(rounded(digests)))
        .select((blobs::digest, blobs::generation, dead::generation.nullable()));
    let kept: Vec<(Digest, i64, Option<i64>)> =
        if is_one { send_with!(batch, db, fixed!(query)) } else { send_with!(batch, db, Kept(query)) };
    let mut kept: HashMap<Digest, (i64, bool)> = kept.into_iter().map(|(digest, kept, dead)| (digest, (kept, dead.is_some()))).collect();
    for one in brought {
        let digest = one.receipt().digest;
        if kept.get(&digest).is_none_or(|(_, is_dead)| *is_dead) {
            return Err(Error::BlobExpired { of: one.bytes_of(), digest });
        }
    }
    let mut dead = Vec::new();
    for copy in all_of(brought) {
        let Some((kept, _)) = kept.get_mut(&copy.digest) else { continue };
        if *kept < copy.generation && table::replace(db, copy, *kept)? {
            dead.push(StoredCopy { generation: *kept, ..copy });
            *kept = copy.generation;
        } else if *kept > copy.generation {
            dead.push(copy);
        }
    }
    tombstones::insert(db, &dead, now)
}
