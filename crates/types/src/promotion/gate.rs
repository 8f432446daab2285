//! Gates: what must hold before a version is placed on a stage.

use serde::{Deserialize, Serialize};

use super::{GateName, StageName};
use crate::access::Role;
use crate::name::name_type;
use crate::pattern::NamePattern;
use crate::text::DisplayName;
use crate::time::Span;
use crate::word::word_enum;
use crate::{Slug, Username};

name_type!(
    /// What a statement says of its subject: an in-toto predicate type, such as `https://slsa.dev/provenance/v1`.
    PredicateType,
    "predicate type",
    "1 to 255 visible ASCII characters",
    |text| (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
);

name_type!(
    /// A signer who counts: the name of a trusted key, or an identity in which `*` stands for any run of characters.
    Signer,
    "signer",
    "1 to 255 visible ASCII characters",
    |text| (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
);

impl Signer {
    /// Whether it names this key, or this identity.
    pub fn fits(&self, name: &str) -> bool {
        crate::pattern::stars_match(self.as_str(), name)
    }
}

/// One condition before a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// Its name.
    pub name: GateName,
    /// What is judged.
    pub condition: Condition,
}

/// What a gate judges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// The same content was placed on earlier stages, and that was not undone. Fails else.
    Predecessor {
        /// The stages; none stands for the predecessors of the stage.
        stages: Vec<StageName>,
        /// Whether one of them is enough.
        any: bool,
    },
    /// The same content has been on a stage for so long without a break, now or before. Pending until then.
    Soak {
        /// The stage; `None` for every predecessor of the stage.
        stage: Option<StageName>,
        /// How long.
        duration: Span,
    },
    /// Enough people have approved. Pending until then; fails by one rejection.
    Approval {
        /// How many, each another person.
        count: u32,
        /// The least role in the project that counts.
        minimum_role: Role,
        /// The people who count; none stands for everybody with the role.
        approvers: Vec<Username>,
        /// Whether an approval that counts for another gate does not count here.
        distinct: bool,
        /// Whether who asked for the promotion may approve it.
        allow_self_approval: bool,
        /// How long an approval counts; `None` while the promotion is pending.
        validity: Option<Span>,
    },
    /// The content has a verified attestation of a type. Pending until then.
    Attestation {
        /// The type.
        predicate_type: PredicateType,
        /// The signers who count; none stands for every one that the project trusts.
        signers: Vec<Signer>,
        /// How old it may be, by when it was added; `None` for any age.
        maximum_age: Option<Span>,
    },
    /// An outside checker has reported success. Pending until it reports.
    Status {
        /// What is checked.
        check: DisplayName,
        /// Who reports; `None` for everybody who may.
        reporter: Option<Slug>,
    },
    /// The version has a tag that fits. Fails else.
    Tag {
        /// The tags.
        tags: NamePattern,
        /// Whether a rule must keep the tag from moving.
        immutable: bool,
    },
    /// The version is not lower than the one that it replaces. Fails else.
    Order {
        /// Whether the version that is placed already passes too.
        allow_same: bool,
    },
    /// The version was published so long ago. Pending until then.
    Age {
        /// How long.
        minimum_age: Span,
    },
}

word_enum! {
    /// What kind of gate it is, whatever a project calls it.
    GateKind {
        /// [`Condition::Predecessor`].
        Predecessor = "predecessor",
        /// [`Condition::Soak`].
        Soak = "soak",
        /// [`Condition::Approval`].
        Approval = "approval",
        /// [`Condition::Attestation`].
        Attestation = "attestation",
        /// [`Condition::Status`].
        Status = "status",
        /// [`Condition::Tag`].
        Tag = "tag",
        /// [`Condition::Order`].
        Order = "order",
        /// [`Condition::Age`].
        Age = "age",
        /// The freeze windows of a stage.
        Freeze = "freeze",
        /// The versions themselves, which are there and may be read.
        Version = "version",
        /// A rejection where no gate asks for approvals.
        Rejection = "rejection",
    }
}

impl Condition {
    /// What kind of gate it makes.
    pub const fn kind(&self) -> GateKind {
        match self {
            Self::Predecessor { .. } => GateKind::Predecessor,
            Self::Soak { .. } => GateKind::Soak,
            Self::Approval { .. } => GateKind::Approval,
            Self::Attestation { .. } => GateKind::Attestation,
            Self::Status { .. } => GateKind::Status,
            Self::Tag { .. } => GateKind::Tag,
            Self::Order { .. } => GateKind::Order,
            Self::Age { .. } => GateKind::Age,
        }
    }
}
