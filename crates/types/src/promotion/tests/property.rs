//! What holds of every judgement, whatever is judged.

use std::cmp::Ordering;

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::super::{Attested, Condition, Decision, FreezeWindow, Item, Outcome, PlacedBefore, Report, Review, Schedule, Waiver};
use super::story::{approved, attested, current, item, placement, rejected, report, tagged, waiver};
use super::*;
use crate::access::Role;
use crate::pattern::NamePattern;

/// Moments that meet each other often, and now and then the ends of time.
fn moment() -> impl Strategy<Value = Timestamp> {
    let ends = prop_oneof![Just(i64::MIN), Just(i64::MAX), any::<i64>()];
    prop_oneof![12 => (-10..10_i64).prop_map(at), 1 => ends.prop_map(Timestamp::from_micros)]
}

fn length() -> impl Strategy<Value = Span> {
    prop_oneof![12 => 1..15_i64, 1 => 1..=i64::MAX].prop_map(span)
}

fn person() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("ann"), Just("Ann"), Just("bob"), Just("cleo"), Just("eve")]
}

fn placements() -> impl Strategy<Value = Vec<PlacedBefore>> {
    let stage = prop_oneof![Just("staging"), Just("canary")];
    let one = (stage, 0..9_u32, moment(), of(moment()), proptest::bool::weighted(0.2));
    vec(one.prop_map(|(stage, number, start, end, undone)| PlacedBefore { undone, ..placement(stage, number, start, end) }), 0..5)
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    let order = prop_oneof![Just(Ordering::Less), Just(Ordering::Equal), Just(Ordering::Greater)];
    let placed = (prop_oneof![Just("1.2.0"), Just("9")], prop_oneof![Just("new"), Just("old")], order);
    let placed = of(placed.prop_map(|(version, text, order)| current(version, text, order)));
    let tags = vec((prop_oneof![Just("rc"), Just("ok")], any::<bool>()).prop_map(|(tag, immutable)| tagged(tag, immutable)), 0..3);
    let attestation = (0..9_u32, moment(), any::<bool>()).prop_map(|(number, time, verified)| {
        let one = Attested { time, ..attested(number) };
        if verified { one } else { Attested { verified: Err("it is broken".to_owned()), ..one } }
    });
    let one = (moment(), placed, placements(), tags, vec(attestation, 0..3));
    let one = one.prop_map(|(published_at, current, placements, tags, attestations)| Item {
        published_at,
        current,
        placements,
        tags,
        attestations,
        ..item("tool", "1.2.0")
    });
    vec(one, 0..4)
}

fn condition() -> impl Strategy<Value = Condition> {
    let stages = vec(prop_oneof![Just("staging"), Just("canary")].prop_map(|name| name.parse().unwrap()), 0..3);
    let stage = of(Just("canary").prop_map(|name| name.parse().unwrap()));
    prop_oneof![
        (stages, any::<bool>()).prop_map(|(stages, any)| Condition::Predecessor { stages, any }),
        (stage, length()).prop_map(|(stage, duration)| Condition::Soak { stage, duration }),
        (0..3_u32, any::<bool>(), any::<bool>(), any::<bool>(), of(length())).prop_map(|(count, named, distinct, own, validity)| {
            Condition::Approval {
                count,
                minimum_role: Role::Maintainer,
                approvers: if named { vec!["ann".parse().unwrap(), "cleo".parse().unwrap()] } else { Vec::new() },
                distinct,
                allow_self_approval: own,
                validity,
            }
        }),
        of(length()).prop_map(|maximum_age| Condition::Attestation {
            predicate_type: attested(1).predicate_type,
            signers: Vec::new(),
            maximum_age
        }),
        of(Just("bot".parse().unwrap())).prop_map(|reporter| Condition::Status { check: "e2e".parse().unwrap(), reporter }),
        any::<bool>().prop_map(|immutable| Condition::Tag { tags: NamePattern::glob("rc").unwrap(), immutable }),
        any::<bool>().prop_map(|allow_same| Condition::Order { allow_same }),
        length().prop_map(|minimum_age| Condition::Age { minimum_age }),
    ]
}

fn reviews() -> impl Strategy<Value = Vec<Review>> {
    let gates = vec(prop_oneof![Just("g0"), Just("g1"), Just("g2")].prop_map(|name| name.parse().unwrap()), 0..2);
    let one = (person(), proptest::bool::weighted(0.8), gates, moment(), any::<bool>());
    vec(
        one.prop_map(|(actor, yes, gates, time, high)| {
            let word = if yes { approved(actor) } else { rejected(actor) };
            Review { gates, time, role: if high { Role::Owner } else { Role::Developer }, ..word }
        }),
        0..6,
    )
}

