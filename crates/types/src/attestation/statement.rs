//! In-toto statements: what is said, of which content.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::json::{self, List, Object};
use super::{MAX_SUBJECTS, ParseBundleError, Part};
use crate::Digest;
use crate::name::shown;
use crate::promotion::PredicateType;

/// What `_type` says, in the versions that are read. They differ in nothing that is read here.
const TYPES: [&str; 2] = ["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"];

/// What a statement says of whom. The predicate itself is passed over: it belongs to those who know its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// The SHA-256 digests of its subjects: 1 to [`MAX_SUBJECTS`]. Subjects that have only other digests are left out.
    pub(super) subjects: Vec<Digest>,
    /// What it says of them.
    pub(super) predicate_type: PredicateType,
}

/// A statement as it is sent.
#[derive(Deserialize)]
struct Sent {
    #[serde(rename = "_type")]
    kind: String,
    subject: List<Object<Subject>, MAX_SUBJECTS>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    /// Named here so that no statement has two predicates.
    #[serde(rename = "predicate")]
    _predicate: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Subject {
    digest: Option<Object<Digests>>,
}

#[derive(Deserialize)]
struct Digests {
    sha256: Option<Digest>,
}

impl Statement {
    pub(super) fn read(json: &[u8]) -> Result<Self, ParseBundleError> {
        let sent: Sent = json::read(Part::Statement, json)?;
        if !TYPES.contains(&sent.kind.as_str()) {
            return Err(ParseBundleError::StatementType(shown(&sent.kind)));
        }
        let subjects = sent.subject.within("subjects")?.into_iter();
        let subjects: Vec<Digest> = subjects.filter_map(|Object(subject)| subject.digest?.0.sha256).collect();
        if subjects.is_empty() {
            return Err(ParseBundleError::NoSubject);
        }
        Ok(Self { subjects, predicate_type: sent.predicate_type.parse()? })
    }
}
