//! What a policy says of itself.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::{
    Condition, FreezeWindow, Gate, GateKind, GateName, MAX_GATES, MAX_PREDECESSORS, MAX_WINDOWS, Policy, PolicyError, Schedule, StageName,
    Verdict, ring,
};
use super::*;
use crate::access::Role;
use crate::pattern::NamePattern;

fn stage(name: &str) -> StageName {
    name.parse().unwrap()
}

fn gate(name: &str, condition: Condition) -> Gate {
    Gate { name: name.parse().unwrap(), condition }
}

fn age(name: &str) -> Gate {
    gate(name, Condition::Age { minimum_age: span(1) })
}

fn window(name: &str, schedule: Schedule) -> FreezeWindow {
    FreezeWindow { name: name.parse().unwrap(), schedule, reason: "we launch".parse().unwrap() }
}

fn night() -> Schedule {
    Schedule::Recurring { start: "0 22 * * *".parse().unwrap(), end: "0 6 * * *".parse().unwrap(), zone: "Europe/Berlin".parse().unwrap() }
}

/// A policy with a gate of every kind.
pub(super) fn full() -> Policy {
    let approval = Condition::Approval {
        count: 1,
        minimum_role: Role::Maintainer,
        approvers: vec!["ann".parse().unwrap()],
        distinct: true,
        allow_self_approval: false,
        validity: Some(span(DAY)),
    };
    let attestation = Condition::Attestation {
        predicate_type: "https://slsa.dev/provenance/v1".parse().unwrap(),
        signers: vec!["repo:group/*".parse().unwrap()],
        maximum_age: None,
    };
    Policy {
        predecessors: vec![stage("staging"), stage("canary")],
        gates: vec![
            gate("before", Condition::Predecessor { stages: vec![stage("testing")], any: true }),
            gate("soak", Condition::Soak { stage: None, duration: span(DAY) }),
            gate("approval", approval),
            gate("provenance", attestation),
            gate("e2e", Condition::Status { check: "end to end".parse().unwrap(), reporter: Some("bot".parse().unwrap()) }),
            gate("tag", Condition::Tag { tags: NamePattern::glob("release-*").unwrap(), immutable: true }),
            gate("order", Condition::Order { allow_same: true }),
            gate("age", Condition::Age { minimum_age: span(HOUR) }),
        ],
        freeze_windows: vec![window("launch", Schedule::OneTime { start: at(0), end: at(HOUR) }), window("night", night())],
    }
}

#[test]
fn a_policy_reads_back_as_it_is_written() {
    for policy in [full(), Policy::default()] {
        let document = policy.document();
        let read: Policy = serde_json::from_str(&document).unwrap();
        assert_eq!(read, policy);
        assert_eq!((read.document(), read.digest()), (document, policy.digest()));
        assert_eq!(policy.check(), Ok(()));
    }
    assert_ne!(full().digest(), Policy::default().digest());
}

