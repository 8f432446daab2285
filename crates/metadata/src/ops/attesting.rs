//! Judging attestations: what every operation that asks whose signatures count has in common.
//!
//! Whether the signature of a trusted key fits a bundle never changes, so it is found out once and kept with the attestation: for all keys
//! when the attestation is added, and for a key that was added later when the attestation is next judged within a transaction that writes.
//! What can change is judged each time: which keys there are, what they count for, and until when.

use std::collections::HashMap;

use consign_types::attestation::{Bundle, Outcome, Signer, VerifyError, verify};
use consign_types::promotion::{Attested, PredicateType, VerifiedBy};
use consign_types::resource::{AttestationRef, ProjectRef};
use consign_types::{ContentDigest, Timestamp};

use super::create_trusted_key::MAX_KEYS;
use crate::connection::Db;
use crate::tables::attestations::{self, Attestation, Check, Checked};
use crate::tables::trusted_keys::{self, TrustedKey};
use crate::{Error, Result};

/// How much one transaction that holds a project up looks at signatures: a second, if all of them are made to take long. See
/// [`effort_of`].
const WRITE_EFFORT: usize = 4000;

/// The same of one that holds up nobody.
const READ_EFFORT: usize = 20_000;

/// The bytes of a bundle that are read and hashed in the time in which a signature is verified.
const BYTES_OF_EFFORT: usize = 64 << 10;

/// Of how many contents the attestations are looked at together: each has a thousand at most.
const CONTENTS_AT_ONCE: usize = 20;

/// The trusted keys of a project, by which attestations are judged at an instant.
pub(super) struct Jury {
    project: i64,
    keys: Vec<TrustedKey>,
    now: Timestamp,
    /// Those that were read, by their ids.
    signers: HashMap<i64, Signer>,
    /// How much of the work may still be done.
    effort: usize,
    keeps: bool,
}

impl Jury {
    /// Reads the keys of a project, for a transaction that writes. What is found is kept.
    pub(super) fn writing(db: &mut Db, project: i64, now: Timestamp) -> Result<Self> {
        Self::new(db, project, now, WRITE_EFFORT, true)
    }

    /// The same for a transaction that only reads.
    pub(super) fn reading(db: &mut Db, project: i64, now: Timestamp) -> Result<Self> {
        Self::new(db, project, now, READ_EFFORT, false)
    }

    fn new(db: &mut Db, project: i64, now: Timestamp, effort: usize, keeps: bool) -> Result<Self> {
        let keys = trusted_keys::list(db, project, None, MAX_KEYS)?;
        Ok(Self { project, keys, now, signers: HashMap::new(), effort, keeps })
    }

    /// What is found for a bundle that was just received, for each of the keys.
    pub(super) fn checks_of(&mut self, bundle: &Bundle, attestation: &Attestation) -> Result<Vec<Check>> {
        let keys: Vec<i64> = self.keys.iter().map(|key| key.id).collect();
        keys.into_iter().map(|key| self.check(bundle, attestation, key)).collect()
    }

    fn check(&mut self, bundle: &Bundle, attestation: &Attestation, key: i64) -> Result<Check> {
        if !self.signers.contains_key(&key) {
            let row = self.keys.iter().find(|row| row.id == key).ok_or(Error::Row("trusted_keys"))?;
            self.signers.insert(key, row.signer.read().map_err(|_| Error::Row("trusted_keys"))?);
        }
        let verified = verify(bundle, &attestation.subject.digest(), &self.signers[&key], attestation.created_at);
        let (outcome, text) = match verified {
            Ok(signer) => (Outcome::Verified, signer),
            Err(error) => (VerifyError::outcome(&error), error.to_string()),
        };
        Ok(Check { key, outcome, text })
    }

