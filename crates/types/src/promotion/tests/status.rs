//! Reports of outside checkers.

use super::super::{Condition, Report};
use super::story::{report, row};
use super::*;

fn of(reporter: Option<&str>, reports: &[Report]) -> Story {
    let condition = Condition::Status { check: "e2e".parse().unwrap(), reporter: reporter.map(|name| name.parse().unwrap()) };
    Story::new(condition).with(|story| story.reports = reports.to_vec())
}

pub(super) fn rows() -> Vec<Row> {
    let (early, late) = (at(-HOUR), at(-1));
    let other = Report { gate: "other".parse().unwrap(), ..report("bot", Passed, "fine", early) };
    let unnamed = Condition::Status { check: "".parse().unwrap(), reporter: None };
    vec![
        row("without a report it waits", of(None, &[]), Pending, "the check `e2e` has not reported: a checker is to report what it finds")
            .evidence(&[]),
        row("who is to report is named", of(Some("bot"), &[]), Pending, "the check `e2e` has not reported: `bot` is to report"),
        row("a check without a name goes by the gate", Story::new(unnamed), Pending, "the check `gate` has not reported"),
        row("a report that passes does", of(None, &[report("bot", Passed, "all 7 pass", early)]), Passed, "all 7 pass")
            .evidence(&["https://ci.example/7"]),
        row("a report that fails does", of(None, &[report("bot", Failed, "1 of 7 fails", early)]), Failed, "1 of 7 fails")
            .evidence(&["https://ci.example/7"]),
        row("a report that is pending waits", of(None, &[report("bot", Pending, "5 of 7 done", early)]), Pending, "5 of 7 done"),
        row("a report can't waive the gate", of(None, &[report("bot", Waived, "never mind", early)]), Pending, "never mind"),
        row(
            "a report without words is put into some",
            of(None, &[report("bot", Failed, "", early)]),
            Failed,
            "`e2e` failed, as `bot` reports",
        ),
        row("a silent pass is put into words", of(None, &[report("bot", Passed, "", early)]), Passed, "the check `e2e` passed, as `bot`"),
        row("a silent wait is put into words", of(None, &[report("bot", Pending, "", early)]), Pending, "the check `e2e` is pending, as"),
        row(
            "the newest report decides",
            of(None, &[report("bot", Failed, "bad", early), report("bot", Passed, "good", late)]),
            Passed,
            "good",
        ),
        row(
            "the newest decides in any order",
            of(None, &[report("bot", Passed, "good", late), report("bot", Failed, "bad", early)]),
            Passed,
            "good",
        ),
        row(
            "of one instant the last one told decides",
            of(None, &[report("bot", Passed, "good", late), report("bot", Failed, "bad", late)]),
            Failed,
            "bad",
        ),
        row("the reporter who is expected decides", of(Some("bot"), &[report("bot", Passed, "good", early)]), Passed, "good"),
        row("in any case", of(Some("Bot"), &[report("bot", Passed, "good", early)]), Passed, "good"),
        row("another reporter does not", of(Some("bot"), &[report("eve", Passed, "good", early)]), Pending, "`bot` is to report"),
        row(
            "another reporter does not, though newer",
            of(Some("bot"), &[report("bot", Failed, "bad", early), report("eve", Passed, "good", late)]),
            Failed,
            "bad",
        ),
        row("a report for another gate does not count", of(None, &[other]), Pending, "has not reported"),
    ]
}
