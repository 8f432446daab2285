//! What a failure tells the caller.

use consign_types::resource::TagRuleRef;
use consign_types::text::Description;
use consign_types::{Reason, Refusal};

use crate::Error;
use crate::error::BytesOf;

/// The rule by which a change of a tag is refused, and why it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusingRule {
    /// The rule.
    pub name: TagRuleRef,
    /// What was said when it was made; may be empty.
    pub description: Description,
}

impl std::fmt::Display for RefusingRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "rule `{}`", self.name)?;
        if self.description.as_str().is_empty() { Ok(()) } else { write!(f, " ({})", self.description) }
    }
}

fn path_of(bytes: &BytesOf) -> Option<(&'static str, String)> {
    match bytes {
        BytesOf::File(path) => Some(("path", path.to_string())),
        BytesOf::Bundle => None,
    }
}

impl Refusal for Error {
    fn reason(&self) -> Reason {
        match self {
            Self::TokenInvalid | Self::TokenMissing | Self::IdTokenUsed => Reason::TokenInvalid,
            Self::TrustNotMatched(_) => Reason::TrustNotMatched,
            Self::TokenExpired => Reason::TokenExpired,
            Self::TokenRevoked => Reason::TokenRevoked,
            Self::TokenNotActive(_) => Reason::TokenNotActive,
            Self::TokenNotFound(_) => Reason::TokenNotFound,
            Self::UserNotFound(_) => Reason::UserNotFound,
            Self::MemberNotFound(_) => Reason::MemberNotFound,
            Self::LastAdmin => Reason::LastAdmin,
            Self::RoleInsufficient(_) => Reason::RoleInsufficient,
            Self::ScopeInsufficient(_) => Reason::ScopeInsufficient,
            Self::PackageProtected { .. } => Reason::PackageProtected,
            Self::NamespaceNotFound(_) => Reason::NamespaceNotFound,
            Self::ProjectNotFound(_) | Self::ProjectHidden(_) => Reason::ProjectNotFound,
            Self::PackageNotFound(_) => Reason::PackageNotFound,
            Self::VersionNotFound(_) | Self::NothingFits(_) => Reason::VersionNotFound,
            Self::FileNotFound(_) | Self::DigestNotFound { .. } => Reason::FileNotFound,
            Self::PathsClash { .. } => Reason::PathInvalid,
            Self::TagNotFound(_) => Reason::TagNotFound,
            Self::RuleNotFound(_) => Reason::RuleNotFound,
            Self::ReleaseNotFound(_) => Reason::ReleaseNotFound,
            Self::VersionQuarantined(_) => Reason::VersionQuarantined,
            Self::VersionStateConflict { .. } => Reason::VersionStateConflict,
            Self::InUse { .. } | Self::Placed { .. } => Reason::VersionInUse,
            Self::NamespaceNotEmpty(_) => Reason::NamespaceNotEmpty,
            Self::EtagMismatch(_) => Reason::EtagMismatch,
            Self::TagMoved { .. } => Reason::TagMoved,
            Self::TagImmutable { .. } => Reason::TagImmutable,
            Self::TagProtected { .. } => Reason::TagProtected,
            Self::TagNotMonotonic { .. } => Reason::TagNotMonotonic,
            Self::AttestationMissing { .. } => Reason::AttestationMissing,
            Self::FilterInvalid(_) => Reason::FilterInvalid,
            Self::PageTokenInvalid => Reason::PageTokenInvalid,
            Self::QuotaExceeded { .. } => Reason::QuotaExceeded,
            Self::NameTaken(_) => Reason::NameTaken,
            Self::ArgumentInvalid { .. } => Reason::ArgumentInvalid,
            Self::RequestIdReused(_) => Reason::RequestIdReused,
            Self::UploadNotFound => Reason::UploadNotFound,
            Self::DuplicateFile { .. } => Reason::DuplicateFile,
            Self::VersionSealed(_) => Reason::VersionSealed,
            Self::VersionContentMismatch { .. } => Reason::VersionContentMismatch,
            Self::ContentUnexpected { .. } => Reason::ContentUnexpected,
            Self::FileTooLarge { .. } => Reason::FileTooLarge,
            Self::ReceiptInvalid(_) => Reason::ReceiptInvalid,
            Self::BlobExpired { .. } => Reason::BlobExpired,
            Self::Promotion(error) => error.reason(),
            Self::Overloaded => Reason::Overloaded,
            Self::StorageFull(_) => Reason::StorageFull,
            Self::Unavailable(_) => Reason::MetadataUnavailable,
            Self::NoSigningKeys | Self::Query(_) | Self::Row(_) | Self::Migration(_) | Self::Url(_) | Self::Task(_) | Self::Panicked => {
                Reason::Internal
            }
        }
    }

