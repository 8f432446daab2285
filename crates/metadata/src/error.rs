//! Why an operation on the metadata failed.

mod database;

use consign_types::access::Role;
use consign_types::content::ContentDigest;
use consign_types::resource::{FileRef, MemberRef, NamespaceRef, PackageRef, ProjectRef, RuleRef, TagRef, TokenRef, UserRef, VersionRef};
use consign_types::text::RequestId;
use consign_types::version::VersionState;
use consign_types::{Digest, FilePath, PackageName, VersionName};
use diesel::result::Error as Query;

use crate::promotion_error::PromotionError;
use crate::refusal::RefusingRule;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation on the metadata failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The token is not one that this service gave, or whom it acted for is gone.
    #[error("token is not valid")]
    TokenInvalid,
    /// The token's time is over, or it was revoked where that may be told.
    #[error("token has expired, or was revoked")]
    TokenExpired,
    /// The token was revoked, or this is a secret that it had before.
    #[error("token was revoked, or given another secret")]
    TokenRevoked,
    /// The token that is to be changed counts no more.
    #[error("token `{0}` is revoked or expired")]
    TokenNotActive(TokenRef),
    /// No such token.
    #[error("token `{0}` not found")]
    TokenNotFound(TokenRef),
    /// There is no token, and this takes one.
    #[error("token is missing: send `authorization: Bearer <token>`")]
    TokenMissing,
    /// No such user.
    #[error("`{0}` not found")]
    UserNotFound(UserRef),
    /// The user has no role of its own there.
    #[error("`{0}` not found")]
    MemberNotFound(MemberRef),
    /// Nobody would be left to administer.
    #[error("no administrator would remain who can sign in")]
    LastAdmin,
    /// No rule of the project trusts the ID token, or there is no such project.
    #[error("no trust rule of `{0}` takes this ID token")]
    TrustNotMatched(ProjectRef),
    /// The ID token was changed into a token already.
    #[error("ID token is not valid: it was exchanged before, and each is good for once")]
    IdTokenUsed,
    /// It takes a higher role.
    #[error("this takes the role of {0}")]
    RoleInsufficient(Role),
    /// A rule keeps the package for a higher role, or from deploy tokens.
    #[error("package `{package}` is protected: a rule keeps this for the role of {role}, and from deploy tokens")]
    PackageProtected {
        /// The package.
        package: PackageName,
        /// The role.
        role: Role,
    },
    /// The token leaves it out.
    #[error("the token does not allow this: {0}")]
    ScopeInsufficient(String),
    /// No such namespace.
    #[error("namespace `{0}` not found")]
    NamespaceNotFound(NamespaceRef),
    /// No such project.
    #[error("project `{0}` not found")]
    ProjectNotFound(ProjectRef),
    /// The same to whoever may not know of it, with a hint for programs that it is there.
    #[error("project `{0}` not found")]
    ProjectHidden(ProjectRef),
    /// No such package.
    #[error("package `{0}` not found")]
    PackageNotFound(PackageRef),
    /// No such tag.
    #[error("tag `{0}` not found")]
    TagNotFound(TagRef),
    /// No such rule.
    #[error("rule `{0}` not found")]
    RuleNotFound(RuleRef),
    /// No release of this tag, or no such link of it.
    #[error("release `{0}` not found")]
    ReleaseNotFound(String),
    /// No version of the package is what was asked for.
    #[error("no version of `{0}` fits")]
    NothingFits(PackageRef),
    /// The version has no file of these bytes.
    #[error("version `{version}` has no file with the digest `{digest}`")]
    DigestNotFound {
        /// The version.
        version: VersionRef,
        /// The digest.
        digest: Digest,
    },
    /// The files of the version can't be read.
    #[error("version `{0}` is quarantined")]
    VersionQuarantined(VersionRef),
    /// The version's state does not allow it.
    #[error("version `{version}` is {state}, which does not allow this")]
    VersionStateConflict {
        /// The version.
        version: VersionRef,
        /// The state that it is in.
        state: VersionState,
    },
    /// Something holds what is to be deleted.
    #[error("`{what}` is held by {}: release it, or use `force`", listed(holders))]
    InUse {
        /// What is to be deleted.
        what: String,
        /// What holds it.
        holders: Vec<String>,
    },
    /// It is placed on stages.
    #[error("`{what}` is placed on {}: promote another version there, or roll back", listed(stages))]
    Placed {
        /// What is to be deleted.
        what: String,
        /// The stages.
        stages: Vec<String>,
    },
    /// The namespace holds something.
    #[error("namespace `{0}` holds namespaces or projects")]
    NamespaceNotEmpty(NamespaceRef),
    /// The thing was changed since it was read.
    #[error("`{0}` was changed since it was read")]
    EtagMismatch(String),
    /// The tag does not point where it was expected to.
    #[error("tag `{tag}` points at {}, and `{expected}` was expected", actual.as_ref().map_or("nothing".to_owned(), |at| format!("`{at}`")))]
    TagMoved {
        /// The tag.
        tag: TagRef,
        /// The version that was expected.
        expected: VersionName,
        /// The version that it points at.
        actual: Option<VersionName>,
    },
    /// A rule keeps the tag where it is.
    #[error("tag `{tag}` is immutable by {rule}")]
    TagImmutable {
        /// The tag.
        tag: TagRef,
        /// The rule.
        rule: Box<RefusingRule>,
    },
    /// A rule keeps the tag for higher roles.
    #[error("tag `{tag}` is protected by {rule}")]
    TagProtected {
        /// The tag.
        tag: TagRef,
        /// The rule.
        rule: Box<RefusingRule>,
    },
    /// A rule lets the tag rise only.
    #[error("tag `{tag}` moves to higher semantic versions only, by {rule}")]
    TagNotMonotonic {
        /// The tag.
        tag: TagRef,
        /// The rule.
        rule: Box<RefusingRule>,
    },
    /// A rule demands attestations.
    #[error("tag `{tag}` demands attestations by {rule}: {}", listed(types))]
    AttestationMissing {
        /// The tag.
        tag: TagRef,
        /// The rule.
        rule: Box<RefusingRule>,
        /// The predicate types that are missing.
        types: Vec<String>,
    },
    /// A filter can't be used on this list.
    #[error("{0}")]
    FilterInvalid(String),
    /// A page token was not given by this list.
    #[error("not a token of this list with these arguments")]
    PageTokenInvalid,
    /// The project would hold too much.
    #[error("`{wanted}` bytes are over the quota of `{limit}`: `{used}` are used and `{reserved}` reserved")]
    QuotaExceeded {
        /// The quota in bytes.
        limit: i64,
        /// What the project holds.
        used: i64,
        /// What uploads under way may bring.
        reserved: i64,
        /// What was to be added.
        wanted: i64,
    },
    /// No such version, or it is not visible.
    #[error("version `{0}` not found")]
    VersionNotFound(VersionRef),
    /// The version serves no file at this path.
    #[error("file `{0}` not found")]
    FileNotFound(FileRef),
    /// One file stands where another has a folder: no directory can have both.
    #[error("`{file}` is a file, and a folder of `{below}` too: no directory can have both")]
    PathsClash {
        /// The one that stands in the way.
        file: FilePath,
        /// The one below it.
        below: FilePath,
    },
    /// Something of this name exists.
    #[error("`{0}` is taken")]
    NameTaken(String),
    /// A field is beyond its limit.
    #[error("`{field}`: {rule}")]
    ArgumentInvalid {
        /// The field of the request.
        field: &'static str,
        /// The rule that it breaks.
        rule: String,
    },
    /// The request id stands for another request.
    #[error("request id `{0}` was used for another request")]
    RequestIdReused(RequestId),
    /// The caller has begun no uploads by this request.
    #[error("no uploads were begun by this request")]
    UploadNotFound,
    /// The version has other bytes at this path, and duplicates are rejected.
    #[error("file `{path}` exists with other bytes, and duplicates are rejected")]
    DuplicateFile {
        /// The path.
        path: FilePath,
        /// The bytes that are there.
        existing: Digest,
    },
    /// No file can be added to this version.
    #[error("version `{0}` is sealed: publish another version")]
    VersionSealed(VersionRef),
    /// The version is sealed with other files.
    #[error("version is sealed with content `{existing}`, and this is `{given}`")]
    VersionContentMismatch {
        /// The content that is there.
        existing: ContentDigest,
        /// The content that came.
        given: ContentDigest,
    },
    /// The file set is not the expected one.
    #[error("content is `{actual}`, and `{expected}` was expected")]
    ContentUnexpected {
        /// What the caller expected.
        expected: ContentDigest,
        /// What it would be.
        actual: ContentDigest,
    },
    /// The file is over the limit.
    #[error("file `{path}` has `{size}` bytes, over the limit of `{limit}`")]
    FileTooLarge {
        /// The path.
        path: FilePath,
        /// Its size in bytes.
        size: i64,
        /// The limit in bytes.
        limit: i64,
    },
    /// The receipt is for another project.
    #[error("receipt for {0} is for another project")]
    ReceiptInvalid(BytesOf),
    /// The bytes may be gone.
    #[error("the bytes of {of} (`{digest}`) are no longer kept: prepare the upload again")]
    BlobExpired {
        /// What they are the bytes of.
        of: BytesOf,
        /// What they hash to.
        digest: Digest,
    },
    /// A stage, a promotion or an attestation is in the way.
    #[error(transparent)]
    Promotion(#[from] PromotionError),
    /// The keys are missing that promotions are signed by.
    #[error("there are no signing keys")]
    NoSigningKeys,
    /// As many operations as may be are waiting already.
    #[error("the metadata plane is at its limit")]
    Overloaded,
    /// The disk of the database is full.
    #[error("the metadata database has no room")]
    StorageFull(#[source] Query),
    /// The database can't be reached, or did not answer in time.
    #[error("the metadata database is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database refused a statement.
    #[error("database query failed")]
    Query(#[source] Query),
    /// A row of this table can't be read.
    #[error("a row of `{0}` can't be read")]
    Row(&'static str),
    /// The tables can't be brought up to date.
    #[error("migration failed")]
    Migration(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database URL can't be used.
    #[error(transparent)]
    Url(#[from] crate::target::UrlError),
    /// An operation panicked that shared its transaction with others.
    #[error("operation failed")]
    Panicked,
    /// An operation panicked.
    #[error("operation failed")]
    Task(#[from] tokio::task::JoinError),
}

/// What uploaded bytes are of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BytesOf {
    /// A file of a version.
    File(FilePath),
    /// An attestation.
    Bundle,
}

impl std::fmt::Display for BytesOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "`{path}`"),
            Self::Bundle => f.write_str("the bundle"),
        }
    }
}

/// Names one after the other.
fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl From<tokio::sync::oneshot::error::RecvError> for Error {
    fn from(_: tokio::sync::oneshot::error::RecvError) -> Self {
        Self::Panicked
    }
}
