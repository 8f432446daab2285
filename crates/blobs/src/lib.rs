//! The blob plane: bytes under their SHA-256. It knows no name, no user and no database.
//!
//! What a caller may do is written in a ticket; what was stored is written in a receipt. Both come and go unsigned here: the
//! edge checks and signs them.
//!
//! - [`upload`]: bytes on their way in, by one stream
//! - [`feed`]: their way to the store, block by block
//! - [`batch`]: small blobs, many at once
//! - [`download`]: bytes on their way out
//! - [`store`]: what a store is
//! - [`local`]: the store on a local disk
//! - [`s3`]: the store on S3
//! - [`sweep`], [`scrub`], [`check`]: removing what nobody needs, finding what is damaged, telling what is wrong
//! - [`progress`]: how far an upload has come
//! - [`sums`]: the checksums of the pieces of a blob
//! - `session`, `sessions`, `hold`: the uploads under way, and who writes to them; `hashing`: what their
//!   bytes hash to; `runs`: which parts of one have come
//! - `terms`: what a ticket says of an upload
//! - `disk`: the file-system calls, and nothing else

mod disk;
mod error;
mod hashing;
mod hold;
mod runs;
mod session;
mod sessions;
mod terms;

pub mod batch;
pub mod block;
pub mod check;
pub mod download;
pub mod feed;
pub mod local;
pub mod progress;
pub mod s3;
pub mod scrub;
pub mod store;
pub mod sums;
pub mod sweep;
pub mod upload;

use std::sync::Arc;

use consign_types::Timestamp;
use consign_types::receipt::Receipt;
use consign_types::ticket::{DownloadTicket, UploadTicket};

pub use download::Download;
pub use error::{Error, Result};
pub use local::Local;
pub use s3::{S3, S3Config};
pub use store::Store;
pub use upload::{Share, Upload};

use sessions::Sessions;

/// How long an upload is kept after its last byte, in seconds. Its reservation in the metadata plane ends with its lease, a day after the
/// ticket.
pub const UPLOAD_SECONDS: i64 = 24 * 60 * 60;

/// The blob plane. Clones share one store.
#[derive(Clone, Debug)]
pub struct Blobs {
    store: Arc<dyn Store>,
    sessions: Arc<Sessions>,
    clock: fn() -> Timestamp,
}

/// How far an upload has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadState {
    /// Bytes from the start that are durable.
    pub committed: i64,
    /// Bytes from the start that have come.
    pub hashed: i64,
    /// Runs of bytes after those that are durable.
    pub ahead: Vec<std::ops::Range<i64>>,
    /// Parts start and end at multiples of this.
    pub grain: i64,
    /// What came of it, if it was finished.
    pub receipt: Option<Receipt>,
}

impl Blobs {
    /// The blob plane over a store.
    pub fn over(store: Arc<dyn Store>, clock: fn() -> Timestamp) -> Self {
        Self { store, sessions: Arc::default(), clock }
    }

    /// Opens a stream of an upload, which begins at `offset`.
    ///
    /// An upload that is finished already answers its receipt: there is nothing to send.
    pub async fn upload(&self, ticket: UploadTicket, offset: i64, share: Share) -> Result<Opened> {
        if let Some(receipt) = self.find_receipt(&ticket, offset > 0).await? {
            return Ok(Opened::Finished(receipt));
        }
        match Upload::open(self.clone(), ticket.clone(), offset, share).await {
            // It may have waited for the end of the upload.
            Err(error @ Error::Offset { .. }) => self.find_receipt(&ticket, true).await?.map(Opened::Finished).ok_or(error),
            opened => opened.map(Opened::Stream),
        }
    }

    /// How far an upload has come.
    pub async fn query_upload(&self, ticket: &UploadTicket) -> Result<UploadState> {
        let plan = terms::plan(ticket);
        if let Some(receipt) = self.find_receipt(ticket, true).await? {
            let (committed, hashed, receipt) = (receipt.size, receipt.size, Some(receipt));
            return Ok(UploadState { committed, hashed, receipt, grain: self.store.grain(plan.max_bytes), ..UploadState::default() });
        }
        let seat = self.sessions.enter(ticket.upload);
        let state = UploadState { grain: self.store.grain(plan.max_bytes), ..UploadState::default() };
        let Some(session) = seat.find(&*self.store, plan).await? else { return Ok(state) };
        Ok(UploadState { committed: session.committed(), hashed: session.hashed(), ahead: session.ahead(), ..state })
    }

    /// Drops an upload and what has come of it. One that is gone or never began counts as dropped.
    pub async fn cancel_upload(&self, ticket: &UploadTicket) -> Result<()> {
        // To the end, though nobody waits for it any more.
        tokio::spawn(self.clone().cancel_now(ticket.clone())).await?
    }

    async fn cancel_now(self, ticket: UploadTicket) -> Result<()> {
        let seat = self.sessions.enter(ticket.upload);
        self.sessions.forget(ticket.upload);
        while let Some(session) = seat.find_or_remove(&*self.store, terms::plan(&ticket)).await? {
            if session.cancel().await? {
                break;
            }
        }
        Ok(())
    }

    /// Drops the uploads that nobody went on with for too long, and returns how many those were.
    pub async fn expire_uploads(&self) -> Result<usize> {
        let end = self.now().plus_seconds(-UPLOAD_SECONDS);
        let spools = self.store.list_spools().await?;
        let over = spools.iter().filter(|spool| spool.written < end && !self.sessions.has(spool.upload));
        let mut count = 0;
        for spool in over {
            self.store.remove_spool(spool.upload).await?;
            count += 1;
        }
        Ok(count)
    }

    /// Opens a blob for reading.
    pub async fn download(&self, ticket: &DownloadTicket) -> Result<Download> {
        Download::open(&*self.store, ticket).await
    }

    /// Asks the store for a sign of life.
    pub async fn ping(&self) -> Result<()> {
        self.store.ping().await
    }

    /// How many bytes a stream of an upload holds in memory, at most.
    pub fn upload_bytes(&self, ticket: &UploadTicket) -> u32 {
        self.store.upload_bytes(terms::plan(ticket).max_bytes)
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The receipt of an upload that was finished.
    ///
    /// A copy of the declared bytes proves nothing by itself, for others may have brought it: it must have the generation that this
    /// upload alone gives.
    async fn find_receipt(&self, ticket: &UploadTicket, ask_store: bool) -> Result<Option<Receipt>> {
        let is_good = |receipt: &Receipt| receipt.expires > self.now() && receipt.generation >= ticket.min_generation;
        if let Some(receipt) = self.sessions.receipt(ticket.upload).filter(is_good) {
            return Ok(Some(receipt));
        }
        // A generation that another upload made the least one may be that upload's own.
        let is_own = ticket.min_generation <= ticket.upload;
        let (Some(digest), Some(size), true) = (ticket.digest, ticket.size, ask_store && is_own) else { return Ok(None) };
        let name = terms::name(ticket, digest);
        let is_there = self.store.has(name).await?;
        Ok(is_there.then(|| terms::receipt(ticket, digest, size, name.generation, self.now())))
    }
}

/// What became of the wish to send bytes.
#[derive(Debug)]
pub enum Opened {
    /// They may come.
    Stream(Upload),
    /// They came before.
    Finished(Receipt),
}
