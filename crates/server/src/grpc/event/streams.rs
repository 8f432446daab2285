//! How many streams of events there may be, and whose.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use consign_proto::status::limited;
use consign_types::Slug;
use tonic::Status;

/// How many streams a process serves at most: each asks the database twice a second.
const MAX_STREAMS: usize = 200;

/// How many it serves to one caller: those without a token are one.
const MAX_OF_CALLER: usize = 20;

/// When to come again where there are too many.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The streams that are open, by the names of their callers.
#[derive(Clone, Debug, Default)]
pub(super) struct Streams(Arc<Mutex<HashMap<Slug, usize>>>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    streams: Streams,
    caller: Slug,
}

impl Streams {
    /// Opens one for a caller, if there may be one more.
    pub(super) fn open(&self, caller: Slug) -> Result<Share, Status> {
        let mut open = self.lock();
        let own = open.get(&caller).copied().unwrap_or_default();
        if own >= MAX_OF_CALLER {
            return Err(limited(format!("you have as many streams of events as you may: {MAX_OF_CALLER}"), RETRY_AFTER, []));
        }
        if open.values().sum::<usize>() >= MAX_STREAMS {
            return Err(limited("there are as many streams of events as there may be", RETRY_AFTER, []));
        }
        open.insert(caller.clone(), own + 1);
        Ok(Share { streams: self.clone(), caller })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Slug, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut open = self.streams.lock();
        if let Some(own) = open.get_mut(&self.caller) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Slug {
        text.parse().unwrap()
    }

    #[test]
    fn nobody_has_more_than_their_share_and_what_ends_is_given_back() {
        let streams = Streams::default();
        let mut own: Vec<Share> = (0..MAX_OF_CALLER).map(|_| streams.open(name("alice")).unwrap()).collect();
        assert!(streams.open(name("alice")).is_err());
        let others: Vec<Share> =
            (0..MAX_STREAMS - MAX_OF_CALLER).map(|number| streams.open(name(&format!("user-{number}"))).unwrap()).collect();
        assert!(streams.open(name("bob")).is_err(), "there are too many of all");
        own.pop();
        assert!(streams.open(name("alice")).is_ok());
        drop((own, others));
        assert!(streams.lock().is_empty());
    }
}
