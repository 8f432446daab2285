//! Soak.

use super::super::{Condition, PlacedBefore};
use super::story::{placement, row, undone};
use super::*;

fn asks(stage: Option<&str>, duration: i64) -> Condition {
    Condition::Soak { stage: stage.map(|stage| stage.parse().unwrap()), duration: span(duration) }
}

fn since(start: i64) -> PlacedBefore {
    placement("staging", 1, at(start), None)
}

fn from_to(number: u32, start: i64, end: i64) -> PlacedBefore {
    placement("staging", number, at(start), Some(at(end)))
}

fn day(placements: &[PlacedBefore]) -> Story {
    Story::new(asks(None, DAY)).placed(placements)
}

fn two_stages(placements: &[PlacedBefore]) -> Story {
    day(placements).with(|story| story.policy.predecessors.push("canary".parse().unwrap()))
}

pub(super) fn rows() -> Vec<Row> {
    [of_one_span(), of_many_spans(), of_many_stages()].into_iter().flatten().collect()
}

fn of_one_span() -> Vec<Row> {
    vec![
        row("what is there long enough passes", day(&[since(-2 * DAY)]), Passed, "`tool 1.2.0` stayed on `staging` for 1d")
            .evidence(&["promotions/1"]),
        row("the very instant passes", day(&[since(-DAY)]), Passed, "stayed on `staging`"),
        row("a microsecond too early waits for it", day(&[since(-DAY + 1)]), Pending, "is to stay on `staging` for 1d: wait until 2026-")
            .retry(at(1)),
        row("a microsecond more passes", day(&[since(-DAY - 1)]), Passed, "stayed"),
        row("what has just come waits for all of it", day(&[since(0)]), Pending, "wait until 2026-06-02T12:00:00Z").retry(at(DAY)),
        row("what was never there is to be placed", day(&[]), Pending, "and is not there: promote it there first").evidence(&[]),
        row("what was there before long enough passes", day(&[from_to(1, -9 * DAY, -8 * DAY)]), Passed, "stayed on `staging` for 1d"),
        row("what left a microsecond too early is to come again", day(&[from_to(1, -9 * DAY, -8 * DAY - 1)]), Pending, "left it too early")
            .evidence(&["promotions/1"]),
        row("what was undone does not count", day(&[undone(from_to(1, -9 * DAY, -HOUR))]), Pending, "is not there: promote it there first"),
        row(
            "a named stage takes the place of the predecessors",
            Story::new(asks(Some("canary"), DAY)).placed(&[since(-2 * DAY)]),
            Pending,
            "is to stay on `canary` for 1d, and is not there",
        ),
        row(
            "a named stage is asked",
            Story::new(asks(Some("canary"), HOUR)).placed(&[placement("canary", 3, at(-HOUR), None)]),
            Passed,
            "stayed on `canary` for 1h",
        ),
        row("a microsecond is long enough where that is asked", Story::new(asks(None, 1)).placed(&[since(-1)]), Passed, "for 1ms"),
        row("a duration beyond all time is waited for", Story::new(asks(None, i64::MAX)).placed(&[since(-DAY)]), Pending, "wait until")
            .retry(Timestamp::from_micros(i64::MAX)),
        row("what comes in the future waits", day(&[since(HOUR)]), Pending, "wait until 2026-06-02T13:00:00Z").retry(at(DAY + HOUR)),
        row(
            "what is known to leave in time waits too",
            day(&[placement("staging", 1, at(-HOUR), Some(at(2 * DAY)))]),
            Pending,
            "wait until 2026-06-02T11:00:00Z",
        )
        .retry(at(23 * HOUR)),
        row(
            "what is known to leave too early waits for nothing",
            day(&[placement("staging", 1, at(-HOUR), Some(at(HOUR)))]),
            Pending,
            "left it too early",
        ),
    ]
}

