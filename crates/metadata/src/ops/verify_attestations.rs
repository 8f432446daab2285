//! Judging the attestations of a subject.

use std::collections::BTreeSet;

use consign_types::attestation::Outcome;
use consign_types::promotion::PredicateType;
use consign_types::resource::ProjectRef;

use super::attesting::{AttestationVerdict, Jury};
use super::find_attestation::{AttestedWhat, about};
use super::project;
use crate::tables::attestations;
use crate::{Metadata, Result};

/// How many attestations are judged at most.
const MAX_JUDGED: i64 = 1000;

/// Attestations to be judged.
#[derive(Clone, Debug)]
pub struct VerifyAttestations {
    /// The project.
    pub project: ProjectRef,
    /// What they speak of.
    pub subject: AttestedWhat,
    /// The predicate types that are asked for; none stands for all.
    pub predicate_types: Vec<PredicateType>,
}

impl Metadata {
    /// Judges the attestations of a subject by the keys that are trusted now: the newest first, and the newest 1000 at most. Tells also those
    /// of the wanted predicate types of which none was verified. `VersionNotFound`.
    pub async fn verify_attestations(&self, request: VerifyAttestations) -> Result<(Vec<AttestationVerdict>, Vec<PredicateType>)> {
        let now = self.now();
        self.pool
            .read(move |db| {
                let home = project(db, &request.project)?;
                let about = about(db, &home, &request.subject)?;
                let found = attestations::list_checked(db, home.id, about, &request.predicate_types, MAX_JUDGED)?;
                let mut jury = Jury::reading(db, home.id, now)?;
                let verdicts = found.into_iter().map(|checked| jury.judge(db, checked)).collect::<Result<Vec<_>>>()?;
                let verified = verdicts.iter().filter(|verdict| verdict.outcome == Outcome::Verified);
                let verified: BTreeSet<_> = verified.map(|verdict| verdict.attestation.predicate_type.clone()).collect();
                let missing = request.predicate_types.into_iter().filter(|wanted| !verified.contains(wanted)).collect();
                Ok((verdicts, missing))
            })
            .await
    }
}
