//! What attestations speak of.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::word::word_enum;
use crate::{ContentDigest, Digest};

word_enum! {
    /// The kinds of [`Subject`].
    SubjectKind {
        /// [`Subject::Content`]
        Content = "content",
        /// [`Subject::File`]
        File = "file",
    }
}

/// What an attestation speaks of: bytes, whatever they are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// All files of a version together.
    Content(ContentDigest),
    /// One file.
    File(Digest),
}

impl Subject {
    /// The subject of a kind that has this digest.
    pub fn new(kind: SubjectKind, digest: Digest) -> Self {
        match kind {
            SubjectKind::Content => Self::Content(digest.into()),
            SubjectKind::File => Self::File(digest),
        }
    }

    /// Its kind.
    pub fn kind(&self) -> SubjectKind {
        match self {
            Self::Content(_) => SubjectKind::Content,
            Self::File(_) => SubjectKind::File,
        }
    }

    /// The digest by which statements name it.
    pub fn digest(&self) -> Digest {
        match self {
            Self::Content(content) => (*content).into(),
            Self::File(digest) => *digest,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Content(content) => write!(f, "content `{content}`"),
            Self::File(digest) => write!(f, "file `{digest}`"),
        }
    }
}