fn reports() -> impl Strategy<Value = Vec<Report>> {
    let outcome = prop_oneof![Just(Passed), Just(Failed), Just(Pending), Just(Waived)];
    let one = (prop_oneof![Just("bot"), Just("eve")], outcome, moment());
    vec(one.prop_map(|(actor, outcome, time)| Report { gate: "g0".parse().unwrap(), ..report(actor, outcome, "so", time) }), 0..3)
}

fn stories() -> impl Strategy<Value = Story> {
    let window = (moment(), moment()).prop_map(|(start, end)| Schedule::OneTime { start, end });
    let window = window.prop_map(|schedule| FreezeWindow { name: "w".parse().unwrap(), schedule, reason: "".parse().unwrap() });
    let gate = prop_oneof![Just("g0"), Just("g1"), Just("freeze")];
    let waivers = vec((gate, moment()).prop_map(|(gate, expires_at)| Waiver { expires_at, ..waiver(gate) }), 0..2);
    (moment(), vec(condition(), 1..5), vec(window, 0..3), items(), reviews(), reports(), waivers).prop_map(
        |(now, conditions, windows, items, reviews, reports, waivers)| {
            let empty = Story::new(Condition::Order { allow_same: true }).now(now).with(|story| {
                story.policy.gates.clear();
                story.policy.freeze_windows = windows;
                (story.items, story.reviews, story.reports, story.waivers) = (items, reviews, reports, waivers);
            });
            conditions.into_iter().enumerate().fold(empty, |story, (number, condition)| story.gate(&format!("g{number}"), condition))
        },
    )
}

/// Whether the content was on the stage for so long: moment by moment, for stories in which all moments are near.
fn soaked(item: &Item, stage: &str, duration: Span, now: Timestamp) -> bool {
    let there = |moment: &i64| {
        item.placements.iter().any(|placed| {
            let (start, end) = (placed.start.as_micros(), placed.end.map_or(i64::MAX, Timestamp::as_micros));
            placed.stage.as_str() == stage && !placed.undone && (start..end).contains(moment)
        })
    };
    let mut run = 0;
    (at(-20).as_micros()..now.as_micros()).any(|moment| {
        run = if there(&moment) { run + 1 } else { 0 };
        run >= duration.as_micros()
    })
}

