//! Calls about promotions and placements of which one field is hostile. Promotions are only tried; what is there stays as it is.

use consign_proto::metadata::get_stage_state_request::AsOf;
use consign_proto::metadata::list_placements_request::Subject;
use consign_proto::metadata::promotion_review::Decision;
use consign_proto::metadata::{
    CancelPromotionRequest, CreatePromotionRequest, GetPromotionRequest, GetStageStateRequest, ListPlacementsRequest, PromotionItem,
    RecordDeploymentRequest, ReportGateRequest, ReviewPromotionRequest, RollbackStageRequest, Waiver,
};

use super::Hostile;
use super::calls::{Outcome, PROJECT, VERSION};
use super::stages::{DEV, GUARDED, SPARE};
use crate::grpc::{Grpc, authorized};

/// A promotion that was applied.
pub(super) const APPLIED: &str = "projects/1/promotions/1";

/// A promotion that waits for ever. Its number is none of the numbers that hostile input is made of.
pub(super) const PENDING: &str = "projects/1/promotions/3";

/// What a message has room for.
const MAX_BYTES: usize = 4_000_000;

pub(super) async fn names(grpc: &Grpc, hostile: &mut Hostile) -> (String, Outcome) {
    let choice = hostile.below(11);
    let pending: &[&str] = &[PENDING, "projects/root%2Fdemo/promotions/3"];
    let stages: &[&str] = &[SPARE, DEV, "projects/root%2Fdemo/stages/spare"];
    let versions: &[&str] = &[VERSION, "projects/root%2Fdemo/packages/other/versions/1.0.0"];
    let projects: &[&str] = &[PROJECT, "projects/root%2Fdemo"];
    let valid =
        [pending, pending, pending, &[APPLIED], projects, stages, versions, &["-", APPLIED], &[GUARDED], &[APPLIED, ""], &[DEV]][choice];
    let name = hostile.text(valid);
    let shown = format!("promotion {choice} {name:?}");
    let rollback = rollback();
    let mut promotions = grpc.promotions();
    let outcome = match choice {
        0 => send!(promotions, get_promotion, GetPromotionRequest { name }),
        1 => send!(promotions, review_promotion, ReviewPromotionRequest { name, ..approval() }),
        2 => send!(promotions, report_gate, ReportGateRequest { name, ..report() }),
        3 => send!(promotions, cancel_promotion, CancelPromotionRequest { name, ..CancelPromotionRequest::default() }),
        4 => attempt(grpc, CreatePromotionRequest { parent: name, ..tried() }).await,
        5 => attempt(grpc, CreatePromotionRequest { stage: name, ..tried() }).await,
        6 => {
            attempt(grpc, CreatePromotionRequest { items: vec![PromotionItem { version: name, ..PromotionItem::default() }], ..tried() })
                .await
        }
        7 => attempt(grpc, CreatePromotionRequest { expected_current_promotion: name, ..tried() }).await,
        8 => send!(promotions, rollback_stage, RollbackStageRequest { name, ..rollback }),
        9 => send!(promotions, rollback_stage, RollbackStageRequest { target_promotion: name, ..rollback }),
        _ => send!(promotions, record_deployment, RecordDeploymentRequest { stage: name, ..running() }),
    };
    (shown, outcome)
}

pub(super) async fn texts(grpc: &Grpc, hostile: &mut Hostile) -> (String, Outcome) {
    let choice = hostile.below(12);
    let words: &[&str] = &["why", ""];
    let gates: &[&str] = &["scan", "freeze", "gate"];
    let etags: &[&str] = &["0123456789abcdef", "1"];
    let valid = [words, gates, words, words, &["people"], words, &["scan"], words, etags, words, &["cluster"], etags][choice];
    let text = hostile.text(valid);
    let shown = format!("text of a promotion {choice} {text:?}");
    let mut promotions = grpc.promotions();
    let waiving = |waiver| CreatePromotionRequest { stage: GUARDED.to_owned(), waivers: vec![waiver], ..tried() };
    let outcome = match choice {
        0 => attempt(grpc, CreatePromotionRequest { justification: text, ..tried() }).await,
        1 => attempt(grpc, waiving(Waiver { gate_id: text, ..waiver() })).await,
        2 => attempt(grpc, waiving(Waiver { justification: text, ..waiver() })).await,
        3 => send!(promotions, review_promotion, ReviewPromotionRequest { comment: text, ..approval() }),
        4 => send!(promotions, review_promotion, ReviewPromotionRequest { gate_ids: vec![text], ..approval() }),
        5 => send!(promotions, report_gate, ReportGateRequest { reason: text, ..report() }),
        6 => send!(promotions, report_gate, ReportGateRequest { gate_id: text, ..report() }),
        7 => {
            let name = APPLIED.to_owned();
            send!(promotions, cancel_promotion, CancelPromotionRequest { name, reason: text, ..CancelPromotionRequest::default() })
        }
        8 => send!(promotions, review_promotion, ReviewPromotionRequest { etag: text, ..approval() }),
        9 => send!(promotions, rollback_stage, RollbackStageRequest { justification: text, ..rollback() }),
        10 => send!(promotions, record_deployment, RecordDeploymentRequest { runtime: text, ..running() }),
        _ => {
            let (name, etag) = (PENDING.to_owned(), format!("not-{text}"));
            send!(promotions, cancel_promotion, CancelPromotionRequest { name, etag, ..CancelPromotionRequest::default() })
        }
    };
    (shown, outcome)
}

