//! When the keys of an issuer are fetched, and how long they count.
//!
//! Each issuer is by itself: one that does not answer holds up its own tokens alone, and those for five seconds at most, once in ten.

use std::error::Error as StdError;
use std::sync::{Arc, Mutex, PoisonError};

use consign_types::Timestamp;
use consign_types::trust::Issuer;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use tokio::sync::Mutex as Turn;

use super::VerifyError;
use super::fetch::Source;
use super::keys::{Key, KeySet};
use super::token::Signer;

/// How many issuers are remembered.
const MAX_ISSUERS: u64 = 100;

/// For how long keys are used without asking again.
const FRESH_SECONDS: i64 = 60 * 60;

/// For how long keys are used while the issuer does not answer.
const STALE_SECONDS: i64 = 24 * 60 * 60;

/// How often the issuer is asked for a key that it did not have. Anybody can make up the id of a key.
const UNKNOWN_SECONDS: i64 = 60;

/// For how long an issuer that did not answer is left alone.
const FAILED_SECONDS: i64 = 10;

/// The keys of issuers.
#[derive(Debug)]
pub(super) struct KeyCache {
    source: Arc<Source>,
    clock: fn() -> Timestamp,
    issuers: Cache<Issuer, Arc<Slot>>,
}

/// What is known of one issuer.
#[derive(Debug, Default)]
struct Slot {
    known: Mutex<Known>,
    /// Held by whoever fetches.
    turn: Turn<()>,
}

#[derive(Debug, Default)]
struct Known {
    /// The last keys, and when they were fetched.
    keys: Option<(KeySet, Timestamp)>,
    /// When they were last asked for, and whether that failed.
    tried: Option<(Timestamp, bool)>,
}

type Found = Result<Arc<Key>, VerifyError>;

impl KeyCache {
    pub(super) fn new(source: Source, clock: fn() -> Timestamp) -> Self {
        let issuers = Cache::builder().max_capacity(MAX_ISSUERS).eviction_policy(EvictionPolicy::lru()).build();
        Self { source: Arc::new(source), clock, issuers }
    }

    /// The key that a token says it is signed by. The issuer must be one that is trusted.
    pub(super) async fn find(&self, issuer: &Issuer, signer: &Signer) -> Found {
        let slot = self.issuers.get_with_by_ref(issuer, Arc::default);
        if let Some(found) = slot.look(signer, (self.clock)()) {
            return found;
        }
        let (source, clock) = (Arc::clone(&self.source), self.clock);
        let (issuer, signer) = (issuer.clone(), signer.clone());
        // Others wait for this fetch: it goes on when the caller that began it is gone.
        let fetch = tokio::spawn(async move { slot.fetch(&source, clock, &issuer, &signer).await });
        fetch.await.unwrap_or(Err(VerifyError::KeysUnavailable))
    }
}

impl Slot {
    fn look(&self, signer: &Signer, now: Timestamp) -> Option<Found> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).look(signer, now)
    }

    async fn fetch(&self, source: &Source, clock: fn() -> Timestamp, issuer: &Issuer, signer: &Signer) -> Found {
        let _turn = self.turn.lock().await;
        // Whoever had the turn before has asked already.
        if let Some(found) = self.look(signer, clock()) {
            return found;
        }
        let fetched = source.keys(issuer).await;
        if let Err(error) = &fetched {
            tracing::warn!(%issuer, error = error as &dyn StdError, "cannot fetch the keys of an OIDC issuer");
        }
        let now = clock();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.tried = Some((now, fetched.is_err()));
        if let Ok(keys) = fetched {
            known.keys = Some((keys, now));
        }
        known.look(signer, now).unwrap_or(Err(VerifyError::KeysUnavailable))
    }
}

impl Known {
    /// What can be said without asking the issuer; `None`: it is to be asked.
    fn look(&self, signer: &Signer, now: Timestamp) -> Option<Found> {
        let tried_within = |seconds| self.tried.filter(|(at, _)| is_within(*at, seconds, now));
        let has_failed = tried_within(FAILED_SECONDS).is_some_and(|(_, has_failed)| has_failed);
        match self.keys.as_ref().filter(|(_, at)| is_within(*at, STALE_SECONDS, now)) {
            None => has_failed.then_some(Err(VerifyError::KeysUnavailable)),
            Some((keys, at)) => match keys.find(signer) {
                Ok(key) => (has_failed || is_within(*at, FRESH_SECONDS, now)).then_some(Ok(key)),
                Err(refusal) => tried_within(UNKNOWN_SECONDS).map(|(_, has_failed)| {
                    // The key may be one of those that could not be had.
                    Err(if has_failed { VerifyError::KeysUnavailable } else { refusal })
                }),
            },
        }
    }
}

/// Whether something was less than so long ago. A clock that is set back does not make it last for longer.
fn is_within(at: Timestamp, seconds: i64, now: Timestamp) -> bool {
    now < at.plus_seconds(seconds) && at < now.plus_seconds(seconds)
}
