//! Reporting what an outside checker found.

use consign_types::Timestamp;
use consign_types::event::EventType;
use consign_types::promotion::{Condition, GateName, Outcome, Report};
use consign_types::resource::{PromotionRef, StageRef};
use consign_types::signature::SigningKeys;
use consign_types::text::{Description, RequestId};

use super::change::{Begun, begin, call};
use super::pending::{Resumed, fingerprint, pending};
use crate::connection::{Db, Ending};
use crate::observer::Observed;
use crate::promotion_error::PromotionError;
use crate::tables::promotion_row::Promotion;
use crate::tables::stages;
use crate::{Error, Metadata, Principal, Result};

/// The most that one report rests on.
const MAX_EVIDENCE: usize = 50;

/// The longest piece of evidence, in bytes.
const MAX_EVIDENCE_BYTES: usize = 1024;

/// A report.
#[derive(Clone, Debug)]
pub struct ReportGate {
    /// Who reports.
    pub principal: Principal,
    /// The promotion.
    pub name: PromotionRef,
    /// The status gate.
    pub gate: GateName,
    /// Passed, failed or pending.
    pub outcome: Outcome,
    /// The result in words.
    pub reason: Description,
    /// What it rests on.
    pub evidence: Vec<String>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Takes a report for a status gate of a pending promotion, and applies that if all its gates hold by it. `PromotionNotFound`,
    /// `PromotionClosed`, `GateNotFound`, `ReportForbidden`.
    pub async fn report_gate(&self, request: ReportGate) -> Result<Promotion> {
        let (now, keys) = (self.now(), self.keys.clone());
        let project = request.name.project.clone();
        self.end_observed(Ending::Commit, &project, move |db| report(db, &request, keys.as_deref(), now)).await
    }
}

fn report(db: &mut Db, request: &ReportGate, keys: Option<&SigningKeys>, now: Timestamp) -> Result<Observed<Promotion>> {
    check(request)?;
    let ReportGate { principal, name, gate, outcome, reason, evidence, request_id } = request;
    let call = call(principal, "ReportGate", name, request_id.as_ref(), fingerprint(&(name, gate, outcome, reason, evidence)), now);
    let change = match begin(db, &name.project, &call)? {
        Begun::Done(answer) => return Ok((answer.read()?, None)),
        Begun::New(change) => change,
    };
    let mut promotion = pending(db, principal, change.project.id, name.id)?;
    let stage = stages::find(db, change.project.id, &promotion.stage)?.ok_or(Error::Row("stages"))?;
    let known = stage.policy.gates.iter().find(|known| known.name == *gate).map(|known| &known.condition);
    match known {
        Some(Condition::Status { reporter: Some(reporter), .. }) if !reporter.as_str().eq_ignore_ascii_case(principal.name.as_str()) => {
            return Err(PromotionError::ReportForbidden { gate: gate.clone(), reporter: reporter.clone() }.into());
        }
        Some(Condition::Status { .. }) => {}
        _ => {
            let stage = StageRef { project: name.project.clone(), stage: promotion.stage };
            return Err(PromotionError::GateNotFound { stage, what: "status gate", gate: gate.clone() }.into());
        }
    }
    let report = Report {
        gate: gate.clone(),
        actor: principal.name.clone(),
        outcome: *outcome,
        reason: reason.clone(),
        evidence: evidence.clone(),
        time: now,
    };
    // The newest report alone decides, so no other is kept; the audit has them all.
    promotion.reports.retain(|known| known.gate != report.gate);
    promotion.reports.push(report.clone());
    Resumed::of(db, promotion, keys, change.counters.sequence, now)?.write(db, &change, Some(EventType::PromotionReported), &report)
}

fn check(request: &ReportGate) -> Result<()> {
    let invalid = |field, rule: String| Err(Error::ArgumentInvalid { field, rule });
    if request.outcome == Outcome::Waived {
        return invalid("outcome", "PASSED, FAILED or PENDING".to_owned());
    }
    let is_shown = |text: &String| text.len() <= MAX_EVIDENCE_BYTES && !text.chars().any(char::is_control);
    if request.evidence.len() > MAX_EVIDENCE || !request.evidence.iter().all(is_shown) {
        let rule = format!("at most {MAX_EVIDENCE} texts of at most {MAX_EVIDENCE_BYTES} bytes, without control characters");
        return invalid("evidence", rule);
    }
    Ok(())
}
