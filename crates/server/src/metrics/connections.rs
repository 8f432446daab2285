//! The connections to the database, as they are when they are asked for.

use std::fmt;

use consign_metadata::Metadata;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

/// Those of a metadata plane.
#[derive(Debug)]
pub(super) struct Connections(pub(super) Metadata);

impl Collector for Connections {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let consign_metadata::Connections { idle, used } = self.0.connections();
        let help = "Connections to the database.";
        let mut metric = encoder.encode_descriptor("consign_db_pool_connections", help, None, MetricType::Gauge)?;
        for (state, count) in [("idle", idle), ("used", used)] {
            ConstGauge::new(i64::from(count)).encode(metric.encode_family(&[("state", state)])?)?;
        }
        Ok(())
    }
}
