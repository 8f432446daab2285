//! What is known when a promotion is judged, told briefly.

use std::cmp::Ordering;

use super::super::{
    Attested, Case, Condition, Decision, Gate, Item, Outcome, Placed, PlacedBefore, Policy, Report, Review, Tagged, Verdict, VerifiedBy,
    Waiver, judge,
};
use super::{HOUR, NOW, at};
use crate::access::Role;
use crate::{ContentDigest, Digest, Slug, Timestamp};

/// A promotion of `tool 1.2.0` to `production`, which `cleo` asked for.
#[derive(Clone, Debug)]
pub(super) struct Story {
    pub(super) now: Timestamp,
    pub(super) policy: Policy,
    pub(super) creator: Slug,
    pub(super) items: Vec<Item>,
    pub(super) reviews: Vec<Review>,
    pub(super) reports: Vec<Report>,
    pub(super) waivers: Vec<Waiver>,
}

impl Story {
    /// With one gate, called `gate`, and the predecessor `staging`.
    pub(super) fn new(condition: Condition) -> Self {
        let gate = Gate { name: "gate".parse().unwrap(), condition };
        let policy = Policy { predecessors: vec!["staging".parse().unwrap()], gates: vec![gate], ..Policy::default() };
        Self {
            now: NOW,
            policy,
            creator: "cleo".parse().unwrap(),
            items: vec![item("tool", "1.2.0")],
            reviews: Vec::new(),
            reports: Vec::new(),
            waivers: Vec::new(),
        }
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(super) fn gate(self, name: &str, condition: Condition) -> Self {
        self.with(|story| story.policy.gates.push(Gate { name: name.parse().unwrap(), condition }))
    }

    pub(super) fn item(self, change: impl FnOnce(&mut Item)) -> Self {
        self.with(|story| change(&mut story.items[0]))
    }

    /// A second version, `lib 3.0`.
    pub(super) fn other_item(self, change: impl FnOnce(&mut Item)) -> Self {
        self.with(|story| {
            let mut other = item("lib", "3.0");
            change(&mut other);
            story.items.push(other);
        })
    }

    pub(super) fn placed(self, placements: &[PlacedBefore]) -> Self {
        self.item(|item| item.placements = placements.to_vec())
    }

    pub(super) fn reviewed(self, reviews: &[Review]) -> Self {
        self.with(|story| story.reviews.extend_from_slice(reviews))
    }

    pub(super) fn now(self, now: Timestamp) -> Self {
        Self { now, ..self }
    }

    pub(super) fn judge(&self) -> Vec<Verdict> {
        let stage = "production".parse().unwrap();
        let case = Case {
            now: self.now,
            stage: &stage,
            policy: &self.policy,
            creator: &self.creator,
            items: &self.items,
            reviews: &self.reviews,
            reports: &self.reports,
            waivers: &self.waivers,
        };
        judge(&case).verdicts
    }
}

pub(super) fn content(text: &str) -> ContentDigest {
    ContentDigest::try_from(Digest::of(text.as_bytes()).as_bytes().as_slice()).unwrap()
}

pub(super) fn item(package: &str, version: &str) -> Item {
    Item {
        package: package.parse().unwrap(),
        version: version.parse().unwrap(),
        content: content("new"),
        published_at: at(-HOUR),
        current: None,
        placements: Vec::new(),
        tags: Vec::new(),
        attestations: Vec::new(),
    }
}

/// That it was placed on a stage by the promotion of that number.
pub(super) fn placement(stage: &str, number: u32, start: Timestamp, end: Option<Timestamp>) -> PlacedBefore {
    PlacedBefore { stage: stage.parse().unwrap(), promotion: format!("promotions/{number}"), start, end, undone: false }
}

pub(super) fn undone(placement: PlacedBefore) -> PlacedBefore {
    PlacedBefore { undone: true, ..placement }
}

pub(super) fn current(version: &str, text: &str, order: Ordering) -> Placed {
    Placed { version: version.parse().unwrap(), content: content(text), order }
}

pub(super) fn tagged(tag: &str, immutable: bool) -> Tagged {
    Tagged { tag: tag.parse().unwrap(), immutable }
}

/// An attestation of provenance that the key `release` signed, an hour ago.
pub(super) fn attested(number: u32) -> Attested {
    Attested {
        attestation: format!("attestations/{number}"),
        predicate_type: "https://slsa.dev/provenance/v1".parse().unwrap(),
        time: at(-HOUR),
        verified: Ok(VerifiedBy { trusted_key: "release".to_owned(), signer: "SHA256:abc".to_owned() }),
    }
}

/// A maintainer has approved, an hour ago.
pub(super) fn approved(actor: &str) -> Review {
    Review {
        actor: actor.parse().unwrap(),
        is_user: true,
        role: Role::Maintainer,
        decision: Decision::Approved,
        comment: "fine".parse().unwrap(),
        gates: Vec::new(),
        time: at(-HOUR),
    }
}

/// A maintainer has rejected, half an hour ago.
pub(super) fn rejected(actor: &str) -> Review {
    Review { decision: Decision::Rejected, comment: "too slow".parse().unwrap(), time: at(-HOUR / 2), ..approved(actor) }
}

pub(super) fn meant(review: Review, gates: &[&str]) -> Review {
    Review { gates: gates.iter().map(|gate| gate.parse().unwrap()).collect(), ..review }
}

pub(super) fn report(actor: &str, outcome: Outcome, reason: &str, time: Timestamp) -> Report {
    Report {
        gate: "gate".parse().unwrap(),
        actor: actor.parse().unwrap(),
        outcome,
        reason: reason.parse().unwrap(),
        evidence: vec!["https://ci.example/7".to_owned()],
        time,
    }
}

/// A waiver by `olga` that ends in an hour.
pub(super) fn waiver(gate: &str) -> Waiver {
    Waiver {
        gate: gate.parse().unwrap(),
        justification: "the site is down".parse().unwrap(),
        expires_at: at(HOUR),
        actor: "olga".parse().unwrap(),
    }
}

/// One line of a table.
pub(super) struct Row {
    name: &'static str,
    story: Story,
    gate: &'static str,
    outcome: Outcome,
    words: &'static str,
    retry_at: Option<Timestamp>,
    evidence: Option<&'static [&'static str]>,
}

