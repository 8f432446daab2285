//! A project with stages, and the steps that tests take on them.

use consign_metadata::{CreatePromotion, CreateStage, Metadata, Principal, PromoteItem, PublishMode, PublishVersion};
use consign_types::access::Role;
use consign_types::promotion::{Gate, Policy};
use consign_types::resource::{ProjectRef, StageRef, VersionRef};

use crate::support::{principal, receipt, request};

pub(crate) fn stage(name: &str) -> StageRef {
    StageRef { project: ProjectRef::Id(1), stage: name.parse().unwrap() }
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
