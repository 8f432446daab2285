//! Ending a promotion that waits.

use consign_types::Timestamp;
use consign_types::promotion::State;
use consign_types::resource::PromotionRef;
use consign_types::text::{Description, Etag, RequestId};

use super::change::{Begun, begin, call};
use super::etag_of;
use super::pending::{fingerprint, pending};
use super::promoting::Told;
use super::promotion_news::News;
use crate::connection::{Db, Ending};
use crate::observer::{Observation, Observed};
use crate::tables::promotion_row::Promotion;
use crate::tables::promotions;
use crate::{Metadata, Principal, Result};

/// A promotion to be ended.
#[derive(Clone, Debug)]
pub struct CancelPromotion {
    /// Who ends it.
    pub principal: Principal,
    /// The promotion.
    pub name: PromotionRef,
    /// Why.
    pub reason: Description,
    /// The etag as last read.
    pub etag: Option<Etag>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Ends a pending promotion; one that was cancelled is answered as it is. `PromotionNotFound`, `PromotionClosed`, `EtagMismatch`.
    pub async fn cancel_promotion(&self, request: CancelPromotion) -> Result<Promotion> {
        let now = self.now();
        let project = request.name.project.clone();
        self.end_observed(Ending::Commit, &project, move |db| cancel(db, &request, now)).await
    }
}

fn cancel(db: &mut Db, request: &CancelPromotion, now: Timestamp) -> Result<Observed<Promotion>> {
    let CancelPromotion { principal, name, reason, etag, request_id } = request;
    let call = call(principal, "CancelPromotion", name, request_id.as_ref(), fingerprint(&(name, reason, etag)), now);
    let mut change = match begin(db, &name.project, &call)? {
        Begun::Done(answer) => return Ok((answer.read()?, None)),
        Begun::New(change) => change,
    };
    if let Some(promotion) = promotions::find(db, change.project.id, name.id)?.filter(|known| known.state == State::Cancelled) {
        change.batch_unchanged(db, &promotion).send(db)?;
        return Ok((promotion, None));
    }
    let mut promotion = pending(db, principal, change.project.id, name.id)?;
    etag_of(etag.as_ref(), &promotion.etag(), name)?;
    (promotion.state, promotion.judge_at, promotion.closed_at) = (State::Cancelled, None, Some(now));
    promotion.revision += 1;
    let change = change.telling(&News::of(&promotion));
    let mut batch = change.batch_told(db, &(Told::of(&promotion), reason), &promotion, Vec::new());
    promotions::update(&mut batch, &promotion);
    batch.send(db)?;
    let seen = Observation::of(&promotion);
    Ok((promotion, Some(seen)))
}
