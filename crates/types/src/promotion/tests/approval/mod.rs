//! Approvals.

pub(super) mod distinct;
pub(super) mod unasked;

use super::super::{Condition, Review};
use super::story::{approved, meant, rejected, row};
use super::*;
use crate::access::Role;

/// What the gate asks: one maintainer.
#[derive(Clone, Copy)]
struct Asks {
    count: u32,
    role: Role,
    approvers: &'static [&'static str],
    distinct: bool,
    own: bool,
    validity: Option<i64>,
}

const ONE: Asks = Asks { count: 1, role: Role::Maintainer, approvers: &[], distinct: false, own: false, validity: None };
const TWO: Asks = Asks { count: 2, ..ONE };

impl Asks {
    fn condition(self) -> Condition {
        Condition::Approval {
            count: self.count,
            minimum_role: self.role,
            approvers: self.approvers.iter().map(|name| name.parse().unwrap()).collect(),
            distinct: self.distinct,
            allow_self_approval: self.own,
            validity: self.validity.map(span),
        }
    }

    fn of(self, reviews: &[Review]) -> Story {
        Story::new(self.condition()).reviewed(reviews)
    }
}

fn later(review: Review) -> Review {
    Review { time: at(-1), ..review }
}

fn as_role(role: Role, review: Review) -> Review {
    Review { role, ..review }
}

pub(super) fn rows() -> Vec<Row> {
    [counting(), of_whom(), newest_words(), rejections(), lapsing()].into_iter().flatten().collect()
}

fn counting() -> Vec<Row> {
    vec![
        row(
            "without an approval it waits",
            ONE.of(&[]),
            Pending,
            "0 of 1 approvals; 1 more with the role `maintainer` or above must approve",
        )
        .evidence(&[]),
        row("one is enough where one is asked", ONE.of(&[approved("ann")]), Passed, "approved by `users/ann`").evidence(&["users/ann"]),
        row("one is too few where two are asked", TWO.of(&[approved("ann")]), Pending, "1 of 2 approvals; 1 more with")
            .evidence(&["users/ann"]),
        row("two are enough where two are asked", TWO.of(&[approved("ann"), approved("bob")]), Passed, "by `users/ann`, `users/bob`")
            .evidence(&["users/ann", "users/bob"]),
        row("three are more than enough", TWO.of(&[approved("ann"), approved("bob"), approved("eve")]), Passed, "`users/eve`"),
        row("one person counts once", TWO.of(&[approved("ann"), later(approved("ann"))]), Pending, "1 of 2 approvals"),
        row("one person counts once in any case", TWO.of(&[approved("ann"), later(approved("Ann"))]), Pending, "1 of 2 approvals"),
        row("none passes where none is asked", Asks { count: 0, ..ONE }.of(&[]), Passed, "no approval is needed"),
        row("more than there can be are waited for", Asks { count: u32::MAX, ..ONE }.of(&[approved("ann")]), Pending, "1 of 4294967295"),
    ]
}

fn of_whom() -> Vec<Row> {
    let named = Asks { approvers: &["ann", "bob"], ..ONE };
    let token = Review { is_user: false, ..approved("project_7_bot_3") };
    vec![
        row("a token does not count", ONE.of(&[token]), Pending, "0 of 1 approvals"),
        row(
            "a lower role does not count",
            ONE.of(&[as_role(Role::Developer, approved("dan"))]),
            Pending,
            "because it was given as `developer`",
        ),
        row("the role itself counts", ONE.of(&[as_role(Role::Maintainer, approved("dan"))]), Passed, "`users/dan`"),
        row("a higher role counts", ONE.of(&[as_role(Role::Owner, approved("dan"))]), Passed, "`users/dan`"),
        row(
            "a lower role counts where it is asked",
            Asks { role: Role::Developer, ..ONE }.of(&[as_role(Role::Developer, approved("dan"))]),
            Passed,
            "`users/dan`",
        ),
        row("a named approver counts", named.of(&[approved("bob")]), Passed, "`users/bob`"),
        row("a named approver counts in any case", named.of(&[approved("BOB")]), Passed, "`users/BOB`").evidence(&["users/BOB"]),
        row(
            "who is not named does not count",
            named.of(&[approved("eve")]),
            Pending,
            "1 more of `users/ann`, `users/bob` must approve, with the role `maintainer` or above; that of `users/eve` does not count, because \
             they are not among the approvers",
        ),
        row("a named approver needs the role", named.of(&[as_role(Role::Developer, approved("bob"))]), Pending, "given as `developer`"),
        row("who asked for it does not count", ONE.of(&[approved("cleo")]), Pending, "because they asked for the promotion"),
        row("who asked for it does not count in any case", ONE.of(&[approved("Cleo")]), Pending, "0 of 1 approvals"),
        row("who asked for it counts where that is allowed", Asks { own: true, ..ONE }.of(&[approved("cleo")]), Passed, "`users/cleo`"),
        row(
            "who asked for it is no second person",
            TWO.of(&[approved("ann"), approved("cleo")]),
            Pending,
            "1 of 2 approvals; 1 more with the role `maintainer` or above must approve; that of `users/cleo` does not count",
        ),
    ]
}