    fn details(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::NamespaceNotFound(name) | Self::NamespaceNotEmpty(name) => vec![("resource", name.to_string())],
            Self::ProjectNotFound(name) | Self::TrustNotMatched(name) => vec![("resource", name.to_string())],
            Self::ProjectHidden(name) => vec![("resource", name.to_string()), ("hidden", "true".to_owned())],
            Self::TokenNotActive(name) | Self::TokenNotFound(name) => vec![("resource", name.to_string())],
            Self::UserNotFound(name) => vec![("resource", name.to_string())],
            Self::MemberNotFound(name) => vec![("resource", name.to_string())],
            Self::RoleInsufficient(role) => vec![("role", role.to_string())],
            Self::PackageProtected { package, role } => vec![("package", package.to_string()), ("role", role.to_string())],
            Self::VersionNotFound(name) | Self::VersionSealed(name) | Self::VersionQuarantined(name) => {
                vec![("resource", name.to_string())]
            }
            Self::FileNotFound(name) => vec![("resource", name.to_string())],
            Self::PathsClash { file, below } => vec![("path", below.to_string()), ("file", file.to_string())],
            Self::PackageNotFound(name) | Self::NothingFits(name) => vec![("resource", name.to_string())],
            Self::TagNotFound(name) => vec![("resource", name.to_string())],
            Self::RuleNotFound(name) => vec![("resource", name.to_string())],
            Self::EtagMismatch(name) | Self::NameTaken(name) | Self::ReleaseNotFound(name) => vec![("resource", name.clone())],
            Self::DigestNotFound { version, digest } => vec![("resource", version.to_string()), ("sha256", digest.to_string())],
            Self::VersionStateConflict { version, state } => vec![("resource", version.to_string()), ("state", state.to_string())],
            Self::Placed { what, stages } => vec![("resource", what.clone()), ("held_by", stages.join(" "))],
            Self::InUse { what, holders } => vec![("resource", what.clone()), ("held_by", holders.join(" "))],
            Self::TagMoved { tag, expected, actual } => {
                let actual = actual.as_ref().map(ToString::to_string).unwrap_or_default();
                vec![("resource", tag.to_string()), ("expected_version", expected.to_string()), ("actual_version", actual)]
            }
            Self::TagImmutable { tag, rule } | Self::TagProtected { tag, rule } | Self::TagNotMonotonic { tag, rule } => {
                vec![("resource", tag.to_string()), ("rule", rule.name.to_string()), ("rule_description", rule.description.to_string())]
            }
            Self::AttestationMissing { tag, rule, types } => {
                vec![
                    ("resource", tag.to_string()),
                    ("rule", rule.name.to_string()),
                    ("rule_description", rule.description.to_string()),
                    ("predicate_types", types.join(" ")),
                ]
            }
            Self::QuotaExceeded { limit, used, reserved, wanted } => {
                let facts = [("limit", limit), ("used", used), ("reserved", reserved), ("wanted", wanted)];
                facts.map(|(name, bytes)| (name, bytes.to_string())).to_vec()
            }
            Self::DuplicateFile { path, existing } => vec![("path", path.to_string()), ("existing_sha256", existing.to_string())],
            Self::VersionContentMismatch { existing, given } => {
                vec![("existing_digest", existing.to_string()), ("given_digest", given.to_string())]
            }
            Self::ContentUnexpected { expected, actual } => {
                vec![("expected_digest", expected.to_string()), ("actual_digest", actual.to_string())]
            }
            Self::FileTooLarge { path, size, limit } => {
                vec![("path", path.to_string()), ("size", size.to_string()), ("limit", limit.to_string())]
            }
            Self::Promotion(error) => error.details(),
            Self::ReceiptInvalid(of) => path_of(of).into_iter().collect(),
            Self::BlobExpired { of, digest } => path_of(of).into_iter().chain([("sha256", digest.to_string())]).collect(),
            _ => Vec::new(),
        }
    }

    fn field(&self) -> Option<&str> {
        match self {
            Self::ArgumentInvalid { field, .. } => Some(field),
            Self::RequestIdReused(_) => Some("request_id"),
            Self::FilterInvalid(_) => Some("filter"),
            Self::PageTokenInvalid => Some("page_token"),
            _ => None,
        }
    }
}
