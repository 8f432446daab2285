//! Deleting files that newer ones replaced, in projects that keep only some of them. Several processes may do so at once.

use std::time::Duration;

use consign_metadata::Metadata;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Runs until `stop`, with this pause between two looks at what is due.
pub(crate) async fn run(metadata: Metadata, pause: Duration, stop: CancellationToken) {
    let work = async {
        loop {
            tokio::time::sleep(pause).await;
            clean_up(&metadata).await;
        }
    };
    stop.run_until_cancelled(work).await;
}

/// Takes steps until nothing is due, or one fails. Between two of them it rests for as long as the first one took, so that those who publish come in.
async fn clean_up(metadata: &Metadata) {
    let mut deleted = 0;
    loop {
        let began = Instant::now();
        match metadata.clean_up().await {
            Ok(Some(files)) => deleted += files,
            Ok(None) => break,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot clean up a project");
                break;
            }
        }
        tokio::time::sleep(began.elapsed()).await;
    }
    if deleted > 0 {
        tracing::info!(deleted, "deleted files that newer ones replaced");
    }
}
