//! Asking for a promotion, which is applied at once where no gate is in the way.

use std::collections::HashSet;

use consign_types::access::Role;
use consign_types::event::EventType;
use consign_types::promotion::{GateName, Judgement, StageName, State, Waiver};
use consign_types::resource::{ProjectRef, StageRef, VersionRef};
use consign_types::signature::SigningKeys;
use consign_types::text::{Description, RequestId};
use consign_types::{ContentDigest, Timestamp};
use serde::Serialize;

use super::change::{Begun, Change, begin, call};
use super::ground::{self, Candidate, Ground, Look};
use super::idempotency::{Call, Fingerprint};
use super::promoting::{Application, Pinned, Told, check_reach, judged, promotion_name, rivals, settle};
use super::promotion_news::{News, ended};
use crate::connection::{Db, Ending};
use crate::observer::{Observation, Observed};
use crate::promotion_error::PromotionError;
use crate::tables::events::NewEvent;
use crate::tables::promotion_row::Promotion;
use crate::tables::promotions;
use crate::{Error, Metadata, Principal, Result};

/// The most items of a promotion.
pub(super) const MAX_ITEMS: usize = 1000;

/// A promotion to be asked for.
#[derive(Clone, Debug)]
pub struct CreatePromotion {
    /// Who asks.
    pub principal: Principal,
    /// The project.
    pub project: ProjectRef,
    /// Where to place.
    pub stage: StageName,
    /// What to place, one version of each package.
    pub items: Vec<PromoteItem>,
    /// The gates to put aside, by their names.
    pub waivers: Vec<WantedWaiver>,
    /// Why.
    pub justification: Description,
    /// What the caller takes to be the last promotion to the stage, if that is to be checked; `Some(None)` for none.
    pub expected_current: Option<Option<i64>>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
    /// Answers as if it were done, and does nothing. Gates that do not hold are no refusal then.
    pub validate_only: bool,
}

/// A version to be placed.
#[derive(Clone, Debug)]
pub struct PromoteItem {
    /// The version.
    pub version: VersionRef,
    /// What it must consist of.
    pub content: Option<ContentDigest>,
}

/// A gate to be put aside.
#[derive(Clone, Debug)]
pub struct WantedWaiver {
    /// The gate.
    pub gate: GateName,
    /// Why.
    pub justification: Description,
    /// Until when it counts.
    pub expires_at: Timestamp,
}

impl Metadata {
    /// Asks to place versions on a stage, all or nothing, and answers the number of the change.
    ///
    /// `StageNotFound`, `VersionNotFound`, `VersionStateConflict`, `VersionContentMismatch`, `StageHeld`, `StageBusy`, `StageChanged`,
    /// `GateNotFound`; `GatesUnmet` if a gate can't hold any more.
    pub async fn create_promotion(&self, request: CreatePromotion) -> Result<(Promotion, i64)> {
        let (now, keys) = (self.now(), self.keys.clone());
        let ending = if request.validate_only { Ending::Rollback } else { Ending::Commit };
        let project = request.project.clone();
        self.end_observed(ending, &project, move |db| create(db, &request, keys.as_deref(), now)).await
    }
}

/// A promotion, and the number of the change.
type Answer = (Promotion, i64);

