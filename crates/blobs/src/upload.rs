//! Bytes on their way in.

use std::sync::Arc;

use consign_types::receipt::Receipt;
use consign_types::ticket::UploadTicket;
use consign_types::{Digest, Timestamp};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::error::{Error, Result};
use crate::local::{Local, Spool};

/// How many bytes are hashed and written in one go on a blocking thread.
const BATCH_BYTES: usize = 1 << 20;

/// How long a receipt is believed. The store keeps bytes for longer than that after it placed them, whether files refer to them or
/// not.
const RECEIPT_SECONDS: i64 = 12 * 60 * 60;

/// An upload. Bytes are collected into batches; while one batch is hashed and written, the next one is received, so an upload
/// holds two batches in memory, whatever its size. No thread waits for a slow caller.
///
/// Dropping it leaves nothing behind.
#[derive(Debug)]
pub struct Upload {
    store: Arc<Local>,
    ticket: UploadTicket,
    clock: fn() -> Timestamp,
    received: i64,
    batch: Vec<u8>,
    writing: Option<JoinHandle<Result<Spool>>>,
}

impl Upload {
    pub(crate) fn new(store: Arc<Local>, ticket: UploadTicket, clock: fn() -> Timestamp) -> Self {
        Self { store, ticket, clock, received: 0, batch: Vec::new(), writing: None }
    }

    /// Adds bytes that belong at `offset`. Those that were received before are skipped, so a caller may send them again. More than
    /// the ticket allows, or than were declared, are refused at once.
    pub async fn write(&mut self, offset: i64, mut bytes: &[u8]) -> Result<()> {
        let repeated = self.received.checked_sub(offset).and_then(|repeated| usize::try_from(repeated).ok());
        let repeated = repeated.filter(|_| offset >= 0).ok_or(Error::Offset { received: self.received, offset })?;
        bytes = &bytes[repeated.min(bytes.len())..];
        self.received = self.received.saturating_add(i64::try_from(bytes.len()).unwrap_or(i64::MAX));
        if let Some(expected) = self.ticket.size
            && self.received > expected
        {
            return Err(Error::SizeMismatch { expected, actual: self.received });
        }
        if self.received > self.ticket.max_bytes {
            return Err(Error::TooLarge { limit: self.ticket.max_bytes });
        }
        // Copied: a slice would keep the whole message alive that it came in, however small its share of it is.
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BATCH_BYTES - self.batch.len()));
            self.batch.extend_from_slice(now);
            if self.batch.len() == BATCH_BYTES {
                self.flush().await?;
            }
            bytes = later;
        }
        Ok(())
    }

    /// Checks the bytes against what was declared and stores them. When this returns, they survive the loss of power.
    pub async fn finish(mut self) -> Result<Receipt> {
        if let Some(expected) = self.ticket.size
            && self.received != expected
        {
            return Err(Error::SizeMismatch { expected, actual: self.received });
        }
        let spool = self.written().await?;
        let batch = std::mem::take(&mut self.batch);
        let Self { store, ticket, clock, .. } = self;
        let work = move || {
            let spool = append(&store, spool, ticket.upload, &batch)?;
            seal(&store, spool, &ticket, clock)
        };
        spawn_blocking(in_span(work)).await?
    }

    async fn flush(&mut self) -> Result<()> {
        let spool = self.written().await?;
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH_BYTES));
        let (store, upload) = (Arc::clone(&self.store), self.ticket.upload);
        self.writing = Some(spawn_blocking(in_span(move || append(&store, spool, upload, &batch))));
        Ok(())
    }

    /// Waits for the batch that is being written.
    async fn written(&mut self) -> Result<Option<Spool>> {
        match self.writing.take() {
            Some(task) => task.await?.map(Some),
            None => Ok(None),
        }
    }
}

fn append(store: &Local, spool: Option<Spool>, upload: i64, batch: &[u8]) -> Result<Spool> {
    let mut spool = spool.map_or_else(|| store.create_spool(upload), Ok)?;
    store.append(&mut spool, batch)?;
    Ok(spool)
}

fn seal(store: &Local, spool: Spool, ticket: &UploadTicket, clock: fn() -> Timestamp) -> Result<Receipt> {
    let (digest, size) = (spool.digest(), spool.size());
    check(ticket.digest, digest)?;
    let generation = store.place(spool, &digest, ticket.upload.max(ticket.min_generation), ticket.min_generation)?;
    let expires = clock().plus_seconds(RECEIPT_SECONDS);
    Ok(Receipt { upload: ticket.upload, project: ticket.project, digest, size, generation, expires })
}

fn check(declared: Option<Digest>, actual: Digest) -> Result<()> {
    match declared {
        Some(expected) if expected != actual => Err(Error::DigestMismatch { expected, actual }),
        _ => Ok(()),
    }
}

/// Carries the caller's span to the blocking thread.
fn in_span<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let span = tracing::Span::current();
    move || span.in_scope(work)
}
