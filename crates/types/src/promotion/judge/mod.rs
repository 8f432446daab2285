//! Judging the gates of a stage: the rules stand at the head of [`promotion`](super).

mod approval;
mod attestation;
mod finding;
mod freeze;
mod placement;
mod status;
mod version;

use approval::Tallies;
use finding::{Finding, quoted, shortened};

use super::{Case, Condition, Gate, GateName, Item, Judgement, Outcome, Verdict};

/// The most entries of evidence of a verdict.
pub const MAX_EVIDENCE: usize = 50;

/// The longest entry of evidence, in bytes: what is longer is cut off.
pub const MAX_EVIDENCE_BYTES: usize = 512;

/// Tells of each gate of the stage whether it holds, by the rules at the head of [`promotion`](super).
pub fn judge(case: &Case<'_>) -> Judgement {
    let tallies = Tallies::of(case);
    let gates = case.policy.gates.iter().enumerate();
    let mut verdicts: Vec<Verdict> = gates.map(|(place, gate)| verdict(case, &gate.name, find(case, place, gate, &tallies))).collect();
    if !case.policy.freeze_windows.is_empty() {
        verdicts.push(verdict(case, &GateName::freeze(), freeze::find(case)));
    }
    if let Some(found) = approval::objection(case) {
        verdicts.push(verdict(case, &GateName::rejection(), found));
    }
    Judgement { verdicts }
}

fn find(case: &Case<'_>, place: usize, gate: &Gate, tallies: &Tallies<'_>) -> Finding {
    match &gate.condition {
        Condition::Predecessor { stages, any } => {
            let stages = if stages.is_empty() { &case.policy.predecessors } else { stages };
            for_each(case, |item| placement::predecessor(item, stages, *any))
        }
        Condition::Soak { stage, duration } => {
            let stages = stage.as_ref().map_or(case.policy.predecessors.as_slice(), std::slice::from_ref);
            for_each(case, |item| placement::soak(item, stages, *duration, case.now))
        }
        Condition::Approval { .. } => tallies.find(place),
        Condition::Attestation { predicate_type, signers, maximum_age } => {
            for_each(case, |item| attestation::find(item, predicate_type, signers, *maximum_age, case.now))
        }
        Condition::Status { check, reporter } => status::find(case, &gate.name, check, reporter.as_ref()),
        Condition::Tag { tags, immutable } => for_each(case, |item| version::tag(item, tags, *immutable)),
        Condition::Order { allow_same } => for_each(case, |item| version::order(item, *allow_same)),
        Condition::Age { minimum_age } => for_each(case, |item| version::age(item, *minimum_age, case.now)),
    }
}

fn for_each(case: &Case<'_>, judge: impl Fn(&Item) -> Finding) -> Finding {
    Finding::all(case.items.iter().map(judge).collect(), "version").unwrap_or_else(|| Finding::passed("nothing is placed"))
}

fn verdict(case: &Case<'_>, gate: &GateName, found: Finding) -> Verdict {
    let waivers = case.waivers.iter().filter(|waiver| waiver.gate == *gate && waiver.expires_at > case.now);
    let waiver = waivers.max_by_key(|waiver| waiver.expires_at).filter(|_| found.outcome != Outcome::Passed);
    let (outcome, reason, retry_at) = match waiver {
        None => (found.outcome, found.reason, found.retry_at),
        Some(waiver) => {
            let why = shortened(waiver.justification.as_str());
            let reason =
                format!("waived by `{}` until {}, because `{why}`; without that: {}", waiver.actor, waiver.expires_at, found.reason);
            (Outcome::Waived, reason, Some(waiver.expires_at))
        }
    };
    let evidence = finding::bounded(found.evidence);
    Verdict { gate: gate.clone(), outcome, reason, evidence, judged_at: case.now, retry_at, waiver: waiver.cloned() }
}
