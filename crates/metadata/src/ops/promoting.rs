//! Promoting: what every operation that judges or applies a promotion has in common.

use std::cmp::Ordering;
use std::collections::HashMap;

use consign_types::promotion::statement::{PAYLOAD_TYPE, Record, RecordedItem, Statement};
use consign_types::promotion::{
    Case, Condition, GateName, Item, Judgement, Placed, PlacedBefore, PredicateType, StageName, State, Tagged, judge,
};
use consign_types::resource::{ProjectRef, PromotionRef};
use consign_types::signature::SigningKeys;
use consign_types::{ContentDigest, Digest, Timestamp};
use serde::Serialize;

use super::admit::other_stages;
use super::attesting::Jury;
use super::ground::{Candidate, Ground, Placer, StageHead};
use super::tagging::MAX_RULES;
use crate::batch::Batch;
use crate::connection::Db;
use crate::tables::placements::{self, Placement};
use crate::tables::promotion_row::{Promotion, PromotionItem};
use crate::tables::promotions;
use crate::tables::{stages, tag_rules, tags};
use crate::{Error, Principal, Result};

/// How long a pending promotion waits at most until it is judged again: what changes without a sign is seen by then.
pub(super) const REJUDGED_SECONDS: i64 = 60;

/// The name of a promotion.
pub(super) fn promotion_name(project: i64, id: i64) -> PromotionRef {
    PromotionRef { project: ProjectRef::Id(project), id }
}

/// Refuses a token that is for other stages.
pub(super) fn check_reach(principal: &Principal, stage: &StageName) -> Result<()> {
    if principal.grant.reaches(stage) { Ok(()) } else { Err(other_stages()) }
}

/// An item as it is to be placed, and what is known of its version.
pub(super) struct Pinned {
    pub(super) candidate: Candidate,
    /// What the promotion pinned.
    pub(super) content: ContentDigest,
    /// As of which change the version had that.
    pub(super) as_of: i64,
}

impl Pinned {
    pub(super) fn item(&self) -> PromotionItem {
        let Candidate { package_id, version_id, package, version, current, published_at, .. } = &self.candidate;
        PromotionItem {
            package_id: *package_id,
            version_id: *version_id,
            package: package.clone(),
            version: version.clone(),
            content_digest: self.content,
            content_sequence: self.as_of,
            replaced_version: current.as_ref().map(|current| current.version.clone()),
            published_at: Some(*published_at),
        }
    }

    /// What the gates are told of it.
    fn facts(&self) -> Item {
        let Candidate { package, version, published_at, sort_key, current, .. } = &self.candidate;
        let compared = current.as_ref().map(|current| Placed {
            version: current.version.clone(),
            content: current.content,
            // A version that is gone was lower: nobody can ask for it again.
            order: current.sort_key.as_ref().map_or(Ordering::Greater, |placed| sort_key.cmp(placed)),
        });
        Item {
            package: package.clone(),
            version: version.clone(),
            content: self.content,
            published_at: *published_at,
            current: compared,
            placements: Vec::new(),
            tags: Vec::new(),
            attestations: Vec::new(),
        }
    }
}

