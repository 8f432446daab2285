//! The gates that ask for approvals: whose word counts for which of them.

use std::collections::BTreeMap;

use super::super::{Case, Condition, Decision, Review};
use super::finding::{quoted, shortened};
use super::{Finding, GateName};
use crate::time::Span;
use crate::{Timestamp, Username, access::Role};

/// What an approval gate asks.
#[derive(Clone, Copy)]
struct Terms<'a> {
    gate: &'a GateName,
    count: usize,
    minimum_role: Role,
    approvers: &'a [Username],
    distinct: bool,
    allow_self_approval: bool,
    validity: Option<Span>,
}

/// Why an approval does not count.
enum Objection<'a> {
    NotAsked,
    Role,
    Own,
    Lapsed(Span),
    Elsewhere(&'a GateName),
}

/// What was said at one gate: of each person, by name, the newest word.
struct Tally<'a> {
    terms: Terms<'a>,
    approvals: BTreeMap<String, &'a Review>,
    others: BTreeMap<String, (&'a Review, Objection<'a>)>,
    rejection: Option<&'a Review>,
}

/// The rejection that ends a promotion to a stage where nobody is asked to approve: of those who set the rules, the first word against it.
pub(super) fn objection(case: &Case<'_>) -> Option<Finding> {
    let gate = GateName::rejection();
    if case.policy.gates.iter().any(|gate| matches!(gate.condition, Condition::Approval { .. })) {
        return None;
    }
    let terms = Terms {
        gate: &gate,
        count: 0,
        minimum_role: Role::Maintainer,
        approvers: &[],
        distinct: false,
        allow_self_approval: true,
        validity: None,
    };
    Tally::of(case, terms).rejection.map(|review| rejected(review, "ask for it anew when they agree"))
}

/// What was said at all approval gates of a policy, by their place in it.
pub(super) struct Tallies<'a>(BTreeMap<usize, Tally<'a>>);

impl<'a> Tallies<'a> {
    pub(super) fn of(case: &'a Case<'_>) -> Self {
        let mut tallies: BTreeMap<usize, Tally<'a>> = BTreeMap::new();
        for (place, gate) in case.policy.gates.iter().enumerate() {
            if let Some(terms) = Terms::of(&gate.name, &gate.condition) {
                tallies.insert(place, Tally::of(case, terms));
            }
        }
        let mut tallies = Self(tallies);
        tallies.part();
        tallies
    }

    pub(super) fn find(&self, place: usize) -> Finding {
        self.0.get(&place).map_or_else(|| Finding::failed("the gate asks for no approvals"), Tally::find)
    }

    /// Lets nobody count for two gates of which one is distinct.
    fn part(&mut self) {
        let mut first: BTreeMap<String, &'a GateName> = BTreeMap::new();
        for distinct in [false, true] {
            for tally in self.0.values_mut().filter(|tally| tally.terms.distinct == distinct) {
                tally.part(&mut first);
            }
        }
    }
}

impl<'a> Terms<'a> {
    fn of(gate: &'a GateName, condition: &'a Condition) -> Option<Self> {
        let Condition::Approval { count, minimum_role, approvers, distinct, allow_self_approval, validity } = condition else {
            return None;
        };
        Some(Self {
            gate,
            count: usize::try_from(*count).unwrap_or(usize::MAX),
            minimum_role: *minimum_role,
            approvers,
            distinct: *distinct,
            allow_self_approval: *allow_self_approval,
            validity: *validity,
        })
    }

