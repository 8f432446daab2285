//! What an error tells its caller: a kind, a reason and details. Edges translate these, and only these.

use std::fmt;

/// The kinds of error, after the status codes that gRPC and HTTP both can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request itself is wrong; sending it again can't help.
    InvalidArgument,
    /// A position or range lies outside of what there is.
    OutOfRange,
    /// There is no valid credential.
    Unauthenticated,
    /// The caller is known and may not do this.
    PermissionDenied,
    /// The thing does not exist, or the caller may not know that it does.
    NotFound,
    /// Something of this name exists, with other content.
    AlreadyExists,
    /// The state of the thing forbids it.
    FailedPrecondition,
    /// A concurrent change or a broken transfer got in the way; starting over can help.
    Aborted,
    /// A limit is reached.
    ResourceExhausted,
    /// A part of the service is not reachable; the same request can succeed soon.
    Unavailable,
    /// Stored bytes are missing or damaged.
    DataLoss,
    /// A fault of the service.
    Internal,
}

macro_rules! reasons {
    ($(#[doc = $meaning:literal] $variant:ident = $name:literal, $kind:ident;)+) => {
        /// Why a request was refused, in a word that programs can rely on: `ErrorInfo.reason` on the wire.
        ///
        /// A reason never changes its name or its kind.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $(#[doc = $meaning] $variant,)+
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// The kind of error that has this reason.
            pub const fn kind(self) -> ErrorKind {
                match self {
                    $(Self::$variant => ErrorKind::$kind,)+
                }
            }

            /// What it means and what to do, for people.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => $meaning,)+
                }
            }

            /// The reason of this word.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| reason.as_str() == name)
            }
        }
    };
}

