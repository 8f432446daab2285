//! What becomes of promotions: gates, reviews and rollbacks.

use consign_metadata::{Error, Metadata, Principal, Promotion, PromotionError, ReviewPromotion, RollbackStage, RollbackTarget};
use consign_types::access::Role;
use consign_types::promotion::{Condition, Decision, Gate};
use consign_types::resource::{ProjectRef, PromotionRef, VersionRef};

use crate::promoting::{stage, wanted};
use crate::support::principal;

pub(crate) fn promotion(id: i64) -> PromotionRef {
    PromotionRef { project: ProjectRef::Id(1), id }
}

pub(crate) fn gate(name: &str, condition: Condition) -> Gate {
    Gate { name: name.parse().unwrap(), condition }
}

pub(crate) fn approval(name: &str, count: u32) -> Gate {
    let condition = Condition::Approval {
        count,
        minimum_role: Role::Developer,
        approvers: Vec::new(),
        distinct: false,
        allow_self_approval: false,
        validity: None,
    };
    gate(name, condition)
}

pub(crate) async fn promote(metadata: &Metadata, to: &str, version: VersionRef) -> Result<Promotion, Error> {
    metadata.create_promotion(wanted(to, &[version])).await.map(|(promotion, _)| promotion)
}

pub(crate) async fn review(metadata: &Metadata, who: Principal, id: i64, decision: Decision) -> Result<Promotion, Error> {
    let wanted = ReviewPromotion {
        principal: who,
        name: promotion(id),
        decision,
        comment: "".parse().unwrap(),
        gates: Vec::new(),
        etag: None,
        request_id: None,
    };
    metadata.review_promotion(wanted).await
}

/// Undoes the current promotion: what stood before is placed again, or nothing, where nothing did.
pub(crate) async fn roll_back(metadata: &Metadata, name: &str, current: i64, target: Option<i64>) -> Result<Promotion, Error> {
    let back = async |target| {
        let wanted = RollbackStage {
            principal: principal(),
            name: stage(name),
            target,
            expected_current: current,
            justification: "it broke".parse().unwrap(),
            request_id: None,
        };
        metadata.rollback_stage(wanted).await.map(|(promotion, _)| promotion)
    };
    match target {
        Some(target) => back(RollbackTarget::Promotion(target)).await,
        None => match back(RollbackTarget::Before).await {
            Err(Error::Promotion(PromotionError::NothingBefore { .. })) => back(RollbackTarget::Nothing).await,
            done => done,
        },
    }
}
