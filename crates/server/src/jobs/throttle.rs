//! Forgetting whom nothing holds up any more, so that their number stays bounded by those of a minute.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::throttle::Throttle;

/// How often.
const INTERVAL: Duration = Duration::from_mins(1);

/// Goes on until `stop`.
pub(crate) async fn run(throttle: Throttle, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_some() {
        throttle.forget();
    }
}
