//! Making a stage.

use std::collections::{BTreeMap, HashSet};

use consign_types::Timestamp;
use consign_types::promotion::{Policy, PolicyError, StageName, ring};
use consign_types::resource::{ProjectRef, StageRef};
use consign_types::text::{Description, DisplayName, RequestId};

use super::change::{Begun, begin, call};
use super::or_else;
use super::pending::fingerprint;
use crate::connection::Db;
use crate::promotion_error::PromotionError;
use crate::tables::stages::{self, Stage};
use crate::{Error, Metadata, Principal, Result};

/// The most stages of a project.
const MAX_STAGES: usize = 200;

/// A stage to be made.
#[derive(Clone, Debug)]
pub struct CreateStage {
    /// Who makes it.
    pub principal: Principal,
    /// Its name.
    pub name: StageRef,
    /// What people call it.
    pub display_name: DisplayName,
    /// What it is for.
    pub description: Description,
    /// Its place in lists.
    pub rank: i32,
    /// What it asks.
    pub policy: Policy,
    /// Whether one promotion at a time may be pending.
    pub is_exclusive: bool,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Makes a stage. `NameTaken`, `ArgumentInvalid`; `StageNotFound` where its policy names another that is not there.
    pub async fn create_stage(&self, request: CreateStage) -> Result<Stage> {
        let now = self.now();
        self.pool.write(move |db| create(db, &request, now)).await
    }
}

fn create(db: &mut Db, request: &CreateStage, now: Timestamp) -> Result<Stage> {
    let CreateStage { principal, name, display_name, description, rank, policy, is_exclusive, request_id } = request;
    let fingerprint = fingerprint(&(name, display_name, description, rank, policy, is_exclusive));
    let call = call(principal, "CreateStage", name, request_id.as_ref(), fingerprint, now);
    let change = match begin(db, &name.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let others = stages::list_all(db, change.project.id)?;
    if others.len() >= MAX_STAGES {
        return Err(Error::ArgumentInvalid { field: "parent", rule: format!("a project has at most {MAX_STAGES} stages") });
    }
    check_policy(&name.stage, policy, &others, &ProjectRef::Id(change.project.id))?;
    let mut stage = Stage {
        id: 0,
        project_id: change.project.id,
        stage: name.stage.clone(),
        display_name: or_else(display_name, name.stage.as_str()),
        description: description.clone(),
        rank: *rank,
        policy: policy.clone(),
        is_exclusive: *is_exclusive,
        hold: None,
        promotion: None,
        revision: 1,
        created_at: now,
        updated_at: now,
    };
    stage.id = stages::insert(db, &stage)?.ok_or_else(|| Error::NameTaken(name.to_string()))?;
    stages::keep_policy(db, change.project.id, policy, now)?;
    change.batch(db, &stage, Vec::new()).send(db)?;
    Ok(stage)
}

/// Refuses a policy that contradicts itself, names stages that are not there, or closes a ring with those of the others.
pub(super) fn check_policy(name: &StageName, policy: &Policy, others: &[Stage], project: &ProjectRef) -> Result<()> {
    let invalid = |error: PolicyError| Error::ArgumentInvalid { field: error.field(), rule: error.to_string() };
    policy.check().map_err(invalid)?;
    let known: HashSet<&StageName> = others.iter().map(|stage| &stage.stage).chain([name]).collect();
    if let Some(missing) = policy.stages().into_iter().chain(&policy.predecessors).find(|stage| !known.contains(*stage)) {
        let stage = StageRef { project: project.clone(), stage: missing.clone() };
        return Err(PromotionError::StageNotFound(stage).into());
    }
    let others = others.iter().filter(|stage| stage.stage != *name);
    let mut graph: BTreeMap<&StageName, &[StageName]> = others.map(|stage| (&stage.stage, stage.policy.predecessors.as_slice())).collect();
    graph.insert(name, &policy.predecessors);
    match ring(&graph) {
        Some(stages) => Err(invalid(PolicyError::Ring(stages))),
        None => Ok(()),
    }
}
