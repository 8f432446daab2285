//! A stage in a file: what `show` prints and `set` takes.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use consign_proto::metadata::freeze_window::Schedule;
use consign_proto::metadata::{self as wire, OneTimeSchedule, RecurringSchedule};
use serde::{Deserialize, Serialize};

use super::super::audit::named;
use super::super::moments::Time;
use super::gates::Gate;

/// What is declared of a stage. What is not there stays as it is.
#[derive(Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    /// Name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) display_name: Option<String>,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    /// Place in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rank: Option<i32>,
    /// The stages before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) predecessors: Option<Vec<String>>,
    /// Whether one promotion at a time may be pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) exclusive: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gates: Option<Vec<Gate>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    freeze_windows: Option<Vec<FreezeWindow>>,
}

/// A freeze window: once from `start_time` to `end_time`, or again and again from `start_cron` to `end_cron`.
#[derive(Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FreezeWindow {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start_time: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end_time: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start_cron: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end_cron: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time_zone: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    reason: String,
}

impl Document {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| named(path, error))?;
        serde_json::from_str(&text).map_err(|error| named(path, error))
    }

    /// The stage as a request has it, and the fields of it that are declared.
    pub(super) fn into_wire(self) -> Result<(wire::Stage, Vec<&'static str>)> {
        let fields = [
            ("display_name", self.display_name.is_some()),
            ("description", self.description.is_some()),
            ("rank", self.rank.is_some()),
            ("predecessors", self.predecessors.is_some()),
            ("exclusive", self.exclusive.is_some()),
            ("gates", self.gates.is_some()),
            ("freeze_windows", self.freeze_windows.is_some()),
        ];
        let gates = self.gates.unwrap_or_default().into_iter().map(Gate::into_wire);
        let freeze_windows = self.freeze_windows.unwrap_or_default().into_iter().map(FreezeWindow::into_wire);
        let stage = wire::Stage {
            display_name: self.display_name.unwrap_or_default(),
            description: self.description.unwrap_or_default(),
            rank: self.rank.unwrap_or_default(),
            predecessors: self.predecessors.unwrap_or_default(),
            exclusive: self.exclusive.unwrap_or_default(),
            gates: gates.collect::<Result<_>>()?,
            freeze_windows: freeze_windows.collect::<Result<_>>()?,
            ..wire::Stage::default()
        };
        Ok((stage, fields.into_iter().filter(|(_, is_there)| *is_there).map(|(field, _)| field).collect()))
    }

    /// All that is declared of a stage.
    pub(super) fn of(stage: wire::Stage) -> Result<Self> {
        Ok(Self {
            display_name: Some(stage.display_name),
            description: Some(stage.description),
            rank: Some(stage.rank),
            predecessors: Some(stage.predecessors),
            exclusive: Some(stage.exclusive),
            gates: Some(stage.gates.into_iter().map(Gate::of).collect::<Result<_>>()?),
            freeze_windows: Some(stage.freeze_windows.into_iter().map(FreezeWindow::of).collect::<Result<_>>()?),
        })
    }
}

impl FreezeWindow {
    fn into_wire(self) -> Result<wire::FreezeWindow> {
        let schedule = match (self.start_time, self.end_time, self.start_cron, self.end_cron, self.time_zone) {
            (Some(start), Some(end), None, None, None) => {
                Schedule::OneTime(OneTimeSchedule { start_time: Some(start.into()), end_time: Some(end.into()) })
            }
            (None, None, Some(start_cron), Some(end_cron), zone) => {
                Schedule::Recurring(RecurringSchedule { start_cron, end_cron, time_zone: zone.unwrap_or_default() })
            }
            _ => bail!("freeze window `{}` must have `start_time` and `end_time`, or `start_cron` and `end_cron`", self.id),
        };
        Ok(wire::FreezeWindow { freeze_window_id: self.id, schedule: Some(schedule), reason: self.reason })
    }

