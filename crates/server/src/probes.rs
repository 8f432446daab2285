//! Whether the service is alive and ready, for those who ask over HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

/// Whether requests can be served now. Clones share the answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Readiness(Arc<AtomicBool>);

impl Readiness {
    pub(crate) fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Relaxed);
    }

    fn is_ready(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// `/healthz`: the process answers. `/readyz`: its database and store answer too, and it is not about to end.
pub(crate) fn router(readiness: Readiness) -> Router {
    let ready = |State(readiness): State<Readiness>| async move {
        if readiness.is_ready() { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") }
    };
    Router::new().route("/healthz", get(|| async { "alive" })).route("/readyz", get(ready)).with_state(readiness)
}
