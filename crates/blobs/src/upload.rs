//! Bytes on their way in: one stream of an upload.

use std::mem;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use consign_types::receipt::{RECEIPT_SECONDS, Receipt};
use consign_types::ticket::UploadTicket;
use consign_types::{CopyName, Digest, Timestamp};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use crate::Blobs;
use crate::block::Block;
use crate::error::{Error, Result};
use crate::session::{Claim, End, Sealed, Session, length};
use crate::sessions::Seat;
use crate::store::{Plan, Small};

/// How many bytes are hashed and written in one go, where the store does not ask for more.
const BLOCK_BYTES: i64 = 512 << 10;

/// How far a block of a quick upload grows while the one before it is written. To hand a block to other threads takes time in which
/// nothing is hashed.
const QUICK_BLOCK_BYTES: usize = 3 << 19;

/// What a stream brings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Share {
    /// All that has not come yet. Any other stream of the upload is superseded.
    #[default]
    Rest,
    /// These bytes, beside other streams. One that brings some of the same is superseded.
    Part {
        /// Where they start.
        offset: i64,
        /// How many there are.
        size: i64,
    },
}

/// What becomes of what has come where a stream ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is kept: another stream may go on.
    Kept,
    /// It is dropped.
    Dropped,
    /// That is decided already.
    Decided,
}

/// One stream of an upload. Bytes are collected into blocks; while one block is hashed and written, the next one is received, so a
/// stream holds two blocks in memory, whatever its size. No thread waits for a slow caller. Large chunks are not copied.
///
/// Where it is dropped before its end, what has come is kept, and the upload can go on by another stream; unless it is
/// [`Upload::fleeting`].
#[derive(Debug)]
pub struct Upload {
    blobs: Blobs,
    ticket: UploadTicket,
    range: Range<i64>,
    is_part: bool,
    /// Whether it goes on where another one stopped.
    is_resumed: bool,
    /// See [`Upload::hurry`].
    is_quick: bool,
    fate: Fate,
    /// The next byte to be received.
    position: i64,
    block: Block,
    taken: Option<Taken>,
    writing: Option<JoinHandle<Result<()>>>,
}

/// A place at the upload's session. A stream that brings few bytes, and all of them, never needs one.
#[derive(Debug)]
struct Taken {
    session: Arc<Session>,
    claim: Arc<Claim>,
    seat: Option<Seat>,
}

impl Drop for Taken {
    /// Where nothing has come, nothing is to stay. The seat is kept until that is done: whoever begins the upload anew waits.
    fn drop(&mut self) {
        self.session.release(&self.claim);
        let (session, claim, seat) = (Arc::clone(&self.session), Arc::clone(&self.claim), self.seat.take());
        if let Ok(runtime) = Handle::try_current()
            && !session.is_closed()
            && session.hashed() == 0
        {
            runtime.spawn(async move {
                if let Err(error) = session.leave(&claim).await {
                    tracing::warn!(error = &error as &dyn std::error::Error, "an empty upload stays until it is over");
                }
                drop(seat);
            });
        }
    }
}

impl Upload {
    /// A stream that begins at `offset` and brings `share` of the upload.
    pub(crate) async fn open(blobs: Blobs, ticket: UploadTicket, offset: i64, share: Share) -> Result<Self> {
        let limit = ticket.size.unwrap_or(ticket.max_bytes);
        let range = match share {
            Share::Rest => 0..i64::MAX,
            Share::Part { offset, size } if 0 <= offset && 0 < size && size <= limit.saturating_sub(offset) => offset..offset + size,
            Share::Part { .. } => return Err(Error::Part { rule: "lies outside of the upload" }),
        };
        let is_part = share != Share::Rest;
        let (position, block) = (range.start, Block::default());
        let mut upload = Self {
            blobs,
            ticket,
            range,
            is_part,
            is_resumed: offset > 0,
            is_quick: false,
            fate: Fate::Kept,
            position,
            block,
            taken: None,
            writing: None,
        };
        if is_part || offset > 0 {
            upload.take().await?;
        }
        if !is_part && offset > upload.position {
            return Err(Error::Offset { received: upload.position, offset });
        }
        Ok(upload)
    }

    /// Nobody will go on with it: where it breaks off, what has come is dropped.
    #[must_use]
    pub fn fleeting(mut self) -> Self {
        self.fate = Fate::Dropped;
        self
    }

    /// How many bytes more it would hold in memory after [`Self::hurry`]; `None` where that makes no difference.
    pub fn hurry_bytes(&self) -> Option<usize> {
        let is_free = self.taken.as_ref().is_some_and(|taken| taken.session.grain() == 1);
        // There are two blocks: the one that is received, and the one that is written.
        is_free.then(|| 2 * (QUICK_BLOCK_BYTES - self.block_bytes()))
    }

    /// Lets what comes quickly be written in larger blocks.
    pub fn hurry(&mut self) {
        self.is_quick = self.hurry_bytes().is_some();
    }