/// Promotions keep this digest: it must not change under them.
#[test]
fn the_digest_of_a_policy_stays_what_it_is() {
    assert_eq!(Policy::default().document(), r#"{"predecessors":[],"gates":[],"freeze_windows":[]}"#);
    assert_eq!(full().digest().to_string(), "d5ea2cab41238a60bf1e2a2d7aedb1357cb0cfaa26e357e9b7b1cbc4ab0cb844");
}

#[test]
fn the_order_of_gates_is_part_of_the_digest() {
    let mut turned = full();
    turned.gates.swap(0, 1);
    assert_ne!(turned.digest(), full().digest());
}

#[test]
fn a_document_with_something_invalid_in_it_is_refused() {
    for (valid, invalid) in [("0 22 * * *", "@daily"), ("Europe/Berlin", "Europe/Bern"), ("\"staging\"", "\"Staging\""), ("release-*", "")]
    {
        let document = full().document();
        assert!(document.contains(valid));
        assert!(serde_json::from_str::<Policy>(&document.replace(valid, invalid)).is_err(), "{invalid}");
    }
}

/// A gate that asks for approvals of so many people, and names so many.
fn people(count: u32, named: usize) -> Gate {
    let approvers = (0..named).map(|number| format!("user{number}").parse().unwrap()).collect();
    let condition = Condition::Approval {
        count,
        minimum_role: Role::Developer,
        approvers,
        distinct: false,
        allow_self_approval: false,
        validity: None,
    };
    gate("a", condition)
}

#[test]
fn a_policy_that_contradicts_itself_is_refused_by_field() {
    let many = |most: usize| (0..=most).map(|number| format!("s{number}")).collect::<Vec<_>>();
    let stages = |most| many(most).iter().map(|name| stage(name)).collect::<Vec<_>>();
    let gates = |gates: Vec<Gate>| Policy { gates, ..Policy::default() };
    let windows = |freeze_windows: Vec<FreezeWindow>| Policy { freeze_windows, ..Policy::default() };
    let never = Schedule::OneTime { start: at(0), end: at(0) };
    let cases = [
        (Policy { predecessors: stages(MAX_PREDECESSORS), ..Policy::default() }, "predecessors", "at most 50, not 51"),
        (gates(many(MAX_GATES).iter().map(|name| age(name)).collect()), "gates", "at most 50, not 51"),
        (windows(many(MAX_WINDOWS).iter().map(|name| window(name, night())).collect()), "freeze_windows", "at most 50, not 51"),
        (gates(vec![gate("a", Condition::Predecessor { stages: stages(MAX_PREDECESSORS), any: true })]), "gates", "at most 50, not 51"),
        (
            Policy { predecessors: vec![stage("a"), stage("b"), stage("a")], ..Policy::default() },
            "predecessors",
            "the name `a` is used twice",
        ),
        (gates(vec![age("a"), age("a")]), "gates", "the name `a` is used twice"),
        (
            gates(vec![age("freeze")]),
            "gates",
            "the name `freeze` is used twice, or is `freeze`, `version` or `rejection`, which stand for something else",
        ),
        (gates(vec![age("version")]), "gates", "the name `version` is used twice"),
        (gates(vec![age("rejection")]), "gates", "the name `rejection` is used twice"),
        (gates(vec![people(0, 0)]), "gates", "the gate `a` asks for 1 to 50 approvals"),
        (gates(vec![people(51, 0)]), "gates", "the gate `a` asks for 1 to 50 approvals"),
        (gates(vec![people(3, 2)]), "gates", "no more than the people that it names"),
        (gates(vec![people(1, 51)]), "gates", "at most 50, not 51"),
        (windows(vec![window("a", night()), window("a", night())]), "freeze_windows", "the name `a` is used twice"),
        (windows(vec![window("a", never)]), "freeze_windows", "the freeze window `a` never opens: it must end after it starts"),
        (gates(vec![gate("a", Condition::Predecessor { stages: vec![], any: true })]), "gates", "the gate `a` asks about the predecessors"),
        (gates(vec![gate("a", Condition::Soak { stage: None, duration: span(1) })]), "gates", "which has none: name stages"),
    ];
    for (policy, field, message) in cases {
        let error = policy.check().unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        assert_eq!(error.field(), field, "{error}");
    }
}

#[test]
fn a_policy_may_be_as_large_as_its_limits() {
    let stages: Vec<StageName> = (0..MAX_PREDECESSORS).map(|number| stage(&format!("s{number}"))).collect();
    let gates = (0..MAX_GATES).map(|number| gate(&format!("g{number}"), Condition::Predecessor { stages: stages.clone(), any: true }));
    let windows = (0..MAX_WINDOWS).map(|number| window(&format!("g{number}"), night()));
    let policy = Policy { gates: gates.collect(), freeze_windows: windows.collect(), predecessors: stages.clone() };
    assert_eq!(policy.check(), Ok(()));
    // A window may be called as the gate of all of them is.
    assert_eq!(Policy { freeze_windows: vec![window("freeze", night())], ..Policy::default() }.check(), Ok(()));
}

#[test]
fn a_policy_names_the_stages_that_its_gates_ask_about() {
    let names = |policy: &Policy| policy.stages().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&full()), ["canary", "staging", "testing"]);
    assert!(names(&Policy { gates: vec![age("a")], ..full() }).is_empty());
    let soak = gate("a", Condition::Soak { stage: Some(stage("lab")), duration: span(1) });
    assert_eq!(names(&Policy { gates: vec![soak], ..full() }), ["lab"]);
    let before = gate("a", Condition::Predecessor { stages: vec![], any: false });
    assert_eq!(names(&Policy { gates: vec![before], ..full() }), ["canary", "staging"]);
}

/// The ring among stages, each with those before it.
fn ring_of(edges: &[(&str, &[&str])]) -> Option<Vec<String>> {
    let stages: Vec<(StageName, Vec<StageName>)> =
        edges.iter().map(|(name, before)| (stage(name), before.iter().map(|name| stage(name)).collect())).collect();
    let found = ring(&stages.iter().map(|(name, before)| (name, before.as_slice())).collect());
    found.map(|ring| ring.iter().map(ToString::to_string).collect())
}

