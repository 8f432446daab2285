//! Promotions that wait: judging them anew, and applying those whose gates hold by now.

use consign_types::event::EventType;
use consign_types::promotion::{GateName, Outcome, State, Verdict};
use consign_types::resource::ProjectRef;
use consign_types::signature::SigningKeys;
use consign_types::{Digest, Timestamp};

use super::change::{Begun, Change, begin, call};
use super::ground::{self, Candidate, Ground, Look, Placer};
use super::idempotency::Fingerprint;
use super::promoting::{Application, Pinned, REJUDGED_SECONDS, Told, check_reach, judged, promotion_name, settle};
use super::promotion_news::ended;
use crate::batch::Batch;
use crate::connection::{Db, Ending};
use crate::observer::{Observation, Observed};
use crate::promotion_error::PromotionError;
use crate::tables::promotion_row::{Promotion, PromotionItem};
use crate::tables::promotions;
use crate::{Error, Metadata, Principal, Result};

/// How many promotions one look at the clock takes up.
const AT_ONCE: i64 = 100;

impl Metadata {
    /// Judges the pending promotions again that are due, and applies those whose gates all hold. Answers those that ceased to be pending, and
    /// the first failure: one that can't be judged keeps none of the others from it.
    pub async fn judge_promotions(&self) -> (Vec<Promotion>, Result<()>) {
        let now = self.now();
        let due = match self.pool.read(move |db| promotions::list_due(db, now, AT_ONCE)).await {
            Ok(due) => due,
            Err(error) => return (Vec::new(), Err(error)),
        };
        let (mut closed, mut outcome) = (Vec::new(), Ok(()));
        for (project, id) in due {
            let keys = self.keys.clone();
            let judge = move |db: &mut Db| judge_due(db, project, id, keys.as_deref(), now);
            match self.end_observed(Ending::Commit, &ProjectRef::Id(project), judge).await {
                Ok(promotion) => closed.extend(promotion),
                Err(error) => {
                    // It does not stand in the way of others a second time.
                    let later = now.plus_seconds(REJUDGED_SECONDS);
                    let put_off = self.pool.write(move |db| promotions::put_off(db, id, later)).await;
                    outcome = outcome.and::<()>(Err(error)).and(put_off);
                }
            }
        }
        (closed, outcome)
    }
}

/// One that is due. Whoever asked for it has it applied, though nobody calls.
fn judge_due(db: &mut Db, project: i64, id: i64, keys: Option<&SigningKeys>, now: Timestamp) -> Result<Observed<Option<Promotion>>> {
    let is_due = |promotion: &Promotion| promotion.judge_at.is_some_and(|at| at <= now);
    let Some(promotion) = promotions::find(db, project, id)?.filter(is_due) else {
        return Ok((None, None));
    };
    let by = Principal::operator(promotion.creator.clone());
    let name = promotion_name(project, id);
    let call = call(&by, "ApplyPromotion", &name, None, Fingerprint::new().finish(), now);
    let change = match begin(db, &ProjectRef::Id(project), &call) {
        Ok(Begun::New(change)) => change,
        // The project was deleted meanwhile: it is looked at again, should it be brought back.
        Ok(Begun::Done(_)) | Err(Error::ProjectNotFound(_)) => {
            return promotions::put_off(db, promotion.id, now.plus_seconds(DELETED_SECONDS)).map(|()| (None, None));
        }
        Err(error) => return Err(error),
    };
    let resumed = Resumed::of(db, promotion, keys, change.counters.sequence, now)?;
    if resumed.promotion.state == State::Pending {
        let mut batch = Batch::new(db);
        promotions::update(&mut batch, &resumed.promotion);
        batch.send(db)?;
        return Ok((None, None));
    }
    let (promotion, seen) = resumed.write(db, &change, None, &())?;
    Ok((Some(promotion), seen))
}

/// How long a promotion of a deleted project is left alone.
const DELETED_SECONDS: i64 = 3600;

/// A pending promotion that was judged anew, and what is to be written of it.
pub(super) struct Resumed {
    pub(super) promotion: Promotion,
    by: Placer,
    application: Option<Application>,
    seen: Observation,
}

