//! Reading what is stored again and again.

use std::time::Duration;

use consign_blobs::Blobs;
use consign_blobs::scrub::{Scrubbed, Scrubber};
use tokio_util::sync::CancellationToken;

/// The pause after a pass and after a failure.
const PAUSE: Duration = Duration::from_mins(10);

/// Runs until `stop`.
pub(crate) async fn run(blobs: Blobs, stop: CancellationToken) {
    let work = async {
        let mut scrubber = Scrubber::new(blobs);
        loop {
            match scrubber.step().await {
                // What is damaged was told where it was found.
                Ok(Scrubbed::Whole(_) | Scrubbed::Damaged(_)) => continue,
                Ok(Scrubbed::Pass) => {}
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "scrubbing was broken off"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    stop.run_until_cancelled(work).await;
}