fn create(db: &mut Db, request: &CreatePromotion, keys: Option<&SigningKeys>, now: Timestamp) -> Result<Observed<Answer>> {
    check(request, now)?;
    let shown = (&request.project, &request.stage, &request.items, &request.waivers, &request.justification, request.expected_current);
    let fingerprint = Fingerprint::new().shown(&shown).shown(&request.validate_only).finish();
    let stage = StageRef { project: request.project.clone(), stage: request.stage.clone() };
    let call = call(&request.principal, "CreatePromotion", &stage, request.request_id.as_ref(), fingerprint, now);
    let versions = request.items.iter().map(|item| (&item.version.package, &item.version.version)).collect();
    let look = Look { project: &request.project, stage: &request.stage, versions, request: call.key() };
    let ground = ground::read(db, &look)?;
    if ground.is_claimed {
        return Ok((done(db, request, &call)?, None));
    }
    if let Some(foreign) = request.items.iter().find(|item| !ground.project.is_named(&item.version.project)) {
        let rule = format!("version `{}` is of another project", foreign.version);
        return Err(Error::ArgumentInvalid { field: "items", rule });
    }
    check_reach(&request.principal, &request.stage)?;
    check_stage(db, request, &ground)?;
    let pinned = pin(db, request, &ground)?;
    let change = Change::of_locked(ground.project.clone(), ground.counters, &call);
    let mut promotion = asked_for(request, &ground, &pinned, now);
    let judgement = judged(db, &ground, &promotion, &pinned, now)?;
    check_verdicts(request, &ground, &judgement)?;
    settle(&mut promotion, judgement, false, now);
    let rivals = rivals(db, &ground, &promotion)?;
    let by = ground.placer(promotion.id, change.counters.sequence, now);
    let application = (promotion.state == State::Succeeded).then(|| Application::of(&ground, &pinned, &by));
    if let Some(application) = &application {
        application.record(&mut promotion, &by, keys)?;
    }
    let seen = Observation::of(&promotion).and(State::Superseded, rivals.len());
    let answer = (promotion, change.counters.sequence);
    let mut batch = change.batch_told(db, &Told::of(&answer.0), &answer, Vec::new());
    change.tell(&mut batch, news(&change, &answer.0, &rivals));
    promotions::supersede(&mut batch, &rivals, now);
    if let Some(application) = application {
        application.write(&mut batch, &by, &rivals);
    }
    promotions::insert(&mut batch, &answer.0);
    batch.send(db)?;
    Ok((answer, Some(seen)))
}

/// What watchers are told: that it was asked for, what gave way to it, and that it was applied, if it was.
fn news(change: &Change<'_>, promotion: &Promotion, rivals: &[i64]) -> Vec<NewEvent> {
    let name = |id: i64| promotion_name(promotion.project_id, id);
    let mut news = vec![change.event(EventType::PromotionCreated, &name(promotion.id), &News::of(promotion))];
    let gone = |id: &i64| change.event(EventType::PromotionSuperseded, &name(*id), &Superseded { by: name(promotion.id).to_string() });
    news.extend(rivals.iter().map(gone));
    news.extend(ended(change, promotion));
    news
}

/// What watchers are told of a promotion that another one supersedes.
#[derive(Serialize)]
struct Superseded {
    by: String,
}

/// The request was done before: it is answered as it was.
fn done(db: &mut Db, request: &CreatePromotion, call: &Call<'_>) -> Result<Answer> {
    match begin(db, &request.project, call)? {
        Begun::Done(answer) => answer.read(),
        Begun::New(_) => Err(Error::raced()),
    }
}

fn check(request: &CreatePromotion, now: Timestamp) -> Result<()> {
    let invalid = |field, rule: String| Err(Error::ArgumentInvalid { field, rule });
    if request.items.is_empty() || request.items.len() > MAX_ITEMS {
        return invalid("items", format!("1 to {MAX_ITEMS} versions in one promotion"));
    }
    let mut packages = HashSet::new();
    if let Some(twice) = request.items.iter().find(|item| !packages.insert(&item.version.package)) {
        return invalid("items", format!("package `{}` is named twice", twice.version.package));
    }
    let mut gates = HashSet::new();
    for waiver in &request.waivers {
        if !gates.insert(&waiver.gate) {
            return invalid("waivers", format!("gate `{}` is waived twice", waiver.gate));
        }
        if waiver.justification.as_str().trim().is_empty() {
            return invalid("waivers", format!("waiving `{}` takes a justification", waiver.gate));
        }
        if waiver.expires_at <= now {
            return invalid("waivers", format!("the waiver of `{}` has expired already", waiver.gate));
        }
    }
    if !request.waivers.is_empty() && request.principal.role < Role::Maintainer {
        return Err(Error::RoleInsufficient(Role::Maintainer));
    }
    Ok(())
}

