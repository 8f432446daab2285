//! Whether what concurrent callers saw can be told as one call after the other.
//!
//! A history is linearizable if each operation can be put at one point between its invocation and its return, so that a model which
//! does one operation at a time gives the same answers. [`is_linearizable`] looks for such points as Wing and Gong do, with Lowe's
//! two improvements ("Testing for linearizability", 2017): an operation is put somewhere only when another's return makes it necessary,
//! and what was reached in two ways is followed once.

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::Hash;

/// The most operations that may be under way at once.
pub const MAX_CONCURRENCY: usize = 64;

/// An operation with its answer, and when it was under way.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<O> {
    /// When it was invoked, on a clock that all callers share.
    pub invoked: u128,
    /// When it returned.
    pub returned: u128,
    /// What was asked and answered.
    pub operation: O,
}

/// What a correct service does, one operation at a time.
pub trait Model {
    /// What it remembers.
    type State: Clone + Debug + Eq + Hash;
    /// What is asked of it, with the answer.
    type Operation;

    /// The state after an operation, or `None` where it would not answer so.
    fn step(state: &Self::State, operation: &Self::Operation) -> Option<Self::State>;
}

/// One way to tell the history up to some moment: the state, and which of the operations under way have had their effect, by their slots.
type Telling<S> = (S, u64);

/// Whether the model can have given these answers, from this state on. Where one ends at the moment at which another begins, they count
/// as concurrent.
pub fn is_linearizable<M: Model>(initial: M::State, history: &[Recorded<M::Operation>]) -> bool {
    let mut slots: Vec<Option<usize>> = vec![None; MAX_CONCURRENCY];
    let mut tellings: HashSet<Telling<M::State>> = HashSet::from([(initial, 0)]);
    for (_, returns, index) in events(history) {
        if !returns {
            let free = slots.iter().position(Option::is_none).expect("not more operations are under way than can be followed");
            slots[free] = Some(index);
            continue;
        }
        let slot = slots.iter().position(|slot| *slot == Some(index)).expect("an operation is invoked before it returns");
        tellings = returned::<M>(history, &slots, slot, tellings);
        slots[slot] = None;
        if tellings.is_empty() {
            return false;
        }
    }
    true
}

/// Invocations and returns (`true`) by time; of those at the same time the invocations first.
fn events<O>(history: &[Recorded<O>]) -> Vec<(u128, bool, usize)> {
    let both = |(index, one): (usize, &Recorded<O>)| [(one.invoked, false, index), (one.returned, true, index)];
    let mut events: Vec<_> = history.iter().enumerate().flat_map(both).collect();
    events.sort_unstable();
    events
}

/// The tellings in which the operation of this slot has had its effect: reached by letting operations under way have theirs.
fn returned<M: Model>(
    history: &[Recorded<M::Operation>],
    slots: &[Option<usize>],
    slot: usize,
    tellings: HashSet<Telling<M::State>>,
) -> HashSet<Telling<M::State>> {
    let mut seen = tellings.clone();
    let mut open: Vec<_> = tellings.into_iter().collect();
    let mut done = HashSet::new();
    while let Some((state, effective)) = open.pop() {
        if effective & (1 << slot) != 0 {
            done.insert((state, effective & !(1 << slot)));
            continue;
        }
        for (other, index) in slots.iter().enumerate().filter_map(|(other, index)| Some((other, (*index)?))) {
            if effective & (1 << other) != 0 {
                continue;
            }
            let next = M::step(&state, &history[index].operation).map(|state| (state, effective | (1 << other)));
            open.extend(next.filter(|next| seen.insert(next.clone())));
        }
    }
    done
}

