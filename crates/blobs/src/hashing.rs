//! Hashing the bytes of an upload, in order.

use consign_types::Digest;
use sha2::Digest as _;
use sha2::Sha256;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::block::Block;
use crate::feed::Blocks;
use crate::store::PIECE_BYTES;
use crate::sums::{Summing, SumsPart};

/// The bytes from the start that are hashed.
#[derive(Debug, Default)]
pub(crate) struct Hashing {
    pub(crate) hash: Sha256,
    pub(crate) sums: Summing,
    pub(crate) end: i64,
}

/// The hash of some bytes more, and the checksums of the pieces that they complete. Nothing has changed until the step is taken.
#[derive(Debug)]
pub(crate) struct Step {
    hash: Sha256,
    sums: Summing,
    end: i64,
}

impl Hashing {
    /// A step over no bytes yet.
    pub(crate) fn begin(&self) -> Step {
        Step { hash: self.hash.clone(), sums: self.sums.next(), end: self.end }
    }

    pub(crate) fn take(&mut self, step: Step) {
        let Step { hash, sums, end } = step;
        (self.hash, self.end) = (hash, end);
        self.sums.take(sums);
    }

    /// What all of them hash to, and the last of their checksums.
    pub(crate) fn finish(&mut self) -> (Digest, SumsPart) {
        (Digest::from_bytes(self.hash.finalize_reset().into()), self.sums.finish())
    }
}

impl Step {
    /// Goes on over the bytes that come next. To hash a block takes longer than a task may keep others waiting.
    pub(crate) fn add(&mut self, block: &Block) {
        // Piece by piece, so that the second pass finds them in the processor's cache.
        for piece in block.chunks().flat_map(|chunk| chunk.chunks(PIECE_BYTES)) {
            self.hash.update(piece);
            self.sums.add(piece);
        }
        self.end += block.size();
    }

    /// Goes on over blocks as they come, on a thread of its own, and tells after each how far it is.
    pub(crate) fn add_all(mut self, mut blocks: Blocks, tell: impl Fn(i64) + Send + 'static) -> JoinHandle<Self> {
        spawn_blocking(move || {
            while let Some(queued) = blocks.wait_for_next() {
                self.add(&queued.block);
                tell(self.end);
            }
            self
        })
    }
}