impl Resumed {
    /// Judges a pending promotion by what is there now. The project is locked; `sequence` is the number of the change.
    pub(super) fn of(db: &mut Db, mut promotion: Promotion, keys: Option<&SigningKeys>, sequence: i64, now: Timestamp) -> Result<Self> {
        let versions = promotion.items.iter().map(|item| (&item.package, &item.version)).collect();
        let project = ProjectRef::Id(promotion.project_id);
        let ground = ground::read(db, &Look { project: &project, stage: &promotion.stage, versions, request: None })?;
        let by = ground.placer(promotion.id, sequence, now);
        promotion.revision += 1;
        promotion.policy_digest = ground.stage.policy.digest();
        let pinned = match still_there(&promotion, &ground) {
            Ok(pinned) => pinned,
            Err(reason) => {
                reject(&mut promotion, reason, now);
                let seen = Observation::judged(&promotion, &ground.stage.policy);
                return Ok(Self { promotion, by, application: None, seen });
            }
        };
        let judgement = judged(db, &ground, &promotion, &pinned, now)?;
        settle(&mut promotion, judgement, ground.stage.hold.is_some(), now);
        let application = (promotion.state == State::Succeeded).then(|| Application::of(&ground, &pinned, &by));
        if let Some(application) = &application {
            promotion.items = pinned.iter().map(Pinned::item).collect();
            application.record(&mut promotion, &by, keys)?;
        }
        let seen = Observation::judged(&promotion, &ground.stage.policy);
        Ok(Self { promotion, by, application, seen })
    }

    /// Writes it as a part of a change, and notes `told` beside it in the audit. `first` is what watchers are told before its end.
    pub(super) fn write(
        self,
        db: &mut Db,
        change: &Change<'_>,
        first: Option<EventType>,
        told: &impl serde::Serialize,
    ) -> Result<Observed<Promotion>> {
        let Self { promotion, by, application, seen } = self;
        let mut batch = change.batch_told(db, &(Told::of(&promotion), told), &promotion, Vec::new());
        let name = promotion_name(promotion.project_id, promotion.id);
        let first = first.map(|kind| change.event(kind, &name, told));
        change.tell(&mut batch, first.into_iter().chain(ended(change, &promotion)).collect());
        promotions::update(&mut batch, &promotion);
        if let Some(application) = application {
            promotions::set_replaced(&mut batch, &promotion);
            application.write(&mut batch, &by, &[promotion.id]);
        }
        batch.send(db)?;
        Ok((promotion, Some(seen)))
    }
}

/// The versions of a promotion with what it pinned, or which of them can't be placed any more, in words.
fn still_there(promotion: &Promotion, ground: &Ground) -> Result<Vec<Pinned>, String> {
    let items = promotion.items.iter().zip(&ground.candidates);
    let pin = |(item, candidate): (&PromotionItem, &Option<Candidate>)| {
        let PromotionItem { version_id, package, version, content_digest, content_sequence, .. } = item;
        let candidate = candidate.clone().filter(|candidate| candidate.version_id == *version_id);
        let candidate = candidate.ok_or_else(|| format!("`{package} {version}` was deleted"))?;
        if !candidate.state.is_readable() {
            return Err(format!("`{package} {version}` is {}", candidate.state));
        }
        Ok(Pinned { candidate, content: *content_digest, as_of: *content_sequence })
    };
    items.map(pin).collect()
}

/// Ends a promotion whose versions can't be placed any more.
fn reject(promotion: &mut Promotion, reason: String, now: Timestamp) {
    let gate = GateName::version();
    let verdict = Verdict { gate, outcome: Outcome::Failed, reason, evidence: Vec::new(), judged_at: now, retry_at: None, waiver: None };
    promotion.verdicts.retain(|known| known.gate != verdict.gate);
    promotion.verdicts.push(verdict);
    (promotion.state, promotion.judge_at, promotion.closed_at) = (State::Rejected, None, Some(now));
}

/// The pending promotion of this number in a project that is locked, to a stage that the caller may act on. `PromotionNotFound`,
/// `ScopeInsufficient`, `PromotionClosed`.
pub(super) fn pending(db: &mut Db, principal: &Principal, project: i64, id: i64) -> Result<Promotion> {
    let name = promotion_name(project, id);
    let promotion = promotions::find(db, project, id)?.ok_or_else(|| PromotionError::PromotionNotFound(name.clone()))?;
    check_reach(principal, &promotion.stage)?;
    match promotion.state {
        State::Pending => Ok(promotion),
        state => Err(PromotionError::PromotionClosed { promotion: name, state }.into()),
    }
}

/// What tells requests about promotions apart.
pub(super) fn fingerprint(shown: &impl std::fmt::Debug) -> Digest {
    Fingerprint::new().shown(shown).finish()
}
