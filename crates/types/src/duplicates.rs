//! Whether a path that a version already has may be published again: GitLab's duplicate rule, and the retry.

pub use crate::pattern::MAX_PATTERN_BYTES;
use crate::pattern::compile;
use crate::{Digest, PackageName, VersionName};

/// Whether duplicates are allowed, and the pattern that turns the answer round for some packages.
///
/// The default allows all duplicates, as GitLab does.
#[derive(Clone, Debug, Default)]
pub struct DuplicatePolicy {
    rejected: bool,
    identical: bool,
    exception: Option<regex::Regex>,
}

/// An exception pattern can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("exception pattern is invalid: {0}")]
pub struct PatternError(String);

impl DuplicatePolicy {
    /// A policy that allows or rejects duplicates, except where `pattern` matches the whole name or the whole version.
    ///
    /// The pattern has RE2's syntax: it matches in linear time. An empty one matches nothing. One that is over
    /// [`MAX_PATTERN_BYTES`] long or expands beyond 64 KiB is refused.
    pub fn new(allowed: bool, pattern: &str) -> Result<Self, PatternError> {
        if pattern.is_empty() {
            return Ok(Self { rejected: !allowed, identical: false, exception: None });
        }
        let exception = compile(pattern).map_err(PatternError)?;
        Ok(Self { rejected: !allowed, identical: false, exception: Some(exception) })
    }

    /// The same policy, but the same bytes are no retry, and count as any others do, as with GitLab.
    #[must_use]
    pub fn reject_identical(self) -> Self {
        Self { identical: true, ..self }
    }

    /// What becomes of a second file of the same path in this version of the package.
    pub fn ruling(&self, name: &PackageName, version: &VersionName) -> Ruling {
        let excepted = self.exception.as_ref().is_some_and(|pattern| pattern.is_match(name.as_str()) || pattern.is_match(version.as_str()));
        match (self.rejected == excepted, self.identical) {
            (true, false) => Ruling::Allowed,
            (true, true) => Ruling::AllAllowed,
            (false, false) => Ruling::Rejected,
            (false, true) => Ruling::AllRejected,
        }
    }
}

/// What a policy says of one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// Any bytes may come to a path that is there; the same are a retry.
    Allowed,
    /// Any bytes may come, the same once more.
    AllAllowed,
    /// Only the same bytes may.
    Rejected,
    /// Not even the same bytes may.
    AllRejected,
}

/// The bytes that a version serves at a path, or those that a caller brings; what is not known yet is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes {
    /// The SHA-256 of the bytes.
    pub digest: Option<Digest>,
    /// How many bytes there are.
    pub size: Option<i64>,
}

/// What becomes of a file whose path the version already has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The same bytes once more: answered as success, nothing is added.
    Retry,
    /// The policy lets them be added beside the old ones.
    Add,
    /// The policy rejects them.
    Reject,
    /// The policy rejects other bytes, and whether these are others shows only when they are here.
    Unknown,
}