reasons! {
    #[doc = "A name breaks its grammar. Send a valid one."]
    NameInvalid = "NAME_INVALID", InvalidArgument;
    #[doc = "A file path breaks its grammar. Send a valid one."]
    PathInvalid = "PATH_INVALID", InvalidArgument;
    #[doc = "A field is missing, malformed or beyond its limit. Send a valid one."]
    ArgumentInvalid = "ARGUMENT_INVALID", InvalidArgument;
    #[doc = "A page token is not one that this list gave, with these arguments. Start at the first page."]
    PageTokenInvalid = "PAGE_TOKEN_INVALID", InvalidArgument;
    #[doc = "A filter can't be read, or names a field that this list can't be filtered by. Mend it."]
    FilterInvalid = "FILTER_INVALID", InvalidArgument;
    #[doc = "The request id was used for another request. Choose a new one."]
    RequestIdReused = "REQUEST_ID_REUSED", InvalidArgument;
    #[doc = "There is no valid token. Send `authorization: Bearer <token>`."]
    TokenInvalid = "TOKEN_INVALID", Unauthenticated;
    #[doc = "The token's time is over. Make another."]
    TokenExpired = "TOKEN_EXPIRED", Unauthenticated;
    #[doc = "The token was revoked, or given another secret in place of this one. Make another."]
    TokenRevoked = "TOKEN_REVOKED", Unauthenticated;
    #[doc = "The token that is to be changed is revoked or expired, and nothing brings it back. Make another."]
    TokenNotActive = "TOKEN_NOT_ACTIVE", FailedPrecondition;
    #[doc = "No trust rule of the project takes this ID token, or there is no such project. Compare the token's claims with the rules."]
    TrustNotMatched = "TRUST_NOT_MATCHED", PermissionDenied;
    #[doc = "Your role does not allow this. The role that does is named."]
    RoleInsufficient = "ROLE_INSUFFICIENT", PermissionDenied;
    #[doc = "Your token does not allow this, whatever your role: its scopes or its packages leave it out."]
    ScopeInsufficient = "SCOPE_INSUFFICIENT", PermissionDenied;
    #[doc = "The token does not exist, or is not yours to see."]
    TokenNotFound = "TOKEN_NOT_FOUND", NotFound;
    #[doc = "The user does not exist."]
    UserNotFound = "USER_NOT_FOUND", NotFound;
    #[doc = "The user has no role of its own there. Look whether it is inherited."]
    MemberNotFound = "MEMBER_NOT_FOUND", NotFound;
    #[doc = "The namespace does not exist, or is not yours to see."]
    NamespaceNotFound = "NAMESPACE_NOT_FOUND", NotFound;
    #[doc = "The project does not exist, or is not yours to see."]
    ProjectNotFound = "PROJECT_NOT_FOUND", NotFound;
    #[doc = "The package does not exist."]
    PackageNotFound = "PACKAGE_NOT_FOUND", NotFound;
    #[doc = "The version does not exist."]
    VersionNotFound = "VERSION_NOT_FOUND", NotFound;
    #[doc = "The version has no file of this path."]
    FileNotFound = "FILE_NOT_FOUND", NotFound;
    #[doc = "The tag does not exist."]
    TagNotFound = "TAG_NOT_FOUND", NotFound;
    #[doc = "The rule does not exist."]
    RuleNotFound = "RULE_NOT_FOUND", NotFound;
    #[doc = "The release does not exist, or has no such link."]
    ReleaseNotFound = "RELEASE_NOT_FOUND", NotFound;
    #[doc = "You began no upload of this request id, or its day is over. Begin anew."]
    UploadNotFound = "UPLOAD_NOT_FOUND", NotFound;
    #[doc = "The stage does not exist."]
    StageNotFound = "STAGE_NOT_FOUND", NotFound;
    #[doc = "The promotion does not exist."]
    PromotionNotFound = "PROMOTION_NOT_FOUND", NotFound;
    #[doc = "The stage has no gate of this name and kind."]
    GateNotFound = "GATE_NOT_FOUND", NotFound;
    #[doc = "The attestation does not exist."]
    AttestationNotFound = "ATTESTATION_NOT_FOUND", NotFound;
    #[doc = "The trusted key does not exist."]
    TrustedKeyNotFound = "TRUSTED_KEY_NOT_FOUND", NotFound;
    #[doc = "Something of this name exists."]
    NameTaken = "NAME_TAKEN", AlreadyExists;
    #[doc = "The version has other bytes at this path, and the project rejects duplicates. Publish a new version."]
    DuplicateFile = "DUPLICATE_FILE", AlreadyExists;
    #[doc = "The version is sealed with other files. Publish a new version."]
    VersionContentMismatch = "VERSION_CONTENT_MISMATCH", AlreadyExists;
    #[doc = "The version is sealed: no file can be added to it. Publish a new version."]
    VersionSealed = "VERSION_SEALED", FailedPrecondition;
    #[doc = "The version is in a state that does not allow this."]
    VersionStateConflict = "VERSION_STATE_CONFLICT", FailedPrecondition;
    #[doc = "The version is quarantined: its files can't be read."]
    VersionQuarantined = "VERSION_QUARANTINED", FailedPrecondition;
    #[doc = "Something holds the version, and is named. Release it first, or use `force`."]
    VersionInUse = "VERSION_IN_USE", FailedPrecondition;
    #[doc = "Gates before the stage do not hold, and are named with what would help. Nothing was placed."]
    GatesUnmet = "GATES_UNMET", FailedPrecondition;
    #[doc = "The stage is held, by whom and why is told: nothing is placed on it until it is released. A rollback is possible."]
    StageHeld = "STAGE_HELD", FailedPrecondition;
    #[doc = "Another promotion to the stage is pending, and the stage takes one at a time. Wait for it, or cancel it."]
    StageBusy = "STAGE_BUSY", FailedPrecondition;
    #[doc = "Something else was promoted to the stage meanwhile, and is named. Look at it, and decide anew."]
    StageChanged = "STAGE_CHANGED", Aborted;
    #[doc = "Versions are placed on the stage, a stage names it as predecessor, or a promotion to it is pending. These are named."]
    StageInUse = "STAGE_IN_USE", FailedPrecondition;
    #[doc = "The promotion is not pending any more."]
    PromotionClosed = "PROMOTION_CLOSED", FailedPrecondition;
    #[doc = "Your word does not count for any approval gate of the promotion: you asked for it yourself, or a gate wants others."]
    ApprovalForbidden = "APPROVAL_FORBIDDEN", PermissionDenied;
    #[doc = "The gate is reported by somebody else, who is named."]
    ReportForbidden = "REPORT_FORBIDDEN", PermissionDenied;
    #[doc = "The bundle can't be read, or does not speak of the subject. Send one that does."]
    AttestationInvalid = "ATTESTATION_INVALID", InvalidArgument;
    #[doc = "The namespace holds namespaces or projects. Delete these first."]
    NamespaceNotEmpty = "NAMESPACE_NOT_EMPTY", FailedPrecondition;
    #[doc = "No administrator who can sign in would remain. Make another one first."]
    LastAdmin = "LAST_ADMIN", FailedPrecondition;
    #[doc = "The thing was changed since it was read. Read it again."]
    EtagMismatch = "ETAG_MISMATCH", Aborted;
    #[doc = "The tag points at another version than was expected. Read it again."]
    TagMoved = "TAG_MOVED", Aborted;
    #[doc = "A rule keeps the tag from being moved or deleted."]
    TagImmutable = "TAG_IMMUTABLE", FailedPrecondition;
    #[doc = "A rule keeps the tag for other roles than yours."]
    TagProtected = "TAG_PROTECTED", PermissionDenied;
    #[doc = "A rule keeps the package for a higher role than yours, or from deploy tokens. The role is named."]
    PackageProtected = "PACKAGE_PROTECTED", PermissionDenied;
    #[doc = "A rule lets the tag move to higher semantic versions only."]
    TagNotMonotonic = "TAG_NOT_MONOTONIC", FailedPrecondition;
    #[doc = "A rule demands attestations that the version does not have."]
    AttestationMissing = "ATTESTATION_MISSING", FailedPrecondition;
    #[doc = "The file set is not the one that was expected. Nothing was published."]
    ContentUnexpected = "CONTENT_UNEXPECTED", FailedPrecondition;
    #[doc = "The file is larger than the limit."]
    FileTooLarge = "FILE_TOO_LARGE", ResourceExhausted;
    #[doc = "The project would hold more bytes than its quota. Delete something, or raise the quota."]
    QuotaExceeded = "QUOTA_EXCEEDED", ResourceExhausted;
    #[doc = "The bytes received do not have the digest that was declared. Nothing was stored; read the source again."]
    DigestMismatch = "DIGEST_MISMATCH", InvalidArgument;
    #[doc = "The number of bytes received is not the size that was declared. Nothing was stored."]
    SizeMismatch = "SIZE_MISMATCH", InvalidArgument;
    #[doc = "A chunk arrived damaged: its CRC32C does not match. Send it again."]
    ChunkCorrupt = "CHUNK_CORRUPT", InvalidArgument;
    #[doc = "A chunk does not start where the one before it ended. Continue from the committed size."]
    OffsetMismatch = "OFFSET_MISMATCH", OutOfRange;
    #[doc = "A newer stream brings the same bytes of this upload, or it was finished or cancelled by another. Ask how far it has come."]
    UploadSuperseded = "UPLOAD_SUPERSEDED", Aborted;
    #[doc = "The upload is not complete. Send the bytes after `committed_size`, and finish it."]
    UploadIncomplete = "UPLOAD_INCOMPLETE", Aborted;
    #[doc = "The range to read lies outside of the blob."]
    RangeNotSatisfiable = "RANGE_NOT_SATISFIABLE", OutOfRange;
    #[doc = "The ticket was not signed by this service for this use. Prepare again."]
    TicketInvalid = "TICKET_INVALID", PermissionDenied;
    #[doc = "The ticket is too old to start a transfer. Prepare again."]
    TicketExpired = "TICKET_EXPIRED", PermissionDenied;
    #[doc = "The receipt was not signed by this service for this project and these bytes. Upload again."]
    ReceiptInvalid = "RECEIPT_INVALID", InvalidArgument;
    #[doc = "The receipt is too old, or its bytes are being removed. Prepare again, and upload what it asks for."]
    BlobExpired = "BLOB_EXPIRED", FailedPrecondition;
    #[doc = "The bytes of a published file are not in the store."]
    BlobMissing = "BLOB_MISSING", DataLoss;
    #[doc = "The bytes of a published file are damaged in the store."]
    BlobCorrupt = "BLOB_CORRUPT", DataLoss;
    #[doc = "The store has no room. Reading goes on; try again when room was made."]
    StorageFull = "STORAGE_FULL", ResourceExhausted;
    #[doc = "The service handles as much as it may at once. Try again soon."]
    Overloaded = "OVERLOADED", ResourceExhausted;
    #[doc = "There were too many of these calls, or of failed attempts to sign in. Wait as `RetryInfo` says."]
    RateLimited = "RATE_LIMITED", ResourceExhausted;
    #[doc = "The object store behind the blob plane does not answer as it should. Try again soon."]
    BlobPlaneUnavailable = "BLOB_PLANE_UNAVAILABLE", Unavailable;
    #[doc = "The metadata database can't be reached. Try again soon."]
    MetadataUnavailable = "METADATA_UNAVAILABLE", Unavailable;
    #[doc = "The service stops. Connect again: another one goes on where this one ended."]
    Draining = "DRAINING", Unavailable;
    #[doc = "A fault of the service, logged there. The caller can't mend it."]
    Internal = "INTERNAL", Internal;
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error that a caller may be told about.
///
/// Its `Display` is the message for people; of a [`Reason::Internal`] error nothing but the kind is told.
pub trait Refusal: std::error::Error + 'static {
    /// Why the request was refused.
    fn reason(&self) -> Reason;

    /// Facts for programs, such as the digests that do not match. Keys are part of the API: they are only ever added to.
    fn details(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// The request field at fault, where there is one.
    fn field(&self) -> Option<&str> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_upper_snake_case_and_found_by_their_name() {
        for &reason in Reason::ALL {
            let name = reason.as_str();
            assert!(name.len() <= 63 && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'), "{name}");
            assert_eq!(Reason::from_name(name), Some(reason));
            assert!(reason.meaning().ends_with('.'), "{name}");
        }
        assert_eq!(Reason::from_name("NOBODY_KNOWS"), None);
    }
}
