//! What is kept of what newer things replaced.
//!
//! This is where rules of retention stand. There is one so far: how many files of one path an open version keeps.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::version::VersionState;

/// Seconds between two runs of a project's cleanup, where nothing else is said: 12 hours, as GitLab has it.
pub const CLEANUP_SECONDS: i64 = 12 * 60 * 60;

/// How many files of one path an open version keeps: the newest 1 to 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i32", into = "i32")]
pub struct KeptRevisions(u16);

/// The number is none of [`KeptRevisions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("from 1 to {}", KeptRevisions::MAX)]
pub struct KeptRevisionsError;

impl KeptRevisions {
    /// The most that can be said.
    pub const MAX: u16 = 1000;

    /// How many.
    pub fn get(self) -> usize {
        usize::from(self.0)
    }
}

impl TryFrom<i32> for KeptRevisions {
    type Error = KeptRevisionsError;

    fn try_from(number: i32) -> Result<Self, Self::Error> {
        u16::try_from(number).ok().filter(|number| (1..=Self::MAX).contains(number)).map(Self).ok_or(KeptRevisionsError)
    }
}

impl From<KeptRevisions> for i32 {
    fn from(kept: KeptRevisions) -> Self {
        kept.0.into()
    }
}

impl fmt::Display for KeptRevisions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is to be known of a version before any file is taken from it.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// Where it is in its life: the files of one that is sealed are final, and those of a draft are what its maker is about to show.
    pub state: VersionState,
    /// Whether a tag points at it.
    pub is_tagged: bool,
    /// Whether a promotion ever named it: what was placed of it, or is to be, is a content that it had then.
    pub is_promoted: bool,
    /// Whether a rule protects its package from deletion.
    pub is_protected: bool,
}

/// Whether files of a version in this state may go at all: those of an open one, and of no other.
pub fn may_lose_files(state: VersionState) -> bool {
    state == VersionState::Open
}

impl Held {
    /// Whether files of it that newer ones replaced may go.
    pub fn may_lose_files(self) -> bool {
        let Self { state, is_tagged, is_promoted, is_protected } = self;
        may_lose_files(state) && !(is_tagged || is_promoted || is_protected)
    }
}

/// Those of some files that are in excess. They come path by path, of each path the newest first.
pub fn in_excess<T, P: PartialEq>(files: Vec<T>, kept: KeptRevisions, path: impl Fn(&T) -> P) -> Vec<T> {
    let (mut last, mut seen) = (None, 0_usize);
    let is_in_excess = |file: &T| {
        let path = Some(path(file));
        seen = if path == last { seen + 1 } else { 1 };
        last = path;
        seen > kept.get()
    };
    let excess: Vec<bool> = files.iter().map(is_in_excess).collect();
    files.into_iter().zip(excess).filter(|(_, is_in_excess)| *is_in_excess).map(|(file, _)| file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(number: i32) -> KeptRevisions {
        number.try_into().unwrap()
    }

    #[test]
    fn of_each_path_the_newest_stay() {
        let files = [("a", 3), ("a", 2), ("a", 1), ("b", 1), ("c", 9), ("c", 4)];
        for (number, expected) in
            [(1, vec![("a", 2), ("a", 1), ("c", 4)]), (2, vec![("a", 1)]), (3, Vec::new()), (1000, Vec::<(&str, i32)>::new())]
        {
            assert_eq!(in_excess(files.to_vec(), kept(number), |file| file.0), expected, "{number}");
        }
    }

    #[test]
    fn a_version_that_something_holds_loses_nothing() {
        let free = Held { state: VersionState::Open, is_tagged: false, is_promoted: false, is_protected: false };
        for (held, expected) in [
            (free, true),
            (Held { state: VersionState::Draft, ..free }, false),
            (Held { state: VersionState::Published, ..free }, false),
            (Held { state: VersionState::Yanked, ..free }, false),
            (Held { state: VersionState::Quarantined, ..free }, false),
            (Held { state: VersionState::Deleted, ..free }, false),
            (Held { is_tagged: true, ..free }, false),
            (Held { is_promoted: true, ..free }, false),
            (Held { is_protected: true, ..free }, false),
        ] {
            assert_eq!(held.may_lose_files(), expected, "{held:?}");
        }
    }

    #[test]
    fn at_least_one_file_is_kept_and_a_thousand_at_most() {
        for number in [i32::MIN, -1, 0, 1001, i32::MAX] {
            assert_eq!(KeptRevisions::try_from(number), Err(KeptRevisionsError), "{number}");
            assert!(serde_json::from_str::<KeptRevisions>(&number.to_string()).is_err());
        }
        assert_eq!((kept(1).get(), kept(1000).get(), i32::from(kept(10))), (1, 1000, 10));
        assert_eq!(serde_json::to_string(&kept(7)).unwrap(), "7");
    }
}
