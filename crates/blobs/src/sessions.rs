//! The uploads under way in this process, and those that were finished last.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use consign_types::receipt::Receipt;
use tokio::sync::Mutex as AsyncMutex;

use crate::error::Result;
use crate::session::{Claim, Session, lock};
use crate::store::{Plan, Store};

/// How many finished uploads are remembered, so that whoever lost the answer gets it again.
const REMEMBERED: usize = 4096;

/// The uploads under way in this process.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    slots: Mutex<HashMap<i64, Place>>,
    finished: Mutex<Finished>,
}

/// Where an upload is while anybody has to do with it.
#[derive(Debug, Default)]
struct Place {
    slot: Arc<Slot>,
    seats: usize,
}

/// One upload, for all who have to do with it now.
#[derive(Debug, Default)]
struct Slot {
    session: AsyncMutex<Option<Arc<Session>>>,
}

#[derive(Debug, Default)]
struct Finished {
    receipts: HashMap<i64, Receipt>,
    order: VecDeque<i64>,
}

impl Sessions {
    /// A seat at an upload. While somebody has one, all share one session.
    pub(crate) fn enter(self: &Arc<Self>, upload: i64) -> Seat {
        let mut slots = lock(&self.slots);
        let place = slots.entry(upload).or_default();
        place.seats += 1;
        Seat { sessions: Arc::clone(self), upload, slot: Arc::clone(&place.slot) }
    }

    /// Whether anybody has to do with an upload now.
    pub(crate) fn has(&self, upload: i64) -> bool {
        lock(&self.slots).contains_key(&upload)
    }

    /// Remembers how an upload ended.
    pub(crate) fn remember(&self, receipt: &Receipt) {
        let mut finished = lock(&self.finished);
        if finished.receipts.insert(receipt.upload, receipt.clone()).is_none() {
            finished.order.push_back(receipt.upload);
        }
        while finished.order.len() > REMEMBERED
            && let Some(oldest) = finished.order.pop_front()
        {
            finished.receipts.remove(&oldest);
        }
    }

    /// How an upload ended, if that is remembered.
    pub(crate) fn receipt(&self, upload: i64) -> Option<Receipt> {
        lock(&self.finished).receipts.get(&upload).cloned()
    }

    /// Forgets how an upload ended.
    pub(crate) fn forget(&self, upload: i64) {
        lock(&self.finished).receipts.remove(&upload);
    }
}

/// A seat at an upload, until it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    sessions: Arc<Sessions>,
    upload: i64,
    slot: Arc<Slot>,
}

impl Seat {
    /// The session, taken up from the store where that is needed, or begun.
    pub(crate) async fn session(&self, store: &dyn Store, plan: Plan) -> Result<Arc<Session>> {
        let mut slot = self.slot.session.lock().await;
        if let Some(session) = take_up(&mut slot, store, plan).await? {
            return Ok(session);
        }
        let session = Arc::new(Session::new(store.create_spool(plan).await?));
        *slot = Some(Arc::clone(&session));
        Ok(session)
    }

    /// The same, where anything has come.
    pub(crate) async fn find(&self, store: &dyn Store, plan: Plan) -> Result<Option<Arc<Session>>> {
        take_up(&mut *self.slot.session.lock().await, store, plan).await
    }

    /// The same; where nothing has come that can go on, what is left of the upload is removed.
    pub(crate) async fn find_or_remove(&self, store: &dyn Store, plan: Plan) -> Result<Option<Arc<Session>>> {
        let mut slot = self.slot.session.lock().await;
        let found = take_up(&mut slot, store, plan).await?;
        if found.is_none() {
            store.remove_spool(self.upload).await?;
        }
        Ok(found)
    }

    /// Drops what has come by a stream that ends the upload, unless a newer stream has it now.
    pub(crate) async fn abandon(&self, store: &dyn Store, session: &Arc<Session>, claim: &Arc<Claim>) -> Result<()> {
        let slot = self.slot.session.lock().await;
        let is_current = slot.as_ref().is_some_and(|current| Arc::ptr_eq(current, session));
        if !is_current || claim.is_lost() {
            return Ok(());
        }
        if !session.is_closed() {
            return session.abandon(claim).await;
        }
        // A failure has closed it, and nobody takes it up while the slot is held.
        session.settle().await;
        store.remove_spool(self.upload).await
    }

    /// Does the last thing to an upload. Whoever takes it up now waits until that is done.
    pub(crate) async fn alone<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let _slot = self.slot.session.lock().await;
        work.await
    }
}

async fn take_up(slot: &mut Option<Arc<Session>>, store: &dyn Store, plan: Plan) -> Result<Option<Arc<Session>>> {
    match slot {
        Some(session) if !session.is_closed() => return Ok(Some(Arc::clone(session))),
        Some(session) => session.settle().await,
        None => {}
    }
    let found = store.find_spool(plan).await?;
    *slot = found.and_then(|(spool, progress)| Session::resume(spool, &progress)).map(Arc::new);
    Ok(slot.clone())
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut slots = lock(&self.sessions.slots);
        if let Entry::Occupied(mut place) = slots.entry(self.upload) {
            place.get_mut().seats -= 1;
            if place.get().seats == 0 {
                place.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_has_a_place_as_long_as_anybody_has_a_seat() {
        let sessions = Arc::new(Sessions::default());
        let (first, second) = (sessions.enter(1), sessions.enter(1));
        assert!(Arc::ptr_eq(&first.slot, &second.slot) && !Arc::ptr_eq(&first.slot, &sessions.enter(2).slot));
        drop(first);
        assert!(sessions.has(1) && !sessions.has(2));
        drop(second);
        assert!(!sessions.has(1));
    }
}
