//! The gate that waits for an outside checker.

use super::super::{Case, GateName, Outcome};
use super::Finding;
use crate::Slug;
use crate::text::DisplayName;

/// What the newest report says.
pub(super) fn find(case: &Case<'_>, gate: &GateName, check: &DisplayName, reporter: Option<&Slug>) -> Finding {
    let expected = |actor: &Slug| reporter.is_none_or(|reporter| reporter.as_str().eq_ignore_ascii_case(actor.as_str()));
    let reports = case.reports.iter().filter(|report| report.gate == *gate && expected(&report.actor));
    let check = if check.as_str().is_empty() { gate.as_str() } else { check.as_str() };
    let Some(report) = reports.max_by_key(|report| report.time) else {
        let who = reporter.map_or_else(|| "a checker".to_owned(), |reporter| format!("`{reporter}`"));
        return Finding::pending(format!("the check `{check}` has not reported: {who} is to report what it finds"));
    };
    let (outcome, found) = match report.outcome {
        Outcome::Passed => (Outcome::Passed, "passed"),
        Outcome::Failed => (Outcome::Failed, "failed"),
        // A report waives nothing.
        Outcome::Pending | Outcome::Waived => (Outcome::Pending, "is pending"),
    };
    let reason = match report.reason.as_str() {
        "" => format!("the check `{check}` {found}, as `{}` reports", report.actor),
        reason => reason.to_owned(),
    };
    Finding { outcome, reason, evidence: report.evidence.clone(), retry_at: None }
}
