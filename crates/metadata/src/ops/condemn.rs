//! Declaring copies dead to which nothing refers: the first half of garbage collection. The second half is the blob plane's.
//!
//! Whoever declares a copy dead holds the row of its digest meanwhile. A publisher of the same bytes has either referred to the row
//! before, and the copy lives; or it waits, and then finds the tombstone.

use std::collections::HashSet;

use consign_types::{CopyName, Digest, Timestamp};

use crate::connection::Db;
use crate::tables::blobs::StoredCopy;
use crate::tables::{attestations, blobs, files, leases, loose_blobs, tombstones};
use crate::{Metadata, Result};

/// How long a tombstone is kept. No receipt for the copy is believed by then.
const TOMBSTONE_SECONDS: i64 = 7 * 24 * 60 * 60;

/// How many tombstones one transaction forgets.
const AT_ONCE: i64 = 1000;

impl Metadata {
    /// Declares dead, of stored copies that are old enough, those that nothing refers to; returns these. Their bytes may be removed now.
    ///
    /// Old enough is what nobody can be about to publish: whatever is younger than the longest life of a receipt may be wanted still.
    pub async fn condemn(&self, copies: Vec<CopyName>) -> Result<Vec<CopyName>> {
        if copies.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.now();
        let suspects = self.pool.read(move |db| suspects(db, copies)).await?;
        if suspects.is_empty() {
            return Ok(suspects);
        }
        self.pool.write(move |db| condemn(db, &suspects, now)).await
    }

    /// Declares dead the copies of bytes that lost their last file or attestation `grace_seconds` ago or earlier, at most about `limit`; returns these. The
    /// flag tells whether there may be more.
    pub async fn condemn_loose(&self, grace_seconds: i64, limit: i64) -> Result<(Vec<CopyName>, bool)> {
        let now = self.now();
        self.pool.write(move |db| condemn_loose(db, now.plus_seconds(-grace_seconds), limit, now)).await
    }

    /// Forgets tombstones whose copies nobody can have a receipt for any more. Returns how many those were.
    pub async fn forget_tombstones(&self) -> Result<usize> {
        let before = self.now().plus_seconds(-TOMBSTONE_SECONDS);
        self.pool.write(move |db| tombstones::remove_until(db, before, AT_ONCE)).await
    }

    /// Copies that files may refer to, in the order of their digests, with their sizes: at most `limit`, those after `after`.
    pub async fn list_copies(&self, after: Option<Digest>, limit: i64) -> Result<Vec<(CopyName, i64)>> {
        let page = self.pool.read(move |db| blobs::list_page(db, after, limit)).await?;
        Ok(page.into_iter().map(|copy| (name(&copy), copy.size_bytes)).collect())
    }

    /// Copies that were declared dead within the life of a tombstone, and `seconds` ago or earlier, in the order of their names: at most
    /// `limit`, those after `after`.
    pub async fn list_dead(&self, after: Option<CopyName>, seconds: i64, limit: i64) -> Result<Vec<CopyName>> {
        let before = self.now().plus_seconds(-seconds);
        self.pool.read(move |db| tombstones::list_page(db, after, before, limit)).await
    }

    /// Those of some copies that were declared dead `seconds` ago or earlier. Files may have referred to them until then, and readers may have
    /// tickets.
    pub async fn list_buried(&self, copies: Vec<CopyName>, seconds: i64) -> Result<Vec<CopyName>> {
        let digests: Vec<Digest> = copies.iter().map(|copy| copy.digest).collect();
        let before = self.now().plus_seconds(-seconds);
        let dead = self.pool.read(move |db| tombstones::list(db, &digests, before)).await?;
        let dead: HashSet<CopyName> = dead.into_iter().collect();
        Ok(copies.into_iter().filter(|copy| dead.contains(copy)).collect())
    }

    /// Those of some copies that files may refer to.
    pub async fn list_kept(&self, copies: Vec<CopyName>) -> Result<Vec<CopyName>> {
        let digests: Vec<Digest> = copies.iter().map(|copy| copy.digest).collect();
        let kept = self.pool.read(move |db| blobs::list(db, &digests)).await?;
        let kept: HashSet<CopyName> = kept.iter().map(name).collect();
        Ok(copies.into_iter().filter(|copy| kept.contains(copy)).collect())
    }
}

