//! Which stored copy of its bytes a file refers to.

use std::collections::HashMap;

use consign_types::receipt::Receipt;
use consign_types::{Digest, Timestamp};

use super::publish_version::PublishFile;
use crate::connection::Db;
use crate::tables::blobs::{self, StoredCopy};
use crate::tables::{leases, tombstones};
use crate::{Error, Result};

/// Makes sure that each digest has a copy to refer to, and that it is not on its way out.
///
/// The copy is entered first and its tombstone looked for afterwards: whoever declares a copy dead holds its row meanwhile, so
/// one of the two sees the other.
pub(super) fn refer_to_copies(db: &mut Db, new: &[&PublishFile], now: Timestamp) -> Result<()> {
    let mut copies: Vec<StoredCopy> = new.iter().map(|file| copy_of(&file.receipt)).collect();
    copies.sort_unstable();
    copies.dedup_by_key(|copy| copy.digest);
    blobs::insert(db, &copies, now)?;

    let digests: Vec<Digest> = copies.iter().map(|copy| copy.digest).collect();
    let kept: HashMap<Digest, i64> = blobs::list(db, &digests)?.into_iter().map(|copy| (copy.digest, copy.generation)).collect();
    let dead = tombstones::list(db, &digests)?;
    for PublishFile { path, receipt, .. } in new {
        let kept = kept.get(&receipt.digest);
        if kept.is_none_or(|generation| dead.contains(&(receipt.digest, *generation))) {
            return Err(Error::BlobExpired { path: path.clone(), digest: receipt.digest });
        }
    }
    Ok(())
}

fn copy_of(receipt: &Receipt) -> StoredCopy {
    StoredCopy { digest: receipt.digest, generation: receipt.generation, size_bytes: receipt.size }
}

/// Ends the leases of published files. Copies that came in vain, since files refer to others of the same bytes, are declared dead.
pub(super) fn settle_copies(db: &mut Db, files: &[PublishFile], now: Timestamp) -> Result<()> {
    leases::remove(db, &files.iter().map(|file| file.receipt.upload).collect::<Vec<_>>())?;
    let digests: Vec<Digest> = files.iter().map(|file| file.receipt.digest).collect();
    let kept: HashMap<Digest, i64> = blobs::list(db, &digests)?.into_iter().map(|copy| (copy.digest, copy.generation)).collect();
    let copies = files.iter().map(|file| copy_of(&file.receipt));
    let vain: Vec<StoredCopy> = copies.filter(|copy| kept.get(&copy.digest).is_some_and(|kept| *kept != copy.generation)).collect();
    tombstones::insert(db, &vain, now)
}