    fn of(window: wire::FreezeWindow) -> Result<Self> {
        let read = Self { id: window.freeze_window_id, reason: window.reason, ..Self::default() };
        Ok(match window.schedule {
            Some(Schedule::OneTime(new)) => {
                Self { start_time: new.start_time.map(Time::from), end_time: new.end_time.map(Time::from), ..read }
            }
            Some(Schedule::Recurring(new)) => {
                let (start_cron, end_cron) = (Some(new.start_cron), Some(new.end_cron));
                Self { start_cron, end_cron, time_zone: Some(new.time_zone), ..read }
            }
            None => None.with_context(|| format!("freeze window `{}` has a schedule that this command does not know", read.id))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERYTHING: &str = r#"{
        "display_name": "Production", "description": "what users see", "rank": 3, "predecessors": ["staging"], "exclusive": true,
        "gates": [
            {"id": "before", "predecessor": {"stages": ["qa", "staging"], "any": true}},
            {"id": "soak", "soak": {"stage": "staging", "duration": "24h"}},
            {"id": "people", "approval": {"count": 2, "minimum_role": "owner", "approvers": ["users/alice", "users/bob"], "distinct": true,
                "allow_self_approval": true, "validity": "7d"}},
            {"id": "build", "attestation": {"predicate_type": "https://slsa.dev/provenance/v1", "signers": ["ci"], "maximum_age": "90d"}},
            {"id": "scan", "status": {"check": "scanner", "reporter": "users/bot"}},
            {"id": "tag", "tag": {"glob": "v*", "immutable": true}},
            {"id": "order", "order": {"allow_same": true}},
            {"id": "age", "age": {"minimum_age": "15m"}}
        ],
        "freeze_windows": [
            {"id": "weekend", "start_cron": "0 18 * * 5", "end_cron": "0 8 * * 1", "time_zone": "Europe/Berlin", "reason": "nobody is here"},
            {"id": "year-end", "start_time": "2030-12-20T00:00:00Z", "end_time": "2031-01-07T00:00:00Z"}
        ]
    }"#;

    #[test]
    fn what_a_file_says_reads_back_from_the_stage() {
        let document: Document = serde_json::from_str(EVERYTHING).unwrap();
        let (stage, fields) = document.into_wire().unwrap();
        assert_eq!((fields.len(), stage.gates.len(), stage.freeze_windows.len()), (7, 8, 2));
        let again: Document = serde_json::from_str(&serde_json::to_string(&Document::of(stage.clone()).unwrap()).unwrap()).unwrap();
        assert_eq!(again.into_wire().unwrap().0, stage);
    }

    #[test]
    fn what_is_not_said_stays_as_it_is() {
        let document: Document = serde_json::from_str(r#"{"gates": [], "rank": 0}"#).unwrap();
        assert_eq!(document.into_wire().unwrap(), (wire::Stage::default(), vec!["rank", "gates"]));
    }

    #[test]
    fn what_is_not_known_or_ambiguous_is_refused() {
        for text in [
            r#"{"gate": []}"#,
            r#"{"gates": [{"id": "a"}]}"#,
            r#"{"gates": [{"id": "a", "order": {}, "predecessor": {}}]}"#,
            r#"{"gates": [{"id": "a", "order": {"same": true}}]}"#,
            r#"{"gates": [{"id": "a", "luck": {}}]}"#,
            r#"{"gates": [{"id": "a", "soak": {"duration": "soon"}}]}"#,
            r#"{"gates": [{"id": "a", "approval": {"count": 1, "minimum_role": "king"}}]}"#,
            r#"{"freeze_windows": [{"id": "a"}]}"#,
            r#"{"freeze_windows": [{"id": "a", "start_cron": "0 0 * * *", "end_time": "2031-01-07T00:00:00Z"}]}"#,
            r#"{"freeze_windows": [{"id": "a", "start_time": "today", "end_time": "2031-01-07T00:00:00Z"}]}"#,
        ] {
            let read = serde_json::from_str::<Document>(text).map_err(anyhow::Error::from).and_then(Document::into_wire);
            assert!(read.is_err(), "{text}");
        }
    }
}
