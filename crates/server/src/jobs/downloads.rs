//! Writing the downloads that were counted.

use std::time::Duration;

use consign_metadata::Metadata;
use tokio_util::sync::CancellationToken;

const INTERVAL: Duration = Duration::from_secs(5);

/// Runs until `stop`, and then writes what is left.
pub(crate) async fn run(metadata: Metadata, stop: CancellationToken) {
    let work = async {
        loop {
            tokio::time::sleep(INTERVAL).await;
            write(&metadata).await;
        }
    };
    stop.run_until_cancelled(work).await;
    write(&metadata).await;
}

async fn write(metadata: &Metadata) {
    if let Err(error) = metadata.write_downloads().await {
        tracing::warn!(error = &error as &dyn std::error::Error, "cannot write the downloads that were counted");
    }
}
