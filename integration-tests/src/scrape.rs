//! Metrics as Prometheus reads them.

use std::collections::BTreeSet;

use reqwest::Method;

use crate::rest::Rest;
use crate::{TestService, wait};

/// What a service told of itself at one moment.
#[derive(Clone, Debug)]
pub struct Scrape(String);

impl Scrape {
    /// Asks a service that was started with `--metrics-listen`, as somebody without a token.
    pub async fn of(service: &TestService) -> Self {
        let rest = Rest::to(service.metrics().expect("the service tells its metrics"));
        let answer = rest.send(rest.anonymous(Method::GET, "/metrics")).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/openmetrics-text; version=1.0.0; charset=utf-8"));
        Self(answer.text().to_owned())
    }

    /// The first scrape in which a series has this value: some are written a moment after the answer that they count.
    pub async fn with(service: &TestService, series: &str, value: f64) -> Self {
        let told = async || Some(Self::of(service).await).filter(|scrape| scrape.is(series, value));
        wait::until(&format!("`{series}` with {value}"), told).await
    }

    /// Whether a series, with its labels, has this value. One that is not there has none.
    pub fn is(&self, series: &str, value: f64) -> bool {
        self.value(series).is_some_and(|known| known.total_cmp(&value).is_eq())
    }

    /// The value of a series.
    pub fn value(&self, series: &str) -> Option<f64> {
        let found = self.0.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        found.map(|value| value.parse().expect("a value is a number"))
    }

    /// The series that begin like this, each with its value.
    pub fn lines(&self, beginning: &str) -> Vec<&str> {
        let mut lines: Vec<&str> = self.0.lines().filter(|line| line.starts_with(beginning)).collect();
        lines.sort_unstable();
        lines
    }

    /// The names of the metrics that have values, as they are asked for.
    pub fn names(&self) -> BTreeSet<String> {
        let types = self.0.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        let name = |(name, kind): (&str, &str)| match kind {
            "counter" => format!("{name}_total"),
            "info" => format!("{name}_info"),
            _ => name.to_owned(),
        };
        types.map(name).collect()
    }
}
