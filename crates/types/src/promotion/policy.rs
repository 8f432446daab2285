//! What a stage asks of a promotion.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Condition, FreezeWindow, Gate, GateKind, GateName, Outcome, StageName, Verdict};
use crate::Digest;

/// The most gates of a stage.
pub const MAX_GATES: usize = 50;

/// The most freeze windows of a stage.
pub const MAX_WINDOWS: usize = 50;

/// The most predecessors of a stage, and the most stages that one of its gates names.
pub const MAX_PREDECESSORS: usize = 50;

/// The most approvals that a gate asks for, and the most people that it names.
pub const MAX_PEOPLE: usize = 50;

/// The most signers that a gate names.
pub const MAX_SIGNERS: usize = 50;

/// What a stage asks of a promotion: all of it is versioned together, under one digest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The stages that a version passes before.
    pub predecessors: Vec<StageName>,
    /// What must hold.
    pub gates: Vec<Gate>,
    /// When nothing is placed.
    pub freeze_windows: Vec<FreezeWindow>,
}

/// A policy contradicts itself, or says too much.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// There is too much of something.
    #[error("at most {most}, not {count}")]
    TooMany {
        /// The field.
        field: &'static str,
        /// The limit.
        most: usize,
        /// How many there are.
        count: usize,
    },
    /// Two have one name, or it is kept for something else.
    #[error("the name `{name}` is used twice, or is `freeze`, `version` or `rejection`, which stand for something else")]
    Name {
        /// The field.
        field: &'static str,
        /// The name.
        name: String,
    },
    /// A stage stands before itself.
    #[error("`{}` stand before each other in a ring", ringed(.0))]
    Ring(Vec<StageName>),
    /// A window would never be open.
    #[error("the freeze window `{0}` never opens: it must end after it starts")]
    Closed(GateName),
    /// An approval gate asks for nobody, or for more people than there can be.
    #[error("the gate `{0}` asks for 1 to {MAX_PEOPLE} approvals, and for no more than the people that it names")]
    People(GateName),
    /// A gate asks about predecessors, and the stage has none.
    #[error("the gate `{0}` asks about the predecessors of the stage, which has none: name stages")]
    NoPredecessor(GateName),
}

/// The stages of a ring, each behind the one that it stands after; of many, the first few.
fn ringed(stages: &[StageName]) -> String {
    let shown: Vec<&str> = stages.iter().take(10).map(StageName::as_str).chain((stages.len() > 10).then_some("…")).collect();
    shown.join("`, `")
}

impl PolicyError {
    /// The field that is at fault.
    pub fn field(&self) -> &'static str {
        match self {
            Self::TooMany { field, .. } | Self::Name { field, .. } => field,
            Self::Ring(_) => "predecessors",
            Self::Closed(_) => "freeze_windows",
            Self::NoPredecessor(_) | Self::People(_) => "gates",
        }
    }
}

impl Policy {
    /// Checks what a policy says of itself; which stages there are, it does not know.
    pub fn check(&self) -> Result<(), PolicyError> {
        let limit = |field, count: usize, most| if count > most { Err(PolicyError::TooMany { field, most, count }) } else { Ok(()) };
        limit("predecessors", self.predecessors.len(), MAX_PREDECESSORS)?;
        limit("gates", self.gates.len(), MAX_GATES)?;
        limit("freeze_windows", self.freeze_windows.len(), MAX_WINDOWS)?;
        unique("predecessors", self.predecessors.iter().map(StageName::as_str), &[])?;
        let kept = [GateName::freeze(), GateName::version(), GateName::rejection()];
        unique("gates", self.gates.iter().map(|gate| gate.name.as_str()), &kept.each_ref().map(GateName::as_str))?;
        unique("freeze_windows", self.freeze_windows.iter().map(|window| window.name.as_str()), &[])?;
        if let Some(window) = self.freeze_windows.iter().find(|window| !window.schedule.opens()) {
            return Err(PolicyError::Closed(window.name.clone()));
        }
        for gate in &self.gates {
            let needs_predecessors = match &gate.condition {
                Condition::Predecessor { stages, .. } => {
                    limit("gates", stages.len(), MAX_PREDECESSORS)?;
                    stages.is_empty()
                }
                Condition::Soak { stage, .. } => stage.is_none(),
                Condition::Approval { count, approvers, .. } => {
                    limit("gates", approvers.len(), MAX_PEOPLE)?;
                    check_people(&gate.name, *count, approvers.len())?;
                    false
                }
                Condition::Attestation { signers, .. } => {
                    limit("gates", signers.len(), MAX_SIGNERS)?;
                    false
                }
                _ => false,
            };
            if needs_predecessors && self.predecessors.is_empty() {
                return Err(PolicyError::NoPredecessor(gate.name.clone()));
            }
        }
        Ok(())
    }

