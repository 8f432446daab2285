//! What is found for gates, and what people and programs say of a promotion meanwhile.

use serde::{Deserialize, Serialize};

use super::GateName;
use crate::access::Role;
use crate::text::Description;
use crate::word::word_enum;
use crate::{Slug, Timestamp};

word_enum! {
    /// Whether a gate holds.
    Outcome {
        /// It holds.
        Passed = "passed",
        /// It does not hold, and waiting does not help.
        Failed = "failed",
        /// It does not hold yet.
        Pending = "pending",
        /// It does not hold, and was put aside for this promotion.
        Waived = "waived",
    }
}

/// What was found for one gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The gate.
    pub gate: GateName,
    /// Whether it holds, for all items.
    pub outcome: Outcome,
    /// Why, in words: which version decides it, and what would help.
    pub reason: String,
    /// What it rests on: names of resources, addresses, or digests as `sha256:{hex}`.
    pub evidence: Vec<String>,
    /// When it was judged.
    pub judged_at: Timestamp,
    /// When it may change by itself.
    pub retry_at: Option<Timestamp>,
    /// Who put it aside, where it is waived.
    pub waiver: Option<Waiver>,
}

/// Puts one gate of one promotion aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// The gate.
    pub gate: GateName,
    /// Why.
    pub justification: Description,
    /// Until when it counts.
    pub expires_at: Timestamp,
    /// Who waived it.
    pub actor: Slug,
}

word_enum! {
    /// What somebody says of a promotion.
    Decision {
        /// In favour.
        Approved = "approved",
        /// Against.
        Rejected = "rejected",
    }
}

/// One person's word on a promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Who.
    pub actor: Slug,
    /// Whether it is a person: a user, not a token that acts for a place.
    pub is_user: bool,
    /// The role in the project when it was said.
    pub role: Role,
    /// What was said.
    pub decision: Decision,
    /// Why.
    pub comment: Description,
    /// The gates that it is meant for; none stands for all.
    pub gates: Vec<GateName>,
    /// When.
    pub time: Timestamp,
}

/// What an outside checker found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The gate.
    pub gate: GateName,
    /// Who reports.
    pub actor: Slug,
    /// Passed, failed or pending.
    pub outcome: Outcome,
    /// The result in words.
    pub reason: Description,
    /// What it rests on.
    pub evidence: Vec<String>,
    /// When.
    pub time: Timestamp,
}

/// What all gates of a promotion come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// One for each gate, in the order of the policy; behind them that of the freeze windows, and that of a rejection, where there are some.
    pub verdicts: Vec<Verdict>,
}

impl Judgement {
    /// Whether every gate holds or was put aside.
    pub fn is_met(&self) -> bool {
        self.verdicts.iter().all(|verdict| matches!(verdict.outcome, Outcome::Passed | Outcome::Waived))
    }

    /// Whether some gate can't hold any more.
    pub fn is_failed(&self) -> bool {
        self.verdicts.iter().any(|verdict| verdict.outcome == Outcome::Failed)
    }

    /// The first moment at which it may change by itself.
    pub fn retry_at(&self) -> Option<Timestamp> {
        self.verdicts.iter().filter_map(|verdict| verdict.retry_at).min()
    }
}
