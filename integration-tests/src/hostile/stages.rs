//! Calls about stages of which one field is hostile: names, texts, gates and freeze windows.

use consign_proto::metadata::freeze_window::Schedule;
use consign_proto::metadata::gate::Condition;
use consign_proto::metadata::{
    AgeCondition, ApprovalCondition, AttestationCondition, CreateStageRequest, DeleteStageRequest, FreezeWindow, Gate, GetStageRequest,
    HoldStageRequest, OneTimeSchedule, PredecessorCondition, RecurringSchedule, ReleaseStageRequest, SoakCondition, Stage, StatusCondition,
    TagCondition, UpdateStageRequest,
};
use prost_types::FieldMask;

use super::Hostile;
use super::calls::{Outcome, PROJECT};
use crate::grpc::{Grpc, authorized};

/// A stage on which several packages are placed.
pub(super) const DEV: &str = "projects/1/stages/dev";

/// A stage that is held and released.
pub(super) const PRODUCTION: &str = "projects/1/stages/production";

/// A stage on which nothing was ever placed, where a promotion waits.
pub(super) const GUARDED: &str = "projects/1/stages/guarded";

/// A stage that asks whatever was sent last, and to which promotions are tried.
pub(super) const SPARE: &str = "projects/1/stages/spare";

const CRONS: &[&str] = &["0 18 * * 5", "*/5 0-23/2 1,15 * MON-FRI", "0 0 29 2 *", "59 23 31 12 7"];
const ZONES: &[&str] = &["Europe/Berlin", "UTC", "", "America/Argentina/Buenos_Aires"];

pub(super) async fn names(grpc: &Grpc, hostile: &mut Hostile) -> (String, Outcome) {
    let choice = hostile.below(7);
    let parents: &[&str] = &["projects/2", "projects/root%2Fsecond"];
    let stages: &[&str] = &[DEV, "projects/root%2Fdemo/stages/spare"];
    let valid = [stages, &["projects/1/stages/none"], &[PRODUCTION], &[PRODUCTION], &[SPARE], parents, &["made", "a-1"]][choice];
    let name = hostile.text(valid);
    let shown = format!("stage {choice} {name:?}");
    let mut promotions = grpc.promotions();
    let outcome = match choice {
        0 => send!(promotions, get_stage, GetStageRequest { name }),
        1 => send!(promotions, delete_stage, DeleteStageRequest { name, ..DeleteStageRequest::default() }),
        2 => {
            let reason = "why".to_owned();
            send!(promotions, hold_stage, HoldStageRequest { name, reason, ..HoldStageRequest::default() })
        }
        3 => send!(promotions, release_stage, ReleaseStageRequest { name, ..ReleaseStageRequest::default() }),
        4 => update(grpc, Stage { name, rank: 3, ..Stage::default() }).await,
        5 => create(grpc, CreateStageRequest { parent: name, stage_id: "made".to_owned(), ..CreateStageRequest::default() }).await,
        _ => create(grpc, CreateStageRequest { parent: "projects/2".to_owned(), stage_id: name, ..CreateStageRequest::default() }).await,
    };
    (shown, outcome)
}

pub(super) async fn texts(grpc: &Grpc, hostile: &mut Hostile) -> (String, Outcome) {
    let choice = hostile.below(9);
    let masks: &[&str] = &["gates", "rank", "freeze_windows"];
    let words: &[&str] = &["why", ""];
    let valid =
        [words, words, words, &["0123456789abcdef", "1"], masks, &["123e4567-e89b-12d3-a456-426614174000"], words, words, words][choice];
    let (text, rank) = (hostile.text(valid), hostile.small_number());
    let shown = format!("text of a stage {choice} {text:?} {rank}");
    let spare = Stage { name: SPARE.to_owned(), ..Stage::default() };
    let mut promotions = grpc.promotions();
    let outcome = match choice {
        0 => update(grpc, Stage { display_name: text, ..spare }).await,
        1 => update(grpc, Stage { description: text, ..spare }).await,
        2 => update(grpc, Stage { rank, ..spare }).await,
        3 => update(grpc, Stage { etag: text, rank: 2, ..spare }).await,
        4 => {
            let update_mask = Some(FieldMask { paths: vec![text] });
            send!(promotions, update_stage, UpdateStageRequest { stage: Some(spare), update_mask, request_id: String::new() })
        }
        5 => {
            let stage = Some(Stage { exclusive: false, ..spare });
            let rows = if text.is_empty() { Vec::new() } else { vec![("idempotency_records", format!("UpdateStage {text}"))] };
            let request = UpdateStageRequest { stage, update_mask: None, request_id: text };
            promotions.update_stage(authorized(request)).await.map(|_| rows)
        }
        6 => {
            let held = HoldStageRequest { name: PRODUCTION.to_owned(), reason: text, ..HoldStageRequest::default() };
            send!(promotions, hold_stage, held)
        }
        7 => {
            let released = ReleaseStageRequest { name: PRODUCTION.to_owned(), reason: text, ..ReleaseStageRequest::default() };
            send!(promotions, release_stage, released)
        }
        _ => {
            let gone = DeleteStageRequest { name: SPARE.to_owned(), etag: format!("not-{text}"), request_id: String::new() };
            send!(promotions, delete_stage, gone)
        }
    };
    (shown, outcome)
}

