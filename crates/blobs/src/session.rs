//! An upload as it stands: its spool, how far it is hashed, and who writes to it.
//!
//! Bytes may come on several streams. What follows on what is hashed is hashed as it is written; what comes ahead of that is read
//! back when the bytes between have come. An upload that nobody writes to is on the store alone, so that it can go on in another
//! process; one that failed is taken up again from there.

mod end;
mod write;

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use consign_types::{Reason, Refusal as _};
use tokio::sync::Mutex as AsyncMutex;

use crate::error::{Error, Result};
use crate::hashing::Hashing;
use crate::progress::Progress;
use crate::runs::Runs;
use crate::store::Spool;
use crate::sums::SumsPart;

pub(crate) use end::{End, Sealed};

/// An upload under way.
#[derive(Debug)]
pub(crate) struct Session {
    spool: Arc<dyn Spool>,
    claims: Mutex<Vec<Arc<Claim>>>,
    hashing: Arc<AsyncMutex<Hashing>>,
    /// As far as `hashing` has come, also while blocks are hashed that it has not taken yet.
    hashed: Arc<AtomicI64>,
    ahead: Mutex<Runs>,
    /// Held by whoever keeps the progress, so that an older one never takes the place of a newer one.
    saving: Arc<AsyncMutex<()>>,
    saved: AtomicI64,
    closed: OnceLock<Closed>,
}

/// Why an upload takes nothing more.
#[derive(Clone, Copy, Debug)]
enum Closed {
    /// It was finished, cancelled or left.
    Ended,
    /// The store failed.
    Failed(Reason),
}

/// The right of one stream to write to a range. It is lost to a newer stream that claims a part of it.
#[derive(Debug)]
pub(crate) struct Claim {
    range: Range<i64>,
    is_lost: AtomicBool,
    /// Held while blocks are written: whoever takes the claim away waits until then.
    turn: AsyncMutex<()>,
}

impl Session {
    /// An upload of which nothing has come.
    pub(crate) fn new(spool: Arc<dyn Spool>) -> Self {
        Self::at(spool, Hashing::default(), Runs::default())
    }

    /// An upload that goes on where it was saved.
    pub(crate) fn resume(spool: Arc<dyn Spool>, progress: &Progress) -> Option<Self> {
        let (hashing, ahead) = progress.resume()?;
        Some(Self::at(spool, hashing, ahead))
    }

    fn at(spool: Arc<dyn Spool>, hashing: Hashing, ahead: Runs) -> Self {
        let end = AtomicI64::new(hashing.end);
        let (hashed, saved) = (Arc::new(AtomicI64::new(hashing.end)), end);
        let (hashing, ahead) = (Arc::new(AsyncMutex::new(hashing)), Mutex::new(ahead));
        Self { spool, claims: Mutex::default(), hashing, hashed, ahead, saving: Arc::default(), saved, closed: OnceLock::new() }
    }

    /// How many bytes from the start are hashed.
    pub(crate) fn hashed(&self) -> i64 {
        self.hashed.load(Ordering::Acquire)
    }

    /// How many of them are durable, with the hash as it stands after them.
    pub(crate) fn committed(&self) -> i64 {
        self.saved.load(Ordering::Acquire)
    }

