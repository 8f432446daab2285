//! Why an operation on stages, promotions or attestations failed.

use consign_types::attestation::{Subject, SubjectKind};
use consign_types::promotion::{GateKind, GateName, Outcome, State, Verdict};
use consign_types::resource::{AttestationRef, ProjectRef, PromotionRef, StageRef, TrustedKeyRef};
use consign_types::text::Description;
use consign_types::{Reason, Slug};

/// How much of all unmet gates together a refusal tells, in bytes.
const MAX_TOLD: usize = 2048;

/// Why an operation on stages, promotions or attestations failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PromotionError {
    /// No such stage.
    #[error("stage `{0}` not found")]
    StageNotFound(StageRef),
    /// No such promotion.
    #[error("promotion `{0}` not found")]
    PromotionNotFound(PromotionRef),
    /// Nothing stood on the stage before.
    #[error("nothing stood on stage `{stage}` before `{current}`: to empty it, ask for that")]
    NothingBefore {
        /// The stage.
        stage: StageRef,
        /// The last promotion to it.
        current: PromotionRef,
    },
    /// No such gate.
    #[error("stage `{stage}` has no {what} `{gate}`")]
    GateNotFound {
        /// The stage.
        stage: StageRef,
        /// What kind of gate was looked for.
        what: &'static str,
        /// The gate.
        gate: GateName,
    },
    /// No such attestation.
    #[error("attestation `{0}` not found")]
    AttestationNotFound(AttestationRef),
    /// No such trusted key.
    #[error("trusted key `{0}` not found")]
    TrustedKeyNotFound(TrustedKeyRef),
    /// No version or file of the project has the digest.
    #[error("nothing in `{project}` is the {subject}")]
    SubjectNotFound {
        /// The project.
        project: ProjectRef,
        /// What was to be attested.
        subject: Subject,
    },
    /// Gates do not hold.
    #[error("{}", unmet(.stage, .verdicts))]
    GatesUnmet {
        /// The stage.
        stage: StageRef,
        /// All verdicts.
        verdicts: Vec<Verdict>,
        /// What kind of gates those are that can't hold any more.
        failed: Vec<GateKind>,
    },
    /// The stage is held.
    #[error("stage `{stage}` is held by `{actor}`: {reason}")]
    StageHeld {
        /// The stage.
        stage: StageRef,
        /// Who holds it.
        actor: Slug,
        /// Why.
        reason: Description,
    },
    /// Another promotion is pending.
    #[error("stage `{stage}` takes one promotion at a time, and `{promotion}` is pending")]
    StageBusy {
        /// The stage.
        stage: StageRef,
        /// The pending promotion.
        promotion: PromotionRef,
    },
    /// The stage is not as it was taken to be.
    #[error("stage `{stage}` has changed: the last promotion to it is {}, not {}", named(.actual.as_ref()), named(.expected.as_ref()))]
    StageChanged {
        /// The stage.
        stage: StageRef,
        /// What was taken to be the last promotion; `None` for none.
        expected: Option<PromotionRef>,
        /// The last promotion.
        actual: Option<PromotionRef>,
    },
    /// Something needs the stage.
    #[error("stage `{stage}` is in use: {} {}", .holders.join(", "), if .holders.len() == 1 { "needs it" } else { "need it" })]
    StageInUse {
        /// The stage.
        stage: StageRef,
        /// What needs it.
        holders: Vec<String>,
    },
    /// The promotion is not pending.
    #[error("promotion `{promotion}` is not pending: it is {state}")]
    PromotionClosed {
        /// The promotion.
        promotion: PromotionRef,
        /// Where it stands.
        state: State,
    },
    /// The caller's word does not count.
    #[error("your word does not count for `{promotion}`: {why}")]
    ApprovalForbidden {
        /// The promotion.
        promotion: PromotionRef,
        /// Why not.
        why: String,
    },
    /// Somebody else reports.
    #[error("gate `{gate}` is reported by `{reporter}`")]
    ReportForbidden {
        /// The gate.
        gate: GateName,
        /// Who reports it.
        reporter: Slug,
    },
    /// The bundle is not one, or speaks of something else.
    #[error("attestation is invalid: {0}")]
    AttestationInvalid(String),
}

fn named(promotion: Option<&PromotionRef>) -> String {
    promotion.map_or("none".to_owned(), |promotion| format!("`{promotion}`"))
}

