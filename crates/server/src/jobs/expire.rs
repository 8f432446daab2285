//! Forgetting leases and request ids whose time is over, and removing for good what was deleted long ago.

use std::time::Duration;

use consign_metadata::{Expired, Metadata};
use tokio_util::sync::CancellationToken;

const INTERVAL: Duration = Duration::from_mins(1);

/// Runs until `stop`.
pub(crate) async fn run(metadata: Metadata, stop: CancellationToken) {
    let work = async {
        loop {
            match metadata.expire().await {
                Ok(expired) if expired != Expired::default() => {
                    tracing::debug!(?expired, "forgot what is over");
                    continue;
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "cannot forget what is over"),
            }
            match metadata.purge().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "cannot remove what was deleted"),
            }
            tokio::time::sleep(INTERVAL).await;
        }
    };
    stop.run_until_cancelled(work).await;
}
