//! What goes wrong with the fake, and how often.
//!
//! What becomes of the n-th request of an operation depends on the seed, the operation and n alone: requests of other operations that come
//! between change nothing.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::question::Operation;
use super::refusal::Refusal;

/// Something that goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// 500 `InternalError`: nothing was done.
    Internal,
    /// 503 `SlowDown`: nothing was done.
    SlowDown,
    /// 429 with `Retry-After: 1`: nothing was done.
    TooManyRequests,
    /// 403 `ExpiredToken`: nothing was done. By rates it happens once at most.
    ExpiredToken,
    /// 409 to a `Put`, `Copy` or `Complete`, as for requests on the same key that meet: nothing was done.
    Conflict,
    /// 412 to a `Put`, `Copy` or `Complete` with a condition, as if another had come first with the same bytes: the object **is** there,
    /// and a multipart upload stays open. Requests without a condition are spared.
    Precondition,
    /// 200 with an `Error` document, to a `Copy` or `Complete`: nothing was done.
    ErrorBody,
    /// The connection is cut before the request is read: nothing was done.
    Cut,
    /// All was done, and then the connection is cut instead of an answer.
    AnswerLost,
    /// The body of a `Get` breaks off in the middle.
    BodyCut,
    /// A `Part` is stored, but the answer has another ETag: completing with it is refused.
    WrongTag,
    /// The request takes this much longer.
    Delay(Duration),
}

/// How long [`Faults::chaos`] delays.
const DELAY: Duration = Duration::from_millis(20);

const ALWAYS: [Fault; 7] =
    [Fault::Internal, Fault::SlowDown, Fault::TooManyRequests, Fault::ExpiredToken, Fault::Cut, Fault::AnswerLost, Fault::Delay(DELAY)];

const OPERATIONS: [Operation; 11] = [
    Operation::Abort,
    Operation::Complete,
    Operation::Copy,
    Operation::Create,
    Operation::Delete,
    Operation::Get,
    Operation::Head,
    Operation::List,
    Operation::Part,
    Operation::Put,
    Operation::Uploads,
];

impl Fault {
    /// What can befall this operation and not every other.
    fn particular(operation: Operation) -> &'static [Self] {
        match operation {
            Operation::Complete | Operation::Copy => &[Self::Conflict, Self::Precondition, Self::ErrorBody],
            Operation::Put => &[Self::Conflict, Self::Precondition],
            Operation::Get => &[Self::BodyCut],
            Operation::Part => &[Self::WrongTag],
            _ => &[],
        }
    }

    fn befalls(self, operation: Operation) -> bool {
        matches!(self, Self::Delay(_)) || ALWAYS.contains(&self) || Self::particular(operation).contains(&self)
    }

    /// The answer, where it is one that keeps the request from being done.
    pub(super) fn refusal(self, is_conditional: bool) -> Option<Refusal> {
        match self {
            Self::Internal => Some(Refusal::InternalError),
            Self::SlowDown => Some(Refusal::SlowDown),
            Self::TooManyRequests => Some(Refusal::TooManyRequests),
            Self::ExpiredToken => Some(Refusal::ExpiredToken),
            Self::Conflict if is_conditional => Some(Refusal::ConditionalRequestConflict),
            Self::Conflict => Some(Refusal::OperationAborted),
            _ => None,
        }
    }
}

/// A plan of faults: what is to happen once, in order, and then by chance.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    seed: u64,
    once: BTreeMap<Operation, VecDeque<Fault>>,
    /// In per cent of the requests.
    rates: BTreeMap<Operation, Vec<(Fault, f64)>>,
}

impl Faults {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Self::default()
    }

    /// Nothing goes wrong yet; what is added by [`Self::with`] follows this seed.
    pub fn seeded(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// So many per cent of the requests of every operation go wrong, in every way that can befall it, each as often as the others.
    pub fn chaos(seed: u64, percent: u32) -> Self {
        let mut faults = Self::seeded(seed);
        for operation in OPERATIONS {
            let possible: Vec<_> = ALWAYS.iter().chain(Fault::particular(operation)).copied().collect();
            let each = f64::from(percent) / f64::from(u32::try_from(possible.len()).expect("there are few kinds of faults"));
            faults = possible.into_iter().fold(faults, |faults, fault| faults.with(operation, fault, each));
        }
        faults
    }

    /// With a fault that so many per cent of the requests of an operation meet.
    #[must_use]
    pub fn with(mut self, operation: Operation, fault: Fault, percent: f64) -> Self {
        assert!(fault.befalls(operation), "{fault:?} can't befall {operation:?}");
        let rates = self.rates.entry(operation).or_default();
        rates.push((fault, percent));
        let total: f64 = rates.iter().map(|(_, percent)| percent).sum();
        assert!(total < 100.1, "{total} per cent of {operation:?} can't go wrong");
        self
    }

    /// With a fault that the next request of an operation meets; called again, the one after that.
    #[must_use]
    pub fn once(mut self, operation: Operation, fault: Fault) -> Self {
        assert!(fault.befalls(operation), "{fault:?} can't befall {operation:?}");
        self.once.entry(operation).or_default().push_back(fault);
        self
    }
}

