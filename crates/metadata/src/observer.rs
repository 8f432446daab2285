//! Telling what becomes of promotions to whoever counts it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use consign_types::Timestamp;
use consign_types::promotion::{GateKind, Policy, StageName, State};
use consign_types::resource::ProjectRef;

use crate::connection::{Db, Ending};
use crate::promotion_error::PromotionError;
use crate::tables::promotion_row::Promotion;
use crate::{Error, Metadata, Result};

/// Is told what this process did to promotions: each thing once, when it is committed. Nothing is told of what was only tried, nor of a
/// request that was done before.
pub trait Observer: fmt::Debug + Send + Sync {
    /// Takes note of it. A thread that others wait for does so: it must not wait for anything.
    fn observe(&self, seen: &Observation);
}

/// What one operation did to the promotions of a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The stage.
    pub stage: StageName,
    /// Where promotions stand that do not wait any longer, and how many stand there.
    pub ended: Vec<(State, usize)>,
    /// The one that was applied.
    pub applied: Option<Applied>,
    /// The gates that can't hold any more, by which a request was refused or a promotion ended.
    pub failed: Vec<GateKind>,
}

/// How long it took until a promotion was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Since it was asked for.
    pub waited: Duration,
    /// Since each of its versions was published; of one that is placed again by a rollback nothing is told.
    pub lead_times: Vec<Duration>,
}

/// An answer, and what there is to be told besides.
pub(crate) type Observed<T> = (T, Option<Observation>);

impl Observation {
    /// What is to be told of a promotion as it stands now.
    pub(crate) fn of(promotion: &Promotion) -> Self {
        Self {
            stage: promotion.stage.clone(),
            ended: if promotion.state == State::Pending { Vec::new() } else { vec![(promotion.state, 1)] },
            applied: promotion.effective_at.map(|at| Applied::at(at, promotion)),
            failed: Vec::new(),
        }
    }

    /// The same of one that was judged by this policy.
    pub(crate) fn judged(promotion: &Promotion, policy: &Policy) -> Self {
        Self { failed: policy.failed(&promotion.verdicts), ..Self::of(promotion) }
    }

    /// The same where others ended with it.
    pub(crate) fn and(mut self, state: State, count: usize) -> Self {
        self.ended.extend((count > 0).then_some((state, count)));
        self
    }

    /// What is to be told of a refusal.
    fn of_refusal(error: &Error) -> Option<Self> {
        let Error::Promotion(PromotionError::GatesUnmet { stage, failed, .. }) = error else { return None };
        Some(Self { stage: stage.stage.clone(), ended: Vec::new(), applied: None, failed: failed.clone() })
    }
}

impl Applied {
    fn at(at: Timestamp, promotion: &Promotion) -> Self {
        let since = |then: Timestamp| Duration::from_micros(u64::try_from(at.as_micros() - then.as_micros()).unwrap_or_default());
        let published = promotion.items.iter().filter_map(|item| item.published_at);
        Self { waited: since(promotion.created_at), lead_times: published.map(since).collect() }
    }
}

impl Metadata {
    /// The same, with somebody who is told what becomes of promotions.
    #[must_use]
    pub fn observed_by(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer: Some(observer), ..self }
    }

    /// Runs `work` as one writing transaction that ends as told, and in which a project is locked before. What it did is told once it is
    /// committed, also where the caller has gone meanwhile.
    pub(crate) async fn end_observed<T, F>(&self, ending: Ending, project: &ProjectRef, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Db) -> Result<Observed<T>> + Send + 'static,
    {
        let observer = self.observer.clone().filter(|_| ending == Ending::Commit);
        let tell = move |result: Result<Observed<T>>| {
            let (result, seen) = match result {
                Ok((answer, seen)) => (Ok(answer), seen),
                Err(error) => {
                    let seen = Observation::of_refusal(&error);
                    (Err(error), seen)
                }
            };
            if let Some((observer, seen)) = observer.zip(seen) {
                observer.observe(&seen);
            }
            result
        };
        self.pool.end_locked(ending, project, work, tell).await
    }
}
