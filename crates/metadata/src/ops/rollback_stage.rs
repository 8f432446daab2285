//! Undoing promotions to a stage, by a new one that places what stood there before.

use std::collections::HashMap;

use consign_types::promotion::State;
use consign_types::promotion::statement::RecordedItem;
use consign_types::resource::{ProjectRef, StageRef, VersionRef};
use consign_types::signature::SigningKeys;
use consign_types::text::{Description, RequestId};
use consign_types::{PackageName, Timestamp};

use super::change::{Begun, Change, begin, call};
use super::find_stage::stage;
use super::ground::Placer;
use super::pending::fingerprint;
use super::promoting::{Application, Told, promotion_name};
use super::promotion_news::ended;
use crate::connection::{Db, Ending};
use crate::ids;
use crate::observer::{Observation, Observed};
use crate::promotion_error::PromotionError;
use crate::tables::placements::{self, AsOf, Placement};
use crate::tables::promotion_row::{Promotion, PromotionItem};
use crate::tables::promotions;
use crate::tables::stages::Stage;
use crate::tables::versions;
use crate::{Error, Metadata, Principal, Result};

/// A stage to be rolled back.
#[derive(Clone, Debug)]
pub struct RollbackStage {
    /// Who does it.
    pub principal: Principal,
    /// The stage.
    pub name: StageRef,
    /// Where it goes back to.
    pub target: RollbackTarget,
    /// What the caller takes to be the last promotion to the stage.
    pub expected_current: i64,
    /// Why.
    pub justification: Description,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

/// Where a stage goes back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RollbackTarget {
    /// To what stood there before the current promotion.
    Before,
    /// To what stood there after this one.
    Promotion(i64),
    /// To nothing: it shall be empty.
    Nothing,
}

impl Metadata {
    /// Undoes promotions to a stage, whatever its gates say, also while it is held. Answers the number of the change. `StageNotFound`,
    /// `PromotionNotFound`, `StageChanged`; `VersionNotFound` and `VersionStateConflict` where what stood there can't be placed any more.
    pub async fn rollback_stage(&self, request: RollbackStage) -> Result<(Promotion, i64)> {
        let (now, keys) = (self.now(), self.keys.clone());
        let project = request.name.project.clone();
        self.end_observed(Ending::Commit, &project, move |db| rollback(db, &request, keys.as_deref(), now)).await
    }
}

fn rollback(db: &mut Db, request: &RollbackStage, keys: Option<&SigningKeys>, now: Timestamp) -> Result<Observed<(Promotion, i64)>> {
    let RollbackStage { principal, name, target, expected_current, justification, request_id } = request;
    if justification.as_str().trim().is_empty() {
        return Err(Error::ArgumentInvalid { field: "justification", rule: "a rollback takes one".to_owned() });
    }
    let call =
        call(principal, "RollbackStage", name, request_id.as_ref(), fingerprint(&(name, target, expected_current, justification)), now);
    let change = match begin(db, &name.project, &call)? {
        Begun::Done(answer) => return Ok((answer.read()?, None)),
        Begun::New(change) => change,
    };
    let stage = stage(db, change.project.id, name)?;
    let current = current(db, &change, &stage, *expected_current)?;
    let target = find_target(db, &stage, &current, *target)?;
    let undo = Undo::plan(db, &stage, target.as_ref())?;
    let ids = (ids::fresh(db, "promotions", 1)?[0], ids::fresh(db, "placements", undo.placed.len())?);
    let by = Placer {
        project: change.project.id,
        stage_id: stage.id,
        stage: stage.stage.clone(),
        promotion: ids.0,
        sequence: change.counters.sequence,
        now,
        last_hash: promotions::find_last_hash(db, change.project.id)?,
    };
    let mut promotion = undo.promotion(&by, &stage, principal, justification);
    promotion.rollback_target = Some(target.as_ref().map_or(0, |target| target.id));
    let application = undo.application(&by, &ids.1);
    application.record(&mut promotion, &by, keys)?;
    let since = target.map_or(0, |target| target.sequence);
    let undone = promotions::count_standing(db, stage.id, since, current.sequence)?;
    let seen = Observation::of(&promotion).and(State::RolledBack, undone);
    let answer = (promotion, change.counters.sequence);
    let mut batch = change.batch_told(db, &(Told::of(&answer.0), justification), &answer, Vec::new());
    change.tell(&mut batch, ended(&change, &answer.0).into_iter().collect());
    promotions::set_rolled_back(&mut batch, stage.id, since, current.sequence, answer.0.id);
    placements::mark_undone(&mut batch, stage.id, since, current.sequence);
    application.write(&mut batch, &by, &[]);
    promotions::insert(&mut batch, &answer.0);
    batch.send(db)?;
    Ok((answer, Some(seen)))
}

/// The last promotion to the stage, if it is the expected one.
fn current(db: &mut Db, change: &Change<'_>, stage: &Stage, expected: i64) -> Result<Promotion> {
    let project = change.project.id;
    let name = |id| promotion_name(project, id);
    if stage.promotion != Some(expected) {
        let of = StageRef { project: ProjectRef::Id(project), stage: stage.stage.clone() };
        return Err(PromotionError::StageChanged { stage: of, expected: Some(name(expected)), actual: stage.promotion.map(name) }.into());
    }
    promotions::find(db, project, expected)?.ok_or_else(|| PromotionError::PromotionNotFound(name(expected)).into())
}

