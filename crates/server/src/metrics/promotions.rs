//! What becomes of promotions.

use consign_metadata::{Observation, Observer};
use consign_types::promotion::StageName;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::Histograms;
use super::stages::Stages;

const MINUTE: f64 = 60.0;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;

/// How long promotions wait: the upper ends of the buckets, in seconds.
const WAITED: [f64; 13] =
    [1.0, 10.0, MINUTE, 5.0 * MINUTE, 15.0 * MINUTE, HOUR, 4.0 * HOUR, 12.0 * HOUR, DAY, 2.0 * DAY, 4.0 * DAY, 7.0 * DAY, 30.0 * DAY];

/// How long it takes from being published to being placed: the upper ends of the buckets, in seconds.
const LED: [f64; 14] = [
    MINUTE,
    5.0 * MINUTE,
    15.0 * MINUTE,
    HOUR,
    4.0 * HOUR,
    12.0 * HOUR,
    DAY,
    2.0 * DAY,
    4.0 * DAY,
    7.0 * DAY,
    14.0 * DAY,
    30.0 * DAY,
    60.0 * DAY,
    90.0 * DAY,
];

/// What this process did to promotions. Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct Promotions {
    ended: Family<Outcome, Counter>,
    waits: Histograms<Stage>,
    lead_times: Histograms<Stage>,
    refusals: Family<Refusal, Counter>,
    stages: Stages,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    stage: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Stage {
    stage: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refusal {
    stage: String,
    gate: &'static str,
}

impl Promotions {
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let promotions = Self {
            ended: Family::default(),
            waits: Histograms::new_with_constructor(|| Histogram::new(WAITED)),
            lead_times: Histograms::new_with_constructor(|| Histogram::new(LED)),
            refusals: Family::default(),
            stages: Stages::default(),
        };
        registry.register("consign_promotions", "Promotions that ended, and those that were undone", promotions.ended.clone());
        let help = "From when a promotion was asked for until it was applied";
        registry.register_with_unit("consign_promotion_wait", help, Unit::Seconds, promotions.waits.clone());
        let help = "From when a version was published until it was placed";
        registry.register_with_unit("consign_promotion_lead_time", help, Unit::Seconds, promotions.lead_times.clone());
        let help = "Gates that failed, by which a promotion was refused or rejected";
        registry.register("consign_promotion_refusals", help, promotions.refusals.clone());
        promotions
    }

    fn label(&self, stage: &StageName) -> Stage {
        Stage { stage: self.stages.label(stage) }
    }
}

impl Observer for Promotions {
    fn observe(&self, seen: &Observation) {
        if seen.ended.is_empty() && seen.failed.is_empty() {
            return;
        }
        let stage = self.label(&seen.stage);
        for (state, count) in &seen.ended {
            let labels = Outcome { stage: stage.stage.clone(), outcome: state.as_str() };
            self.ended.get_or_create(&labels).inc_by(u64::try_from(*count).unwrap_or_default());
        }
        if let Some(applied) = &seen.applied {
            self.waits.get_or_create(&stage).observe(applied.waited.as_secs_f64());
            for lead_time in &applied.lead_times {
                self.lead_times.get_or_create(&stage).observe(lead_time.as_secs_f64());
            }
        }
        for gate in &seen.failed {
            self.refusals.get_or_create(&Refusal { stage: stage.stage.clone(), gate: gate.as_str() }).inc();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use consign_metadata::Applied;
    use consign_types::promotion::{GateKind, State};

    use super::super::tests::told;
    use super::super::{Metrics, OTHER, Timestamp};
    use super::*;

    fn nothing(stage: &str) -> Observation {
        Observation { stage: stage.parse().unwrap(), ended: Vec::new(), applied: None, failed: Vec::new() }
    }

    #[test]
    fn what_is_observed_is_counted_under_its_stage() {
        let metrics = Metrics::new(Timestamp::from_micros(0));
        let applied =
            Applied { waited: Duration::from_millis(1500), lead_times: vec![Duration::from_secs(30), Duration::from_hours(100 * 24)] };
        let ended = vec![(State::Succeeded, 1), (State::Superseded, 3)];
        metrics.promotions.observe(&Observation { ended, applied: Some(applied), ..nothing("qa") });
        metrics.promotions.observe(&Observation { failed: vec![GateKind::Soak, GateKind::Soak, GateKind::Order], ..nothing("qa") });
        metrics.promotions.observe(&nothing("quiet"));
        let told = told(&metrics);
        for line in [
            "consign_promotions_total{stage=\"qa\",outcome=\"succeeded\"} 1",
            "consign_promotions_total{stage=\"qa\",outcome=\"superseded\"} 3",
            "consign_promotion_wait_seconds_sum{stage=\"qa\"} 1.5",
            "consign_promotion_wait_seconds_bucket{le=\"1.0\",stage=\"qa\"} 0",
            "consign_promotion_wait_seconds_bucket{le=\"10.0\",stage=\"qa\"} 1",
            "consign_promotion_lead_time_seconds_bucket{le=\"60.0\",stage=\"qa\"} 1",
            "consign_promotion_lead_time_seconds_bucket{le=\"7776000.0\",stage=\"qa\"} 1",
            "consign_promotion_lead_time_seconds_count{stage=\"qa\"} 2",
            "consign_promotion_refusals_total{stage=\"qa\",gate=\"soak\"} 2",
            "consign_promotion_refusals_total{stage=\"qa\",gate=\"order\"} 1",
        ] {
            assert!(told.lines().any(|known| known == line), "{line} is not in\n{told}");
        }
        assert!(!told.contains("quiet"), "{told}");
    }

    #[test]
    fn stages_beyond_the_hundredth_are_counted_as_one() {
        let metrics = Metrics::new(Timestamp::from_micros(0));
        for number in 0..103 {
            metrics.promotions.observe(&Observation { ended: vec![(State::Cancelled, 1)], ..nothing(&format!("stage-{number}")) });
        }
        let told = told(&metrics);
        assert!(told.contains(&format!("consign_promotions_total{{stage=\"{OTHER}\",outcome=\"cancelled\"}} 3\n")), "{told}");
        assert_eq!(told.lines().filter(|line| line.starts_with("consign_promotions_total{")).count(), 101);
    }
}