/// That the gate of a story comes to this, with these words in its reason.
pub(super) fn row(name: &'static str, story: Story, outcome: Outcome, words: &'static str) -> Row {
    Row { name, story, gate: "gate", outcome, words, retry_at: None, evidence: None }
}

impl Row {
    /// Which gate, if not the one called `gate`.
    pub(super) fn of(self, gate: &'static str) -> Self {
        Self { gate, ..self }
    }

    pub(super) fn retry(self, retry_at: Timestamp) -> Self {
        Self { retry_at: Some(retry_at), ..self }
    }

    pub(super) fn evidence(self, evidence: &'static [&'static str]) -> Self {
        Self { evidence: Some(evidence), ..self }
    }

    pub(super) fn check(self) {
        let Self { name, story, gate, outcome, words, retry_at, evidence } = self;
        let verdicts = story.judge();
        let verdict = verdicts.iter().find(|verdict| verdict.gate.as_str() == gate).unwrap();
        let reason = verdict.reason.as_str();
        assert_eq!(verdict.outcome, outcome, "{name}: {reason}");
        assert!(reason.contains(words), "{name}: {reason}");
        assert_eq!(verdict.retry_at, retry_at, "{name}: {reason}");
        assert_eq!(verdict.waiver.is_some(), outcome == Outcome::Waived, "{name}");
        assert_eq!(verdict.judged_at, story.now, "{name}");
        assert!(!reason.ends_with('.') && !reason.starts_with(|c: char| c.is_ascii_uppercase()), "{name}: {reason}");
        if let Some(evidence) = evidence {
            assert_eq!(verdict.evidence, evidence, "{name}");
        }
    }
}
