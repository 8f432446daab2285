//! Approving and rejecting a promotion.

use consign_types::Timestamp;
use consign_types::access::Role;
use consign_types::event::EventType;
use consign_types::promotion::{Condition, Decision, GateName, MAX_GATES, Policy, Review};
use consign_types::resource::PromotionRef;
use consign_types::signature::SigningKeys;
use consign_types::text::{Description, Etag, RequestId};

use super::change::{Begun, begin, call};
use super::etag_of;
use super::pending::{Resumed, fingerprint, pending};
use super::promoting::promotion_name;
use crate::connection::{Db, Ending};
use crate::observer::Observed;
use crate::promotion_error::PromotionError;
use crate::tables::promotion_row::Promotion;
use crate::tables::stages;
use crate::{Error, Metadata, Principal, Result};

/// The most words that people say of one promotion.
const MAX_REVIEWS: usize = 500;

/// A word on a promotion.
#[derive(Clone, Debug)]
pub struct ReviewPromotion {
    /// Whose.
    pub principal: Principal,
    /// The promotion.
    pub name: PromotionRef,
    /// What is said.
    pub decision: Decision,
    /// Why.
    pub comment: Description,
    /// The gates that it is meant for; none stands for all that the caller counts for.
    pub gates: Vec<GateName>,
    /// The etag as last read.
    pub etag: Option<Etag>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Approves or rejects a pending promotion, and applies it if all its gates hold by that. `PromotionNotFound`, `PromotionClosed`,
    /// `EtagMismatch`, `GateNotFound`, `ApprovalForbidden`; `ArgumentInvalid` for more gates than a stage has.
    pub async fn review_promotion(&self, request: ReviewPromotion) -> Result<Promotion> {
        let (now, keys) = (self.now(), self.keys.clone());
        let project = request.name.project.clone();
        self.end_observed(Ending::Commit, &project, move |db| review(db, &request, keys.as_deref(), now)).await
    }
}

fn review(db: &mut Db, request: &ReviewPromotion, keys: Option<&SigningKeys>, now: Timestamp) -> Result<Observed<Promotion>> {
    let ReviewPromotion { principal, name, decision, comment, gates, etag, request_id } = request;
    if gates.len() > MAX_GATES {
        return Err(Error::ArgumentInvalid { field: "gate_ids", rule: format!("at most {MAX_GATES} gates") });
    }
    let fingerprint = fingerprint(&(name, decision, comment, gates, etag));
    let call = call(principal, "ReviewPromotion", name, request_id.as_ref(), fingerprint, now);
    let change = match begin(db, &name.project, &call)? {
        Begun::Done(answer) => return Ok((answer.read()?, None)),
        Begun::New(change) => change,
    };
    let mut promotion = pending(db, principal, change.project.id, name.id)?;
    etag_of(etag.as_ref(), &promotion.etag(), name)?;
    let review = Review {
        actor: principal.name.clone(),
        is_user: principal.user.is_some(),
        role: principal.role,
        decision: *decision,
        comment: comment.clone(),
        gates: gates.clone(),
        time: now,
    };
    let stage = stages::find(db, change.project.id, &promotion.stage)?.ok_or(Error::Row("stages"))?;
    check(&stage.policy, &promotion, &review)?;
    // Of one who speaks again about the same gates, the new word alone counts.
    promotion.reviews.retain(|known| known.actor != review.actor || known.gates != review.gates);
    if promotion.reviews.len() >= MAX_REVIEWS {
        return Err(Error::ArgumentInvalid { field: "name", rule: format!("a promotion has at most {MAX_REVIEWS} reviews") });
    }
    promotion.reviews.push(review.clone());
    Resumed::of(db, promotion, keys, change.counters.sequence, now)?.write(db, &change, Some(EventType::PromotionReviewed), &review)
}

/// Refuses a word that counts for no gate.
fn check(policy: &Policy, promotion: &Promotion, review: &Review) -> Result<()> {
    let name = promotion_name(promotion.project_id, promotion.id);
    let approvals = policy.gates.iter().filter(|gate| matches!(gate.condition, Condition::Approval { .. }));
    let approvals: Vec<_> = approvals.collect();
    if let Some(gate) = review.gates.iter().find(|gate| !approvals.iter().any(|known| known.name == **gate)) {
        let stage = consign_types::resource::StageRef { project: name.project.clone(), stage: promotion.stage.clone() };
        return Err(PromotionError::GateNotFound { stage, what: "approval gate", gate: gate.clone() }.into());
    }
    let forbidden = |why: &str| Err(PromotionError::ApprovalForbidden { promotion: name.clone(), why: why.to_owned() }.into());
    if !review.is_user {
        return forbidden("people review, and this is a token of a project or namespace");
    }
    if approvals.is_empty() && review.decision == Decision::Approved {
        return forbidden("its stage has no approval gate");
    }
    let is_meant = |gate: &GateName| review.gates.is_empty() || review.gates.contains(gate);
    let mut why = "its gates want other people, or a higher role";
    let counts = approvals.iter().filter(|gate| is_meant(&gate.name)).any(|gate| {
        let Condition::Approval { minimum_role, approvers, allow_self_approval, .. } = &gate.condition else { return false };
        let is_named = approvers.is_empty() || approvers.iter().any(|one| one.as_str().eq_ignore_ascii_case(review.actor.as_str()));
        let is_own = review.actor == promotion.creator && !allow_self_approval && review.decision == Decision::Approved;
        if is_own {
            why = "you asked for it yourself, and another must approve it";
        }
        is_named && !is_own && review.role >= *minimum_role
    });
    // Where nobody is asked, who sets the rules may still say no.
    let ends_it = approvals.is_empty() && review.role >= Role::Maintainer;
    if counts || ends_it { Ok(()) } else { forbidden(why) }
}
