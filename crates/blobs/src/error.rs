//! Why the blob plane refused or failed.

use std::io;

use consign_types::{Digest, Reason, Refusal};

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the blob plane refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// More bytes came than the ticket allows.
    #[error("more than the `{limit}` bytes came that the ticket allows")]
    TooLarge {
        /// The limit in bytes.
        limit: i64,
    },
    /// Another number of bytes came than was declared.
    #[error("`{actual}` bytes came, and `{expected}` were declared")]
    SizeMismatch {
        /// What was declared.
        expected: i64,
        /// What came.
        actual: i64,
    },
    /// Bytes came for a position that is not reached yet.
    #[error("`{received}` bytes were received, and some came for position `{offset}`")]
    Offset {
        /// How many were received.
        received: i64,
        /// Where those that came belong.
        offset: i64,
    },
    /// The bytes are not those that were declared.
    #[error("the bytes hash to `{actual}`, and `{expected}` was declared")]
    DigestMismatch {
        /// What was declared.
        expected: Digest,
        /// What came.
        actual: Digest,
    },
    /// A newer stream brings the same bytes, or the upload was finished or cancelled by another.
    #[error("another stream of this upload has taken over")]
    Superseded,
    /// Bytes between those that came are missing.
    #[error("bytes are missing after the first `{committed}`")]
    Gap {
        /// How many came from the start on.
        committed: i64,
    },
    /// A part is not one that an upload may have.
    #[error("the part {rule}")]
    Part {
        /// What is wrong with it.
        rule: &'static str,
    },
    /// A part starts or ends where the store can't.
    #[error("a part starts and ends at multiples of `{grain}`, or at the end of the upload, whose size is declared")]
    Alignment {
        /// In bytes.
        grain: i64,
    },
    /// A published blob is not in the store.
    #[error("blob `{0}` is not in the store")]
    Missing(Digest),
    /// A published blob is not what it was.
    #[error("blob `{0}` is damaged in the store")]
    Corrupt(Digest),
    /// The range lies outside of the blob.
    #[error("range starts at `{offset}`, and the blob has `{size}` bytes")]
    Range {
        /// Where it starts.
        offset: i64,
        /// How large the blob is.
        size: i64,
    },
    /// The disk is full, or as good as full.
    #[error("the store has no room")]
    Full,
    /// The disk failed.
    #[error("cannot {action}")]
    Disk {
        /// What was tried.
        action: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The bucket did not do what it was asked to.
    #[error("cannot {action}: the object store does not answer as it should")]
    Backend {
        /// What was tried.
        action: &'static str,
        /// What the library said.
        #[source]
        source: Box<object_store::Error>,
    },
    /// The bucket said that it did what it was asked to, and it did not.
    #[error("cannot {0}: the object store did not do it")]
    Unfinished(&'static str),
    /// What was done together with others failed, and one of these was told why.
    #[error("what was done together failed")]
    Unanswered,
    /// The store failed at something else that was done to the upload.
    #[error("the store failed at this upload: go on from what is durable")]
    Failed(Reason),
    /// Work on a blocking thread panicked.
    #[error("work on the store failed")]
    Task(#[from] tokio::task::JoinError),
}

impl Error {
    /// The bucket failed at `action`.
    pub(crate) fn backend(action: &'static str, source: object_store::Error) -> Self {
        Self::Backend { action, source: Box::new(source) }
    }

    /// The disk failed at `action`; a full disk is told apart, whichever call notices it.
    pub(crate) fn disk(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Disk { action, source },
        }
    }
}

impl Refusal for Error {
    fn reason(&self) -> Reason {
        match self {
            Self::TooLarge { .. } => Reason::FileTooLarge,
            Self::SizeMismatch { .. } => Reason::SizeMismatch,
            Self::Offset { .. } => Reason::OffsetMismatch,
            Self::DigestMismatch { .. } => Reason::DigestMismatch,
            Self::Superseded => Reason::UploadSuperseded,
            Self::Gap { .. } => Reason::UploadIncomplete,
            Self::Part { .. } | Self::Alignment { .. } => Reason::ArgumentInvalid,
            Self::Missing(_) => Reason::BlobMissing,
            Self::Corrupt(_) => Reason::BlobCorrupt,
            Self::Range { .. } => Reason::RangeNotSatisfiable,
            Self::Full => Reason::StorageFull,
            Self::Backend { .. } | Self::Unfinished(_) => Reason::BlobPlaneUnavailable,
            Self::Failed(reason) => *reason,
            Self::Unanswered | Self::Disk { .. } | Self::Task(_) => Reason::Internal,
        }
    }

    fn details(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::TooLarge { limit } => vec![("limit", limit.to_string())],
            Self::SizeMismatch { expected, actual } => vec![("expected", expected.to_string()), ("actual", actual.to_string())],
            Self::Offset { received, .. } => vec![("committed_size", received.to_string())],
            Self::DigestMismatch { expected, actual } => vec![("expected", expected.to_string()), ("actual", actual.to_string())],
            Self::Gap { committed } => vec![("committed_size", committed.to_string())],
            Self::Alignment { grain } => vec![("part_alignment_bytes", grain.to_string())],
            Self::Missing(digest) | Self::Corrupt(digest) => vec![("sha256", digest.to_string())],
            Self::Range { size, .. } => vec![("size", size.to_string())],
            Self::Superseded
            | Self::Part { .. }
            | Self::Full
            | Self::Backend { .. }
            | Self::Unfinished(_)
            | Self::Unanswered
            | Self::Failed(_)
            | Self::Disk { .. }
            | Self::Task(_) => Vec::new(),
        }
    }
}