fn name(copy: &StoredCopy) -> CopyName {
    CopyName { digest: copy.digest, generation: copy.generation }
}

/// Those of some digests that a file or an attestation refers to.
fn referred(db: &mut Db, digests: &[Digest]) -> Result<HashSet<Digest>> {
    Ok(files::list_digests(db, digests)?.into_iter().chain(attestations::list_blobs(db, digests)?).collect())
}

/// Those of some copies that nothing seems to refer to. Nothing is held, so it is asked again.
fn suspects(db: &mut Db, mut copies: Vec<CopyName>) -> Result<Vec<CopyName>> {
    let digests: Vec<Digest> = copies.iter().map(|copy| copy.digest).collect();
    let kept: HashSet<CopyName> = blobs::list(db, &digests)?.iter().map(name).collect();
    let referred = referred(db, &digests)?;
    copies.retain(|copy| !(kept.contains(copy) && referred.contains(&copy.digest)));
    Ok(copies)
}

fn condemn(db: &mut Db, copies: &[CopyName], now: Timestamp) -> Result<Vec<CopyName>> {
    let digests = digests_of(copies);
    let kept: HashSet<CopyName> = blobs::hold(db, &digests, now)?.iter().map(name).collect();
    let wanted = Wanted::read(db, &digests, now)?;
    let is_dead = |copy: &CopyName| !(wanted.is_leased(copy) || kept.contains(copy) && wanted.is_referred(copy));
    let dead: Vec<CopyName> = copies.iter().copied().filter(is_dead).collect();
    bury(db, &dead, &kept, now)?;
    blobs::let_go(db, &digests)?;
    Ok(dead)
}

fn condemn_loose(db: &mut Db, before: Timestamp, limit: i64, now: Timestamp) -> Result<(Vec<CopyName>, bool)> {
    let mut digests = loose_blobs::list(db, before, limit)?;
    let is_more = i64::try_from(digests.len()) == Ok(limit);
    digests.sort_unstable();
    let kept = blobs::hold(db, &digests, now)?;
    let wanted = Wanted::read(db, &digests, now)?;
    let dead: Vec<CopyName> = kept.iter().map(name).filter(|copy| !wanted.is_referred(copy) && !wanted.is_leased(copy)).collect();
    bury(db, &dead, &dead.iter().copied().collect(), now)?;
    blobs::let_go(db, &digests)?;
    let (later, done): (Vec<Digest>, Vec<Digest>) =
        digests.into_iter().partition(|digest| wanted.leased.contains(digest) && !wanted.referred.contains(digest));
    loose_blobs::put_off(db, &later, now)?;
    loose_blobs::remove(db, &done)?;
    Ok((dead, is_more))
}

/// What is known of some digests while they are held.
struct Wanted {
    /// Some file or attestation has them.
    referred: HashSet<Digest>,
    /// They are on their way.
    leased: HashSet<Digest>,
}

impl Wanted {
    fn read(db: &mut Db, digests: &[Digest], now: Timestamp) -> Result<Self> {
        let referred = referred(db, digests)?;
        let leased = leases::list_digests(db, digests, now)?.into_iter().collect();
        Ok(Self { referred, leased })
    }

    fn is_referred(&self, copy: &CopyName) -> bool {
        self.referred.contains(&copy.digest)
    }

    fn is_leased(&self, copy: &CopyName) -> bool {
        self.leased.contains(&copy.digest)
    }
}

/// Writes the tombstones of copies whose digests are held, and removes the rows of those that files could have referred to.
fn bury(db: &mut Db, dead: &[CopyName], kept: &HashSet<CopyName>, now: Timestamp) -> Result<()> {
    let copy = |name: &CopyName| StoredCopy { digest: name.digest, generation: name.generation, size_bytes: 0 };
    tombstones::insert(db, &dead.iter().map(copy).collect::<Vec<_>>(), now)?;
    let rows: Vec<CopyName> = dead.iter().copied().filter(|copy| kept.contains(copy)).collect();
    blobs::remove(db, &digests_of(&rows))
}

fn digests_of(copies: &[CopyName]) -> Vec<Digest> {
    let mut digests: Vec<Digest> = copies.iter().map(|copy| copy.digest).collect();
    digests.sort_unstable();
    digests.dedup();
    digests
}