    /// Finds out what is not known yet of an attestation and the keys that count for its type, as far as there is time.
    fn complete(&mut self, db: &mut Db, checked: &mut Checked) -> Result<()> {
        let Checked { attestation, checks } = checked;
        let is_known = |key: &TrustedKey| checks.iter().any(|check| check.key == key.id);
        let counts = |key: &&TrustedKey| counts_for(key, &attestation.predicate_type) && !is_known(key);
        let missing: Vec<i64> = self.keys.iter().filter(counts).map(|key| key.id).collect();
        if missing.is_empty() || self.effort == 0 {
            return Ok(());
        }
        let bundle = attestations::find_bundle(db, attestation.id)?;
        let bundle = Bundle::parse(attestation.format, &bundle).map_err(|_| Error::Row("attestation_bundles"))?;
        let each = effort_of(&bundle, attestation.size_bytes);
        for key in missing {
            if self.effort == 0 {
                break;
            }
            checks.push(self.check(&bundle, attestation, key)?);
            self.effort = self.effort.saturating_sub(each);
        }
        if self.keeps {
            // Of keys that are gone, nobody asks any more.
            checks.retain(|check| self.keys.iter().any(|key| key.id == check.key));
            attestations::set_checks(db, attestation.id, checks)?;
        }
        Ok(())
    }

    /// Judges an attestation.
    pub(super) fn judge(&mut self, db: &mut Db, mut checked: Checked) -> Result<AttestationVerdict> {
        self.complete(db, &mut checked)?;
        let mut findings: Vec<Finding> = self.keys.iter().map(|key| self.finding(key, &checked)).collect();
        // The keys stand in the order of their names, and so do findings that are alike.
        findings.sort_by_key(|finding| finding.rank);
        let count = findings.len();
        let mut findings = findings.into_iter();
        let attestation = checked.attestation;
        let (outcome, reason, by) = match findings.next() {
            None => (Outcome::Untrusted, "the project trusts no key".to_owned(), None),
            Some(Finding { rank: Rank::Other, .. }) if count > 1 => {
                (Outcome::Untrusted, format!("it is signed by none of the {count} trusted keys"), None)
            }
            Some(Finding { rank, reason, by }) => (rank.outcome(), reason, by),
        };
        Ok(AttestationVerdict { attestation, outcome, reason, by, also: findings.filter_map(|finding| finding.by).collect() })
    }

    /// What one key makes of an attestation at this instant.
    fn finding(&self, key: &TrustedKey, checked: &Checked) -> Finding {
        let TrustedKey { id, key: name, expires_at, .. } = key;
        let counts = counts_for(key, &checked.attestation.predicate_type);
        let of = |rank, reason| Finding { rank, reason, by: None };
        let Some(check) = checked.checks.iter().find(|check| check.key == *id) else {
            if !counts {
                return of(Rank::Other, format!("the trusted key `{name}` does not count for its type"));
            }
            return of(Rank::NotJudged, format!("whether the trusted key `{name}` signed it was not looked at yet: ask for less at once"));
        };
        match (check.outcome, expires_at) {
            (Outcome::Verified, _) if !counts => {
                of(Rank::OtherType, format!("it is signed by the trusted key `{name}`, which does not count for its type"))
            }
            (Outcome::Verified, Some(at)) if *at <= self.now => {
                of(Rank::Expired, format!("it is signed by the trusted key `{name}`, which counted until {at}"))
            }
            (Outcome::Verified, _) => {
                let by = VerifiedBy { trusted_key: name.to_string(), signer: check.text.clone() };
                Finding { rank: Rank::Verified, reason: format!("it is signed by the trusted key `{name}`"), by: Some(by) }
            }
            // A key that does not count has nothing to say of signatures that do not fit it either.
            (Outcome::Expired, _) if counts => of(Rank::Expired, check.text.clone()),
            (Outcome::Invalid, _) if counts => of(Rank::Invalid, check.text.clone()),
            _ => of(Rank::Other, check.text.clone()),
        }
    }

