//! Calls about promotions with far more of something than there may be, as many as a message has room for.

use bytes::Bytes;
use consign_proto::metadata::gate::Condition;
use consign_proto::metadata::verify_attestations_request::Subject;
use consign_proto::metadata::{
    ApprovalCondition, AttestationCondition, CreatePromotionRequest, Gate, OrderCondition, PredecessorCondition, PromotionItem,
    RecordDeploymentRequest, ReportGateRequest, ReviewPromotionRequest, Stage, TrustedKey, UpdateStageRequest, UpdateTrustedKeyRequest,
    VerifyAttestationsRequest,
};
use consign_types::Digest;
use tonic::Status;

use super::attestations::{KEY, attesting};
use super::calls::{Outcome, PROJECT, VERSION};
use super::lists::SHARED;
use super::promotions::{approval, report, running, tried, waiver};
use super::stages::{GUARDED, SPARE, window};
use crate::grpc::{Grpc, authorized};

/// What there is too much of.
pub const MASSES: &[&str] = &[
    "items",
    "waivers",
    "gate_ids",
    "evidence",
    "digests",
    "predecessors",
    "gates",
    "freeze_windows",
    "stages",
    "approvers",
    "signers",
    "verified types",
    "trusted types",
    "bundle",
];

/// Sends one of these.
pub async fn send(grpc: &Grpc, what: &str) -> Result<(), Status> {
    let (mut promotions, mut attestations) = (grpc.promotions(), grpc.attestations());
    let texts = |text: &str| vec![text.to_owned(); 3_500_000 / (text.len() + 2)];
    let outcome: Outcome = match what {
        "items" => {
            let item = PromotionItem { version: VERSION.to_owned(), ..PromotionItem::default() };
            let items = vec![item; 60_000];
            send!(promotions, create_promotion, CreatePromotionRequest { items, ..tried() })
        }
        "waivers" => {
            let waivers = vec![waiver(); 100_000];
            send!(promotions, create_promotion, CreatePromotionRequest { stage: GUARDED.to_owned(), waivers, ..tried() })
        }
        "gate_ids" => send!(promotions, review_promotion, ReviewPromotionRequest { gate_ids: texts("people"), ..approval() }),
        "evidence" => send!(promotions, report_gate, ReportGateRequest { evidence: texts("a"), ..report() }),
        "digests" => {
            let digests = vec![Bytes::copy_from_slice(Digest::of(SHARED).as_bytes()); 100_000];
            send!(promotions, record_deployment, RecordDeploymentRequest { digests, ..running() })
        }
        "verified types" => {
            let (subject, predicate_types) = (Some(Subject::Version(VERSION.to_owned())), texts("https://a"));
            let request = VerifyAttestationsRequest { parent: PROJECT.to_owned(), subject, predicate_types };
            send!(attestations, verify_attestations, request)
        }
        "trusted types" => {
            let key = TrustedKey { name: KEY.to_owned(), predicate_types: texts("https://a"), ..TrustedKey::default() };
            let request = UpdateTrustedKeyRequest { trusted_key: Some(key), ..UpdateTrustedKeyRequest::default() };
            send!(attestations, update_trusted_key, request)
        }
        "bundle" => send!(attestations, create_attestation, attesting(&vec![b'['; 3_500_000])),
        _ => {
            let stage = Some(Stage { name: SPARE.to_owned(), ..stage(what, &texts) });
            send!(promotions, update_stage, UpdateStageRequest { stage, ..UpdateStageRequest::default() })
        }
    };
    outcome.map(drop)
}

fn stage(what: &str, texts: &impl Fn(&str) -> Vec<String>) -> Stage {
    let gate = |condition| Gate { gate_id: "gate".to_owned(), condition: Some(condition) };
    let gates = match what {
        "predecessors" => return Stage { predecessors: texts("dev"), ..Stage::default() },
        "freeze_windows" => {
            return Stage { freeze_windows: vec![window("night"); 60_000], ..Stage::default() };
        }
        "gates" => vec![gate(Condition::Order(OrderCondition::default())); 200_000],
        "stages" => vec![gate(Condition::Predecessor(PredecessorCondition { stages: texts("dev"), any: true }))],
        "approvers" => {
            let (count, approvers) = (1, texts("users/ann"));
            vec![gate(Condition::Approval(ApprovalCondition { count, approvers, ..ApprovalCondition::default() }))]
        }
        "signers" => {
            let predicate_type = "https://slsa.dev/provenance/v1".to_owned();
            vec![gate(Condition::Attestation(AttestationCondition { predicate_type, signers: texts("a*"), maximum_age: None }))]
        }
        what => unreachable!("there are no {what}"),
    };
    Stage { gates, ..Stage::default() }
}