    /// Whether it failed, was finished or was cancelled: it takes nothing more.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get().is_some()
    }

    /// Closes it, unless it is closed already.
    fn close(&self, why: Closed) -> bool {
        self.closed.set(why).is_ok()
    }

    /// Why it takes nothing more, where it is closed.
    fn check_open(&self) -> Result<()> {
        match self.closed.get() {
            None => Ok(()),
            Some(Closed::Ended) => Err(Error::Superseded),
            Some(Closed::Failed(Reason::StorageFull)) => Err(Error::Full),
            Some(Closed::Failed(reason)) => Err(Error::Failed(*reason)),
        }
    }

    pub(crate) fn grain(&self) -> i64 {
        self.spool.grain()
    }

    /// Runs of bytes that have come ahead of those that are hashed.
    pub(crate) fn ahead(&self) -> Vec<Range<i64>> {
        lock(&self.ahead).iter().collect()
    }

    /// Claims a range for a stream. Older claims on any part of it are lost, and what they are writing is written first. `None` where
    /// the upload is closed.
    pub(crate) async fn claim(&self, range: Range<i64>) -> Option<Arc<Claim>> {
        let claim = Arc::new(Claim { range, is_lost: AtomicBool::new(false), turn: AsyncMutex::default() });
        let older: Vec<Arc<Claim>> = {
            let mut claims = lock(&self.claims);
            if self.is_closed() {
                return None;
            }
            let overlaps = |other: &Arc<Claim>| other.range.start < claim.range.end && claim.range.start < other.range.end;
            let older: Vec<_> = claims.extract_if(.., |other| overlaps(other)).collect();
            claims.push(Arc::clone(&claim));
            older
        };
        take_away(older).await;
        // One of them may have ended it, or failed.
        if self.is_closed() {
            self.release(&claim);
            return None;
        }
        Some(claim)
    }

    /// Waits until nothing is done to a closed upload any more, so that its spool may be given to another.
    pub(crate) async fn settle(&self) {
        let claims = lock(&self.claims).drain(..).collect();
        take_away(claims).await;
        drop(self.saving.lock().await);
    }

    /// Gives a claim up.
    pub(crate) fn release(&self, claim: &Arc<Claim>) {
        lock(&self.claims).retain(|other| !Arc::ptr_eq(other, claim));
    }

    fn check(&self, claim: &Claim) -> Result<()> {
        if claim.is_lost() { Err(Error::Superseded) } else { self.check_open() }
    }

    /// After a failure, what is hashed in memory may not be what is in the spool: whoever goes on takes up what was saved.
    fn closed_by<T>(&self, result: Result<T>) -> Result<T> {
        if let Err(error) = &result {
            self.close(match error.reason() {
                Reason::UploadSuperseded => Closed::Ended,
                reason => Closed::Failed(reason),
            });
        }
        result
    }

    /// Makes durable what has come, and returns how many bytes from the start that are.
    pub(crate) async fn save(self: &Arc<Self>) -> Result<i64> {
        let _saving = self.saving.lock().await;
        let (progress, sums) = {
            let mut hashing = self.hashing.lock().await;
            self.catch_up(&mut hashing).await?;
            self.snapshot(&mut hashing)
        };
        self.keep(progress, sums).await
    }

    /// How far it has come, and the checksums that are not kept yet. They are kept by whoever asks, or nothing is any more.
    fn snapshot(&self, hashing: &mut Hashing) -> (Progress, SumsPart) {
        (Progress::of(hashing, &lock(&self.ahead)), hashing.sums.drain())
    }

    /// Makes durable what the progress tells, and keeps it. Nobody else is at that.
    async fn keep(&self, progress: Progress, sums: SumsPart) -> Result<i64> {
        if let Some(Closed::Ended) = self.closed.get() {
            return Ok(self.committed());
        }
        self.check_open()?;
        if progress.is_nothing() {
            return Ok(0);
        }
        let saved = async {
            self.spool.sync().await?;
            self.spool.save(&progress, sums).await
        };
        self.closed_by(saved.await)?;
        self.saved.store(progress.hashed, Ordering::Release);
        Ok(progress.hashed)
    }
}

/// Takes claims from those who have them, and waits until nothing is written by them any more.
async fn take_away(claims: Vec<Arc<Claim>>) {
    for claim in &claims {
        claim.is_lost.store(true, Ordering::Release);
    }
    for claim in claims {
        drop(claim.turn.lock().await);
    }
}

impl Claim {
    /// Whether a newer stream took it.
    pub(crate) fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Acquire)
    }
}

pub(crate) fn length(bytes: &[u8]) -> i64 {
    i64::try_from(bytes.len()).expect("a block is smaller than memory")
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
