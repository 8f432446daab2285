//! Reading what is stored again and again, so that damage is found before somebody needs the bytes.

use std::time::{Duration, Instant};

use consign_types::{CopyName, Digest};
use sha2::{Digest as _, Sha256};

use crate::Blobs;
use crate::error::{Error, Result};
use crate::store::{PIECES_AT_ONCE, StoredCopy};

/// How many copies are listed in one go.
const PAGE: usize = 500;

/// The store is read once in this time.
const PASS_SECONDS: u64 = 30 * 24 * 60 * 60;

/// The least bytes that are read in a second, for stores that are small or of unknown size.
const LEAST_RATE: u64 = 1 << 20;

/// What became of a part of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scrubbed {
    /// A copy has its bytes.
    Whole(CopyName),
    /// A copy did not have its bytes, twice, and is quarantined now.
    Damaged(CopyName),
    /// All copies were read: the next pass begins.
    Pass,
}

/// The work of reading all copies, one after another, for ever.
#[derive(Debug)]
pub struct Scrubber {
    blobs: Blobs,
    /// Those that are next, the nearest last.
    next: Vec<StoredCopy>,
    after: Option<CopyName>,
    is_resumed: bool,
    /// What this pass has read, and what the last one has.
    bytes: u64,
    last_bytes: u64,
}

impl Scrubber {
    /// Goes on where the last one stopped.
    pub fn new(blobs: Blobs) -> Self {
        Self { blobs, next: Vec::new(), after: None, is_resumed: false, bytes: 0, last_bytes: 0 }
    }

    /// Reads one copy, at a rate that covers the store in thirty days.
    pub async fn step(&mut self) -> Result<Scrubbed> {
        if self.next.is_empty() && !self.fill().await? {
            return Ok(Scrubbed::Pass);
        }
        let Some(copy) = self.next.pop() else { return Ok(Scrubbed::Pass) };
        let rate = (self.last_bytes.max(self.bytes) / PASS_SECONDS).max(LEAST_RATE);
        let is_whole = self.blobs.verify(copy.name, copy.size, Some(rate)).await?;
        if !is_whole {
            self.blobs.quarantine(copy.name).await?;
        }
        self.bytes = self.bytes.saturating_add(copy.size.unsigned_abs());
        self.after = Some(copy.name);
        if is_whole { Ok(Scrubbed::Whole(copy.name)) } else { Ok(Scrubbed::Damaged(copy.name)) }
    }

    /// Lists what comes next; `false` where a pass ends.
    async fn fill(&mut self) -> Result<bool> {
        let store = &self.blobs.store;
        if !self.is_resumed {
            self.after = store.find_scrub_cursor().await?;
            self.is_resumed = true;
        } else if let Some(after) = self.after {
            store.save_scrub_cursor(Some(after)).await?;
        }
        self.next = store.list(self.after, PAGE).await?;
        self.next.reverse();
        if self.next.is_empty() {
            store.save_scrub_cursor(None).await?;
            (self.after, self.last_bytes, self.bytes) = (None, self.bytes, 0);
        }
        Ok(!self.next.is_empty())
    }
}

impl Blobs {
    /// Whether a copy has the bytes that its name says. It is asked twice before the answer is no; a copy that is gone counts as whole. `rate`
    /// limits the bytes in a second.
    pub async fn verify(&self, name: CopyName, size: i64, rate: Option<u64>) -> Result<bool> {
        for _ in 0..2 {
            match self.hash(name, size, rate).await {
                Ok(digest) if digest == name.digest => return Ok(true),
                Err(Error::Missing(_)) => return Ok(true),
                // Once more: what was read wrong may not be stored wrong.
                Ok(_) | Err(Error::Corrupt(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Keeps a damaged copy from all readers. It gets its bytes again by their next upload.
    pub async fn quarantine(&self, name: CopyName) -> Result<()> {
        tracing::error!(copy = %name, "a stored blob is damaged and is quarantined");
        self.store.quarantine(name).await
    }

    async fn hash(&self, name: CopyName, size: i64, rate: Option<u64>) -> Result<Digest> {
        let blob = self.store.open(name, size).await?;
        let mut pieces = blob.read(0..size).await?;
        let (mut hash, mut bytes, started) = (Sha256::new(), 0_u64, Instant::now());
        while let Some(piece) = pieces.next(PIECES_AT_ONCE).await? {
            bytes += piece.bytes.len() as u64;
            hash = tokio::task::spawn_blocking(move || hash.chain_update(&piece.bytes)).await?;
            if let Some(rate) = rate {
                let due = Duration::from_millis(bytes.saturating_mul(1000) / rate);
                tokio::time::sleep(due.saturating_sub(started.elapsed())).await;
            }
        }
        Ok(Digest::from_bytes(hash.finalize().into()))
    }
}