    /// Adds bytes that belong at `offset`. Those that came before are skipped, so a caller may send them again. More than the ticket
    /// allows, or than were declared, are refused at once.
    pub async fn write(&mut self, offset: i64, mut bytes: Bytes) -> Result<()> {
        let repeated = self.position.checked_sub(offset).and_then(|repeated| usize::try_from(repeated).ok());
        let repeated = repeated.filter(|_| offset >= self.range.start).ok_or(Error::Offset { received: self.position, offset })?;
        bytes.advance(repeated.min(bytes.len()));
        let end = self.position.saturating_add(length(&bytes));
        if let Err(error) = self.check_end(end) {
            return Err(self.refuse(error).await);
        }
        while !bytes.is_empty() {
            let room = self.most_bytes() - self.block.len();
            let now = bytes.split_to(bytes.len().min(room));
            self.position += length(&now);
            let is_full = now.len() == room;
            self.block.push(now);
            if is_full || (self.block.len() >= self.block_bytes() && self.is_idle()) {
                self.flush().await?;
            }
        }
        Ok(())
    }

    fn check_end(&self, end: i64) -> Result<()> {
        match self.ticket.size {
            Some(expected) if end > expected => Err(Error::SizeMismatch { expected, actual: end }),
            _ if end > self.ticket.max_bytes => Err(Error::TooLarge { limit: self.ticket.max_bytes }),
            _ if end > self.range.end => Err(Error::Part { rule: "has fewer bytes than came" }),
            _ => Ok(()),
        }
    }

    /// Checks the bytes against what was declared and stores them. When this returns, they survive the loss of power.
    ///
    /// What has begun is done to the end, though nobody waits for it any more.
    pub async fn finish(self) -> Result<Receipt> {
        tokio::spawn(self.finish_now().in_current_span()).await?
    }

    async fn finish_now(mut self) -> Result<Receipt> {
        // Fewer bytes than were declared: others may have brought the rest.
        if self.taken.is_none() && self.ticket.size.is_some_and(|size| self.block.size() < size) {
            self.take().await?;
        }
        let receipt = match self.taken {
            None => self.put().await?,
            Some(_) => self.place().await?,
        };
        self.fate = Fate::Decided;
        Ok(receipt)
    }

    /// Ends the stream and keeps what has come, unless it is [`Upload::fleeting`]. Returns how many bytes from the start are durable.
    pub async fn pause(mut self) -> Result<i64> {
        if matches!(self.fate, Fate::Dropped) {
            return Ok(self.range.start);
        }
        tokio::spawn(async move { self.keep().await }.in_current_span()).await?
    }

    /// Stores what has come whole and is all at hand.
    async fn put(&mut self) -> Result<Receipt> {
        let bytes = self.block.take().into_bytes();
        let (blobs, ticket) = (self.blobs.clone(), self.ticket.clone());
        let digest = Digest::of(&bytes);
        let size = length(&bytes);
        check(&ticket, size, digest)?;
        let small = Small { upload: ticket.upload, name: name(&ticket, digest), min_generation: ticket.min_generation, bytes };
        let generation = blobs.store.put(vec![small]).await.pop().expect("each blob has its answer")?;
        let receipt = receipt(&ticket, digest, size, generation, blobs.now());
        blobs.sessions.remember(&receipt);
        Ok(receipt)
    }

    async fn place(&mut self) -> Result<Receipt> {
        self.flush().await?;
        self.written().await?;
        let Some(taken) = &self.taken else { return Err(Error::Superseded) };
        let end = match self.ticket.size {
            Some(size) if self.is_part || (self.is_resumed && self.position < size) => End::Declared(size),
            _ => End::Here(self.position),
        };
        let (ticket, now) = (&self.ticket, self.blobs.now());
        let place = async {
            let Sealed { spool, digest, size, sums } = taken.session.seal(&taken.claim, end).await?;
            if let Err(error) = check(ticket, size, digest) {
                spool.remove().await?;
                return Err(error);
            }
            let generation = spool.place(name(ticket, digest), size, ticket.min_generation, sums).await?;
            let receipt = receipt(ticket, digest, size, generation, now);
            self.blobs.sessions.remember(&receipt);
            Ok(receipt)
        };
        match &taken.seat {
            Some(seat) => seat.alone(place).await,
            None => Err(Error::Superseded),
        }
    }

