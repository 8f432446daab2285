//! Stages and promotions, attestations and the keys that they are judged by.

use std::fmt;
use std::str::FromStr;

use super::numbered::numbered_ref;
use super::{ParseResourceError, ProjectRef, segments};
use crate::attestation::KeyName;
use crate::promotion::StageName;

/// A stage of a project: `projects/7/stages/production`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageRef {
    /// The project.
    pub project: ProjectRef,
    /// The stage.
    pub stage: StageName,
}

impl fmt::Display for StageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/stages/{}", self.project, self.stage)
    }
}

impl FromStr for StageRef {
    type Err = ParseResourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(["projects", project, "stages", stage]) = segments(text) else {
            return Err(ParseResourceError::Shape("projects/{project}/stages/{stage}"));
        };
        Ok(Self { project: ProjectRef::from_segment(project)?, stage: stage.parse()? })
    }
}

numbered_ref! {
    /// A promotion of a project: `projects/7/promotions/3`.
    PromotionRef, "promotions"
}

numbered_ref! {
    /// An attestation of a project: `projects/7/attestations/3`.
    AttestationRef, "attestations"
}

/// A trusted key or identity of a project: `projects/7/trustedKeys/release-builds`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedKeyRef {
    /// The project.
    pub project: ProjectRef,
    /// The key.
    pub key: KeyName,
}

impl fmt::Display for TrustedKeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/trustedKeys/{}", self.project, self.key)
    }
}

impl FromStr for TrustedKeyRef {
    type Err = ParseResourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(["projects", project, "trustedKeys", key]) = segments(text) else {
            return Err(ParseResourceError::Shape("projects/{project}/trustedKeys/{trusted_key}"));
        };
        Ok(Self { project: ProjectRef::from_segment(project)?, key: key.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_known_by_their_names_and_promotions_by_their_numbers() {
        for name in ["projects/7/stages/production", "projects/a%2Fb/stages/qa-2"] {
            assert_eq!(name.parse::<StageRef>().unwrap().to_string(), name);
        }
        for name in ["projects/7/stages/", "projects/7/stages/Prod", "projects/7/stages/a/b", "projects/7/stage/a", "stages/a"] {
            assert!(name.parse::<StageRef>().is_err(), "{name}");
        }
        assert_eq!("projects/7/promotions/3".parse::<PromotionRef>().unwrap().id, 3);
        assert!("projects/7/promotions/x".parse::<PromotionRef>().is_err());
    }

    #[test]
    fn trusted_keys_are_known_by_their_names() {
        let name = "projects/a%2Fb/trustedKeys/release-builds";
        assert_eq!(name.parse::<TrustedKeyRef>().unwrap().to_string(), name);
        for name in ["projects/7/trustedKeys/", "projects/7/trustedKeys/A", "projects/7/trustedKey/a", "trustedKeys/a"] {
            assert!(name.parse::<TrustedKeyRef>().is_err(), "{name}");
        }
    }
}
