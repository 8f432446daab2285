//! Dropping uploads that nobody goes on with.

use std::time::Duration;

use consign_blobs::Blobs;
use tokio_util::sync::CancellationToken;

const INTERVAL: Duration = Duration::from_mins(10);

/// Runs until `stop`.
pub(crate) async fn run(blobs: Blobs, stop: CancellationToken) {
    let work = async {
        loop {
            match blobs.expire_uploads().await {
                Ok(0) => {}
                Ok(uploads) => tracing::info!(uploads, "dropped uploads that nobody went on with"),
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "cannot drop uploads that are over"),
            }
            tokio::time::sleep(INTERVAL).await;
        }
    };
    stop.run_until_cancelled(work).await;
}