/// The gates that do not hold, as far as there is room.
fn unmet(stage: &StageRef, verdicts: &[Verdict]) -> String {
    let mut text = format!("gates of `{stage}` do not hold:");
    let unmet = verdicts.iter().filter(|verdict| matches!(verdict.outcome, Outcome::Failed | Outcome::Pending));
    for (index, verdict) in unmet.enumerate() {
        let next = format!("{} `{}` {}: {}", if index == 0 { "" } else { ";" }, verdict.gate, verdict.outcome, verdict.reason);
        if text.len() + next.len() > MAX_TOLD {
            text.push_str("; and more");
            break;
        }
        text.push_str(&next);
    }
    text
}

impl PromotionError {
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::StageNotFound(_) => Reason::StageNotFound,
            Self::PromotionNotFound(_) | Self::NothingBefore { .. } => Reason::PromotionNotFound,
            Self::GateNotFound { .. } => Reason::GateNotFound,
            Self::AttestationNotFound(_) => Reason::AttestationNotFound,
            Self::TrustedKeyNotFound(_) => Reason::TrustedKeyNotFound,
            Self::SubjectNotFound { subject, .. } => match subject.kind() {
                SubjectKind::Content => Reason::VersionNotFound,
                SubjectKind::File => Reason::FileNotFound,
            },
            Self::GatesUnmet { .. } => Reason::GatesUnmet,
            Self::StageHeld { .. } => Reason::StageHeld,
            Self::StageBusy { .. } => Reason::StageBusy,
            Self::StageChanged { .. } => Reason::StageChanged,
            Self::StageInUse { .. } => Reason::StageInUse,
            Self::PromotionClosed { .. } => Reason::PromotionClosed,
            Self::ApprovalForbidden { .. } => Reason::ApprovalForbidden,
            Self::ReportForbidden { .. } => Reason::ReportForbidden,
            Self::AttestationInvalid(_) => Reason::AttestationInvalid,
        }
    }

    pub(crate) fn details(&self) -> Vec<(&'static str, String)> {
        let name = |name: &Option<PromotionRef>| name.as_ref().map(ToString::to_string).unwrap_or_default();
        match self {
            Self::StageNotFound(name) => vec![("resource", name.to_string())],
            Self::PromotionNotFound(name) => vec![("resource", name.to_string())],
            Self::NothingBefore { stage, current } => vec![("stage", stage.to_string()), ("current_promotion", current.to_string())],
            Self::GateNotFound { stage, gate, .. } => vec![("resource", stage.to_string()), ("gate_id", gate.to_string())],
            Self::AttestationNotFound(name) => vec![("resource", name.to_string())],
            Self::TrustedKeyNotFound(name) => vec![("resource", name.to_string())],
            Self::SubjectNotFound { project, subject } => {
                let digest = match subject.kind() {
                    SubjectKind::Content => "content_digest",
                    SubjectKind::File => "sha256",
                };
                vec![("resource", project.to_string()), (digest, subject.digest().to_string())]
            }
            Self::GatesUnmet { stage, verdicts, .. } => {
                let with = |outcome| {
                    let gates = verdicts.iter().filter(|verdict| verdict.outcome == outcome).map(|verdict| verdict.gate.as_str());
                    gates.collect::<Vec<_>>().join(" ")
                };
                vec![("resource", stage.to_string()), ("failed_gates", with(Outcome::Failed)), ("pending_gates", with(Outcome::Pending))]
            }
            Self::StageHeld { stage, actor, .. } => vec![("resource", stage.to_string()), ("held_by", actor.to_string())],
            Self::StageBusy { stage, promotion } => vec![("resource", stage.to_string()), ("pending_promotion", promotion.to_string())],
            Self::StageChanged { stage, expected, actual } => {
                vec![("resource", stage.to_string()), ("expected_promotion", name(expected)), ("actual_promotion", name(actual))]
            }
            Self::StageInUse { stage, holders } => vec![("resource", stage.to_string()), ("held_by", holders.join(" "))],
            Self::PromotionClosed { promotion, state } => vec![("resource", promotion.to_string()), ("state", state.to_string())],
            Self::ApprovalForbidden { promotion, .. } => vec![("resource", promotion.to_string())],
            Self::ReportForbidden { gate, reporter } => vec![("gate_id", gate.to_string()), ("reporter", reporter.to_string())],
            Self::AttestationInvalid(_) => Vec::new(),
        }
    }
}
