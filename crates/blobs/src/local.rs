//! The store on a local disk.
//!
//! ```text
//! <directory>/blobs/<2 digits>/<2 digits>/<digest>.<generation>   a copy
//! <directory>/blobs/<2 digits>/<2 digits>/<copy>.sums             the checksums of its pieces, where it has many
//! <directory>/spool/<upload>                                      bytes that are not checked yet
//! <directory>/spool/<upload>.progress                             how far they have come
//! <directory>/spool/<upload>.sums                                 the checksums of their pieces
//! <directory>/trash/<copy>                                        bytes that lost their name
//! <directory>/quarantine/<copy>                                   bytes that no longer fit their name
//! <directory>/scrubbed                                            the copy that was scrubbed last
//! ```
//!
//! A name appears only once its bytes are checked and durable. One process has the directory for itself.

mod blob;
mod buffers;
mod layout;
mod put;
mod spool;
mod strays;
mod write_out;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use consign_types::{CopyName, Timestamp};
use tokio::task::spawn_blocking;

use crate::disk;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::store::{Blob, Plan, Small, Spool, Store, StoredCopy, StoredSpool};
use blob::LocalBlob;
use buffers::Buffers;
use layout::Layout;
use spool::LocalSpool;

/// What an upload holds in memory: two blocks and a message.
const UPLOAD_BYTES: u32 = (1 << 20) + (512 << 10);

/// A directory of blobs. Clones share it.
#[derive(Clone, Debug)]
pub struct Local {
    layout: Arc<Layout>,
    reserve_bytes: u64,
    /// Tells the temporary files of this process apart.
    numbers: Arc<AtomicU64>,
    buffers: Buffers,
}

impl Local {
    /// Opens a store, which is made if it is not there, and removes what broken uploads left that can't go on.
    pub async fn open(directory: PathBuf, reserve_bytes: u64) -> Result<Self> {
        let store = Self::attach(directory, reserve_bytes).await?;
        store.with(spool::remove_abandoned).await?;
        Ok(store)
    }

    /// Opens a store beside the process that has it, and removes nothing.
    pub async fn attach(directory: PathBuf, reserve_bytes: u64) -> Result<Self> {
        let layout = spawn_blocking(move || Layout::open(directory)).await??;
        Ok(Self { layout: Arc::new(layout), reserve_bytes, numbers: Arc::default(), buffers: Buffers::default() })
    }

    /// Refuses bytes where they would take what is to stay free.
    fn check_room(&self) -> Result<()> {
        let free = disk::free_bytes(self.layout.directory()).map_err(Error::disk("look at the store"))?;
        if free < self.reserve_bytes { Err(Error::Full) } else { Ok(()) }
    }

    fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Does something with the layout on a thread that may wait for the disk.
    async fn with<T: Send + 'static>(&self, work: impl FnOnce(&Layout) -> Result<T> + Send + 'static) -> Result<T> {
        let layout = Arc::clone(&self.layout);
        spawn_blocking(in_span(move || work(&layout))).await?
    }
}

#[async_trait]
impl Store for Local {
    async fn create_spool(&self, plan: Plan) -> Result<Arc<dyn Spool>> {
        let store = self.clone();
        let spool = spawn_blocking(in_span(move || LocalSpool::create(store, plan))).await??;
        Ok(Arc::new(spool))
    }

    async fn find_spool(&self, plan: Plan) -> Result<Option<(Arc<dyn Spool>, Progress)>> {
        let store = self.clone();
        let found = spawn_blocking(in_span(move || LocalSpool::find(store, plan))).await??;
        Ok(found.map(|(spool, progress)| (Arc::new(spool) as Arc<dyn Spool>, progress)))
    }

    async fn list_spools(&self) -> Result<Vec<StoredSpool>> {
        self.with(spool::list).await
    }

    async fn remove_spool(&self, upload: i64) -> Result<()> {
        self.with(move |layout| spool::remove(layout, upload)).await
    }

    async fn put(&self, blobs: Vec<Small>) -> Vec<Result<i64>> {
        put::put(self, blobs).await
    }

    async fn has(&self, name: CopyName) -> Result<bool> {
        let look = move |layout: &Layout| {
            let is_there = disk::exists(&layout.copy(name));
            if is_there {
                // Whoever named it may not have come to sync the name yet.
                layout.sync(&layout.shelf(&name.digest))?;
            }
            Ok(is_there)
        };
        self.with(look).await
    }

    async fn open(&self, name: CopyName, size: i64) -> Result<Arc<dyn Blob>> {
        let buffers = self.buffers.clone();
        let blob = self.with(move |layout| LocalBlob::open(layout, buffers, name, size)).await?;
        Ok(Arc::new(blob))
    }

    async fn list(&self, after: Option<CopyName>, limit: usize) -> Result<Vec<StoredCopy>> {
        self.with(move |layout| layout.list(after, limit)).await
    }

    async fn discard(&self, name: CopyName) -> Result<()> {
        self.with(move |layout| layout.discard(name)).await
    }

    async fn quarantine(&self, name: CopyName) -> Result<()> {
        self.with(move |layout| layout.quarantine(name)).await
    }

    async fn list_quarantined(&self) -> Result<Vec<CopyName>> {
        self.with(Layout::list_quarantined).await
    }

    async fn list_trash(&self, before: Timestamp, limit: usize) -> Result<Vec<CopyName>> {
        self.with(move |layout| layout.list_trash(before, limit)).await
    }

    async fn remove_trash(&self, name: CopyName) -> Result<()> {
        self.with(move |layout| layout.remove_trash(name)).await
    }

    async fn list_strays(&self) -> Result<Vec<(String, Timestamp)>> {
        self.with(strays::list).await
    }

    async fn remove_stray(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        self.with(move |layout| strays::remove(layout, &name)).await
    }

    async fn find_scrub_cursor(&self) -> Result<Option<CopyName>> {
        self.with(Layout::find_scrub_cursor).await
    }

    async fn save_scrub_cursor(&self, cursor: Option<CopyName>) -> Result<()> {
        self.with(move |layout| layout.save_scrub_cursor(cursor)).await
    }

    async fn ping(&self) -> Result<()> {
        self.with(|layout| disk::check_writable(&layout.spools()).map_err(Error::disk("write to the store"))).await
    }

    fn grain(&self, _: i64) -> i64 {
        1
    }

    fn upload_bytes(&self, _: i64) -> u32 {
        UPLOAD_BYTES
    }
}

/// Carries the caller's span to the blocking thread.
fn in_span<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let span = tracing::Span::current();
    move || span.in_scope(work)
}