/// Refuses a promotion to a stage that is held, busy, or not as the caller takes it to be; and waivers of gates that it does not have.
fn check_stage(db: &mut Db, request: &CreatePromotion, ground: &Ground) -> Result<()> {
    let (stage, head) = (ground.stage_name(), &ground.stage);
    let name = |id: i64| promotion_name(ground.project.id, id);
    if let Some(expected) = request.expected_current
        && expected != head.promotion
    {
        return Err(PromotionError::StageChanged { stage, expected: expected.map(name), actual: head.promotion.map(name) }.into());
    }
    if let Some(hold) = &head.hold {
        return Err(PromotionError::StageHeld { stage, actor: hold.actor.clone(), reason: hold.reason.clone() }.into());
    }
    if head.is_exclusive && ground.has_pending {
        let pending = promotions::list_pending(db, head.id)?;
        if let Some((id, _)) = pending.first() {
            return Err(PromotionError::StageBusy { stage, promotion: name(*id) }.into());
        }
    }
    let is_there = |gate: &GateName| {
        let is_freeze = *gate == GateName::freeze() && !head.policy.freeze_windows.is_empty();
        is_freeze || head.policy.gates.iter().any(|known| known.name == *gate)
    };
    match request.waivers.iter().find(|waiver| !is_there(&waiver.gate)) {
        Some(waiver) => Err(PromotionError::GateNotFound { stage, what: "gate", gate: waiver.gate.clone() }.into()),
        None => Ok(()),
    }
}

/// Pins what is placed: the content that each version has at this moment.
fn pin(db: &mut Db, request: &CreatePromotion, ground: &Ground) -> Result<Vec<Pinned>> {
    let mut candidates: Vec<Candidate> = Vec::with_capacity(request.items.len());
    for (item, candidate) in request.items.iter().zip(&ground.candidates) {
        let candidate = candidate.clone().ok_or_else(|| Error::VersionNotFound(item.version.clone()))?;
        if !candidate.state.is_readable() {
            return Err(Error::VersionStateConflict { version: item.version.clone(), state: candidate.state });
        }
        candidates.push(candidate);
    }
    ground::contents(db, &mut candidates)?;
    let pin = |(candidate, item): (Candidate, &PromoteItem)| {
        let content = candidate.content.ok_or(Error::Row("versions"))?;
        match item.content {
            Some(given) if given != content => Err(Error::VersionContentMismatch { existing: content, given }),
            _ => Ok(Pinned { candidate, content, as_of: ground.counters.sequence }),
        }
    };
    candidates.into_iter().zip(&request.items).map(pin).collect()
}

fn asked_for(request: &CreatePromotion, ground: &Ground, pinned: &[Pinned], now: Timestamp) -> Promotion {
    let waiver = |waiver: &WantedWaiver| Waiver {
        gate: waiver.gate.clone(),
        justification: waiver.justification.clone(),
        expires_at: waiver.expires_at,
        actor: request.principal.name.clone(),
    };
    Promotion {
        id: ground.promotion_id,
        project_id: ground.project.id,
        stage_id: ground.stage.id,
        stage: ground.stage.stage.clone(),
        state: State::Pending,
        items: pinned.iter().map(Pinned::item).collect(),
        justification: request.justification.clone(),
        creator: request.principal.name.clone(),
        waivers: request.waivers.iter().map(waiver).collect(),
        verdicts: Vec::new(),
        reviews: Vec::new(),
        reports: Vec::new(),
        policy_digest: ground.stage.policy.digest(),
        rollback_target: None,
        rolled_back_by: None,
        previous_record_hash: None,
        record_hash: None,
        statement: None,
        sequence: 0,
        revision: 1,
        judge_at: None,
        created_at: now,
        effective_at: None,
        closed_at: None,
    }
}

fn check_verdicts(request: &CreatePromotion, ground: &Ground, judgement: &Judgement) -> Result<()> {
    if judgement.is_failed() && !request.validate_only {
        let (verdicts, failed) = (judgement.verdicts.clone(), ground.stage.policy.failed(&judgement.verdicts));
        return Err(PromotionError::GatesUnmet { stage: ground.stage_name(), verdicts, failed }.into());
    }
    Ok(())
}