/// The promotion after which the stage shall stand again; `None` for none: it shall be empty.
///
/// Where none is named, it is the last one before the current that was not undone. Behind a rollback, that is the one before its target:
/// to undo twice goes back two steps, and never forth.
fn find_target(db: &mut Db, stage: &Stage, current: &Promotion, wanted: RollbackTarget) -> Result<Option<Promotion>> {
    let project = stage.project_id;
    let nothing_before = || {
        let stage = StageRef { project: ProjectRef::Id(project), stage: stage.stage.clone() };
        PromotionError::NothingBefore { stage, current: promotion_name(project, current.id) }.into()
    };
    let shown = match (wanted, current.rollback_target) {
        (RollbackTarget::Promotion(id), _) => {
            let is_earlier = |target: &Promotion| target.stage_id == stage.id && (1..current.sequence).contains(&target.sequence);
            let target = promotions::find(db, project, id)?.filter(is_earlier);
            return target.map(Some).ok_or_else(|| PromotionError::PromotionNotFound(promotion_name(project, id)).into());
        }
        // A call that is repeated by mistake must not take from a stage what runs there.
        (_, Some(0)) => return Err(nothing_before()),
        (RollbackTarget::Nothing, _) => return Ok(None),
        (RollbackTarget::Before, Some(target)) => promotions::find(db, project, target)?.map_or(current.sequence, |target| target.sequence),
        (RollbackTarget::Before, None) => current.sequence,
    };
    promotions::find_standing(db, stage.id, shown)?.map(Some).ok_or_else(nothing_before)
}

/// What a rollback changes.
struct Undo {
    /// What is placed again, each with what stands in its place now.
    placed: Vec<(Placement, Option<Placement>)>,
    /// What leaves the stage.
    removed: Vec<Placement>,
}

impl Undo {
    fn plan(db: &mut Db, stage: &Stage, target: Option<&Promotion>) -> Result<Self> {
        let now = placements::list_of_stage(db, stage.id, AsOf::Now, None, i64::MAX)?;
        let then = match target {
            Some(target) => placements::list_of_stage(db, stage.id, AsOf::Sequence(target.sequence), None, i64::MAX)?,
            None => Vec::new(),
        };
        let mut now: HashMap<PackageName, Placement> = now.into_iter().map(|placed| (placed.package.clone(), placed)).collect();
        let mut placed = Vec::new();
        for then in then {
            match now.remove(&then.package) {
                Some(now) if (now.version_id, now.content_digest) == (then.version_id, then.content_digest) => {}
                now => placed.push((then, now)),
            }
        }
        let mut removed: Vec<Placement> = now.into_values().collect();
        removed.sort_by(|one, other| one.package.cmp(&other.package));
        check(db, placed.iter().map(|(then, _)| then))?;
        Ok(Self { placed, removed })
    }

    fn promotion(&self, by: &Placer, stage: &Stage, principal: &Principal, justification: &Description) -> Promotion {
        let item = |(then, now): &(Placement, Option<Placement>)| PromotionItem {
            package_id: then.package_id,
            version_id: then.version_id,
            package: then.package.clone(),
            version: then.version.clone(),
            content_digest: then.content_digest,
            content_sequence: then.content_sequence,
            replaced_version: now.as_ref().map(|now| now.version.clone()),
            published_at: None,
        };
        Promotion {
            id: by.promotion,
            project_id: by.project,
            stage_id: stage.id,
            stage: stage.stage.clone(),
            state: State::Succeeded,
            items: self.placed.iter().map(item).collect(),
            justification: justification.clone(),
            creator: principal.name.clone(),
            waivers: Vec::new(),
            verdicts: Vec::new(),
            reviews: Vec::new(),
            reports: Vec::new(),
            policy_digest: stage.policy.digest(),
            rollback_target: None,
            rolled_back_by: None,
            previous_record_hash: None,
            record_hash: None,
            statement: None,
            sequence: by.sequence,
            revision: 1,
            judge_at: None,
            created_at: by.now,
            effective_at: None,
            closed_at: Some(by.now),
        }
    }

    fn application(self, by: &Placer, ids: &[i64]) -> Application {
        let ended = self.placed.iter().filter_map(|(_, now)| now.as_ref()).chain(&self.removed).map(|placed| placed.id).collect();
        let leaving = |placed: Placement| RecordedItem::new(placed.package, placed.version, placed.content_digest, None);
        let again = |((then, _), id): ((Placement, _), &i64)| Placement {
            id: *id,
            promotion_id: by.promotion,
            start_sequence: by.sequence,
            started_at: by.now,
            end_sequence: None,
            ended_at: None,
            is_undone: false,
            observed_at: None,
            ..then
        };
        let removed = self.removed.into_iter().map(leaving).collect();
        Application { placed: self.placed.into_iter().zip(ids).map(again).collect(), ended, removed, is_undoing: true }
    }
}

/// Refuses to place versions that are gone, or that nobody may read.
fn check<'a>(db: &mut Db, placed: impl Iterator<Item = &'a Placement> + Clone) -> Result<()> {
    let ids: Vec<i64> = placed.clone().map(|placed| placed.version_id).collect();
    let states: HashMap<i64, _> = versions::list_states(db, &ids)?.into_iter().collect();
    for then in placed {
        let project = ProjectRef::Id(then.project_id);
        let version = VersionRef { project, package: then.package.clone(), version: then.version.clone() };
        match states.get(&then.version_id) {
            None => return Err(Error::VersionNotFound(version)),
            Some(state) if !state.is_readable() => return Err(Error::VersionStateConflict { version, state: *state }),
            Some(_) => {}
        }
    }
    Ok(())
}