fn newest_words() -> Vec<Row> {
    let demoted = later(as_role(Role::Guest, approved("ann")));
    let elsewhere = |review| meant(review, &["other"]);
    vec![
        row("who thinks better of it approves", ONE.of(&[rejected("ann"), later(approved("ann"))]), Passed, "`users/ann`"),
        row("who thinks worse of it rejects", ONE.of(&[approved("ann"), later(rejected("ann"))]), Failed, "`users/ann` has rejected it"),
        row(
            "of one instant the last one told is the newest",
            ONE.of(&[approved("ann"), Review { time: at(-HOUR), ..rejected("ann") }]),
            Failed,
            "rejected",
        ),
        row("the newest is the newest in any order", ONE.of(&[later(approved("ann")), rejected("ann")]), Passed, "`users/ann`"),
        row("the role counts that was held at the newest word", ONE.of(&[approved("ann"), demoted]), Pending, "given as `guest`"),
        row("a word for this gate counts", ONE.of(&[meant(approved("ann"), &["other", "gate"])]), Passed, "`users/ann`"),
        row("a word for another gate does not count", ONE.of(&[elsewhere(approved("ann"))]), Pending, "0 of 1 approvals"),
        row(
            "a later word for another gate takes nothing back",
            ONE.of(&[approved("ann"), elsewhere(later(rejected("ann")))]),
            Passed,
            "`users/ann`",
        ),
        row(
            "a later word for all gates takes it back",
            ONE.of(&[meant(approved("ann"), &["gate"]), later(rejected("ann"))]),
            Failed,
            "`users/ann` has rejected it",
        ),
        row("a word that was heard before its time counts", ONE.of(&[Review { time: at(HOUR), ..approved("ann") }]), Passed, "`users/ann`"),
    ]
}

fn rejections() -> Vec<Row> {
    let named = Asks { approvers: &["ann"], ..ONE };
    let silent = Review { comment: "".parse().unwrap(), ..rejected("bob") };
    let lines = Review { comment: "too\nslow".parse().unwrap(), ..rejected("bob") };
    vec![
        row("one rejection fails", ONE.of(&[rejected("bob")]), Failed, "`users/bob` has rejected it with the comment `too slow`: ask them")
            .evidence(&["users/bob"]),
        row("one rejection outweighs all approvals", TWO.of(&[approved("ann"), approved("eve"), rejected("bob")]), Failed, "`users/bob`"),
        row("a rejection may be silent", ONE.of(&[silent]), Failed, "`users/bob` has rejected it without a comment"),
        row("a comment is shown on one line", ONE.of(&[lines]), Failed, "`too slow`"),
        row("the first rejection that stands is named", ONE.of(&[rejected("bob"), later(rejected("ann"))]), Failed, "`users/bob`"),
        row("a rejection by a lower role does not count", ONE.of(&[as_role(Role::Developer, rejected("dan"))]), Pending, "0 of 1"),
        row("a rejection by who is not asked does not count", named.of(&[rejected("bob"), approved("ann")]), Passed, "`users/ann`"),
        row("a rejection by a token does not count", ONE.of(&[Review { is_user: false, ..rejected("bob") }]), Pending, "0 of 1"),
        row("who asked for it may reject it", ONE.of(&[approved("ann"), rejected("cleo")]), Failed, "`users/cleo` has rejected it"),
        row("a rejection of another gate does not count", ONE.of(&[meant(rejected("bob"), &["other"])]), Pending, "0 of 1"),
        row(
            "a rejection does not lapse",
            Asks { validity: Some(1), ..ONE }.of(&[Review { time: at(-DAY), ..rejected("bob") }]),
            Failed,
            "`users/bob`",
        ),
    ]
}

fn lapsing() -> Vec<Row> {
    let hours = |count, validity| Asks { count, validity: Some(validity), ..ONE };
    let past = |actor, time| Review { time: at(time), ..approved(actor) };
    vec![
        row("an approval counts for its time", hours(1, 2 * HOUR).of(&[approved("ann")]), Passed, "`users/ann`").retry(at(HOUR)),
        row("an approval counts a microsecond before its end", hours(1, HOUR + 1).of(&[approved("ann")]), Passed, "`users/ann`")
            .retry(at(1)),
        row("an approval does not count at its end", hours(1, HOUR).of(&[approved("ann")]), Pending, "because it is as old as 1h or older"),
        row("an approval does not count after its end", hours(1, HOUR - 1).of(&[approved("ann")]), Pending, "0 of 1 approvals"),
        row("an approval that is given again counts again", hours(1, HOUR).of(&[approved("ann"), later(approved("ann"))]), Passed, "ann")
            .retry(at(HOUR - 1)),
        row(
            "a newer word that lapsed does not bring an older one back",
            hours(1, HOUR).of(&[past("ann", -2 * HOUR), past("ann", -HOUR)]),
            Pending,
            "0 of 1",
        ),
        row(
            "it lapses when too few are left",
            hours(2, 2 * HOUR).of(&[past("ann", -HOUR), past("bob", -1), past("eve", -2)]),
            Passed,
            "ann",
        )
        .retry(at(2 * HOUR - 2)),
        row("the newest of many counts longest", hours(1, 2 * HOUR).of(&[past("ann", -HOUR), past("bob", -1)]), Passed, "ann")
            .retry(at(2 * HOUR - 1)),
        row("too few of them wait for a person, not for time", hours(2, 2 * HOUR).of(&[approved("ann")]), Pending, "1 of 2 approvals"),
    ]
}
