//! The gates of a stage, as a file has them.

use anyhow::{Context as _, Result, bail};
use consign_proto::metadata::{self as wire, gate::Condition};
use consign_types::access::Role;
use serde::{Deserialize, Serialize};

use super::super::moments::Length;

/// A gate: its id and one condition.
#[derive(Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Gate {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    predecessor: Option<Predecessor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    soak: Option<Soak>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    approval: Option<Approval>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attestation: Option<Attestation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tag: Option<Tag>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<Order>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    age: Option<Age>,
}

#[derive(Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Predecessor {
    stages: Vec<String>,
    any: bool,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Soak {
    #[serde(default)]
    stage: String,
    duration: Length,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the fields are called as those of the protocol")]
struct Approval {
    count: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    minimum_role: Option<Role>,
    #[serde(default)]
    approvers: Vec<String>,
    #[serde(default)]
    distinct: bool,
    #[serde(default)]
    allow_self_approval: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    validity: Option<Length>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attestation {
    predicate_type: String,
    #[serde(default)]
    signers: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    maximum_age: Option<Length>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Status {
    check: String,
    #[serde(default)]
    reporter: String,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tag {
    glob: String,
    #[serde(default)]
    immutable: bool,
}

#[derive(Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Order {
    allow_same: bool,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Age {
    minimum_age: Length,
}

impl Gate {
    /// The gate as a request has it.
    pub(super) fn into_wire(self) -> Result<wire::Gate> {
        let conditions = [
            self.predecessor.map(|new| Condition::Predecessor(wire::PredecessorCondition { stages: new.stages, any: new.any })),
            self.soak.map(|new| Condition::Soak(wire::SoakCondition { stage: new.stage, duration: Some(new.duration.into()) })),
            self.approval.map(|new| Condition::Approval(new.into())),
            self.attestation.map(|new| {
                let maximum_age = new.maximum_age.map(Into::into);
                Condition::Attestation(wire::AttestationCondition { predicate_type: new.predicate_type, signers: new.signers, maximum_age })
            }),
            self.status.map(|new| Condition::Status(wire::StatusCondition { check: new.check, reporter: new.reporter })),
            self.tag.map(|new| Condition::Tag(wire::TagCondition { tag_glob: new.glob, immutable: new.immutable })),
            self.order.map(|new| Condition::Order(wire::OrderCondition { allow_same: new.allow_same })),
            self.age.map(|new| Condition::Age(wire::AgeCondition { minimum_age: Some(new.minimum_age.into()) })),
        ];
        let mut conditions = conditions.into_iter().flatten();
        match (conditions.next(), conditions.next()) {
            (Some(condition), None) => Ok(wire::Gate { gate_id: self.id, condition: Some(condition) }),
            _ => bail!("gate `{}` must have one condition: `soak`, `approval` or another", self.id),
        }
    }

    /// A gate as an answer has it.
    pub(super) fn of(gate: wire::Gate) -> Result<Self> {
        let id = gate.gate_id;
        let unknown = || format!("gate `{id}` has a condition that this command does not know: take a newer one");
        let length = |duration| Length::of(duration).with_context(unknown);
        let mut read = Self { id: id.clone(), ..Self::default() };
        match gate.condition.with_context(unknown)? {
            Condition::Predecessor(new) => read.predecessor = Some(Predecessor { stages: new.stages, any: new.any }),
            Condition::Soak(new) => {
                read.soak = Some(Soak { stage: new.stage, duration: length(new.duration.unwrap_or_default())? });
            }
            Condition::Approval(new) => {
                read.approval = Some(Approval {
                    minimum_role: new.minimum_role().known(),
                    validity: new.validity.map(length).transpose()?,
                    count: new.count,
                    approvers: new.approvers,
                    distinct: new.distinct,
                    allow_self_approval: new.allow_self_approval,
                });
            }
            Condition::Attestation(new) => {
                let maximum_age = new.maximum_age.map(length).transpose()?;
                read.attestation = Some(Attestation { predicate_type: new.predicate_type, signers: new.signers, maximum_age });
            }
            Condition::Status(new) => read.status = Some(Status { check: new.check, reporter: new.reporter }),
            Condition::Tag(new) => read.tag = Some(Tag { glob: new.tag_glob, immutable: new.immutable }),
            Condition::Order(new) => read.order = Some(Order { allow_same: new.allow_same }),
            Condition::Age(new) => read.age = Some(Age { minimum_age: length(new.minimum_age.unwrap_or_default())? }),
        }
        Ok(read)
    }
}

impl From<Approval> for wire::ApprovalCondition {
    fn from(new: Approval) -> Self {
        // A user is named as everywhere in this command: without `users/`.
        let named = |name: String| if name.starts_with("users/") { name } else { format!("users/{name}") };
        Self {
            count: new.count,
            minimum_role: new.minimum_role.map_or(wire::Role::Unspecified, wire::Role::from).into(),
            approvers: new.approvers.into_iter().map(named).collect(),
            distinct: new.distinct,
            allow_self_approval: new.allow_self_approval,
            validity: new.validity.map(Into::into),
        }
    }
}