    /// Ends an upload that can't succeed, and drops what has come of it; unless a newer stream has it now.
    async fn refuse(&mut self, error: Error) -> Error {
        self.block = Block::default();
        if let Some(taken) = self.taken.take()
            && let Some(seat) = &taken.seat
            && let Err(error) = seat.abandon(&*self.blobs.store, &taken.session, &taken.claim).await
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "a refused upload stays until it is over");
        }
        error
    }

    async fn keep(&mut self) -> Result<i64> {
        if self.taken.is_none() {
            if self.block.is_empty() {
                return Ok(0);
            }
            self.take().await?;
        }
        let grain = self.taken.as_ref().map_or(1, |taken| taken.session.grain());
        let is_last = self.position == self.range.end || Some(self.position) == self.ticket.size;
        if self.block.size() % grain == 0 || is_last {
            self.flush().await?;
        }
        self.written().await?;
        let taken = self.taken.take().ok_or(Error::Superseded)?;
        let committed = taken.session.save().await?;
        taken.session.leave(&taken.claim).await?;
        Ok(committed)
    }

    /// Takes a place at the upload's session, which may have come further than this stream: what it brings again is skipped.
    async fn take(&mut self) -> Result<()> {
        let enter = enter(self.blobs.clone(), self.ticket.clone(), self.range.clone(), self.is_part);
        let taken = tokio::spawn(enter.in_current_span()).await??;
        if !self.is_part && self.block.is_empty() {
            self.position = taken.session.hashed();
        }
        self.taken = Some(taken);
        Ok(())
    }

    fn block_bytes(&self) -> usize {
        let grain = self.taken.as_ref().map_or(BLOCK_BYTES, |taken| taken.session.grain().max(BLOCK_BYTES));
        usize::try_from(grain).expect("a block is smaller than memory")
    }

    /// How far a block grows while the one before it is written. A store that has a grain gets blocks of it.
    fn most_bytes(&self) -> usize {
        if self.is_quick { QUICK_BLOCK_BYTES } else { self.block_bytes() }
    }

    /// Whether no block is being written.
    fn is_idle(&self) -> bool {
        self.writing.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Lets the block be written while the next one is received.
    async fn flush(&mut self) -> Result<()> {
        if self.taken.is_none() {
            self.take().await?;
            if self.block.len() < self.block_bytes() {
                return Ok(());
            }
        }
        self.written().await?;
        let Some(taken) = self.taken.as_ref().filter(|_| !self.block.is_empty()) else { return Ok(()) };
        let block = self.block.take();
        let (session, claim, offset) = (Arc::clone(&taken.session), Arc::clone(&taken.claim), self.position - block.size());
        let write = async move { session.write(&claim, offset, block).await };
        self.writing = Some(tokio::spawn(write.in_current_span()));
        Ok(())
    }

    /// Waits for the block that is being written.
    async fn written(&mut self) -> Result<()> {
        let written = match self.writing.take() {
            Some(task) => task.await.map_err(Error::from).flatten(),
            None => Ok(()),
        };
        match written {
            // What is held of an upload that the disk has no room for would take room from others.
            Err(Error::Full) => Err(self.refuse(Error::Full).await),
            written => written,
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let Ok(runtime) = Handle::try_current() else { return };
        let fate = mem::replace(&mut self.fate, Fate::Decided);
        if fate == Fate::Decided || self.taken.is_none() && (fate == Fate::Dropped || self.block.is_empty()) {
            return;
        }
        let (ticket, range) = (self.ticket.clone(), self.range.clone());
        let mut broken = Self {
            blobs: self.blobs.clone(),
            ticket,
            range,
            block: self.block.take(),
            taken: self.taken.take(),
            writing: self.writing.take(),
            ..*self
        };
        runtime.spawn(async move {
            if fate == Fate::Dropped {
                broken.refuse(Error::Superseded).await;
            } else if let Err(error) = broken.keep().await {
                tracing::debug!(error = &error as &dyn std::error::Error, "an upload that broke off is not kept as far as it came");
            }
        });
    }
}

/// Takes a place at an upload's session.
async fn enter(blobs: Blobs, ticket: UploadTicket, range: Range<i64>, is_part: bool) -> Result<Taken> {
    let seat = blobs.sessions.enter(ticket.upload);
    loop {
        let session = seat.session(&*blobs.store, plan(&ticket)).await?;
        let grain = session.grain();
        let is_aligned = |at: i64| at % grain == 0 || Some(at) == ticket.size;
        if is_part && !(is_aligned(range.start) && is_aligned(range.end)) {
            return Err(Error::Alignment { grain });
        }
        if let Some(claim) = session.claim(range.clone()).await {
            return Ok(Taken { session, claim, seat: Some(seat) });
        }
    }
}

/// What a store must know of an upload.
pub(crate) fn plan(ticket: &UploadTicket) -> Plan {
    let max_bytes = ticket.size.unwrap_or(ticket.max_bytes);
    Plan { upload: ticket.upload, name: ticket.digest.map(|digest| name(ticket, digest)), size: ticket.size, max_bytes }
}

/// The name that the bytes of an upload get. The numbers of uploads rise, and so do generations.
pub(crate) fn name(ticket: &UploadTicket, digest: Digest) -> CopyName {
    CopyName { digest, generation: ticket.upload.max(ticket.min_generation) }
}

/// Compares the bytes that came with those that were declared.
pub(crate) fn check(ticket: &UploadTicket, size: i64, digest: Digest) -> Result<()> {
    match (ticket.size, ticket.digest) {
        (Some(expected), _) if expected != size => Err(Error::SizeMismatch { expected, actual: size }),
        (_, Some(expected)) if expected != digest => Err(Error::DigestMismatch { expected, actual: digest }),
        _ => Ok(()),
    }
}

pub(crate) fn receipt(ticket: &UploadTicket, digest: Digest, size: i64, generation: i64, now: Timestamp) -> Receipt {
    let expires = now.plus_seconds(RECEIPT_SECONDS);
    Receipt { upload: ticket.upload, project: ticket.project, digest, size, generation, expires }
}
