//! What hostile calls about promotions are about: several of everything in the first project, so that each list has a second page.

use consign_proto::metadata::gate::Condition;
use consign_proto::metadata::{ApprovalCondition, CreateAttestationRequest, CreatePromotionRequest, Role, Stage, StatusCondition};
use consign_types::Digest;

use super::attestations::{PEM, attesting, bundle};
use super::lists::SHARED;
use super::promotions::{APPLIED, PENDING};
use crate::attesting::{PROVENANCE, SPDX, attest, statement, trust, trusting, upload};
use crate::grpc::Grpc;
use crate::promoting::{add_stage, gated, items, placing, promoted};

/// Adds stages, promotions, attestations and keys. The packages `tool` and `other` are there.
pub async fn furnish(grpc: &Grpc) {
    add_stage(grpc, "dev", Stage::default()).await;
    add_stage(grpc, "production", Stage::default()).await;
    add_stage(grpc, "spare", Stage { predecessors: vec!["dev".to_owned()], ..Stage::default() }).await;
    // So many approvals never come, so it waits.
    let people =
        ApprovalCondition { count: 50, minimum_role: Role::Developer.into(), allow_self_approval: true, ..ApprovalCondition::default() };
    let gates = [("scan", Condition::Status(StatusCondition::default())), ("people", Condition::Approval(people))];
    add_stage(grpc, "guarded", gated(gates)).await;

    let both = items(&["tool", "other"].map(|package| format!("projects/1/packages/{package}/versions/1.0.0")));
    let first = promoted(grpc, CreatePromotionRequest { items: both, ..placing("dev", "1.0.0") }).await;
    promoted(grpc, placing("production", "1.1.0")).await;
    let third = promoted(grpc, placing("guarded", "1.0.0")).await;
    assert_eq!((first.name.as_str(), third.name.as_str()), (APPLIED, PENDING));

    for predicate_type in [PROVENANCE, SPDX] {
        let bundle = bundle(&statement(&Digest::of(SHARED), predicate_type));
        let receipt = upload(grpc, bundle.as_bytes()).await;
        let request = CreateAttestationRequest { receipt, ..attesting(bundle.as_bytes()) };
        attest(grpc, request).await.expect("the attestation is new");
    }
    for id in ["builds", "releases"] {
        trust(grpc, trusting(id, PEM.to_owned())).await.expect("the key is new");
    }
}
