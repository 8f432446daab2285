//! How a stream ends: its upload is finished, kept or dropped.

use std::mem;

use consign_types::receipt::Receipt;
use tokio::runtime::Handle;
use tracing::Instrument as _;

use super::{Fate, Upload};
use crate::block::Block;
use crate::error::{Error, Result};
use crate::feed::Feed;
use crate::session::{End, Sealed, length};
use crate::terms;

impl Upload {
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
    pub(super) async fn refuse(&mut self, error: Error) -> Error {
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
        let hold = self.hold.clone().ok_or(Error::Superseded)?;
        let saved = hold.session.save().await;
        let saved = self.unless_full(saved).await;
        self.hold = None;
        let committed = saved?;
        hold.session.leave(&hold.claim).await?;
        Ok(committed)
    }

    pub(super) async fn unless_full<T>(&mut self, result: Result<T>) -> Result<T> {
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
