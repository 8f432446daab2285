//! Forgetting what is over.

use crate::tables::{idempotency_records, leases};
use crate::{Metadata, Result};

/// How long a repeated request is recognised by its request id.
const REQUEST_ID_SECONDS: i64 = 24 * 60 * 60;

/// How much was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Leases for bytes that were never published.
    pub leases: usize,
    /// Request ids that are no longer recognised.
    pub request_ids: usize,
}

impl Metadata {
    /// Forgets leases whose time is over, and request ids of more than a day ago.
    pub async fn expire(&self) -> Result<Expired> {
        let now = self.now();
        self.pool
            .write(move |db| {
                let leases = leases::remove_expired(db, now)?;
                let request_ids = idempotency_records::remove_before(db, now.plus_seconds(-REQUEST_ID_SECONDS))?;
                Ok(Expired { leases, request_ids })
            })
            .await
    }
}
