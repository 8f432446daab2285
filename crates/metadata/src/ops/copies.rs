//! Which stored copy of its bytes a file refers to.

use std::collections::HashMap;

use consign_types::receipt::Receipt;
use consign_types::{Digest, Timestamp};
use diesel::prelude::*;

use super::publish_version::PublishFile;
use crate::batch::{Batch, send_with};
use crate::connection::Db;
use crate::schema::{blobs, tombstones as dead};
use crate::tables::blobs::StoredCopy;
use crate::tables::tombstones;
use crate::{Error, Result};

fn copy_of(receipt: &Receipt) -> StoredCopy {
    StoredCopy { digest: receipt.digest, generation: receipt.generation, size_bytes: receipt.size }
}

/// The copies of files, one for each digest, sorted.
pub(super) fn of(files: &[PublishFile]) -> Vec<StoredCopy> {
    let mut copies: Vec<StoredCopy> = files.iter().map(|file| copy_of(&file.receipt)).collect();
    copies.sort_unstable();
    copies.dedup_by_key(|copy| copy.digest);
    copies
}

/// Sends the writes of a publish, whose copies are entered already, and refuses it where one of these is on its way out.
/// Copies that came in vain, since files refer to others of the same bytes, are declared dead.
///
/// Whoever declares a copy dead removes its row, and holds it meanwhile. Either that was done before this looks, or the foreign key of
/// the files waits for it and breaks: then the publish is run again, and finds the copy gone.
pub(super) fn settle(db: &mut Db, batch: Batch<'_>, files: &[PublishFile], now: Timestamp) -> Result<()> {
    let digests: Vec<Digest> = files.iter().map(|file| file.receipt.digest).collect();
    let kept: Vec<(Digest, i64, Option<i64>)> = send_with!(
        batch,
        db,
        blobs::table
            .left_join(dead::table.on(dead::digest.eq(blobs::digest).and(dead::generation.eq(blobs::generation))))
            .filter(blobs::digest.eq_any(digests))
            .select((blobs::digest, blobs::generation, dead::generation.nullable()))
    );
    let kept: HashMap<Digest, (i64, bool)> = kept.into_iter().map(|(digest, kept, dead)| (digest, (kept, dead.is_some()))).collect();
    let mut vain = Vec::new();
    for PublishFile { path, receipt, .. } in files {
        match kept.get(&receipt.digest) {
            Some((_, true)) | None => return Err(Error::BlobExpired { path: path.clone(), digest: receipt.digest }),
            Some((kept, false)) if *kept != receipt.generation => vain.push(copy_of(receipt)),
            Some(_) => {}
        }
    }
    tombstones::insert(db, &vain, now)
}
