//! Forgetting what is over.

use std::collections::BTreeMap;

use consign_types::Timestamp;

use super::change::lock;
use crate::batch::Batch;
use crate::connection::Db;
use crate::tables::events::{self, Place};
use crate::tables::{counters, idempotency_records, leases, members, tokens, used_id_tokens};
use crate::{Metadata, Result};

/// How long a repeated request is recognised by its request id.
const REQUEST_ID_SECONDS: i64 = 24 * 60 * 60;

/// How long the token of a CI job and a role can still be looked at after their end.
const ENDED_SECONDS: i64 = 24 * 60 * 60;

/// How long events are kept.
const EVENT_SECONDS: i64 = 30 * 24 * 60 * 60;

/// How many rows one transaction forgets.
const AT_ONCE: i64 = 1000;

/// How much was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Leases for bytes that were never published, with what they had reserved.
    pub leases: usize,
    /// Request ids that are no longer recognised.
    pub request_ids: usize,
    /// Tokens of CI jobs and roles that ended a day ago, and ID tokens that nobody would take any more.
    pub rights: usize,
    /// Events of more than 30 days ago.
    pub events: usize,
}

impl Metadata {
    /// Forgets leases whose time is over, and request ids of more than a day ago: a bounded number of them, so that publishers wait
    /// for a moment at most. Nothing was left when it answers the default.
    pub async fn expire(&self) -> Result<Expired> {
        let now = self.now();
        self.pool
            .write(move |db| {
                let leases = end_leases(db, now)?;
                let ages = idempotency_records::list_ages(db, now.plus_seconds(-REQUEST_ID_SECONDS), AT_ONCE)?;
                let request_ids = match ages.last() {
                    Some(last) => idempotency_records::remove_until(db, *last)?,
                    None => 0,
                };
                let ended = now.plus_seconds(-ENDED_SECONDS);
                let rights = [
                    tokens::remove_jobs(db, ended, AT_ONCE)?,
                    members::remove_expired(db, ended, AT_ONCE)?,
                    used_id_tokens::remove_expired(db, now, AT_ONCE)?,
                ];
                let events = forget_events(db, now.plus_seconds(-EVENT_SECONDS))?;
                Ok(Expired { leases, request_ids, rights: rights.iter().sum(), events })
            })
            .await
    }
}

/// Forgets events of before an instant, the oldest, and notes up to where.
fn forget_events(db: &mut Db, before: Timestamp) -> Result<usize> {
    let first = events::list_first(db, AT_ONCE)?;
    let old: Vec<Place> = first.into_iter().take_while(|(_, time)| *time < before).map(|(place, _)| place).collect();
    let Some(last) = old.last().copied() else { return Ok(0) };
    events::remove_until(db, last)?;
    let mut ends = BTreeMap::from([(0, last)]);
    ends.extend(old.iter().map(|place| (place.1, *place)));
    for (project, end) in ends {
        events::put_floor(db, project, end)?;
    }
    Ok(old.len())
}

/// Ends leases of one project, and gives back what they have reserved.
fn end_leases(db: &mut Db, now: Timestamp) -> Result<usize> {
    let Some(project) = leases::find_expired(db, now)? else {
        return Ok(0);
    };
    let Some((_, mut counters)) = lock(db, project)? else {
        return Ok(0);
    };
    let over = leases::list_expired(db, project, now, AT_ONCE)?;
    counters.reserved_bytes -= over.iter().map(|(_, reserved)| reserved).sum::<i64>();
    let mut batch = Batch::new(db);
    counters::update(&mut batch, counters, Vec::new());
    leases::remove(&mut batch, &over.iter().map(|(id, _)| *id).collect::<Vec<_>>());
    batch.send(db)?;
    Ok(over.len())
}
