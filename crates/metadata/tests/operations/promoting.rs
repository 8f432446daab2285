//! A project with stages, and the steps that tests take on them.

use consign_metadata::{
    CreatePromotion, CreateStage, Error, Metadata, Principal, PromoteItem, Promotion, PublishMode, PublishVersion, ReviewPromotion,
    RollbackStage,
};
use consign_types::access::Role;
use consign_types::promotion::{Condition, Decision, Gate, Policy};
use consign_types::resource::{ProjectRef, PromotionRef, StageRef, VersionRef};

use crate::support::{principal, receipt, request};

pub(crate) fn stage(name: &str) -> StageRef {
    StageRef { project: ProjectRef::Id(1), stage: name.parse().unwrap() }
}

pub(crate) fn promotion(id: i64) -> PromotionRef {
    PromotionRef { project: ProjectRef::Id(1), id }
}

pub(crate) fn of_package(package: &str, version: &str) -> VersionRef {
    VersionRef { project: ProjectRef::Id(1), package: package.parse().unwrap(), version: version.parse().unwrap() }
}

/// A person with a role in the project.
pub(crate) fn person(name: &str, role: Role) -> Principal {
    let mut person = Principal::operator(name.parse().unwrap()).acting_as(role);
    person.user = Some(i64::from(name.bytes().fold(0_u32, |sum, byte| sum * 31 + u32::from(byte))));
    person
}

pub(crate) async fn publish_sealed(metadata: &Metadata, version: VersionRef) {
    let content = version.to_string();
    let receipt = receipt(&content, 1);
    let wanted = PublishVersion { version, mode: PublishMode::Seal, ..request(&[("a", receipt)]) };
    metadata.publish_version(wanted).await.unwrap();
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

pub(crate) async fn create_stage(metadata: &Metadata, name: &str, predecessors: &[&str], gates: Vec<Gate>) {
    let predecessors = predecessors.iter().map(|stage| stage.parse().unwrap()).collect();
    let wanted = CreateStage {
        principal: principal(),
        name: stage(name),
        display_name: "".parse().unwrap(),
        description: "".parse().unwrap(),
        rank: 0,
        policy: Policy { predecessors, gates, freeze_windows: Vec::new() },
        is_exclusive: false,
        request_id: None,
    };
    metadata.create_stage(wanted).await.unwrap();
}

pub(crate) fn wanted(to: &str, versions: &[VersionRef]) -> CreatePromotion {
    CreatePromotion {
        principal: person("alice", Role::Developer),
        project: ProjectRef::Id(1),
        stage: to.parse().unwrap(),
        items: versions.iter().map(|version| PromoteItem { version: version.clone(), content: None }).collect(),
        waivers: Vec::new(),
        justification: "".parse().unwrap(),
        expected_current: None,
        request_id: None,
        validate_only: false,
    }
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

pub(crate) async fn roll_back(metadata: &Metadata, name: &str, current: i64, target: Option<i64>) -> Result<Promotion, Error> {
    let wanted = RollbackStage {
        principal: principal(),
        name: stage(name),
        target,
        expected_current: current,
        justification: "it broke".parse().unwrap(),
        request_id: None,
    };
    metadata.rollback_stage(wanted).await.map(|(promotion, _)| promotion)
}