    /// The attestations of some contents that are of one of these types, each as often as keys verified it. Of those that no gate could tell
    /// apart, only the newest is told.
    pub(super) fn attested(
        &mut self,
        db: &mut Db,
        contents: &[ContentDigest],
        types: &[PredicateType],
    ) -> Result<HashMap<ContentDigest, Vec<Attested>>> {
        let mut found: HashMap<ContentDigest, Vec<Attested>> = HashMap::new();
        let mut contents: Vec<ContentDigest> = contents.to_vec();
        contents.sort_unstable();
        contents.dedup();
        for contents in contents.chunks(CONTENTS_AT_ONCE) {
            for checked in attestations::list_of_contents(db, self.project, contents, types)? {
                let content = ContentDigest::from(checked.attestation.subject.digest());
                let told = self.judge(db, checked)?.attested();
                add_new(found.entry(content).or_default(), told);
            }
        }
        Ok(found)
    }

    /// Those of some types of which some contents have a verified attestation.
    pub(super) fn attested_types(
        &mut self,
        db: &mut Db,
        contents: &[ContentDigest],
        types: &[PredicateType],
    ) -> Result<HashMap<ContentDigest, Vec<String>>> {
        let verified = |attested: Attested| attested.verified.is_ok().then(|| attested.predicate_type.to_string());
        let of = |(content, found): (_, Vec<Attested>)| (content, found.into_iter().filter_map(verified).collect());
        Ok(self.attested(db, contents, types)?.into_iter().map(of).collect())
    }
}

/// Adds what is told of an attestation to what is told of newer ones, where a gate could tell it apart from those.
fn add_new(seen: &mut Vec<Attested>, told: Vec<Attested>) {
    let is_same = |one: &Attested, other: &Attested| {
        one.predicate_type == other.predicate_type && one.verified.as_ref().ok() == other.verified.as_ref().ok()
    };
    for attested in told {
        if !seen.iter().any(|other| is_same(other, &attested)) {
            seen.push(attested);
        }
    }
}

/// How long it takes to verify a bundle by one key, counted in signatures: each is tried in two forms.
fn effort_of(bundle: &Bundle, size_bytes: i64) -> usize {
    2 * bundle.signature_count() + 1 + usize::try_from(size_bytes).unwrap_or(usize::MAX) / BYTES_OF_EFFORT
}

fn counts_for(key: &TrustedKey, wanted: &PredicateType) -> bool {
    key.predicate_types.is_empty() || key.predicate_types.contains(wanted)
}

/// What one key makes of an attestation.
struct Finding {
    rank: Rank,
    reason: String,
    by: Option<VerifiedBy>,
}

/// What was found for one key: what tells most of an attestation comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Verified,
    Expired,
    Invalid,
    NotJudged,
    OtherType,
    Other,
}

impl Rank {
    fn outcome(self) -> Outcome {
        match self {
            Self::Verified => Outcome::Verified,
            Self::Expired => Outcome::Expired,
            Self::Invalid => Outcome::Invalid,
            Self::NotJudged | Self::OtherType | Self::Other => Outcome::Untrusted,
        }
    }
}

/// What was found for an attestation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttestationVerdict {
    /// The attestation.
    pub attestation: Attestation,
    /// The result.
    pub outcome: Outcome,
    /// The result in words.
    pub reason: String,
    /// By whom it was verified, if it was: the first of them by the names of the trusted keys.
    pub by: Option<VerifiedBy>,
    /// By whom else.
    pub also: Vec<VerifiedBy>,
}

impl AttestationVerdict {
    /// What gates are told: once for each key that verified it, or why it does not count.
    fn attested(self) -> Vec<Attested> {
        let Attestation { id, project_id, predicate_type, created_at: time, .. } = self.attestation;
        let attestation = AttestationRef { project: ProjectRef::Id(project_id), id }.to_string();
        let verified: Vec<Result<VerifiedBy, String>> = match self.by {
            Some(by) => std::iter::once(by).chain(self.also).map(Ok).collect(),
            None => vec![Err(self.reason)],
        };
        let told = |verified| Attested { attestation: attestation.clone(), predicate_type: predicate_type.clone(), time, verified };
        verified.into_iter().map(told).collect()
    }
}
