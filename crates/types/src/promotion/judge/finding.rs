//! What is found before waivers are looked at, and how findings come together.

use std::collections::HashSet;
use std::fmt::Display;

use super::super::{Item, Outcome};
use super::{MAX_EVIDENCE, MAX_EVIDENCE_BYTES};
use crate::Timestamp;

/// The most names that a reason lists.
const MAX_NAMES: usize = 5;

/// The longest foreign text within a reason, in bytes.
const MAX_TEXT_BYTES: usize = 300;

/// What is found for a gate, or for one version at a gate.
pub(super) struct Finding {
    pub(super) outcome: Outcome,
    pub(super) reason: String,
    pub(super) evidence: Vec<String>,
    pub(super) retry_at: Option<Timestamp>,
}

impl Finding {
    fn new(outcome: Outcome, reason: impl Into<String>) -> Self {
        Self { outcome, reason: reason.into(), evidence: Vec::new(), retry_at: None }
    }

    pub(super) fn passed(reason: impl Into<String>) -> Self {
        Self::new(Outcome::Passed, reason)
    }

    pub(super) fn failed(reason: impl Into<String>) -> Self {
        Self::new(Outcome::Failed, reason)
    }

    pub(super) fn pending(reason: impl Into<String>) -> Self {
        Self::new(Outcome::Pending, reason)
    }

    pub(super) fn resting_on(self, evidence: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { evidence: evidence.into_iter().map(Into::into).collect(), ..self }
    }

    pub(super) fn until(self, retry_at: Option<Timestamp>) -> Self {
        Self { retry_at, ..self }
    }

    /// What findings for several things come to, with the reason of the one that decides; `None` for none.
    pub(super) fn all(findings: Vec<Self>, what: &str) -> Option<Self> {
        let outcome = findings.iter().map(|found| found.outcome).max_by_key(|outcome| severity(*outcome))?;
        let holds = outcome == Outcome::Passed;
        let more = findings.iter().filter(|found| (found.outcome == Outcome::Passed) == holds).count() - 1;
        let alike = || findings.iter().filter(|found| found.outcome == outcome);
        let retries = alike().map(|found| found.retry_at);
        let retry_at =
            if holds { retries.flatten().min() } else { retries.collect::<Option<Vec<_>>>().and_then(|all| all.into_iter().max()) };
        let decides = alike().find(|found| holds || found.retry_at == retry_at)?;
        let others = if more == 1 { format!("1 more {what}") } else { format!("{more} more {what}s") };
        let reason = match (more, holds) {
            (0, _) => decides.reason.clone(),
            (_, true) => format!("{}; it holds for {others} too", decides.reason),
            (_, false) => format!("{}; it does not hold for {others} either", decides.reason),
        };
        let evidence = bounded(alike().flat_map(|found| found.evidence.iter().cloned()));
        Some(Self { outcome, reason, evidence, retry_at })
    }
}

fn severity(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Passed | Outcome::Waived => 0,
        Outcome::Pending => 1,
        Outcome::Failed => 2,
    }
}

/// Evidence within its limits, each entry once.
pub(super) fn bounded(evidence: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut seen = HashSet::new();
    let cut = evidence.into_iter().map(|entry| cut(entry, MAX_EVIDENCE_BYTES));
    cut.filter(|entry| seen.insert(entry.clone())).take(MAX_EVIDENCE).collect()
}

/// How a reason names a version.
pub(super) fn named(item: &Item) -> String {
    format!("`{} {}`", item.package, item.version)
}

/// Names in backticks; of many, the first few.
pub(super) fn quoted<T: Display>(names: &[T]) -> String {
    let shown: Vec<String> = names.iter().take(MAX_NAMES).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(MAX_NAMES);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

/// What somebody wrote, on one line, as long as a reason may show it.
pub(super) fn shortened(text: &str) -> String {
    let line: Vec<&str> = text.split_whitespace().collect();
    cut(line.join(" "), MAX_TEXT_BYTES)
}

fn cut(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most - '…'.len_utf8()));
        text.push('…');
    }
    text
}