    /// The stages that its gates ask about.
    pub fn stages(&self) -> BTreeSet<&StageName> {
        let mut stages = BTreeSet::new();
        for gate in &self.gates {
            match &gate.condition {
                Condition::Predecessor { stages: named, .. } if !named.is_empty() => stages.extend(named),
                Condition::Soak { stage: Some(stage), .. } => {
                    stages.insert(stage);
                }
                Condition::Predecessor { .. } | Condition::Soak { .. } => stages.extend(&self.predecessors),
                _ => {}
            }
        }
        stages
    }

    /// The kinds of the gates that can't hold any more by these verdicts, which were found by this policy.
    pub fn failed(&self, verdicts: &[Verdict]) -> Vec<GateKind> {
        let failed = verdicts.iter().filter(|verdict| verdict.outcome == Outcome::Failed);
        failed.filter_map(|verdict| self.kind(&verdict.gate)).collect()
    }

    fn kind(&self, name: &GateName) -> Option<GateKind> {
        let own = self.gates.iter().find(|gate| gate.name == *name).map(|gate| gate.condition.kind());
        let freeze = || (*name == GateName::freeze()).then_some(GateKind::Freeze);
        let version = || (*name == GateName::version()).then_some(GateKind::Version);
        let rejection = || (*name == GateName::rejection()).then_some(GateKind::Rejection);
        own.or_else(freeze).or_else(version).or_else(rejection)
    }

    /// The document: JSON with its fields in one order, so that equal policies have equal documents.
    pub fn document(&self) -> String {
        serde_json::to_string(self).expect("a policy has no keys but texts")
    }

    /// SHA-256 of the document.
    pub fn digest(&self) -> Digest {
        Digest::of(self.document().as_bytes())
    }
}

fn check_people(gate: &GateName, count: u32, named: usize) -> Result<(), PolicyError> {
    let most = if named == 0 { MAX_PEOPLE } else { named };
    let is_possible = usize::try_from(count).is_ok_and(|count| (1..=most).contains(&count));
    if is_possible { Ok(()) } else { Err(PolicyError::People(gate.clone())) }
}

fn unique<'a>(field: &'static str, names: impl Iterator<Item = &'a str>, kept: &[&'a str]) -> Result<(), PolicyError> {
    let mut seen: BTreeSet<&str> = kept.iter().copied().collect();
    for name in names {
        if !seen.insert(name) {
            return Err(PolicyError::Name { field, name: name.to_owned() });
        }
    }
    Ok(())
}

/// A ring among stages, each with the ones that stand before it: none may be there. Each stage is gone through once.
pub fn ring(predecessors: &BTreeMap<&StageName, &[StageName]>) -> Option<Vec<StageName>> {
    let mut seen: BTreeSet<&StageName> = BTreeSet::new();
    let mut on_path: BTreeSet<&StageName> = BTreeSet::new();
    for &start in predecessors.keys() {
        let mut path: Vec<(&StageName, usize)> = Vec::new();
        if seen.insert(start) {
            on_path.insert(start);
            path.push((start, 0));
        }
        while let Some((stage, next)) = path.last_mut() {
            let before = predecessors.get(*stage).copied().unwrap_or_default();
            let Some(one) = before.get(*next) else {
                on_path.remove(*stage);
                path.pop();
                continue;
            };
            *next += 1;
            if on_path.contains(one) {
                let ring = path.iter().map(|(stage, _)| *stage).skip_while(|stage| *stage != one);
                return Some(ring.cloned().collect());
            }
            if seen.insert(one) {
                on_path.insert(one);
                path.push((one, 0));
            }
        }
    }
    None
}
