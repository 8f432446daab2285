//! Promotions, placements, and what is found of them.

use bytes::Bytes;
use consign_metadata::{Drift, DriftReason, Placement, Promotion, PromotionItem, StageDifference, StageDifferenceKind};
use consign_proto::metadata as wire;
use consign_proto::timestamp;
use consign_types::Digest;
use consign_types::promotion::{Decision, GateName, Outcome, Review, State, Verdict, Waiver};
use consign_types::resource::{ProjectRef, PromotionRef, VersionRef};

use super::stage::stage_name;
use super::{content, package_name, version_name};

/// A promotion. Its statement is not a part of it.
pub(in crate::grpc) fn promotion(promotion: Promotion) -> wire::Promotion {
    let etag = promotion.etag();
    let project = promotion.project_id;
    let target = |id| if id == 0 { "-".to_owned() } else { promotion_name(project, id) };
    wire::Promotion {
        name: promotion_name(project, promotion.id),
        state: state(promotion.state).into(),
        stage: stage_name(project, &promotion.stage),
        items: promotion.items.into_iter().map(|placed| item(project, placed)).collect(),
        verdicts: promotion.verdicts.into_iter().map(verdict).collect(),
        reviews: promotion.reviews.into_iter().map(review).collect(),
        justification: promotion.justification.to_string(),
        creator: promotion.creator.to_string(),
        create_time: Some(timestamp(promotion.created_at)),
        effective_time: promotion.effective_at.map(timestamp),
        close_time: promotion.closed_at.map(timestamp),
        rollback_target: promotion.rollback_target.map(target).unwrap_or_default(),
        rolled_back_by: promotion.rolled_back_by.map(|id| promotion_name(project, id)).unwrap_or_default(),
        policy_digest: bytes(&promotion.policy_digest),
        record_hash: promotion.record_hash.as_ref().map(bytes).unwrap_or_default(),
        previous_record_hash: promotion.previous_record_hash.as_ref().map(bytes).unwrap_or_default(),
        sequence: promotion.sequence,
        etag,
    }
}

/// The name of a promotion.
pub(in crate::grpc) fn promotion_name(project: i64, id: i64) -> String {
    PromotionRef { project: ProjectRef::Id(project), id }.to_string()
}

fn bytes(digest: &Digest) -> Bytes {
    Bytes::copy_from_slice(digest.as_bytes())
}

fn state(state: State) -> wire::promotion::State {
    use wire::promotion::State as Wire;

    match state {
        State::Pending => Wire::Pending,
        State::Succeeded => Wire::Succeeded,
        State::Rejected => Wire::Rejected,
        State::Cancelled => Wire::Cancelled,
        State::Superseded => Wire::Superseded,
        State::RolledBack => Wire::RolledBack,
    }
}

fn item(project: i64, item: PromotionItem) -> wire::PromotionItem {
    let PromotionItem { package, version, content_digest, replaced_version, .. } = item;
    let replaced = replaced_version.map(|replaced| version_name(project, &package, &replaced).to_string());
    wire::PromotionItem {
        version: version_name(project, &package, &version).to_string(),
        content_digest: content(&content_digest),
        replaced_version: replaced.unwrap_or_default(),
        package: package_name(project, &package).to_string(),
    }
}

fn verdict(verdict: Verdict) -> wire::GateVerdict {
    use wire::gate_verdict::Outcome as Wire;

    let outcome = match verdict.outcome {
        Outcome::Passed => Wire::Passed,
        Outcome::Failed => Wire::Failed,
        Outcome::Pending => Wire::Pending,
        Outcome::Waived => Wire::Waived,
    };
    wire::GateVerdict {
        gate_id: verdict.gate.to_string(),
        outcome: outcome.into(),
        reason: verdict.reason,
        evidence: verdict.evidence,
        judge_time: Some(timestamp(verdict.judged_at)),
        retry_time: verdict.retry_at.map(timestamp),
        waiver: verdict.waiver.map(waiver),
    }
}

fn waiver(waiver: Waiver) -> wire::Waiver {
    wire::Waiver {
        gate_id: waiver.gate.to_string(),
        justification: waiver.justification.to_string(),
        expire_time: Some(timestamp(waiver.expires_at)),
        actor: waiver.actor.to_string(),
    }
}

fn review(review: Review) -> wire::PromotionReview {
    use wire::promotion_review::Decision as Wire;

    let decision = match review.decision {
        Decision::Approved => Wire::Approved,
        Decision::Rejected => Wire::Rejected,
    };
    wire::PromotionReview {
        actor: review.actor.to_string(),
        decision: decision.into(),
        comment: review.comment.to_string(),
        gate_ids: review.gates.iter().map(GateName::to_string).collect(),
        create_time: Some(timestamp(review.time)),
    }
}

pub(in crate::grpc) fn placement(placement: Placement) -> wire::Placement {
    let project = placement.project_id;
    wire::Placement {
        stage: stage_name(project, &placement.stage),
        package: package_name(project, &placement.package).to_string(),
        version: version_name(project, &placement.package, &placement.version).to_string(),
        content_digest: content(&placement.content_digest),
        promotion: promotion_name(project, placement.promotion_id),
        start_time: Some(timestamp(placement.started_at)),
        end_time: placement.ended_at.map(timestamp),
        last_observed_time: placement.observed_at.map(timestamp),
    }
}

pub(in crate::grpc) fn stage_difference(difference: StageDifference) -> wire::StageDifference {
    use wire::stage_difference::Kind;

    let StageDifference { package, kind, base, target } = difference;
    let kind = match kind {
        StageDifferenceKind::Same => Kind::Same,
        StageDifferenceKind::Ahead => Kind::Ahead,
        StageDifferenceKind::Behind => Kind::Behind,
        StageDifferenceKind::Different => Kind::Different,
        StageDifferenceKind::MissingInBase => Kind::MissingInBase,
        StageDifferenceKind::MissingInTarget => Kind::MissingInTarget,
    };
    let project = base.as_ref().or(target.as_ref()).map(|placement| placement.project_id);
    wire::StageDifference {
        package: project.map(|project| package_name(project, &package).to_string()).unwrap_or_default(),
        kind: kind.into(),
        base: base.map(placement),
        target: target.map(placement),
    }
}

pub(in crate::grpc) fn drift(drift: Drift) -> wire::Drift {
    use wire::drift::Reason;

    let reason = match drift.reason {
        DriftReason::NotPromoted => Reason::NotPromoted,
        DriftReason::Yanked => Reason::Yanked,
        DriftReason::Quarantined => Reason::Quarantined,
        DriftReason::Superseded => Reason::Superseded,
        DriftReason::NotRunning => Reason::NotRunning,
        DriftReason::Unknown => Reason::Unknown,
    };
    let name = |version: Option<VersionRef>| version.map(|version| version.to_string()).unwrap_or_default();
    wire::Drift {
        digest: bytes(&drift.digest),
        reason: reason.into(),
        version: name(drift.version),
        expected_version: name(drift.expected),
    }
}