fn of_many_spans() -> Vec<Row> {
    vec![
        row("the longest span counts", day(&[from_to(1, -9 * DAY, -8 * DAY), since(-HOUR)]), Passed, "stayed").evidence(&["promotions/1"]),
        row("short ones do not add up", day(&[from_to(1, -3 * DAY, -3 * DAY + 20 * HOUR), since(-20 * HOUR)]), Pending, "wait until")
            .retry(at(4 * HOUR)),
        row("spans that touch are one", day(&[from_to(1, -DAY, -HOUR), placement("staging", 2, at(-HOUR), None)]), Passed, "stayed")
            .evidence(&["promotions/1", "promotions/2"]),
        row("a break of a microsecond is one", day(&[from_to(2, -DAY, -HOUR - 1), since(-HOUR)]), Pending, "wait until")
            .retry(at(23 * HOUR)),
        row("spans that touch wait together", day(&[from_to(2, -2 * HOUR, -HOUR), since(-HOUR)]), Pending, "wait until")
            .retry(at(22 * HOUR))
            .evidence(&["promotions/2", "promotions/1"]),
        row(
            "an undone span in between is a break",
            day(&[from_to(1, -DAY, -9 * HOUR), undone(from_to(2, -9 * HOUR, -HOUR)), since(-HOUR)]),
            Pending,
            "wait",
        )
        .retry(at(23 * HOUR)),
        row(
            "three that touch and are over pass",
            day(&[from_to(1, -90 * HOUR, -80 * HOUR), from_to(2, -80 * HOUR, -70 * HOUR), from_to(3, -70 * HOUR, -66 * HOUR)]),
            Passed,
            "stayed",
        )
        .evidence(&["promotions/1", "promotions/2", "promotions/3"]),
        row(
            "the order in which they are told does not matter",
            day(&[placement("staging", 2, at(-HOUR), None), from_to(1, -DAY, -HOUR)]),
            Passed,
            "stayed",
        ),
        row(
            "one within another makes it no shorter",
            day(&[from_to(1, -DAY - HOUR, -HOUR), from_to(2, -9 * HOUR, -8 * HOUR)]),
            Passed,
            "stayed",
        ),
        row("one that goes on within another goes on", day(&[from_to(1, -9 * HOUR, -HOUR), since(-8 * HOUR)]), Pending, "wait until")
            .retry(at(15 * HOUR)),
        row(
            "those on other stages do not count",
            day(&[placement("canary", 1, at(-9 * DAY), None), since(-HOUR)]),
            Pending,
            "on `staging`",
        )
        .retry(at(23 * HOUR)),
        row(
            "what left, and left again, is to come again",
            day(&[from_to(1, -9 * HOUR, -8 * HOUR), from_to(2, -3 * HOUR, -HOUR)]),
            Pending,
            "left it too early",
        )
        .evidence(&["promotions/2"]),
    ]
}

fn of_many_stages() -> Vec<Row> {
    let canary = |start| placement("canary", 7, at(start), None);
    vec![
        row("every predecessor is asked", two_stages(&[since(-2 * DAY)]), Pending, "to stay on `canary` for 1d, and is not there"),
        row("all of them pass", two_stages(&[since(-DAY), canary(-DAY)]), Passed, "on `staging` for 1d; it holds for 1 more stage too")
            .evidence(&["promotions/1", "promotions/7"]),
        row("the stage that takes longest decides", two_stages(&[since(-9 * HOUR), canary(-HOUR)]), Pending, "on `canary` for 1d: wait")
            .retry(at(23 * HOUR)),
        row(
            "where one needs a promotion, waiting does not help",
            two_stages(&[canary(-HOUR)]),
            Pending,
            "on `staging` for 1d, and is not there",
        ),
        row(
            "the version that takes longest decides",
            day(&[since(-9 * HOUR)]).other_item(|item| item.placements = vec![since(-HOUR)]),
            Pending,
            "`lib 3.0` is to stay on `staging` for 1d: wait until 2026-06-02T11:00:00Z; it does not hold for 1 more version either",
        )
        .retry(at(23 * HOUR)),
        row(
            "a version that has soaked does not decide",
            day(&[since(-2 * DAY)]).other_item(|item| item.placements = vec![since(-HOUR)]),
            Pending,
            "`lib 3.0` is to stay on `staging` for 1d: wait until 2026-06-02T11:00:00Z",
        )
        .retry(at(23 * HOUR)),
        row("without any predecessor it can't pass", day(&[]).with(|story| story.policy.predecessors.clear()), Failed, "no predecessors"),
    ]
}