/// What a stage is to ask: one gate or window of it is hostile, or there are too many.
pub(super) async fn policies(grpc: &Grpc, hostile: &mut Hostile) -> (String, Outcome) {
    let spare = Stage { name: SPARE.to_owned(), ..Stage::default() };
    let stage = match hostile.below(12) {
        0 => Stage { predecessors: hostile.many(&["dev", "production"]), ..spare },
        1..=4 => Stage { freeze_windows: windows(hostile), ..spare },
        5 => {
            let gate = |gate_id| Gate { gate_id, condition: Some(Condition::Age(AgeCondition { minimum_age: Some(seconds(1)) })) };
            Stage { gates: hostile.many(&["a", "b-1"]).into_iter().map(gate).collect(), ..spare }
        }
        _ => Stage { gates: vec![Gate { gate_id: "gate".to_owned(), condition: condition(hostile) }], ..spare },
    };
    // Of what is too long to be read, the beginning says enough.
    let shown = format!("{:.300}", format!("policy {:?} {:?} {:?}", stage.gates, stage.freeze_windows, stage.predecessors));
    let paths = ["predecessors", "gates", "freeze_windows"].map(str::to_owned).to_vec();
    let stage = if stage.predecessors.is_empty() { Stage { predecessors: vec!["dev".to_owned()], ..stage } } else { stage };
    let request = UpdateStageRequest { stage: Some(stage), update_mask: Some(FieldMask { paths }), request_id: String::new() };
    (shown, send!(grpc.promotions(), update_stage, request))
}

fn condition(hostile: &mut Hostile) -> Option<Condition> {
    let people: &[&str] = &["users/root", "users/ann"];
    Some(match hostile.below(12) {
        0 => Condition::Predecessor(PredecessorCondition { stages: hostile.many(&["dev", "production"]), any: true }),
        1 => Condition::Soak(SoakCondition { stage: hostile.text(&["dev", ""]), duration: Some(seconds(1)) }),
        2 => Condition::Soak(SoakCondition { stage: String::new(), duration: hostile.duration() }),
        3 => Condition::Approval(ApprovalCondition {
            count: hostile.small_number(),
            minimum_role: hostile.small_number(),
            ..ApprovalCondition::default()
        }),
        4 => Condition::Approval(ApprovalCondition { count: 1, approvers: hostile.many(people), ..ApprovalCondition::default() }),
        5 => Condition::Approval(ApprovalCondition { count: 1, validity: hostile.duration(), ..ApprovalCondition::default() }),
        6 => {
            let predicate_type = hostile.text(&["https://slsa.dev/provenance/v1"]);
            Condition::Attestation(AttestationCondition { predicate_type, ..AttestationCondition::default() })
        }
        7 => Condition::Attestation(AttestationCondition {
            predicate_type: "https://slsa.dev/provenance/v1".to_owned(),
            signers: hostile.many(&["builds", "https://ci.example.com/*"]),
            maximum_age: hostile.duration(),
        }),
        8 => Condition::Status(StatusCondition {
            check: hostile.text(&["scan", ""]),
            reporter: hostile.text(&["", "users/ann", "project_1_bot_1"]),
        }),
        9 => Condition::Tag(TagCondition { tag_glob: hostile.text(&["v*", "stable"]), immutable: hostile.below(2) == 0 }),
        10 => Condition::Age(AgeCondition { minimum_age: hostile.duration() }),
        _ => return None,
    })
}

fn windows(hostile: &mut Hostile) -> Vec<FreezeWindow> {
    let schedule = match hostile.below(6) {
        0 => Some(Schedule::OneTime(OneTimeSchedule { start_time: hostile.time(), end_time: hostile.time() })),
        1 => Some(Schedule::Recurring(RecurringSchedule {
            start_cron: hostile.text(CRONS),
            end_cron: hostile.one_of(CRONS).to_owned(),
            time_zone: hostile.one_of(ZONES).to_owned(),
        })),
        2 => Some(Schedule::Recurring(RecurringSchedule {
            start_cron: hostile.one_of(CRONS).to_owned(),
            end_cron: hostile.cron(),
            time_zone: hostile.one_of(ZONES).to_owned(),
        })),
        3 | 4 => Some(Schedule::Recurring(RecurringSchedule {
            start_cron: hostile.one_of(CRONS).to_owned(),
            end_cron: hostile.one_of(CRONS).to_owned(),
            time_zone: hostile.text(ZONES),
        })),
        _ => None,
    };
    let window = |freeze_window_id| FreezeWindow { freeze_window_id, schedule: schedule.clone(), reason: "why".to_owned() };
    if hostile.below(3) == 0 {
        return hostile.many(&["night", "year-end"]).into_iter().map(window).collect();
    }
    let reason = hostile.text(&["why", ""]);
    vec![FreezeWindow { reason, ..window("night".to_owned()) }]
}

/// A freeze window as it should be.
pub(super) fn window(id: &str) -> FreezeWindow {
    let (start_cron, end_cron, time_zone) = ("0 18 * * 5".to_owned(), "0 6 * * 1".to_owned(), "Europe/Berlin".to_owned());
    let schedule = Some(Schedule::Recurring(RecurringSchedule { start_cron, end_cron, time_zone }));
    FreezeWindow { freeze_window_id: id.to_owned(), schedule, reason: "why".to_owned() }
}

fn seconds(seconds: i64) -> prost_types::Duration {
    prost_types::Duration { seconds, nanos: 0 }
}

async fn update(grpc: &Grpc, stage: Stage) -> Outcome {
    send!(grpc.promotions(), update_stage, UpdateStageRequest { stage: Some(stage), ..UpdateStageRequest::default() })
}

/// Makes a stage in another project than the one that the rest is about, which has room for all that are made.
async fn create(grpc: &Grpc, request: CreateStageRequest) -> Outcome {
    assert_ne!(request.parent, PROJECT);
    let request = CreateStageRequest { stage: Some(Stage::default()), ..request };
    let made = grpc.promotions().create_stage(authorized(request)).await?.into_inner();
    Ok(vec![("stages", made.stage.unwrap_or_default().name)])
}
