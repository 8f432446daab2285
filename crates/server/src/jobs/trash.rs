//! Removing for good what was collected some time ago.

use std::time::Duration;

use consign_blobs::Blobs;
use tokio_util::sync::CancellationToken;

/// Runs until `stop`: removes what has been in the trash for `seconds`.
pub(crate) async fn run(blobs: Blobs, interval: Option<Duration>, seconds: i64, stop: CancellationToken) {
    let Some(interval) = interval else { return };
    let work = async {
        loop {
            tokio::time::sleep(interval).await;
            match blobs.empty_trash(seconds).await {
                Ok(0) => {}
                Ok(blobs) => tracing::info!(blobs, "emptied the trash"),
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "cannot empty the trash"),
            }
        }
    };
    stop.run_until_cancelled(work).await;
}
