//! Stages, with what they ask.

use consign_metadata::Stage;
use consign_proto::metadata::{self as wire, freeze_window, gate};
use consign_proto::timestamp;
use consign_types::promotion::{Condition, FreezeWindow, Gate, Schedule, Signer, StageName};
use consign_types::resource::{ProjectRef, StageRef, UserRef};
use consign_types::time::Span;
use consign_types::{Slug, Username};

use super::role;

pub(in crate::grpc) fn stage(stage: Stage) -> wire::Stage {
    let etag = stage.etag();
    let (hold_reason, hold_actor) = stage.hold.map(|hold| (hold.reason.to_string(), hold.actor.to_string())).unzip();
    wire::Stage {
        name: stage_name(stage.project_id, &stage.stage),
        stage_id: stage.stage.to_string(),
        display_name: stage.display_name.to_string(),
        description: stage.description.to_string(),
        rank: stage.rank,
        predecessors: texts(&stage.policy.predecessors),
        gates: stage.policy.gates.into_iter().map(gate).collect(),
        freeze_windows: stage.policy.freeze_windows.into_iter().map(freeze_window).collect(),
        exclusive: stage.is_exclusive,
        held: hold_actor.is_some(),
        hold_reason: hold_reason.unwrap_or_default(),
        hold_actor: hold_actor.unwrap_or_default(),
        create_time: Some(timestamp(stage.created_at)),
        update_time: Some(timestamp(stage.updated_at)),
        etag,
    }
}

/// The name of a stage.
pub(super) fn stage_name(project: i64, stage: &StageName) -> String {
    StageRef { project: ProjectRef::Id(project), stage: stage.clone() }.to_string()
}

fn texts(names: &[StageName]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn gate(gate: Gate) -> wire::Gate {
    wire::Gate { gate_id: gate.name.to_string(), condition: Some(condition(gate.condition)) }
}

fn condition(condition: Condition) -> gate::Condition {
    use gate::Condition as Wire;

    match condition {
        Condition::Predecessor { stages, any } => Wire::Predecessor(wire::PredecessorCondition { stages: texts(&stages), any }),
        Condition::Soak { stage, duration: span } => {
            let stage = stage.map(|stage| stage.to_string()).unwrap_or_default();
            Wire::Soak(wire::SoakCondition { stage, duration: Some(duration(span)) })
        }
        Condition::Approval { count, minimum_role, approvers, distinct, allow_self_approval, validity } => {
            Wire::Approval(wire::ApprovalCondition {
                count: i32::try_from(count).unwrap_or(i32::MAX),
                minimum_role: role(Some(minimum_role)),
                approvers: approvers.into_iter().map(|name| UserRef::Name(name).to_string()).collect(),
                distinct,
                allow_self_approval,
                validity: validity.map(duration),
            })
        }
        Condition::Attestation { predicate_type, signers, maximum_age } => Wire::Attestation(wire::AttestationCondition {
            predicate_type: predicate_type.to_string(),
            signers: signers.iter().map(Signer::to_string).collect(),
            maximum_age: maximum_age.map(duration),
        }),
        Condition::Status { check, reporter } => {
            Wire::Status(wire::StatusCondition { check: check.to_string(), reporter: reporter.map(shown_reporter).unwrap_or_default() })
        }
        Condition::Tag { tags, immutable } => Wire::Tag(wire::TagCondition { tag_glob: tags.text().to_owned(), immutable }),
        Condition::Order { allow_same } => Wire::Order(wire::OrderCondition { allow_same }),
        Condition::Age { minimum_age } => Wire::Age(wire::AgeCondition { minimum_age: Some(duration(minimum_age)) }),
    }
}

/// A user as `users/{user}`; else the name by which a token acts, which no user has.
fn shown_reporter(reporter: Slug) -> String {
    match reporter.as_str().parse::<Username>() {
        Ok(name) => UserRef::Name(name).to_string(),
        Err(_) => reporter.to_string(),
    }
}

fn freeze_window(window: FreezeWindow) -> wire::FreezeWindow {
    use freeze_window::Schedule as Wire;

    let schedule = match window.schedule {
        Schedule::OneTime { start, end } => {
            Wire::OneTime(wire::OneTimeSchedule { start_time: Some(timestamp(start)), end_time: Some(timestamp(end)) })
        }
        Schedule::Recurring { start, end, zone } => Wire::Recurring(wire::RecurringSchedule {
            start_cron: start.to_string(),
            end_cron: end.to_string(),
            time_zone: zone.to_string(),
        }),
    };
    wire::FreezeWindow { freeze_window_id: window.name.to_string(), schedule: Some(schedule), reason: window.reason.to_string() }
}

fn duration(span: Span) -> prost_types::Duration {
    let (seconds, micros) = (span.as_micros() / 1_000_000, span.as_micros() % 1_000_000);
    prost_types::Duration { seconds, nanos: i32::try_from(micros * 1000).expect("less than a second of nanoseconds") }
}