pub(super) async fn numbers_and_lists(grpc: &Grpc, hostile: &mut Hostile) -> (String, Outcome) {
    let (choice, number, small) = (hostile.below(13), hostile.number(), hostile.small_number());
    let (bytes, time) = (hostile.bytes(), hostile.time());
    let shown = format!("number of a promotion {choice} {number} {small} {bytes:?} {time:?}");
    let mut promotions = grpc.promotions();
    let item =
        |version: String, digest: &[u8]| PromotionItem { version, content_digest: digest.to_vec().into(), ..PromotionItem::default() };
    let state = |as_of| GetStageStateRequest { name: DEV.to_owned(), as_of: Some(as_of), ..GetStageStateRequest::default() };
    let placed = |subject| ListPlacementsRequest { parent: PROJECT.to_owned(), subject: Some(subject), ..ListPlacementsRequest::default() };
    let outcome = match choice {
        0 => attempt(grpc, CreatePromotionRequest { items: vec![item(VERSION.to_owned(), &bytes)], ..tried() }).await,
        1 => {
            let items = hostile.many(&[VERSION, "projects/1/packages/other/versions/1.0.0"]);
            attempt(grpc, CreatePromotionRequest { items: items.into_iter().map(|name| item(name, b"")).collect(), ..tried() }).await
        }
        2 => {
            let waivers = vec![Waiver { expire_time: time, ..waiver() }];
            attempt(grpc, CreatePromotionRequest { stage: GUARDED.to_owned(), waivers, ..tried() }).await
        }
        // A rejection would end what the other calls are about.
        3 if small != i32::from(Decision::Rejected) => {
            send!(promotions, review_promotion, ReviewPromotionRequest { decision: small, ..approval() })
        }
        3 | 4 => {
            let gate_ids = hostile.many(&["people"]);
            send!(promotions, review_promotion, ReviewPromotionRequest { gate_ids, ..approval() })
        }
        // A failure would end it too.
        5 if small != 2 => send!(promotions, report_gate, ReportGateRequest { outcome: small, ..report() }),
        5 | 6 => {
            let evidence = hostile.many(&["https://ci.example.com/7", "sha256:00"]);
            send!(promotions, report_gate, ReportGateRequest { evidence, ..report() })
        }
        7 => send!(promotions, get_stage_state, state(AsOf::AsOfTime(time.unwrap_or_default()))),
        8 => send!(promotions, get_stage_state, state(AsOf::AsOfSequence(number))),
        9 => send!(promotions, list_placements, placed(hostile.one_of(&[Subject::ContentDigest, Subject::FileSha256])(bytes.into()))),
        10 => send!(promotions, list_placements, placed(Subject::Version(hostile.text(&[VERSION])))),
        11 => send!(promotions, record_deployment, RecordDeploymentRequest { ttl: hostile.duration(), ..running() }),
        _ => {
            let count = hostile.one_of(&[1, 100, 10_000, 10_001]).min(MAX_BYTES / (bytes.len() + 3));
            send!(promotions, record_deployment, RecordDeploymentRequest { digests: vec![bytes.into(); count], ..running() })
        }
    };
    (shown, outcome)
}

/// A promotion that is only tried.
pub(super) fn tried() -> CreatePromotionRequest {
    let items = vec![PromotionItem { version: VERSION.to_owned(), ..PromotionItem::default() }];
    CreatePromotionRequest {
        parent: PROJECT.to_owned(),
        stage: SPARE.to_owned(),
        items,
        validate_only: true,
        ..CreatePromotionRequest::default()
    }
}

async fn attempt(grpc: &Grpc, request: CreatePromotionRequest) -> Outcome {
    send!(grpc.promotions(), create_promotion, request)
}

pub(super) fn waiver() -> Waiver {
    let expire_time = Some(prost_types::Timestamp { seconds: 4_102_444_800, nanos: 0 });
    Waiver { gate_id: "scan".to_owned(), justification: "why".to_owned(), expire_time, ..Waiver::default() }
}

/// One of many approvals that are needed.
pub(super) fn approval() -> ReviewPromotionRequest {
    ReviewPromotionRequest { name: PENDING.to_owned(), decision: Decision::Approved.into(), ..ReviewPromotionRequest::default() }
}

pub(super) fn report() -> ReportGateRequest {
    let (name, gate_id) = (PENDING.to_owned(), "scan".to_owned());
    ReportGateRequest { name, gate_id, outcome: 3, ..ReportGateRequest::default() }
}

/// Refused in the end: nothing was ever placed there.
fn rollback() -> RollbackStageRequest {
    RollbackStageRequest {
        name: GUARDED.to_owned(),
        expected_current_promotion: APPLIED.to_owned(),
        justification: "why".to_owned(),
        ..RollbackStageRequest::default()
    }
}

pub(super) fn running() -> RecordDeploymentRequest {
    RecordDeploymentRequest { stage: DEV.to_owned(), runtime: "cluster".to_owned(), ..RecordDeploymentRequest::default() }
}