/// Whether a gate holds, told once more in the simplest way; `None` where that is not simple.
fn holds(story: &Story, condition: &Condition) -> Option<bool> {
    let each = |holds: &dyn Fn(&Item) -> bool| Some(story.items.iter().all(holds));
    let was_on = |item: &Item, stage: &str| item.placements.iter().any(|placed| !placed.undone && placed.stage.as_str() == stage);
    match condition {
        Condition::Predecessor { stages, .. } if stages.is_empty() => each(&|item| was_on(item, "staging")),
        Condition::Predecessor { stages, any: true } => each(&|item| stages.iter().any(|stage| was_on(item, stage.as_str()))),
        Condition::Predecessor { stages, any: false } => each(&|item| stages.iter().all(|stage| was_on(item, stage.as_str()))),
        Condition::Age { minimum_age } => each(&|item| item.published_at.plus(*minimum_age) <= story.now),
        Condition::Tag { immutable, .. } => {
            each(&|item| item.tags.iter().any(|tagged| tagged.tag.as_str() == "rc" && (tagged.immutable || !immutable)))
        }
        Condition::Order { allow_same } => each(&|item| {
            item.current.as_ref().is_none_or(|placed| {
                let same = placed.version == item.version && placed.content == item.content;
                if same { *allow_same } else { placed.order != Ordering::Less }
            })
        }),
        Condition::Attestation { maximum_age, .. } => each(&|item| {
            let young = |one: &Attested| maximum_age.is_none_or(|age| one.time.plus(age) > story.now);
            item.attestations.iter().any(|one| one.verified.is_ok() && young(one))
        }),
        Condition::Soak { .. } | Condition::Approval { .. } | Condition::Status { .. } => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn nothing_passes_but_what_holds_or_is_waived(story in stories()) {
        let verdicts = story.judge();
        for (gate, verdict) in story.policy.gates.iter().zip(&verdicts) {
            let waived = story.waivers.iter().any(|waiver| waiver.gate == gate.name && waiver.expires_at > story.now);
            if let Some(holds) = holds(&story, &gate.condition) {
                prop_assert_eq!(verdict.outcome == Passed, holds, "{:?}", verdict);
            }
            prop_assert!(verdict.outcome != Waived || waived);
            prop_assert!(!waived || matches!(verdict.outcome, Passed | Waived));
        }
        prop_assert_eq!(story.judge(), verdicts);
    }

    #[test]
    fn a_verdict_changes_at_the_moment_that_it_tells(story in stories()) {
        for (place, verdict) in story.judge().iter().enumerate() {
            if let Some(retry_at) = verdict.retry_at {
                prop_assert!(retry_at > story.now);
                let then = &story.clone().now(retry_at).judge()[place];
                prop_assert!((then.outcome, then.retry_at) != (verdict.outcome, verdict.retry_at), "{:?} {:?}", verdict, then);
            }
        }
    }

    #[test]
    fn what_waits_for_time_alone_changes_no_sooner(story in stories(), moment in moment()) {
        for (place, verdict) in story.judge().iter().enumerate() {
            let condition = story.policy.gates.get(place).map(|gate| &gate.condition);
            let by_time = matches!(condition, None | Some(Condition::Soak { .. } | Condition::Age { .. }));
            if by_time && verdict.outcome == Pending && verdict.retry_at.is_some_and(|retry_at| story.now < moment && moment < retry_at) {
                let then = &story.clone().now(moment).judge()[place];
                prop_assert!(then.outcome == Pending, "{:?} {:?}", verdict, then);
            }
        }
    }

    #[test]
    fn soaking_is_staying_without_a_break(
        starts in vec((-10..10_i64, of(0..15_i64), any::<bool>()), 0..6), duration in 1..15_i64, now in -5..10_i64,
    ) {
        // What has an end ended by now.
        let placements: Vec<PlacedBefore> = starts.iter().map(|(start, length, undone)| {
            let end = length.map(|length| at((start + length).min(now)));
            PlacedBefore { undone: *undone, ..placement("staging", 1, at(*start), end) }
        }).collect();
        let story = Story::new(Condition::Soak { stage: None, duration: span(duration) }).placed(&placements).now(at(now));
        let soaked = soaked(&story.items[0], "staging", span(duration), at(now));
        prop_assert_eq!(story.judge()[0].outcome == Passed, soaked, "{:?}", story.judge());
    }

    #[test]
    fn one_more_approval_takes_nothing_away(story in stories(), actor in person(), gate in 0..4_usize) {
        // People keep their roles, so that no later word counts for less than an earlier one.
        let story = story.with(|story| {
            story.waivers.clear();
            story.reviews.iter_mut().for_each(|review| review.role = Role::Owner);
        });
        let gates = story.policy.gates.get(gate).map(|gate| gate.name.clone()).into_iter().collect();
        let newest = story.reviews.iter().map(|review| review.time).max().unwrap_or(story.now).max(story.now);
        let more = story.clone().reviewed(&[Review { gates, role: Role::Owner, time: newest, ..approved(actor) }]);
        let pairs = story.judge().into_iter().zip(more.judge());
        for ((before, after), gate) in pairs.zip(&story.policy.gates) {
            let distinct = matches!(gate.condition, Condition::Approval { distinct: true, .. });
            // At the very end of time every approval is as old as it may be.
            if before.outcome == Passed && !distinct && story.now < Timestamp::from_micros(i64::MAX) {
                prop_assert_eq!(after.outcome, Passed, "{:?}", after);
            }
        }
    }

    #[test]
    fn nobody_counts_for_two_gates_of_which_one_is_distinct(story in stories()) {
        let verdicts = story.judge();
        let counting = |place: usize, outcome: Outcome| {
            let evidence = if outcome == Failed { Vec::new() } else { verdicts[place].evidence.clone() };
            evidence.into_iter().map(|name| name.to_ascii_lowercase()).collect::<Vec<_>>()
        };
        let gates = || story.policy.gates.iter().enumerate().filter_map(|(place, gate)| match gate.condition {
            Condition::Approval { distinct, .. } if verdicts[place].outcome != Waived => Some((place, distinct)),
            _ => None,
        });
        for (first, distinct) in gates().filter(|(_, distinct)| *distinct) {
            for (second, _) in gates().filter(|(place, _)| *place != first) {
                let (one, other) = (counting(first, verdicts[first].outcome), counting(second, verdicts[second].outcome));
                prop_assert!(distinct && one.iter().all(|name| !other.contains(name)), "{:?} {:?}", verdicts[first], verdicts[second]);
            }
        }
    }

    #[test]
    fn a_rejection_that_counts_fails_the_gate(story in stories(), actor in person()) {
        let newest = story.reviews.iter().map(|review| review.time).max().unwrap_or(story.now);
        let no = Review { decision: Decision::Rejected, role: Role::Owner, time: newest, ..approved(actor) };
        let story = story.with(|story| story.waivers.clear()).reviewed(&[no]);
        for (gate, verdict) in story.policy.gates.iter().zip(story.judge()) {
            if let Condition::Approval { approvers, .. } = &gate.condition {
                let asked = approvers.is_empty() || actor.eq_ignore_ascii_case("ann") || actor == "cleo";
                prop_assert!(!asked || verdict.outcome == Failed, "{:?}", verdict);
            }
        }
    }
}
