//! Removing a stage.

use consign_types::Timestamp;
use consign_types::resource::{ProjectRef, StageRef, VersionRef};
use consign_types::text::{Etag, RequestId};

use super::change::{Begun, begin, call};
use super::etag_of;
use super::find_stage::stage;
use super::pending::fingerprint;
use super::promoting::promotion_name;
use crate::connection::Db;
use crate::promotion_error::PromotionError;
use crate::tables::placements::{self, AsOf};
use crate::tables::stages::{self, Stage};
use crate::tables::{deployments, promotions};
use crate::{Metadata, Principal, Result};

/// How many of each kind a refusal names.
const MAX_NAMED: usize = 10;

/// A stage to be removed.
#[derive(Clone, Debug)]
pub struct DeleteStage {
    /// Who removes it.
    pub principal: Principal,
    /// The stage.
    pub name: StageRef,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Removes a stage; its records stay. `StageNotFound`, `EtagMismatch`; `StageInUse` while something needs it.
    pub async fn delete_stage(&self, request: DeleteStage) -> Result<()> {
        let now = self.now();
        self.pool.write(move |db| delete(db, &request, now)).await
    }
}

fn delete(db: &mut Db, request: &DeleteStage, now: Timestamp) -> Result<()> {
    let DeleteStage { principal, name, etag, request_id } = request;
    let call = call(principal, "DeleteStage", name, request_id.as_ref(), fingerprint(&(name, etag)), now);
    let Begun::New(change) = begin(db, &name.project, &call)? else {
        return Ok(());
    };
    let stage = stage(db, change.project.id, name)?;
    etag_of(etag.as_ref(), &stage.etag(), name)?;
    let holders = holders(db, &stage)?;
    if !holders.is_empty() {
        let stage = StageRef { project: ProjectRef::Id(change.project.id), stage: stage.stage };
        return Err(PromotionError::StageInUse { stage, holders }.into());
    }
    deployments::remove_of_stage(db, stage.id)?;
    stages::remove(db, stage.id)?;
    change.batch(db, &(), Vec::new()).send(db)
}

/// What needs a stage: versions on it, stages that name it, promotions that wait for it.
fn holders(db: &mut Db, stage: &Stage) -> Result<Vec<String>> {
    let project = ProjectRef::Id(stage.project_id);
    let placed = placements::list_of_stage(db, stage.id, AsOf::Now, None, i64::try_from(MAX_NAMED).unwrap_or(i64::MAX))?;
    let placed = placed
        .into_iter()
        .map(|placed| VersionRef { project: project.clone(), package: placed.package, version: placed.version }.to_string());
    let others = stages::list_all(db, stage.project_id)?;
    let others = others.into_iter().filter(|other| other.id != stage.id);
    let naming = others.filter(|other| other.policy.predecessors.contains(&stage.stage) || other.policy.stages().contains(&stage.stage));
    let naming = naming.map(|other| StageRef { project: project.clone(), stage: other.stage }.to_string()).take(MAX_NAMED);
    let pending = promotions::list_pending(db, stage.id)?;
    let pending = pending.into_iter().map(|(id, _)| promotion_name(stage.project_id, id).to_string()).take(MAX_NAMED);
    Ok(placed.chain(naming).chain(pending).collect())
}