/// How many operations a test of concurrent callers makes: a few, unless `CONSIGN_TEST_OPERATIONS` says how many.
#[expect(clippy::disallowed_methods, reason = "the harness is told how long to try by who runs it")]
pub fn operations() -> usize {
    const DEFAULT: usize = 4_000;

    std::env::var("CONSIGN_TEST_OPERATIONS").map_or(DEFAULT, |text| text.parse().expect("CONSIGN_TEST_OPERATIONS is a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Operation {
        Read(u32),
        Swap { from: u32, to: u32 },
        Refused { from: u32 },
    }

    use Operation::{Read, Refused, Swap};

    /// A number that is swapped only from where it is expected.
    struct Register;

    impl Model for Register {
        type State = u32;
        type Operation = Operation;

        fn step(&state: &u32, operation: &Operation) -> Option<u32> {
            match *operation {
                Read(value) => (value == state).then_some(state),
                Swap { from, to } => (from == state).then_some(to),
                Refused { from } => (from != state).then_some(state),
            }
        }
    }

    fn judge(history: &[(u128, u128, Operation)]) -> bool {
        let recorded = |&(invoked, returned, operation): &_| Recorded { invoked, returned, operation };
        is_linearizable::<Register>(0, &history.iter().map(recorded).collect::<Vec<_>>())
    }

    #[test]
    fn what_one_order_explains_is_linearizable() {
        let one = Swap { from: 0, to: 1 };
        let two = Swap { from: 1, to: 2 };
        for history in [
            vec![],
            vec![(0, 1, one), (2, 3, Read(1)), (4, 5, two), (6, 7, Read(2))],
            // While a swap is under way, its readers may see it or not.
            vec![(0, 9, one), (1, 2, Read(0)), (3, 4, Read(1))],
            vec![(0, 9, one), (1, 8, Refused { from: 1 }), (2, 3, Read(1))],
            // The later invocation may have its effect first.
            vec![(0, 9, two), (1, 8, one), (10, 11, Read(2))],
            // What touches is concurrent.
            vec![(0, 1, one), (1, 2, Read(0))],
        ] {
            assert!(judge(&history), "{history:?}");
        }
    }

    #[test]
    fn a_lost_update_is_seen() {
        let swap = |to| Swap { from: 0, to };
        assert!(!judge(&[(0, 9, swap(1)), (1, 8, swap(2))]), "both swapped from the same value");
        assert!(!judge(&[(0, 1, swap(1)), (2, 3, swap(2))]));
    }

    #[test]
    fn a_stale_read_is_seen() {
        let swap = Swap { from: 0, to: 1 };
        assert!(!judge(&[(0, 1, swap), (2, 3, Read(0))]), "it was over before the read began");
        assert!(!judge(&[(0, 9, swap), (1, 2, Read(1)), (3, 4, Read(0))]), "what was seen once stays");
    }

    #[test]
    fn an_answer_from_nowhere_is_seen() {
        assert!(!judge(&[(0, 1, Read(7))]));
        assert!(!judge(&[(0, 9, Swap { from: 0, to: 1 }), (1, 8, Refused { from: 0 }), (2, 7, Read(2))]));
        assert!(!judge(&[(0, 1, Refused { from: 0 })]));
    }

    /// Whether some order of what is left explains it, by trying all.
    fn is_explained(state: u32, left: &[(u128, u128, Operation)]) -> bool {
        let Some(first_return) = left.iter().map(|(_, returned, _)| *returned).min() else {
            return true;
        };
        let mut candidates = (0..left.len()).filter(|&at| left[at].0 <= first_return);
        candidates.any(|at| {
            let others = [&left[..at], &left[at + 1..]].concat();
            Register::step(&state, &left[at].2).is_some_and(|state| is_explained(state, &others))
        })
    }

    #[test]
    fn trying_all_orders_says_the_same() {
        let value = || rand::random_range(0..3);
        let operation = || match rand::random_range(0..3) {
            0 => Read(value()),
            1 => Swap { from: value(), to: value() },
            _ => Refused { from: value() },
        };
        let call = || {
            let invoked = rand::random_range(0..12);
            (invoked, invoked + rand::random_range(1..8), operation())
        };
        let mut seen = HashSet::new();
        for _ in 0..20_000 {
            let history: Vec<_> = (0..5).map(|_| call()).collect();
            let explained = is_explained(0, &history);
            assert_eq!(judge(&history), explained, "{history:?}");
            seen.insert(explained);
        }
        assert_eq!(seen.len(), 2, "some can be explained, and some can't");
    }

    #[test]
    fn many_at_once_are_judged_in_time() {
        let moved = |from: u32| (0, 1_000, Swap { from, to: from + 1 });
        let mut history: Vec<_> = (0..16).rev().map(moved).collect();
        assert!(judge(&history));
        history.push((1_001, 1_002, Read(15)));
        assert!(!judge(&history));
    }
}
