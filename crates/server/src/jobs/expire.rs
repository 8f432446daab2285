//! Forgetting leases and request ids whose time is over, and removing for good what was deleted long ago.

use std::time::Duration;

use consign_metadata::{Expired, Metadata};
use tokio_util::sync::CancellationToken;

/// The pause between two rounds, at most.
const INTERVAL: Duration = Duration::from_mins(1);

/// Runs until `stop`, as often as garbage is collected and more often.
pub(crate) async fn run(metadata: Metadata, interval: Option<Duration>, stop: CancellationToken) {
    let interval = interval.unwrap_or(INTERVAL).min(INTERVAL);
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
            tokio::time::sleep(interval).await;
        }
    };
    stop.run_until_cancelled(work).await;
}