    /// Why a word does not count. A rejection by whoever asked for the promotion does, and it never lapses.
    fn objection(&self, review: &Review, case: &Case<'_>) -> Option<Objection<'a>> {
        let approves = review.decision == Decision::Approved;
        if !self.approvers.is_empty() && !self.approvers.iter().any(|name| is_one(name.as_str(), review)) {
            Some(Objection::NotAsked)
        } else if review.role < self.minimum_role {
            Some(Objection::Role)
        } else if approves && !self.allow_self_approval && is_one(case.creator.as_str(), review) {
            Some(Objection::Own)
        } else {
            self.validity.filter(|validity| approves && review.time.plus(*validity) <= case.now).map(Objection::Lapsed)
        }
    }
}

/// Whether this is the name of who said it: two names that differ in case alone are one person's.
fn is_one(name: &str, review: &Review) -> bool {
    name.eq_ignore_ascii_case(review.actor.as_str())
}

impl<'a> Tally<'a> {
    fn of(case: &'a Case<'_>, terms: Terms<'a>) -> Self {
        let mut newest: BTreeMap<String, &'a Review> = BTreeMap::new();
        let meant = |review: &&Review| review.is_user && (review.gates.is_empty() || review.gates.contains(terms.gate));
        for review in case.reviews.iter().filter(meant) {
            let word = newest.entry(review.actor.as_str().to_ascii_lowercase()).or_insert(review);
            if word.time <= review.time {
                *word = review;
            }
        }
        let mut tally = Self { terms, approvals: BTreeMap::new(), others: BTreeMap::new(), rejection: None };
        for (person, review) in newest {
            match (review.decision, terms.objection(review, case)) {
                (Decision::Approved, None) => {
                    tally.approvals.insert(person, review);
                }
                (Decision::Approved, Some(objection)) => {
                    tally.others.insert(person, (review, objection));
                }
                (Decision::Rejected, None) if tally.rejection.is_none_or(|first| review.time < first.time) => {
                    tally.rejection = Some(review);
                }
                (Decision::Rejected, _) => {}
            }
        }
        tally
    }

    /// Gives up who counts for another gate already, if this one is distinct. `first` has the first gate that each person counts for.
    fn part(&mut self, first: &mut BTreeMap<String, &'a GateName>) {
        for (person, review) in std::mem::take(&mut self.approvals) {
            if let Some(gate) = first.get(&person).filter(|_| self.terms.distinct) {
                self.others.insert(person, (review, Objection::Elsewhere(gate)));
            } else {
                first.entry(person.clone()).or_insert(self.terms.gate);
                self.approvals.insert(person, review);
            }
        }
    }

    fn find(&self) -> Finding {
        let users = self.approvals.values().map(|review| user(review));
        let (found, count) = (self.approvals.len(), self.terms.count);
        if let Some(review) = self.rejection {
            return rejected(review, "ask them to approve it");
        }
        if found >= count {
            let by: Vec<String> = users.clone().collect();
            let reason = if by.is_empty() { "no approval is needed".to_owned() } else { format!("approved by {}", quoted(&by)) };
            return Finding::passed(reason).resting_on(users).until(self.lapses());
        }
        let reason = format!("{found} of {count} approvals; {} more {}{}", count - found, self.wanted(), self.passed_over());
        Finding::pending(reason).resting_on(users)
    }

    /// When there will be too few of the approvals that count.
    fn lapses(&self) -> Option<Timestamp> {
        let mut times: Vec<Timestamp> = self.approvals.values().map(|review| review.time).collect();
        times.sort_unstable();
        let last = times.iter().rev().nth(self.terms.count.checked_sub(1)?)?;
        Some(last.plus(self.terms.validity?))
    }

    /// Who is to approve.
    fn wanted(&self) -> String {
        let role = self.terms.minimum_role;
        let names: Vec<String> = self.terms.approvers.iter().map(|name| format!("users/{name}")).collect();
        if names.is_empty() {
            format!("with the role `{role}` or above must approve")
        } else {
            format!("of {} must approve, with the role `{role}` or above", quoted(&names))
        }
    }

    /// Whose approval does not count, and why.
    fn passed_over(&self) -> String {
        let shown = self.others.values().take(3).map(|(review, objection)| {
            let why = match objection {
                Objection::NotAsked => "they are not among the approvers".to_owned(),
                Objection::Role => format!("it was given as `{}`", review.role),
                Objection::Own => "they asked for the promotion".to_owned(),
                Objection::Lapsed(validity) => format!("it is as old as {validity} or older"),
                Objection::Elsewhere(gate) => format!("it counts for the gate `{gate}`"),
            };
            format!("; that of `{}` does not count, because {why}", user(review))
        });
        shown.collect()
    }
}

fn rejected(review: &Review, help: &str) -> Finding {
    let why = match shortened(review.comment.as_str()) {
        why if why.is_empty() => "without a comment".to_owned(),
        why => format!("with the comment `{why}`"),
    };
    Finding::failed(format!("`{}` has rejected it {why}: {help}", user(review))).resting_on([user(review)])
}

fn user(review: &Review) -> String {
    format!("users/{}", review.actor)
}