/// Judges a promotion to a stage by what is there now. Each kind of fact is read only where a gate asks about it.
pub(super) fn judged(db: &mut Db, ground: &Ground, promotion: &Promotion, pinned: &[Pinned], now: Timestamp) -> Result<Judgement> {
    let StageHead { policy, stage, .. } = &ground.stage;
    let mut items: Vec<Item> = pinned.iter().map(Pinned::facts).collect();
    let asked = policy.stages();
    let asks = |wanted: fn(&Condition) -> bool| policy.gates.iter().any(|gate| wanted(&gate.condition));
    if !asked.is_empty() {
        let contents: Vec<(i64, ContentDigest)> = pinned.iter().map(|pinned| (pinned.candidate.package_id, pinned.content)).collect();
        let found = placements::list_of_contents(db, ground.project.id, &asked.into_iter().collect::<Vec<_>>(), &contents)?;
        let mut found = by_content(found);
        for (item, key) in items.iter_mut().zip(&contents) {
            item.placements = found.remove(key).unwrap_or_default();
        }
    }
    if asks(|condition| matches!(condition, Condition::Tag { .. })) {
        add_tags(db, ground.project.id, pinned, &mut items)?;
    }
    let attested = policy.gates.iter().filter_map(|gate| match &gate.condition {
        Condition::Attestation { predicate_type, .. } => Some(predicate_type.clone()),
        _ => None,
    });
    let types: Vec<PredicateType> = attested.collect();
    if !types.is_empty() {
        let contents: Vec<ContentDigest> = pinned.iter().map(|pinned| pinned.content).collect();
        let found = Jury::writing(db, ground.project.id, now)?.attested(db, &contents, &types)?;
        for item in &mut items {
            item.attestations = found.get(&item.content).cloned().unwrap_or_default();
        }
    }
    Ok(judge(&Case {
        now,
        stage,
        policy,
        creator: &promotion.creator,
        items: &items,
        reviews: &promotion.reviews,
        reports: &promotion.reports,
        waivers: &promotion.waivers,
    }))
}

fn by_content(found: Vec<Placement>) -> HashMap<(i64, ContentDigest), Vec<PlacedBefore>> {
    let mut placed: HashMap<_, Vec<_>> = HashMap::new();
    for of in found {
        let before = PlacedBefore {
            stage: of.stage,
            promotion: promotion_name(of.project_id, of.promotion_id).to_string(),
            start: of.started_at,
            end: of.ended_at,
            undone: of.is_undone,
        };
        placed.entry((of.package_id, of.content_digest)).or_default().push(before);
    }
    placed
}

fn add_tags(db: &mut Db, project: i64, pinned: &[Pinned], items: &mut [Item]) -> Result<()> {
    let rules = tag_rules::list(db, project, 0, MAX_RULES)?;
    let versions: Vec<i64> = pinned.iter().map(|pinned| pinned.candidate.version_id).collect();
    let mut found = tags::list_of_versions(db, &versions)?;
    for (item, pinned) in items.iter_mut().zip(pinned) {
        let of =
            found.iter_mut().filter(|tag| tag.row.version_id == pinned.candidate.version_id && tag.row.content_digest == pinned.content);
        item.tags = of
            .map(|tag| {
                super::tagging::mark_by(&rules, tag);
                Tagged { tag: tag.row.tag.clone(), immutable: tag.immutable }
            })
            .collect();
    }
    Ok(())
}

/// How many items the audit and events name.
pub(super) const MAX_NAMED: usize = 20;

/// What the audit is told of a promotion.
#[derive(Serialize)]
pub(super) struct Told<'a> {
    promotion: i64,
    stage: &'a StageName,
    state: State,
    /// The first of them, each with its content.
    items: Vec<String>,
    item_count: usize,
    waived: Vec<&'a GateName>,
    policy_digest: Digest,
    record_hash: Option<Digest>,
}

impl<'a> Told<'a> {
    pub(super) fn of(promotion: &'a Promotion) -> Self {
        let named = |item: &PromotionItem| format!("{}@{} sha256:{}", item.package, item.version, item.content_digest);
        Self {
            promotion: promotion.id,
            stage: &promotion.stage,
            state: promotion.state,
            items: promotion.items.iter().take(MAX_NAMED).map(named).collect(),
            item_count: promotion.items.len(),
            waived: promotion.waivers.iter().map(|waiver| &waiver.gate).collect(),
            policy_digest: promotion.policy_digest,
            record_hash: promotion.record_hash,
        }
    }
}

