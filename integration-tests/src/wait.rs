//! Polling a condition with a deadline: tests never sleep and hope.

use std::time::{Duration, Instant};

/// How long anything may take before a test gives up. Machines may be slow; a test that passes does not wait.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Asks again and again until there is an answer. Panics when there is none in time.
pub async fn until<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = condition().await {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "{what} did not happen within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
