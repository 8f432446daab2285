//! Bytes on their way in: one stream of an upload.

mod cut;
mod end;

use std::ops::Range;
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use consign_types::ticket::UploadTicket;
use tracing::Instrument as _;

use crate::Blobs;
use crate::block::Block;
use crate::error::{Error, Result};
use crate::feed::Feed;
use crate::hold::Hold;
use crate::session::length;
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

    /// Whether bytes that other streams brought may be read back where this one is finished, or paused.
    pub fn may_read_back(&self, is_finished: bool) -> bool {
        let is_joined = match self.ticket.size {
            Some(size) if is_finished => self.block.size() < size,
            _ => !is_finished && !self.block.is_empty(),
        };
        let is_dropped = self.fate == Fate::Dropped && !is_finished;
        !is_dropped && (self.hold.is_some() || is_joined)
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
}

#[cfg(test)]
mod tests;
