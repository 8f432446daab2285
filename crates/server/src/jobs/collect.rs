//! Garbage collection: the one conversation between the planes.
//!
//! The metadata plane alone says what is referred to. It declares copies dead, durably; only then does the blob plane take their names.
//! Where this ends between the two, the next walk through the store finds the copies again.

use std::time::Duration;

use consign_metadata::Metadata;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::config::CollectionSettings;
use crate::jobs::stored::{Next, Stored};

/// How many digests are looked at in one transaction.
const AT_ONCE: i64 = 200;

/// How many copies are listed in one go.
const PAGE: usize = 500;

/// Longer than a ticket to read is good for.
const TICKET_SECONDS: i64 = 60 * 60;

/// The walk through the store is done in this time, in equal parts; but no round is shorter than this many pages.
const WALK: Duration = Duration::from_hours(24);
const LEAST_PAGES: u64 = 20;

/// The work of one process.
pub(crate) struct Collector {
    pub(crate) metadata: Metadata,
    pub(crate) stored: Stored,
    pub(crate) settings: CollectionSettings,
    /// Whether nothing that is dead is still there, as far as this process knows.
    is_sound: bool,
    /// Where the walk through the store is.
    next: Option<Next>,
    /// How many pages this walk has had, and how many the last one had.
    pages: u64,
    last_pages: u64,
}

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

impl Collector {
    pub(crate) fn new(metadata: Metadata, stored: Stored, settings: CollectionSettings) -> Self {
        Self { metadata, stored, settings, is_sound: false, next: None, pages: 0, last_pages: 0 }
    }

    /// Runs until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let Some(interval) = self.settings.interval() else { return };
        let work = async {
            loop {
                tokio::time::sleep(interval).await;
                if let Err(error) = self.round(interval).await {
                    self.is_sound = false;
                    tracing::warn!(error = &*error as &dyn std::error::Error, "a round of garbage collection was broken off");
                }
            }
        };
        stop.run_until_cancelled(work).await;
    }

    async fn round(&mut self, interval: Duration) -> Result<()> {
        self.finish_last().await?;
        let mut discarded = self.collect_loose().await?;
        discarded += self.walk(interval).await?;
        let forgotten = self.metadata.forget_tombstones().await?;
        if discarded + forgotten > 0 {
            tracing::info!(discarded, forgotten, "collected garbage");
        }
        Ok(())
    }

    /// Discards what was declared dead and may still be there, where a round ended in between: a copy that is dead and there would be
    /// found by uploads of its bytes, and refused when they are published.
    async fn finish_last(&mut self) -> Result<()> {
        let mut after = None;
        while !self.is_sound {
            let page = self.metadata.list_dead(after, self.mourning(), AT_ONCE).await?;
            self.is_sound = page.is_empty();
            after = page.last().copied();
            self.stored.discard(&page).await?;
        }
        Ok(())
    }

    /// For how long a copy is kept to which files have referred until it was declared dead: readers have tickets for it.
    fn mourning(&self) -> i64 {
        TICKET_SECONDS.min(self.settings.gc_grace_seconds)
    }

    /// Collects what has lost its last file.
    async fn collect_loose(&mut self) -> Result<usize> {
        let mut discarded = 0;
        loop {
            let (dead, is_more) = self.metadata.condemn_loose(self.settings.gc_grace_seconds, AT_ONCE).await?;
            self.stored.discard(&dead).await?;
            discarded += dead.len();
            if !is_more {
                return Ok(discarded);
            }
        }
    }

    /// Walks a part of the way through the store, and collects what never had a file, or what an earlier round left.
    async fn walk(&mut self, interval: Duration) -> Result<usize> {
        let rounds = WALK.as_secs().div_ceil(interval.as_secs().max(1));
        let mut discarded = 0;
        for _ in 0..self.last_pages.div_ceil(rounds).max(LEAST_PAGES) {
            let page = self.stored.list(self.next.clone(), PAGE).await?;
            let copies = page.copies;
            self.next = page.next;
            let old = clock::now().plus_seconds(-self.settings.gc_grace_seconds);
            let old = copies.iter().filter(|copy| copy.stored < old).map(|copy| copy.name).collect();
            let mut dead = self.metadata.condemn(old).await?;
            // Copies that came in vain were declared dead when others of the same bytes were published.
            dead.extend(self.metadata.list_buried(copies.iter().map(|copy| copy.name).collect(), self.mourning()).await?);
            self.stored.discard(&dead).await?;
            discarded += dead.len();
            self.pages += 1;
            if self.next.is_none() {
                (self.last_pages, self.pages) = (self.pages, 0);
                break;
            }
        }
        Ok(discarded)
    }
}
