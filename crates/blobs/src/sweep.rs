//! Removing copies that were declared dead, slowly: file systems make new files many times slower for a while after many were
//! removed at once.

use std::time::Duration;

use consign_types::CopyName;

use crate::Blobs;
use crate::error::Result;
use crate::store::StoredCopy;

/// The pause between two removals.
const PAUSE: Duration = Duration::from_millis(5);

/// How many removals are done between two looks at the trash.
const AT_ONCE: usize = 1000;

impl Blobs {
    /// Copies in the order of their names, at most `limit`, those after `after`.
    pub async fn list_copies(&self, after: Option<CopyName>, limit: usize) -> Result<Vec<StoredCopy>> {
        self.store.list(after, limit).await
    }

    /// Takes the names from copies; their bytes stay in the trash. Nothing may refer to them, and nobody may come to.
    /// One that can't be discarded keeps none of the others; the first failure is told.
    pub async fn discard(&self, copies: &[CopyName]) -> Result<()> {
        let mut result = Ok(());
        for copy in copies {
            let discarded = self.store.discard(*copy).await;
            tracing::debug!(%copy, is_done = discarded.is_ok(), "blob discarded");
            result = result.and(discarded);
            tokio::time::sleep(PAUSE).await;
        }
        result
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