/// A plan that is being carried out.
#[derive(Debug, Default)]
pub(super) struct Plan {
    faults: Faults,
    chances: BTreeMap<Operation, StdRng>,
    has_expired: bool,
}

impl Plan {
    pub(super) fn of(faults: Faults) -> Self {
        let chance = |(operation, index)| (operation, StdRng::seed_from_u64(faults.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ index));
        Self { chances: OPERATIONS.into_iter().zip(0..).map(chance).collect(), faults, has_expired: false }
    }

    /// What becomes of the next request of this operation, which may have conditions.
    pub(super) fn draw(&mut self, operation: Operation, is_conditional: bool) -> Option<Fault> {
        let is_spared = |fault: Fault| fault == Fault::Precondition && !is_conditional;
        if let Some(fault) = self.faults.once.get_mut(&operation).and_then(|once| once.pop_front_if(|fault| !is_spared(*fault))) {
            return Some(fault);
        }
        let mut drawn = self.chances.get_mut(&operation)?.random_range(0.0..100.0);
        let fault = self.faults.rates.get(&operation)?.iter().find_map(|(fault, percent)| {
            drawn -= percent;
            (drawn < 0.0).then_some(*fault)
        })?;
        let is_second = fault == Fault::ExpiredToken && std::mem::replace(&mut self.has_expired, true);
        (!is_spared(fault) && !is_second).then_some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: usize = 20_000;

    fn drawn(plan: &mut Plan, operation: Operation) -> Vec<Option<Fault>> {
        (0..MANY).map(|_| plan.draw(operation, true)).collect()
    }

    #[test]
    fn a_seed_says_what_happens_whatever_comes_between() {
        let chaos = || Plan::of(Faults::chaos(7, 30));
        let (mut alone, mut mixed) = (chaos(), chaos());
        mixed.has_expired = true;
        alone.has_expired = true;
        let expected = drawn(&mut alone, Operation::Put);
        let interleaved: Vec<_> = (0..MANY)
            .map(|_| {
                mixed.draw(Operation::Get, false);
                mixed.draw(Operation::Put, true)
            })
            .collect();
        assert_eq!(interleaved, expected);
        assert_ne!(drawn(&mut Plan::of(Faults::chaos(8, 30)), Operation::Put), expected);
        assert_ne!(drawn(&mut chaos(), Operation::Delete), expected);
    }

    #[test]
    fn chaos_has_every_fault_as_often_as_was_said() {
        for operation in OPERATIONS {
            let mut plan = Plan::of(Faults::chaos(1, 30));
            let drawn = drawn(&mut plan, operation);
            let faults: Vec<_> = drawn.into_iter().flatten().collect();
            let possible = ALWAYS.iter().chain(Fault::particular(operation));
            for fault in possible.clone() {
                assert!(faults.contains(fault), "{fault:?} never befell {operation:?}");
            }
            assert_eq!(faults.iter().filter(|fault| **fault == Fault::ExpiredToken).count(), 1);
            let kinds = possible.count();
            let expected = MANY * 30 / 100 * (kinds - 1) / kinds;
            assert!(faults.len().abs_diff(expected) < MANY / 50, "{} of {operation:?}, expected {expected}", faults.len());
        }
        assert_eq!(drawn(&mut Plan::of(Faults::none()), Operation::Put), vec![None; MANY]);
    }

    #[test]
    fn what_happens_once_comes_first_and_in_order() {
        let faults = Faults::none().once(Operation::Put, Fault::Precondition).once(Operation::Put, Fault::Cut);
        let mut plan = Plan::of(faults.with(Operation::Put, Fault::Internal, 100.0));
        assert_eq!(plan.draw(Operation::Get, true), None);
        assert_eq!(plan.draw(Operation::Put, false), Some(Fault::Internal), "without a condition there is nothing to refuse by");
        assert_eq!(plan.draw(Operation::Put, true), Some(Fault::Precondition));
        assert_eq!(plan.draw(Operation::Put, true), Some(Fault::Cut));
        assert_eq!(plan.draw(Operation::Put, true), Some(Fault::Internal));
    }

    #[test]
    #[should_panic(expected = "BodyCut can't befall Put")]
    fn a_fault_that_cannot_happen_is_a_mistake_of_the_test() {
        let _ = Faults::none().once(Operation::Put, Fault::BodyCut);
    }
}
