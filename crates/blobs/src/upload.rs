//! Bytes on their way in: one stream of an upload.

mod cut;

use std::mem;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use consign_types::receipt::Receipt;
use consign_types::ticket::UploadTicket;
use tokio::runtime::Handle;
use tracing::Instrument as _;

use crate::Blobs;
use crate::block::Block;
use crate::error::{Error, Result};
use crate::feed::Feed;
use crate::hold::Hold;
use crate::session::{End, Sealed, length};
use crate::terms;
use cut::Cut;

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
/// stream holds two blocks in memory, or three where it is quick, whatever its size. No thread waits for a slow caller for more than a few
/// milliseconds. Large chunks are not copied.
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
    hold: Option<Arc<Hold>>,
    feed: Feed,
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
            hold: None,
            feed: Feed::new(),
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
        let is_free = self.hold.as_ref().is_some_and(|hold| hold.session.grain() == 1);
        is_free.then_some(cut::HURRY_BYTES)
    }

    /// Lets what comes quickly be written in larger blocks.
    pub fn hurry(&mut self) {
        if !self.is_quick && self.hurry_bytes().is_some() {
            self.is_quick = true;
            self.feed.widen();
        }
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
            let room = self.cut().room(self.position, self.block.len());
            let now = bytes.split_to(bytes.len().min(room));
            self.position += length(&now);
            self.block.push(now);
            if self.is_whole() {
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
        if self.hold.is_none() && self.ticket.size.is_some_and(|size| self.block.size() < size) {
            self.take().await?;
        }
        let receipt = match self.hold {
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
        let (blobs, ticket) = (&self.blobs, &self.ticket);
        let small = terms::small(ticket, bytes)?;
        let (digest, size) = (small.name.digest, length(&small.bytes));
        let generation = blobs.store.put(vec![small]).await.pop().expect("each blob has its answer")?;
        let receipt = terms::receipt(ticket, digest, size, generation, blobs.now());
        blobs.sessions.remember(&receipt);
        Ok(receipt)
    }

    async fn place(&mut self) -> Result<Receipt> {
        self.flush().await?;
        self.written().await?;
        let Some(hold) = &self.hold else { return Err(Error::Superseded) };
        let end = match self.ticket.size {
            Some(size) if self.is_part || (self.is_resumed && self.position < size) => End::Declared(size),
            _ => End::Here(self.position),
        };
        let (ticket, now) = (&self.ticket, self.blobs.now());
        let place = async {
            let Sealed { spool, digest, size, sums } = hold.session.seal(&hold.claim, end).await?;
            if let Err(error) = terms::check(ticket, size, digest) {
                spool.remove().await?;
                return Err(error);
            }
            let generation = spool.place(terms::name(ticket, digest), size, ticket.min_generation, sums).await?;
            let receipt = terms::receipt(ticket, digest, size, generation, now);
            self.blobs.sessions.remember(&receipt);
            Ok(receipt)
        };
        let placed = hold.alone(place).await;
        self.unless_full(placed).await
    }

    /// Ends an upload that can't succeed, and drops what has come of it; unless a newer stream has it now. That is done to the end, though
    /// nobody waits for it any more.
    async fn refuse(&mut self, error: Error) -> Error {
        self.block = Block::default();
        let Some(hold) = self.hold.take() else { return error };
        let (blobs, mut feed) = (self.blobs.clone(), mem::replace(&mut self.feed, Feed::new()));
        let abandon = async move {
            // Whether the last blocks can be written makes no difference.
            let _ = feed.end().await;
            if let Err(error) = hold.abandon(&blobs).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "a refused upload stays until it is over");
            }
        };
        let _ = tokio::spawn(abandon.in_current_span()).await;
        error
    }

    async fn keep(&mut self) -> Result<i64> {
        if self.hold.is_none() {
            if self.block.is_empty() {
                return Ok(0);
            }
            self.take().await?;
        }
        let grain = self.hold.as_ref().map_or(1, |hold| hold.session.grain());
        let is_last = self.position == self.range.end || Some(self.position) == self.ticket.size;
        if self.block.size() % grain == 0 || is_last {
            self.flush().await?;
        }
        self.written().await?;
        let hold = self.hold.take().ok_or(Error::Superseded)?;
        let committed = hold.session.save().await?;
        hold.session.leave(&hold.claim).await?;
        Ok(committed)
    }

    /// Takes a hold on the upload, which may have come further than this stream: what it brings again is skipped.
    async fn take(&mut self) -> Result<()> {
        let take = Hold::take(self.blobs.clone(), self.ticket.clone(), self.range.clone(), self.is_part);
        let hold = tokio::spawn(take.in_current_span()).await??;
        if !self.is_part && self.block.is_empty() {
            self.position = hold.session.hashed();
        }
        self.hold = Some(Arc::new(hold));
        Ok(())
    }

    fn cut(&self) -> Cut {
        Cut::new(self.hold.as_ref().map_or(1, |hold| hold.session.grain()), self.is_quick)
    }

    fn is_whole(&self) -> bool {
        self.cut().is_whole(self.position, self.block.len(), self.feed.has_room())
    }

    /// Lets the block be written while the next one is received.
    async fn flush(&mut self) -> Result<()> {
        if self.hold.is_none() {
            self.take().await?;
            if !self.is_whole() {
                return Ok(());
            }
        }
        if let Some(hold) = self.hold.as_ref().filter(|_| !self.block.is_empty()) {
            let pushed = self.feed.push(hold, self.position - self.block.size(), &mut self.block).await;
            self.unless_full(pushed).await?;
        }
        Ok(())
    }

    /// Waits for the blocks that are being written.
    async fn written(&mut self) -> Result<()> {
        let written = self.feed.end().await;
        self.unless_full(written).await
    }

    async fn unless_full<T>(&mut self, result: Result<T>) -> Result<T> {
        match result {
            // What is held of an upload that the disk has no room for would take room from others.
            Err(Error::Full) => Err(self.refuse(Error::Full).await),
            result => result,
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let Ok(runtime) = Handle::try_current() else { return };
        let fate = mem::replace(&mut self.fate, Fate::Decided);
        if fate == Fate::Decided || self.hold.is_none() && (fate == Fate::Dropped || self.block.is_empty()) {
            return;
        }
        let (ticket, range) = (self.ticket.clone(), self.range.clone());
        let mut broken = Self {
            blobs: self.blobs.clone(),
            ticket,
            range,
            block: self.block.take(),
            hold: self.hold.take(),
            feed: mem::replace(&mut self.feed, Feed::new()),
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

#[cfg(test)]
mod tests;