/// Judges a file that comes to a path where the version serves `existing`.
pub fn judge(ruling: Ruling, existing: (Digest, i64), incoming: Bytes) -> Verdict {
    let same = match incoming {
        Bytes { size: Some(size), .. } if size != existing.1 => Some(false),
        Bytes { digest: Some(digest), .. } => Some(digest == existing.0),
        Bytes { digest: None, .. } => None,
    };
    match (same, ruling) {
        (_, Ruling::AllRejected) | (Some(false), Ruling::Rejected) => Verdict::Reject,
        (_, Ruling::AllAllowed) => Verdict::Add,
        (Some(true), _) => Verdict::Retry,
        (_, Ruling::Allowed) => Verdict::Add,
        (None, Ruling::Rejected) => Verdict::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_pattern_turns_the_policy_round_for_names_and_versions_that_match_whole() {
        let cases = [
            (true, "", "tool", "1.0", true),
            (false, "", "tool", "1.0", false),
            (true, ".*-SNAPSHOT", "tool", "1.0-SNAPSHOT", false),
            (true, ".*-SNAPSHOT", "tool", "1.0", true),
            (false, ".*-SNAPSHOT", "tool", "1.0-SNAPSHOT", true),
            (false, ".*-SNAPSHOT", "tool", "1.0-SNAPSHOT.1", false),
            (false, "tool", "tool", "1.0", true),
            (false, "tool", "tool2", "1.0", false),
            (false, "to|ol", "tool", "1.0", false),
        ];
        for (allowed, pattern, name, version, expected) in cases {
            let policy = DuplicatePolicy::new(allowed, pattern).unwrap();
            let (name, version) = (name.parse().unwrap(), version.parse().unwrap());
            let ruling = policy.ruling(&name, &version);
            assert_eq!(ruling == Ruling::Allowed, expected, "allowed={allowed} pattern={pattern} {name} {version}");
            assert_eq!(
                policy.reject_identical().ruling(&name, &version),
                if expected { Ruling::AllAllowed } else { Ruling::AllRejected },
                "allowed={allowed} pattern={pattern} {name} {version}"
            );
        }
    }

    #[test]
    fn patterns_that_are_broken_or_costly_are_refused() {
        for pattern in ["[", "a)|(b", "(?=a)", r"(a)\1", "a{1000}{1000}", &"(".repeat(100), &"a".repeat(256)] {
            assert!(DuplicatePolicy::new(true, pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn the_same_bytes_are_a_retry_and_others_are_judged_as_soon_as_they_are_known() {
        let (old, new) = (Digest::of(b"old"), Digest::of(b"new"));
        let cases = [
            (true, Some(old), Some(3), Verdict::Retry),
            (false, Some(old), Some(3), Verdict::Retry),
            (false, Some(old), None, Verdict::Retry),
            (true, Some(new), Some(3), Verdict::Add),
            (true, None, Some(3), Verdict::Add),
            (true, None, None, Verdict::Add),
            (false, Some(new), None, Verdict::Reject),
            (false, None, Some(4), Verdict::Reject),
            (false, Some(old), Some(4), Verdict::Reject),
            (false, None, Some(3), Verdict::Unknown),
            (false, None, None, Verdict::Unknown),
        ];
        for (allowed, digest, size, expected) in cases {
            let ruling = if allowed { Ruling::Allowed } else { Ruling::Rejected };
            let verdict = judge(ruling, (old, 3), Bytes { digest, size });
            assert_eq!(verdict, expected, "allowed={allowed} digest={digest:?} size={size:?}");
            assert_eq!(judge(Ruling::AllRejected, (old, 3), Bytes { digest, size }), Verdict::Reject);
            assert_eq!(judge(Ruling::AllAllowed, (old, 3), Bytes { digest, size }), Verdict::Add);
        }
    }

    proptest! {
        #[test]
        fn a_pattern_turns_either_policy_round_for_the_same_versions(
            pattern in ".{0,30}|[()|*?\\[\\]ab{}1-9,^$.\\\\]{0,20}", name in "[ab.]{1,6}", version in "[ab1]{1,6}",
        ) {
            let policies = (DuplicatePolicy::new(true, &pattern), DuplicatePolicy::new(false, &pattern));
            match (policies, name.parse(), version.parse()) {
                ((Ok(allows), Ok(rejects)), Ok(name), Ok(version)) => {
                    let allowed = [&allows, &rejects].map(|policy| policy.ruling(&name, &version) == Ruling::Allowed);
                    prop_assert_ne!(allowed[0], allowed[1], "{}", pattern);
                }
                ((Err(error), Err(other)), ..) => prop_assert!(error == other && error.to_string().len() < 500, "{}", error),
                ((allows, rejects), ..) => prop_assert_eq!(allows.is_ok(), rejects.is_ok(), "{}", pattern),
            }
        }
    }
}
