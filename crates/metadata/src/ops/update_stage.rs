//! Changing a stage.

use consign_types::Timestamp;
use consign_types::promotion::{FreezeWindow, Gate, Policy, StageName};
use consign_types::resource::{ProjectRef, StageRef};
use consign_types::text::{Description, DisplayName, Etag, RequestId};

use super::change::{Begun, begin, call};
use super::create_stage::check_policy;
use super::etag_of;
use super::find_stage::stage;
use super::pending::fingerprint;
use crate::connection::Db;
use crate::tables::promotions;
use crate::tables::stages::{self, Hold, Stage};
use crate::{Error, Metadata, Principal, Result};

/// A stage to be changed.
#[derive(Clone, Debug)]
pub struct UpdateStage {
    /// Who changes it.
    pub principal: Principal,
    /// The stage.
    pub name: StageRef,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// What it is to be.
    pub change: StageChange,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

/// What is changed of a stage; `None` stays.
#[derive(Clone, Debug, Default)]
pub struct StageChange {
    /// What people call it.
    pub display_name: Option<DisplayName>,
    /// What it is for.
    pub description: Option<Description>,
    /// Its place in lists.
    pub rank: Option<i32>,
    /// The stages before it.
    pub predecessors: Option<Vec<StageName>>,
    /// What must hold.
    pub gates: Option<Vec<Gate>>,
    /// When nothing is placed.
    pub freeze_windows: Option<Vec<FreezeWindow>>,
    /// Whether one promotion at a time may be pending.
    pub is_exclusive: Option<bool>,
}

/// A stage to be held or released.
#[derive(Clone, Debug)]
pub struct HoldStage {
    /// Who does it.
    pub principal: Principal,
    /// The stage.
    pub name: StageRef,
    /// Whether it is to be held.
    pub is_held: bool,
    /// Why.
    pub reason: Description,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Changes a stage. Pending promotions to it are judged by what it asks now. `StageNotFound`, `EtagMismatch`, `ArgumentInvalid`.
    pub async fn update_stage(&self, request: UpdateStage) -> Result<Stage> {
        let now = self.now();
        self.pool.write(move |db| update(db, &request, now)).await
    }

    /// Holds a stage, so that nothing is placed on it but by a rollback; or releases it, and has what waits judged again. `StageNotFound`,
    /// `EtagMismatch`; `ArgumentInvalid` for a hold without a reason.
    pub async fn hold_stage(&self, request: HoldStage) -> Result<Stage> {
        let now = self.now();
        self.pool.write(move |db| hold(db, &request, now)).await
    }
}

fn update(db: &mut Db, request: &UpdateStage, now: Timestamp) -> Result<Stage> {
    let UpdateStage { principal, name, etag, change: wanted, request_id } = request;
    let call = call(principal, "UpdateStage", name, request_id.as_ref(), fingerprint(&(name, etag, wanted)), now);
    let change = match begin(db, &name.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let mut stage = stage(db, change.project.id, name)?;
    etag_of(etag.as_ref(), &stage.etag(), name)?;
    let StageChange { display_name, description, rank, predecessors, gates, freeze_windows, is_exclusive } = wanted.clone();
    stage.display_name = display_name.unwrap_or(stage.display_name);
    stage.description = description.unwrap_or(stage.description);
    stage.rank = rank.unwrap_or(stage.rank);
    stage.is_exclusive = is_exclusive.unwrap_or(stage.is_exclusive);
    stage.policy = Policy {
        predecessors: predecessors.unwrap_or(stage.policy.predecessors),
        gates: gates.unwrap_or(stage.policy.gates),
        freeze_windows: freeze_windows.unwrap_or(stage.policy.freeze_windows),
    };
    let others = stages::list_all(db, change.project.id)?;
    check_policy(&stage.stage, &stage.policy, &others, &ProjectRef::Id(change.project.id))?;
    stages::keep_policy(db, change.project.id, &stage.policy, now)?;
    (stage.revision, stage.updated_at) = (stage.revision + 1, now);
    stages::update(db, &stage)?;
    let mut batch = change.batch(db, &stage, Vec::new());
    promotions::hasten(&mut batch, change.project.id, &[], now);
    batch.send(db)?;
    Ok(stage)
}

fn hold(db: &mut Db, request: &HoldStage, now: Timestamp) -> Result<Stage> {
    let HoldStage { principal, name, is_held, reason, etag, request_id } = request;
    if *is_held && reason.as_str().trim().is_empty() {
        return Err(Error::ArgumentInvalid { field: "reason", rule: "a hold takes one, for those whom it stops".to_owned() });
    }
    let method = if *is_held { "HoldStage" } else { "ReleaseStage" };
    let call = call(principal, method, name, request_id.as_ref(), fingerprint(&(name, is_held, reason, etag)), now);
    let mut change = match begin(db, &name.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let mut stage = stage(db, change.project.id, name)?;
    etag_of(etag.as_ref(), &stage.etag(), name)?;
    if !is_held && stage.hold.is_none() {
        change.batch_unchanged(db, &stage).send(db)?;
        return Ok(stage);
    }
    stage.hold = is_held.then(|| Hold { reason: reason.clone(), actor: principal.name.clone() });
    (stage.revision, stage.updated_at) = (stage.revision + 1, now);
    stages::update(db, &stage)?;
    let mut batch = change.batch_told(db, &(&stage.stage, reason), &stage, Vec::new());
    promotions::hasten(&mut batch, change.project.id, &[], now);
    batch.send(db)?;
    Ok(stage)
}
