//! Waivers, and the freeze windows that they may be for.

use super::super::{Condition, FreezeWindow, Schedule, Waiver};
use super::story::{row, waiver};
use super::*;
use crate::pattern::NamePattern;

fn failing() -> Story {
    Story::new(Condition::Tag { tags: NamePattern::glob("release").unwrap(), immutable: false })
}

fn pending() -> Story {
    Story::new(Condition::Age { minimum_age: span(DAY) })
}

fn passing() -> Story {
    Story::new(Condition::Order { allow_same: false })
}

fn waived(story: Story, waivers: &[Waiver]) -> Story {
    story.with(|story| story.waivers = waivers.to_vec())
}

fn window(name: &str, start: i64, end: i64, reason: &str) -> FreezeWindow {
    let schedule = Schedule::OneTime { start: at(start), end: at(end) };
    FreezeWindow { name: name.parse().unwrap(), schedule, reason: reason.parse().unwrap() }
}

fn frozen(windows: &[FreezeWindow]) -> Story {
    passing().with(|story| story.policy.freeze_windows = windows.to_vec())
}

pub(super) fn rows() -> Vec<Row> {
    [of_waivers(), of_windows()].into_iter().flatten().collect()
}

fn of_waivers() -> Vec<Row> {
    let until = |micros| Waiver { expires_at: at(micros), ..waiver("gate") };
    let by = |actor: &str, waiver| Waiver { actor: actor.parse().unwrap(), ..waiver };
    vec![
        row(
            "a gate that fails is put aside",
            waived(failing(), &[waiver("gate")]),
            Waived,
            "waived by `olga` until 2026-06-01T13:00:00Z, because `the site is down`; without that: `tool 1.2.0` has no tag that fits",
        )
        .retry(at(HOUR)),
        row(
            "a gate that is pending is put aside",
            waived(pending(), &[waiver("gate")]),
            Waived,
            "without that: `tool 1.2.0` was published less",
        )
        .retry(at(HOUR)),
        row("a gate that passes needs no waiver", waived(passing(), &[waiver("gate")]), Passed, "takes the place of nothing"),
        row("a waiver for another gate does not count", waived(failing(), &[waiver("other")]), Failed, "has no tag"),
        row("a waiver counts a microsecond before its end", waived(failing(), &[until(1)]), Waived, "waived by `olga`").retry(at(1)),
        row("a waiver does not count at its end", waived(failing(), &[until(0)]), Failed, "has no tag"),
        row("a waiver does not count after its end", waived(pending(), &[until(-1)]), Pending, "published less").retry(at(23 * HOUR)),
        row("the waiver that lasts longest is told", waived(failing(), &[until(9), by("ida", until(99)), until(5)]), Waived, "by `ida`")
            .retry(at(99)),
        row("a waiver that ended beside it does not matter", waived(failing(), &[by("ida", until(-1)), until(7)]), Waived, "by `olga`")
            .retry(at(7)),
    ]
}

fn of_windows() -> Vec<Row> {
    let (open, over) = (window("launch", -HOUR, HOUR, "we launch"), window("past", -2 * HOUR, 0, ""));
    let (longer, coming) = (window("fair", -1, DAY, ""), window("coming", 1, HOUR, ""));
    vec![
        row("without windows there is no gate for them", passing(), Passed, "takes the place of nothing"),
        row("no window that is open passes", frozen(&[over.clone(), coming.clone()]), Passed, "no freeze window is open").of("freeze"),
        row(
            "a window that is open waits for its end",
            frozen(&[over.clone(), open.clone(), coming]),
            Pending,
            "the freeze window `launch` (`we launch`) is open: wait until 2026-06-01T13:00:00Z",
        )
        .of("freeze")
        .retry(at(HOUR))
        .evidence(&["launch"]),
        row(
            "the one that closes last decides",
            frozen(&[open.clone(), longer.clone()]),
            Pending,
            "`fair` is open: wait until 2026-06-02T12:00:00Z; 1 more is open",
        )
        .of("freeze")
        .retry(at(DAY))
        .evidence(&["launch", "fair"]),
        row("all others are counted", frozen(&[longer.clone(), open.clone(), open.clone()]), Pending, "; 2 more are open")
            .of("freeze")
            .retry(at(DAY)),
        row("a window that is open stops no other gate", frozen(std::slice::from_ref(&open)), Passed, "takes the place of nothing"),
        row("a window opens at its start", frozen(&[window("a", 0, 1, "")]), Pending, "`a` is open").of("freeze").retry(at(1)),
        row("a window is not open before its start", frozen(&[window("a", 1, 2, "")]), Passed, "no freeze window is open").of("freeze"),
        row("a window is open a microsecond before its end", frozen(&[window("a", -9, 1, "")]), Pending, "`a` is open")
            .of("freeze")
            .retry(at(1)),
        row("a window closes at its end", frozen(&[over]), Passed, "no freeze window is open").of("freeze"),
        row("a window that ends before it starts is never open", frozen(&[window("a", 1, -1, "")]), Passed, "no freeze").of("freeze"),
        row("a freeze is put aside", waived(frozen(&[open]), &[waiver("freeze")]), Waived, "without that: the freeze window `launch`")
            .of("freeze")
            .retry(at(HOUR)),
        row("a freeze that ends is not waived", waived(frozen(&[]), &[waiver("freeze")]), Passed, "takes the place of nothing"),
    ]
}
