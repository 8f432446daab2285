//! What a version consists of, as one digest.

use std::fmt;

use sha2::Digest as _;

use crate::digest::ParseDigestError;
use crate::{Digest, FilePath};

/// The digest of a version's whole file set: what tags, promotions and attestations point at.
///
/// SHA-256 over one line a file, `<path>\t<sha256>\t<size>\n` with the digest in lower-case hexadecimal and the size in
/// decimal, the lines sorted by the bytes of the path. A path holds no control character, so no two sets give the same lines.
/// Anybody can compute it: `printf '%s\t%s\t%s\n' … | LC_ALL=C sort | sha256sum`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "diesel", derive(diesel::AsExpression, diesel::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Binary))]
pub struct ContentDigest(Digest);

impl ContentDigest {
    /// The digest of a set of files, given in any order. Each path may occur once.
    pub fn of<'a>(files: impl IntoIterator<Item = (&'a FilePath, &'a Digest, i64)>) -> Self {
        let mut files: Vec<_> = files.into_iter().collect();
        files.sort_unstable_by(|a, b| a.0.cmp(b.0));

        let mut hash = sha2::Sha256::new();
        for (path, digest, size) in files {
            hash.update(format!("{path}\t{digest}\t{size}\n"));
        }
        Self(Digest::from_bytes(hash.finalize().into()))
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

impl TryFrom<&[u8]> for ContentDigest {
    type Error = ParseDigestError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        Digest::try_from(bytes).map(Self)
    }
}

impl From<Digest> for ContentDigest {
    fn from(digest: Digest) -> Self {
        Self(digest)
    }
}

impl From<ContentDigest> for Digest {
    fn from(content: ContentDigest) -> Self {
        content.0
    }
}

impl fmt::Display for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_the_files_does_not_matter_and_everything_else_does() {
        let (a, b): (FilePath, FilePath) = ("a".parse().unwrap(), "b".parse().unwrap());
        let (x, y) = (Digest::of(b"x"), Digest::of(b"y"));
        let digest = ContentDigest::of([(&a, &x, 1), (&b, &y, 1)]);

        assert_eq!(digest, ContentDigest::of([(&b, &y, 1), (&a, &x, 1)]));
        assert_ne!(digest, ContentDigest::of([(&a, &y, 1), (&b, &x, 1)]));
        assert_ne!(digest, ContentDigest::of([(&a, &x, 1)]));
        assert_ne!(digest, ContentDigest::of([(&a, &x, 2), (&b, &y, 1)]));
    }

    #[test]
    fn the_empty_set_has_the_digest_of_nothing() {
        assert_eq!(ContentDigest::of([]).to_string(), Digest::of(b"").to_string());
    }
}
