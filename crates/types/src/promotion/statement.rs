//! What is signed when a promotion is applied: an [in-toto statement](https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md)
//! in the shape of a [SLSA verification summary](https://slsa.dev/spec/v1.1/verification_summary).
//!
//! Its bytes are the record of the promotion: their SHA-256 is the record's hash, and each names the hash of the one before it in the
//! project. So the statements of a project are a chain, which nobody changes, leaves out or adds to unseen.

use serde::{Deserialize, Serialize};

use super::{StageName, Verdict};
use crate::{ContentDigest, Digest, PackageName, Slug, VersionName};

/// What in-toto calls a statement.
const STATEMENT: &str = "https://in-toto.io/Statement/v1";

/// What SLSA calls a verification summary.
pub const SUMMARY: &str = "https://slsa.dev/verification_summary/v1";

/// The version of SLSA whose words are used.
const SLSA_VERSION: &str = "1.1";

/// The media type of a statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// The statement of a promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Always the same.
    #[serde(rename = "_type")]
    kind: String,
    /// What was placed.
    pub subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    /// What is said of it.
    pub predicate: Summary,
}

/// Content that was placed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// `{package}@{version}`.
    pub name: String,
    /// The content digest.
    pub digest: Sha256,
}

/// A digest as in-toto has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sha256 {
    /// In hexadecimal.
    pub sha256: Digest,
}

/// A verification summary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    verifier: Verifier,
    /// When it was applied: RFC 3339 in UTC.
    pub time_verified: String,
    /// The stage.
    pub resource_uri: String,
    /// What it was judged by.
    pub policy: PolicyDigest,
    verification_result: String,
    verified_levels: Vec<String>,
    slsa_version: String,
    /// All that was recorded.
    #[serde(rename = "https://consign.dev/promotion/v1")]
    pub record: Record,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Verifier {
    id: String,
}

/// The policy of a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyDigest {
    /// The stage.
    pub uri: String,
    /// Of the policy's document.
    pub digest: Sha256,
}

/// All that is recorded of a promotion that was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The project: `projects/7`.
    pub project: String,
    /// The promotion: `projects/7/promotions/3`.
    pub promotion: String,
    /// The stage.
    pub stage: StageName,
    /// The change that applied it.
    pub sequence: i64,
    /// What it placed.
    pub items: Vec<RecordedItem>,
    /// What left the stage and was not replaced.
    pub removed: Vec<RecordedItem>,
    /// What was found for each gate.
    pub verdicts: Vec<Verdict>,
    /// Who asked for it.
    pub creator: Slug,
    /// Why.
    pub justification: String,
    /// The promotion after which the stage stands again, for a rollback; empty: after none. `None` for another kind.
    pub rollback_target: Option<String>,
    /// The SHA-256 of the statement before this one in the project; `None` for the first.
    pub previous_record_hash: Option<Digest>,
}

/// A version that was placed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedItem {
    /// Its package.
    pub package: PackageName,
    /// The version.
    pub version: VersionName,
    /// What it consists of.
    pub content_digest: Digest,
    /// The version whose place it took.
    pub replaced_version: Option<VersionName>,
}

/// The text is not the statement of a promotion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not the statement of a promotion")]
pub struct ParseStatementError;

impl Statement {
    /// The statement of a promotion that is applied at an instant, in RFC 3339, by a policy of this digest.
    pub fn new(record: Record, time: String, policy: Digest) -> Self {
        let subject = |item: &RecordedItem| Subject {
            name: format!("{}@{}", item.package, item.version),
            digest: Sha256 { sha256: item.content_digest },
        };
        let stage = format!("{}/stages/{}", record.project, record.stage);
        Self {
            kind: STATEMENT.to_owned(),
            subject: record.items.iter().map(subject).collect(),
            predicate_type: SUMMARY.to_owned(),
            predicate: Summary {
                verifier: Verifier { id: "https://consign.dev".to_owned() },
                time_verified: time,
                resource_uri: stage.clone(),
                policy: PolicyDigest { uri: stage, digest: Sha256 { sha256: policy } },
                verification_result: "PASSED".to_owned(),
                verified_levels: vec![format!("CONSIGN_STAGE_{}", record.stage.as_str().to_ascii_uppercase().replace('-', "_"))],
                slsa_version: SLSA_VERSION.to_owned(),
                record,
            },
        }
    }

    /// Its bytes, which are signed.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("it has no keys but texts")
    }

    /// Reads the bytes of a statement. Of what they say, nothing is believed yet: their signature is checked before.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseStatementError> {
        let statement: Self = serde_json::from_slice(bytes).map_err(|_| ParseStatementError)?;
        let is_ours = statement.kind == STATEMENT && statement.predicate_type == SUMMARY;
        if is_ours && statement.to_bytes() == bytes { Ok(statement) } else { Err(ParseStatementError) }
    }
}

impl RecordedItem {
    /// A version, its content, and what it replaced.
    pub fn new(package: PackageName, version: VersionName, content: ContentDigest, replaced: Option<VersionName>) -> Self {
        Self { package, version, content_digest: Digest::from_bytes(*content.as_bytes()), replaced_version: replaced }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement() -> Statement {
        let item = RecordedItem::new(
            "tool".parse().unwrap(),
            "1.0".parse().unwrap(),
            ContentDigest::of(std::iter::empty()),
            Some("0.9".parse().unwrap()),
        );
        let record = Record {
            project: "projects/7".to_owned(),
            promotion: "projects/7/promotions/3".to_owned(),
            stage: "eu-west".parse().unwrap(),
            sequence: 5,
            items: vec![item],
            removed: Vec::new(),
            verdicts: Vec::new(),
            creator: "alice".parse().unwrap(),
            justification: "release".to_owned(),
            rollback_target: None,
            previous_record_hash: Some(Digest::of(b"x")),
        };
        Statement::new(record, "2026-01-31T12:00:00Z".to_owned(), Digest::of(b"policy"))
    }

    #[test]
    fn a_statement_reads_back_and_has_one_spelling() {
        let bytes = statement().to_bytes();
        assert_eq!(Statement::parse(&bytes), Ok(statement()));
        let text = String::from_utf8(bytes).unwrap();
        for broken in
            ["", "{}", &text.replace("Statement/v1", "Statement/v2"), &text.replace("summary/v1", "summary/v2"), &format!(" {text}")]
        {
            assert_eq!(Statement::parse(broken.as_bytes()), Err(ParseStatementError), "{broken}");
        }
    }

    #[test]
    fn it_says_what_verifiers_of_summaries_look_for() {
        let json: serde_json::Value = serde_json::from_slice(&statement().to_bytes()).unwrap();
        assert_eq!(json["_type"], STATEMENT);
        assert_eq!(json["predicateType"], SUMMARY);
        assert_eq!(json["subject"][0]["name"], "tool@1.0");
        assert_eq!(json["subject"][0]["digest"]["sha256"], ContentDigest::of(std::iter::empty()).to_string());
        let predicate = &json["predicate"];
        assert_eq!(predicate["verificationResult"], "PASSED");
        assert_eq!(predicate["resourceUri"], "projects/7/stages/eu-west");
        assert_eq!(predicate["policy"]["digest"]["sha256"], Digest::of(b"policy").to_string());
        assert_eq!(predicate["verifiedLevels"][0], "CONSIGN_STAGE_EU_WEST");
        assert!(["verifier", "timeVerified", "slsaVersion"].iter().all(|field| !predicate[field].is_null()));
    }
}