/// Takes over what was found, and tells where that leaves a promotion: applied, ended, or waiting.
pub(super) fn settle(promotion: &mut Promotion, judgement: Judgement, is_held: bool, now: Timestamp) {
    let retry = judgement.retry_at().unwrap_or(now.plus_seconds(REJUDGED_SECONDS)).min(now.plus_seconds(REJUDGED_SECONDS));
    promotion.state = match (judgement.is_failed(), judgement.is_met() && !is_held) {
        (true, _) => State::Rejected,
        (false, true) => State::Succeeded,
        (false, false) => State::Pending,
    };
    let is_open = promotion.state == State::Pending;
    promotion.judge_at = is_open.then_some(retry.max(Timestamp::from_micros(now.as_micros() + 1)));
    promotion.closed_at = (!is_open).then_some(now);
    promotion.verdicts = judgement.verdicts;
}

/// What is written when versions are placed.
pub(super) struct Application {
    pub(super) placed: Vec<Placement>,
    /// The placements that end.
    pub(super) ended: Vec<i64>,
    /// What leaves the stage and is not replaced.
    pub(super) removed: Vec<RecordedItem>,
    pub(super) is_undoing: bool,
}

impl Application {
    /// Places items where others stood.
    pub(super) fn of(ground: &Ground, pinned: &[Pinned], by: &Placer) -> Self {
        let ids = ground.placement_ids.iter();
        let placed =
            pinned.iter().zip(ids).map(|(pinned, id)| pinned.candidate.placement(*id, by, (pinned.content, pinned.as_of))).collect();
        let ended = pinned.iter().filter_map(|pinned| pinned.candidate.current.as_ref().map(|current| current.placement)).collect();
        Self { placed, ended, removed: Vec::new(), is_undoing: false }
    }

    /// Signs the record of a promotion that is applied by it, which follows the last one of the project.
    pub(super) fn record(&self, promotion: &mut Promotion, by: &Placer, keys: Option<&SigningKeys>) -> Result<()> {
        let keys = keys.ok_or(Error::NoSigningKeys)?;
        let item = |item: &PromotionItem| {
            RecordedItem::new(item.package.clone(), item.version.clone(), item.content_digest, item.replaced_version.clone())
        };
        let project = by.project;
        let target = |id: i64| if id == 0 { String::new() } else { promotion_name(project, id).to_string() };
        let record = Record {
            project: ProjectRef::Id(project).to_string(),
            promotion: promotion_name(project, promotion.id).to_string(),
            stage: by.stage.clone(),
            sequence: by.sequence,
            items: promotion.items.iter().map(item).collect(),
            removed: self.removed.clone(),
            verdicts: promotion.verdicts.clone(),
            creator: promotion.creator.clone(),
            justification: promotion.justification.to_string(),
            rollback_target: promotion.rollback_target.map(target),
            previous_record_hash: by.last_hash,
        };
        let payload = Statement::new(record, by.now.to_string(), promotion.policy_digest).to_bytes();
        promotion.previous_record_hash = by.last_hash;
        promotion.record_hash = Some(Digest::of(&payload));
        promotion.statement = Some(keys.sign_envelope(PAYLOAD_TYPE, &payload));
        promotion.effective_at = Some(by.now);
        promotion.sequence = by.sequence;
        Ok(())
    }

    /// Adds it to a batch. Others of the project that wait are judged again at once, but for those that are written besides.
    pub(super) fn write(self, batch: &mut Batch<'_>, by: &Placer, besides: &[i64]) {
        promotions::hasten(batch, by.project, besides, by.now);
        placements::end(batch, &self.ended, by.sequence, by.now, self.is_undoing);
        placements::insert(batch, &self.placed);
        stages::set_promotion(batch, by.stage_id, by.promotion);
    }
}

/// The pending promotions that another one supersedes: those to the same stage that have a package in common with it.
pub(super) fn rivals(db: &mut Db, ground: &Ground, promotion: &Promotion) -> Result<Vec<i64>> {
    if !ground.has_pending {
        return Ok(Vec::new());
    }
    let packages: Vec<i64> = promotion.items.iter().map(|item| item.package_id).collect();
    let pending = promotions::list_pending(db, ground.stage.id)?;
    let is_rival = |(id, of): &(i64, Vec<i64>)| *id < promotion.id && of.iter().any(|package| packages.contains(package));
    Ok(pending.into_iter().filter(is_rival).map(|(id, _)| id).collect())
}
