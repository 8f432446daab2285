//! Removing copies that were declared dead, slowly: file systems make new files many times slower for a while after many were
//! removed at once.

use std::time::Duration;

use consign_types::{CopyName, Digest};

use crate::Blobs;
use crate::error::Result;
use crate::store::StoredCopy;

/// The pause between two removals.
const PAUSE: Duration = Duration::from_millis(5);

/// How many copies of the same bytes are listed in one go: there is hardly ever more than one.
const COPIES_AT_ONCE: usize = 4;

/// How many removals are done between two looks at the trash.
const AT_ONCE: usize = 1000;

impl Blobs {
    /// Copies in the order of their names, at most `limit`, those after `after`.
    pub async fn list_copies(&self, after: Option<CopyName>, limit: usize) -> Result<Vec<StoredCopy>> {
        self.store.list(after, limit).await
    }

    /// All copies of some bytes, the oldest first.
    pub async fn list_copies_of(&self, digest: Digest) -> Result<Vec<StoredCopy>> {
        let mut copies: Vec<StoredCopy> = Vec::new();
        loop {
            // Generations begin at 1.
            let after = copies.last().map_or(CopyName { digest, generation: 0 }, |copy| copy.name);
            let page = self.store.list(Some(after), COPIES_AT_ONCE).await?;
            let found: Vec<StoredCopy> = page.into_iter().take_while(|copy| copy.name.digest == digest).collect();
            let is_last = found.len() < COPIES_AT_ONCE;
            copies.extend(found);
            if is_last {
                return Ok(copies);
            }
        }
    }

    /// Takes the names from copies; their bytes stay in the trash. Nothing may refer to them, and nobody may come to.
    /// One that can't be discarded keeps none of the others. What became of each is told in their order.
    pub async fn discard(&self, copies: &[CopyName]) -> Vec<Result<()>> {
        let mut results = Vec::with_capacity(copies.len());
        for copy in copies {
            let discarded = self.store.discard(*copy).await;
            tracing::debug!(%copy, is_done = discarded.is_ok(), "blob discarded");
            results.push(discarded);
            tokio::time::sleep(PAUSE).await;
        }
        results
    }

    /// Removes the bytes that came to the trash `seconds` ago or earlier. Returns how many copies those were.
    pub async fn empty_trash(&self, seconds: i64) -> Result<usize> {
        let (before, mut count) = (self.now().plus_seconds(-seconds), 0);
        loop {
            let trashed = self.store.list_trash(before, AT_ONCE).await?;
            for copy in &trashed {
                self.store.remove_trash(*copy).await?;
                tokio::time::sleep(PAUSE).await;
            }
            count += trashed.len();
            if trashed.len() < AT_ONCE {
                return Ok(count);
            }
        }
    }
}
