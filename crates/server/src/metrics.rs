//! What goes on in this process, as Prometheus reads it. What each metric means is told in `docs/metrics.md`.
//!
//! - `rpc`, `http`: what surrounds calls and requests; `watched`: their answers, until they are over
//! - `promotions`: what becomes of promotions; `stages`: how many of them are told apart
//! - `connections`: those to the database

mod connections;
mod http;
mod promotions;
mod rpc;
mod stages;
mod watched;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use consign_metadata::Metadata;
use consign_types::Timestamp;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use connections::Connections;
pub(crate) use http::Requests;
pub(crate) use promotions::Promotions;
pub(crate) use rpc::Calls;

/// What is counted under one name because it has none of its own.
const OTHER: &str = "other";

/// The kind of the text, as its specification names it.
const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Until when an answer is there: the upper ends of the buckets, in seconds.
const ANSWERED: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

/// Histograms of one name, a label set each.
type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// All metrics of a process.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) calls: Calls,
    pub(crate) requests: Requests,
    pub(crate) promotions: Promotions,
}

impl Metrics {
    /// The metrics of a process that starts now.
    pub(crate) fn new(now: Timestamp) -> Self {
        let mut registry = Registry::default();
        registry.register("consign_build", "Which version this is", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        let (seconds, _) = now.split();
        registry.register_with_unit(
            "process_start_time",
            "When the service started, since the epoch",
            Unit::Seconds,
            ConstGauge::new(seconds),
        );
        let (calls, requests) = (Calls::registered(&mut registry), Requests::registered(&mut registry));
        let promotions = Promotions::registered(&mut registry);
        Self { registry, calls, requests, promotions }
    }

    /// Tells of the connections of a metadata plane besides.
    pub(crate) fn add_connections(&mut self, metadata: Metadata) {
        self.registry.register_collector(Box::new(Connections(metadata)));
    }

    /// `GET /metrics`.
    pub(crate) fn router(self) -> Router {
        Router::new().route("/metrics", get(tell)).with_state(Arc::new(self.registry))
    }
}

async fn tell(State(registry): State<Arc<Registry>>) -> Result<impl IntoResponse, StatusCode> {
    let mut text = String::new();
    encode(&mut text, &registry).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(([(CONTENT_TYPE, TEXT)], text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of these metrics.
    pub(super) fn told(metrics: &Metrics) -> String {
        let mut text = String::new();
        encode(&mut text, &metrics.registry).unwrap();
        text
    }

    #[test]
    fn a_process_tells_when_it_started_and_which_version_it_is() {
        let told = told(&Metrics::new(Timestamp::from_micros(1_760_000_000_500_000)));
        assert!(told.contains("\n# UNIT process_start_time_seconds seconds\nprocess_start_time_seconds 1760000000\n"), "{told}");
        assert!(told.contains(&format!("\nconsign_build_info{{version=\"{}\"}} 1\n", env!("CARGO_PKG_VERSION"))), "{told}");
        assert!(told.ends_with("# EOF\n"), "{told}");
    }
}
