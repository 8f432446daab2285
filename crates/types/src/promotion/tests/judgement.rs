//! What all verdicts have in common.

use super::super::{Condition, Judgement, Report, Verdict, Waiver};
use super::story::{content, placement, report, tagged, waiver};
use super::*;
use crate::pattern::NamePattern;

fn age(minimum: i64) -> Condition {
    Condition::Age { minimum_age: span(minimum) }
}

fn tag() -> Condition {
    Condition::Tag { tags: NamePattern::glob("*").unwrap(), immutable: false }
}

fn status() -> Condition {
    Condition::Status { check: "e2e".parse().unwrap(), reporter: None }
}

fn judgement(story: &Story) -> Judgement {
    Judgement { verdicts: story.judge() }
}

#[test]
fn there_is_one_verdict_for_each_gate_in_the_order_of_the_policy() {
    let story = Story::new(age(1)).gate("b", tag()).gate("a", status());
    let names = |story: &Story| story.judge().iter().map(|verdict| verdict.gate.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&story), ["gate", "b", "a"]);

    let window = policy::full().freeze_windows[0].clone();
    assert_eq!(names(&story.with(|story| story.policy.freeze_windows.push(window))), ["gate", "b", "a", "freeze"]);
}

#[test]
fn a_stage_without_gates_is_open() {
    let open = judgement(&Story::new(age(1)).with(|story| story.policy.gates.clear()));
    assert!(open.verdicts.is_empty() && open.is_met() && !open.is_failed());
}

#[test]
fn all_gates_must_hold_or_be_waived() {
    let both = Story::new(age(DAY)).gate("tag", tag());
    let waiting = judgement(&both.clone().item(|item| item.tags = vec![tagged("a", false)]));
    assert!(!waiting.is_met() && !waiting.is_failed());
    assert_eq!(waiting.retry_at(), Some(at(23 * HOUR)));

    let failed = judgement(&both.clone());
    assert!(!failed.is_met() && failed.is_failed());

    let waived = judgement(&both.with(|story| story.waivers = vec![waiver("gate"), waiver("tag")]));
    assert!(waived.is_met() && !waived.is_failed());
    assert_eq!(waived.retry_at(), Some(at(HOUR)));
}

#[test]
fn the_first_moment_counts_at_which_something_may_change() {
    let story = Story::new(age(DAY)).gate("second", age(2 * HOUR)).gate("third", age(1));
    assert_eq!(judgement(&story).retry_at(), Some(at(HOUR)));
}

fn of_report(evidence: Vec<String>) -> Verdict {
    let report = Report { evidence, ..report("bot", Passed, "fine", at(0)) };
    Story::new(status()).with(|story| story.reports = vec![report]).judge().remove(0)
}

#[test]
fn evidence_is_bounded_and_each_entry_stands_once() {
    let many = of_report((0..99).map(|number| format!("https://ci.example/{number}")).collect());
    assert_eq!(many.evidence.len(), 50);
    assert_eq!(many.evidence[49], "https://ci.example/49");

    let long = of_report(vec!["é".repeat(300), "é".repeat(300), "x".repeat(512)]);
    assert_eq!(long.evidence.len(), 2);
    assert!(long.evidence[0].len() <= 512 && long.evidence[0].ends_with("é…"), "{}", long.evidence[0]);
    assert_eq!(long.evidence[1], "x".repeat(512));
}

#[test]
fn evidence_of_many_versions_is_bounded_too() {
    let condition = Condition::Predecessor { stages: Vec::new(), any: false };
    let story = (0..200).fold(Story::new(condition).with(|story| story.items.clear()), |story, number| {
        story.other_item(|item| item.placements = vec![placement("staging", number, at(-1), None)])
    });
    let verdict = story.judge().remove(0);
    assert_eq!((verdict.outcome, verdict.evidence.len()), (Passed, 50));
    assert!(verdict.reason.ends_with("; it holds for 199 more versions too"), "{}", verdict.reason);
}

#[test]
fn what_others_wrote_does_not_swell_a_reason() {
    let justification = "very long\n".repeat(400).parse().unwrap();
    let waived = Story::new(tag()).with(|story| story.waivers.push(Waiver { justification, ..waiver("gate") }));
    let reason = waived.judge().remove(0).reason;
    assert!(reason.len() < 600 && !reason.contains('\n') && reason.contains("very long very l"), "{reason}");
}

#[test]
fn what_is_placed_is_compared_by_version_and_content() {
    let story = |text| {
        let condition = Condition::Order { allow_same: false };
        Story::new(condition).item(|item| item.current = Some(story::current("1.2.0", text, std::cmp::Ordering::Equal)))
    };
    assert_ne!(content("new"), content("old"));
    assert_eq!(story("new").judge()[0].outcome, Failed);
    assert_eq!(story("old").judge()[0].outcome, Passed);
}