#[test]
fn a_ring_is_found_wherever_it_is() {
    let none: [&[(&str, &[&str])]; 5] = [
        &[],
        &[("a", &[])],
        &[("a", &["gone"])],
        &[("a", &["b", "c"]), ("b", &["d"]), ("c", &["d"]), ("d", &[])],
        &[("d", &["c", "b", "a"]), ("c", &["b", "a"]), ("b", &["a"]), ("a", &["e"])],
    ];
    for edges in none {
        assert_eq!(ring_of(edges), None, "{edges:?}");
    }
    assert_eq!(ring_of(&[("a", &["a"])]).unwrap(), ["a"]);
    assert_eq!(ring_of(&[("a", &["b"]), ("b", &["a"])]).unwrap(), ["a", "b"]);
    assert_eq!(ring_of(&[("a", &["b"]), ("b", &["c", "d"]), ("c", &[]), ("d", &["e"]), ("e", &["b"])]).unwrap(), ["b", "d", "e"]);
    assert_eq!(ring_of(&[("a", &[]), ("x", &["y"]), ("y", &["z", "a"]), ("z", &["x"])]).unwrap(), ["x", "y", "z"]);
}

/// A thousand stages, each behind the fifty before it; the first behind `first`.
fn thousand(first: &[usize]) -> Option<Vec<StageName>> {
    let name = |number: usize| stage(&format!("s{number:04}"));
    let before = |number: usize| (number.saturating_sub(50)..number).map(name).collect::<Vec<_>>();
    let mut stages: Vec<(StageName, Vec<StageName>)> = (0..1000).map(|number| (name(number), before(number))).collect();
    stages[0].1.extend(first.iter().map(|number| name(*number)));
    ring(&stages.iter().map(|(name, before)| (name, before.as_slice())).collect())
}

#[test]
fn a_thousand_stages_are_gone_through_once() {
    assert_eq!(thousand(&[]), None);
    let ring = thousand(&[999]).unwrap();
    assert_eq!((ring.first(), ring.len() > 10), (Some(&stage("s0000")), true));
    let error = PolicyError::Ring(ring);
    assert_eq!(error.field(), "predecessors");
    assert!(error.to_string().ends_with("`, `…` stand before each other in a ring") && error.to_string().len() < 200, "{error}");
}

proptest! {
    #[test]
    fn a_ring_is_found_where_no_order_is(edges in proptest::collection::vec((0..7_u8, 0..7_u8), 0..14)) {
        let mut stages: BTreeMap<StageName, Vec<StageName>> = BTreeMap::new();
        for (later, before) in &edges {
            stages.entry(stage(&later.to_string())).or_default().push(stage(&before.to_string()));
        }
        let found = ring(&stages.iter().map(|(name, before)| (name, before.as_slice())).collect());
        // Stages with nothing before them are taken away until none is left, or none can be.
        let mut left = stages.clone();
        while let Some(free) = left.iter().find(|(_, before)| before.iter().all(|one| !left.contains_key(one))).map(|(name, _)| name.clone()) {
            left.remove(&free);
        }
        prop_assert_eq!(found.is_some(), !left.is_empty());
        for (place, one) in found.iter().flatten().enumerate() {
            let ring = found.as_ref().unwrap();
            prop_assert!(stages[one].contains(&ring[(place + 1) % ring.len()]));
        }
    }
}

#[test]
fn what_failed_is_told_by_its_kind_and_not_by_its_name() {
    let policy = full();
    let names = policy.gates.iter().map(|gate| gate.name.clone()).chain([GateName::freeze(), GateName::version(), GateName::rejection()]);
    let verdict = |gate: GateName, outcome| Verdict {
        gate,
        outcome,
        reason: String::new(),
        evidence: Vec::new(),
        judged_at: NOW,
        retry_at: None,
        waiver: None,
    };
    let all: Vec<Verdict> = names.map(|name| verdict(name, Failed)).collect();
    let kinds: Vec<&str> = policy.failed(&all).iter().map(GateKind::as_str).collect();
    let expected = ["predecessor", "soak", "approval", "attestation", "status", "tag", "order", "age", "freeze", "version", "rejection"];
    assert_eq!(kinds, expected);
    let others = [Passed, Pending, Waived].map(|outcome| verdict(GateName::version(), outcome));
    assert_eq!(policy.failed(&others), []);
    assert_eq!(policy.failed(&[verdict("unknown".parse().unwrap(), Failed)]), []);
}
