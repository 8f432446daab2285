//! Forgetting leases and request ids whose time is over.

use std::time::Duration;

use consign_metadata::{Expired, Metadata};
use tokio_util::sync::CancellationToken;

const INTERVAL: Duration = Duration::from_mins(1);

/// Runs until `stop`.
pub(crate) async fn run(metadata: Metadata, stop: CancellationToken) {
    let work = async {
        loop {
            tokio::time::sleep(INTERVAL).await;
            match metadata.expire().await {
                Ok(Expired { leases: 0, request_ids: 0 }) => {}
                Ok(Expired { leases, request_ids }) => tracing::debug!(leases, request_ids, "expired"),
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "cannot forget what is over"),
            }
        }
    };
    stop.run_until_cancelled(work).await;
}
