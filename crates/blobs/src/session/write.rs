//! Bytes come to a session.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::task::spawn_blocking;
use tracing::Instrument as _;

use super::{Claim, Session, lock};
use crate::error::{Error, Result};
use crate::feed::{Blocks, QueuedBlock, Room};
use crate::hashing::{Hashing, Step};
use crate::store::Hashed;

/// How many bytes may be written before it is kept durably how far the upload has come.
const SAVE_BYTES: i64 = 64 << 20;

/// How long blocks are hashed and written in one go. Meanwhile it is not kept how far the upload has come: what came in that time is sent
/// again after a break.
const RUN_TIME: Duration = Duration::from_secs(1);

/// How many bytes are read back in one go, where the store has no grain.
const READ_BACK_BYTES: i64 = 512 << 10;

impl Session {
    /// Writes the blocks of a stream until none comes for a while. Bytes of them that are hashed already are skipped.
    pub(crate) async fn write(self: &Arc<Self>, claim: &Claim, mut blocks: Blocks) -> Result<()> {
        let _turn = claim.turn.lock().await;
        while let Some(first) = blocks.next_soon().await {
            self.check(claim)?;
            let written = self.write_some(claim, first, &mut blocks).await;
            if let Err(error) = self.closed_by(written) {
                // Whoever takes the upload up again finds what was kept last, and nothing is kept after that.
                drop(self.saving.lock().await);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Writes a block and what follows on it, as far as that is hashed in one go.
    async fn write_some(self: &Arc<Self>, claim: &Claim, first: QueuedBlock, blocks: &mut Blocks) -> Result<()> {
        let Ok(mut hashing) = Arc::clone(&self.hashing).try_lock_owned() else { return self.write_ahead(first).await };
        let room = first.room();
        let room = if first.end() <= hashing.end {
            drop(first);
            Some(room)
        } else if hashing.end < first.offset {
            self.write_ahead(first).await?;
            Some(room)
        } else {
            drop(room);
            self.write_run(claim, &mut hashing, first, blocks).await?
        };
        self.catch_up(&mut hashing).await?;
        // What is read back takes as much memory as a block, so nothing took its place until now.
        drop(room);
        self.save_at_times(&mut hashing);
        Ok(())
    }

    /// Hashes and writes blocks that follow each other quickly, for a while. There is a thread for each of the two that goes on from block to
    /// block: to wake one for every block takes time in which nothing is hashed. Returns the room of the last block, where more may come
    /// at once.
    async fn write_run(&self, claim: &Claim, hashing: &mut Hashing, first: QueuedBlock, blocks: &mut Blocks) -> Result<Option<Room>> {
        let (started, spool, seen) = (Instant::now(), Arc::clone(&self.spool), Arc::clone(&self.hashed));
        let (to_hash, blocks_to_hash) = Blocks::channel();
        let (to_write, blocks_to_write) = Blocks::channel();
        let hashed = hashing.begin().add_all(blocks_to_hash, move |end| seen.store(end, Ordering::Release));
        let written = tokio::spawn(async move { spool.write_all(blocks_to_write).await }.in_current_span());
        let (mut next, mut all_sent, mut last_room) = (Some(first.skip_to(hashing.end)), true, None);
        while let Some(queued) = next {
            let (end, room) = (queued.end(), queued.room());
            all_sent = to_hash.send(queued.clone()).await.is_ok() && to_write.send(queued).await.is_ok();
            // What has come ahead is not written again.
            let goes_on = all_sent && self.check(claim).is_ok() && started.elapsed() < RUN_TIME && lock(&self.ahead).reach(end).is_none();
            next = if goes_on {
                drop(room);
                blocks.next_soon().await
            } else {
                last_room = Some(room);
                None
            };
        }
        drop((to_hash, to_write));
        written.await??;
        let step = hashed.await?;
        if !all_sent {
            return Err(Error::Unanswered);
        }
        self.advance(hashing, step);
        Ok(last_room)
    }

    /// Bytes that have come before never change: they are hashed, or will be read back. Nobody else writes to this range now, so what is
    /// missing of it is known.
    async fn write_ahead(&self, queued: QueuedBlock) -> Result<()> {
        let missing = {
            let ahead = lock(&self.ahead);
            ahead.missing(queued.offset.max(self.hashed())..queued.end())
        };
        for run in missing {
            let cut = |at: i64| usize::try_from(at - queued.offset).expect("a block is smaller than memory");
            self.spool.write(run.start, queued.block.slice(cut(run.start)..cut(run.end)), Hashed::Later).await?;
            lock(&self.ahead).insert(run);
        }
        Ok(())
    }

    fn advance(&self, hashing: &mut Hashing, step: Step) {
        hashing.take(step);
        self.hashed.store(hashing.end, Ordering::Release);
        lock(&self.ahead).reach(hashing.end);
    }

    /// Hashes what has come ahead by now, as far as nothing is missing between. More may come meanwhile, faster than it is hashed.
    pub(super) async fn catch_up(self: &Arc<Self>, hashing: &mut Hashing) -> Result<()> {
        let reached = lock(&self.ahead).reach(hashing.end).unwrap_or(hashing.end);
        while hashing.end < reached {
            let bytes = self.grain().max(READ_BACK_BYTES).min(reached - hashing.end);
            let bytes = usize::try_from(bytes).expect("a block is smaller than memory");
            let block = self.spool.read_back(hashing.end, bytes).await?.into();
            let mut step = hashing.begin();
            let hash = move || {
                step.add(&block);
                step
            };
            let step = spawn_blocking(hash).await?;
            self.advance(hashing, step);
            self.save_at_times(hashing);
        }
        Ok(())
    }

    /// Keeps, beside the transfer, how far it has come, where it has come far since the last time and nobody is at that.
    fn save_at_times(self: &Arc<Self>, hashing: &mut Hashing) {
        if hashing.end - self.committed() < SAVE_BYTES {
            return;
        }
        let Ok(saving) = Arc::clone(&self.saving).try_lock_owned() else { return };
        let (progress, sums) = self.snapshot(hashing);
        let session = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = session.keep(progress, sums).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot keep how far an upload has come");
            }
            drop(saving);
        });
    }
}
