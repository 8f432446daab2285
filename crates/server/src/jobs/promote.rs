//! Applying promotions that waited, and forgetting what runtimes reported long ago. Several processes may do so at once.

use std::time::Duration;

use consign_metadata::{Metadata, Promotion};
use consign_types::resource::{ProjectRef, PromotionRef};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The pause between two looks at what waits.
const INTERVAL: Duration = Duration::from_secs(1);

/// The pause between two looks at what was reported.
const FORGETTING: Duration = Duration::from_mins(1);

/// Runs until `stop`.
pub(crate) async fn run(metadata: Metadata, stop: CancellationToken) {
    let work = async {
        let mut forgotten = Instant::now();
        loop {
            tokio::time::sleep(INTERVAL).await;
            judge(&metadata).await;
            if forgotten.elapsed() >= FORGETTING {
                forget(&metadata).await;
                forgotten = Instant::now();
            }
        }
    };
    stop.run_until_cancelled(work).await;
}

async fn judge(metadata: &Metadata) {
    let (closed, outcome) = metadata.judge_promotions().await;
    closed.iter().for_each(tell);
    if let Err(error) = outcome {
        tracing::warn!(error = &error as &dyn std::error::Error, "cannot judge a promotion that waits");
    }
}

fn tell(promotion: &Promotion) {
    let name = PromotionRef { project: ProjectRef::Id(promotion.project_id), id: promotion.id };
    tracing::info!(promotion = %name, stage = %promotion.stage, state = %promotion.state, "a promotion waits no longer");
}

async fn forget(metadata: &Metadata) {
    match metadata.forget_deployments().await {
        Ok(0) => {}
        Ok(reports) => tracing::debug!(reports, "forgot what runtimes reported"),
        Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "cannot forget what runtimes reported"),
    }
}
