//! Where files are listed.

use std::fmt;
use std::str::FromStr;

use super::{ParseResourceError, VersionRef};

/// A version, or all versions of all projects that the caller may read: `projects/7/packages/tool/versions/1.0`,
/// `projects/-/packages/-/versions/-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionsRef {
    /// One.
    One(VersionRef),
    /// All. No project is called `-`, so it is no name of a version.
    All,
}

const ALL: &str = "projects/-/packages/-/versions/-";

impl fmt::Display for VersionsRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(version) => version.fmt(f),
            Self::All => f.write_str(ALL),
        }
    }
}

impl FromStr for VersionsRef {
    type Err = ParseResourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == ALL { Ok(Self::All) } else { text.parse().map(Self::One) }
    }
}
