//! Forgetting what is over.

use crate::tables::{idempotency_records, leases};
use crate::{Metadata, Result};

/// How long a repeated request is recognised by its request id.
const REQUEST_ID_SECONDS: i64 = 24 * 60 * 60;

/// How many rows one transaction forgets.
const AT_ONCE: i64 = 1000;

/// How much was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Leases for bytes that were never published.
    pub leases: usize,
    /// Request ids that are no longer recognised.
    pub request_ids: usize,
}

impl Metadata {
    /// Forgets leases whose time is over, and request ids of more than a day ago: a bounded number of them, so that publishers wait
    /// for a moment at most. Nothing was left when it answers the default.
    pub async fn expire(&self) -> Result<Expired> {
        let now = self.now();
        self.pool
            .write(move |db| {
                let leases = leases::list_expired(db, now, AT_ONCE)?;
                leases::remove(db, &leases)?;
                let ages = idempotency_records::list_ages(db, now.plus_seconds(-REQUEST_ID_SECONDS), AT_ONCE)?;
                let request_ids = match ages.last() {
                    Some(last) => idempotency_records::remove_until(db, *last)?,
                    None => 0,
                };
                Ok(Expired { leases: leases.len(), request_ids })
            })
            .await
    }
}
