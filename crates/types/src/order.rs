//! How the versions of a package are ordered.
//!
//! Each version has a key of bytes, and comparing keys as bytes compares versions. Both databases compare byte strings so,
//! so an index over the keys yields the versions in order, and a range of versions is a range of keys.

use semver::{Prerelease, Version};

use crate::word::word_enum;
use crate::{Timestamp, VersionName};

word_enum! {
    /// What makes one version of a package newer than another.
    VersionScheme {
        /// The precedence of Semantic Versioning 2.0, section 11. Versions that are not semantic stand below all that are.
        Semver = "semver",
        /// The parts between the dots, each of numbers and words.
        Dotted = "dotted",
        /// The instant of publishing alone.
        PublishTime = "publish_time",
    }
}

/// Stands where a version ends. Below whatever may stand there instead.
const END: u8 = 0;

/// A number: its count of digits and its digits follow.
const NUMBER: u8 = 1;

/// A word: its bytes and [`END`] follow.
const WORD: u8 = 2;

/// The dot before the next part of a dotted version.
const NEXT_PART: u8 = 3;

/// Begins the keys of versions that are not semantic, where semantic ones are expected.
const OTHER: u8 = 0;

/// Begins the keys of semantic versions.
pub(crate) const SEMANTIC: u8 = 1;

/// Stands behind the three numbers of a semantic version that has a prerelease.
const PRERELEASE: u8 = 1;

/// Stands behind the three numbers of a semantic version that has none.
const RELEASE: u8 = 2;

/// Where a version stands among those of its package: bytes, at most 1 KiB, that compare as the versions do.
///
/// Keys of different schemes do not compare. A key ends with the version's name, so that no two versions of a package share one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "diesel", derive(diesel::AsExpression, diesel::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Binary))]
pub struct SortKey(Vec<u8>);

impl SortKey {
    /// The key of a version that was published at `published`.
    ///
    /// - By [`VersionScheme::Semver`], build metadata counts only between versions that are the same without it. Versions
    ///   that are not [`semantic`] are ordered by `published`.
    /// - By [`VersionScheme::Dotted`], versions are compared run by run: runs of digits as numbers, others as words. Where two
    ///   differ, the one that ends is the lowest, then a number, a word, and the next part: `1.0`, `1.0-rc`, `1.0.1`, `1.0.a`.
    /// - By [`VersionScheme::PublishTime`], `published` decides.
    ///
    /// What is equal by its scheme is ordered by its name.
    pub fn of(scheme: VersionScheme, version: &VersionName, published: Timestamp) -> Self {
        let mut key = match scheme {
            VersionScheme::Semver => match semantic(version) {
                Some(version) => precedence(&version),
                None => [[OTHER].as_slice(), &instant(published)].concat(),
            },
            VersionScheme::Dotted => dotted(version.as_str()),
            VersionScheme::PublishTime => instant(published).to_vec(),
        };
        key.push(END);
        key.extend_from_slice(version.as_str().as_bytes());
        Self(key)
    }

    /// A key from its bytes, as [`SortKey::as_bytes`] gave them.
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The version as Semantic Versioning 2.0 has it, one leading `v` or `V` passed over.
///
/// `None` for a version that is not semantic, or whose major, minor or patch number does not fit 64 bits.
pub fn semantic(version: &VersionName) -> Option<Version> {
    let text = version.as_str();
    Version::parse(text.strip_prefix(['v', 'V']).unwrap_or(text)).ok()
}

/// Whether a version comes before its release. Only [`VersionScheme::Semver`] knows such versions.
pub fn is_prerelease(scheme: VersionScheme, version: &VersionName) -> bool {
    scheme == VersionScheme::Semver && semantic(version).is_some_and(|version| !version.pre.is_empty())
}

/// The bytes that begin the keys of all versions with the precedence of `version`, by [`VersionScheme::Semver`].
///
/// Those keys go on with [`END`]; the keys of lower versions are below the bytes, and those of higher ones are not below the
/// bytes with a `1` behind them.
pub(crate) fn precedence(version: &Version) -> Vec<u8> {
    let mut key = family(&[version.major, version.minor, version.patch]);
    put_prerelease(&mut key, &version.pre);
    key
}

/// The bytes that begin the keys of all semantic versions whose first numbers are these, prereleases among them.
///
/// The byte behind them is below `0xff`.
pub(crate) fn family(numbers: &[u64]) -> Vec<u8> {
    let mut key = vec![SEMANTIC];
    for number in numbers {
        let bytes = number.to_be_bytes();
        let minimal = &bytes[number.leading_zeros() as usize / 8..];
        put_counted(&mut key, minimal);
    }
    key
}

/// Semantic Versioning 2.0, section 11: numbers as numbers and below words, words by their ASCII, fewer identifiers below more.
fn put_prerelease(key: &mut Vec<u8>, prerelease: &Prerelease) {
    if prerelease.is_empty() {
        key.push(RELEASE);
        return;
    }
    key.push(PRERELEASE);
    for identifier in prerelease.split('.') {
        put_run(key, identifier.as_bytes());
    }
}

fn dotted(version: &str) -> Vec<u8> {
    let mut key = Vec::new();
    for (index, part) in version.split('.').enumerate() {
        if index > 0 {
            key.push(NEXT_PART);
        }
        for run in part.as_bytes().chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()) {
            put_run(&mut key, run);
        }
    }
    key
}

/// A number where there are only digits, and otherwise a word.
fn put_run(key: &mut Vec<u8>, run: &[u8]) {
    if run.iter().all(u8::is_ascii_digit) {
        key.push(NUMBER);
        let zeros = run.iter().take_while(|digit| **digit == b'0').count();
        put_counted(key, &run[zeros..]);
    } else {
        key.push(WORD);
        key.extend_from_slice(run);
        key.push(END);
    }
}

/// A number without leading zeros: the longer it is, the greater.
fn put_counted(key: &mut Vec<u8>, digits: &[u8]) {
    key.push(u8::try_from(digits.len()).unwrap_or(u8::MAX));
    key.extend_from_slice(digits);
}

/// The microseconds with their sign turned round, so that instants before 1970 come first.
fn instant(published: Timestamp) -> [u8; 8] {
    (published.as_micros() ^ i64::MIN).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(scheme: VersionScheme, version: &str) -> SortKey {
        key_at(0, scheme, version)
    }

    fn key_at(micros: i64, scheme: VersionScheme, version: &str) -> SortKey {
        SortKey::of(scheme, &version.parse().unwrap(), Timestamp::from_micros(micros))
    }

    fn assert_ascending(scheme: VersionScheme, versions: &[&str]) {
        for pair in versions.windows(2) {
            assert!(key(scheme, pair[0]) < key(scheme, pair[1]), "{scheme}: `{}` must stand below `{}`", pair[0], pair[1]);
        }
    }

    #[test]
    fn semantic_versions_follow_the_precedence_of_the_specification() {
        for chain in [
            ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0"]
                .as_slice(),
            &["0.0.0", "0.0.1", "0.1.0", "1.0.0", "1.0.255", "1.0.256", "1.9.0", "1.10.0", "2.0.0", "18446744073709551615.0.0"],
            &["1.0.0-0", "1.0.0-9", "1.0.0-18446744073709551616", "1.0.0--", "1.0.0-1a", "1.0.0-A", "1.0.0-a", "1.0.0-a-b", "1.0.0-ab"],
            &["1.0.0", "1.0.0+a", "1.0.0+b", "v1.0.0", "1.0.1-0", "V1.0.1"],
            &["1.0", "9.9.9.9", "main", "v", "vv1.0.0", "0.0.0-0"],
        ] {
            assert_ascending(VersionScheme::Semver, chain);
        }
    }

    #[test]
    fn versions_that_are_not_semantic_stand_below_by_their_time_and_name() {
        let of = |version, micros| key_at(micros, VersionScheme::Semver, version);
        let ascending =
            [of("z", -1), of("a", 0), of("b", 0), of("1.0", 1), of("01.0.0", 2), of("18446744073709551616.0.0", 3), of("0.0.0-0", -9)];
        assert!(ascending.is_sorted_by(|a, b| a < b), "{ascending:?}");
    }

    #[test]
    fn dotted_versions_are_compared_run_by_run() {
        for chain in [
            ["1.0", "1.0-rc", "1.0-rc1", "1.0-rc2", "1.0-rc10", "1.0.1", "1.0.3", "1.0.3-SNAPSHOT", "1.0.10", "1.0.a", "1.1"].as_slice(),
            &["1", "1.", "1.0", "1.00", "1.0.0", "1.1", "1.2", "1.10", "1.99999999999999999999", "1.100000000000000000000", "1.x", "a"],
            &["2024.1.9", "2024.1.10", "2024.10.1", "r9", "r10", "release"],
            &["0", "00", "1", "01.5", "-1"],
        ] {
            assert_ascending(VersionScheme::Dotted, chain);
        }
    }

    #[test]
    fn by_time_the_name_decides_only_between_versions_of_one_instant() {
        let of = |version, micros| key_at(micros, VersionScheme::PublishTime, version);
        let ascending = [of("9", i64::MIN), of("8", -1), of("7", 0), of("a", 1), of("b", 1), of("1", 256), of("0", i64::MAX)];
        assert!(ascending.is_sorted_by(|a, b| a < b), "{ascending:?}");
    }

    #[test]
    fn only_semantic_versions_have_prereleases() {
        for (scheme, version, expected) in [
            (VersionScheme::Semver, "1.0.0-rc.1", true),
            (VersionScheme::Semver, "v1.0.0-rc.1+build", true),
            (VersionScheme::Semver, "1.0.0", false),
            (VersionScheme::Semver, "1.0.0+a-b", false),
            (VersionScheme::Semver, "1.0-rc", false),
            (VersionScheme::Dotted, "1.0.0-rc.1", false),
            (VersionScheme::PublishTime, "1.0.0-rc.1", false),
        ] {
            assert_eq!(is_prerelease(scheme, &version.parse().unwrap()), expected, "{scheme} {version}");
        }
    }

    #[test]
    fn the_longest_versions_have_keys_within_a_kibibyte() {
        for version in ["1a".repeat(127), "1.".repeat(127), format!("1.0.0-{}0", "0.".repeat(124)), "a".repeat(255)] {
            for scheme in [VersionScheme::Semver, VersionScheme::Dotted, VersionScheme::PublishTime] {
                assert!(key(scheme, &version).as_bytes().len() <= 1024, "{scheme} {version}");
            }
        }
    }

    /// The rule of dotted versions once more: lists of these compare as the versions do.
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    enum Run {
        Number(u64),
        Word(Vec<u8>),
        Dot,
    }

    fn runs(version: &str) -> Vec<Run> {
        let kind = |byte: u8| (byte.is_ascii_digit(), byte == b'.');
        let run = |run: &[u8]| match kind(run[0]) {
            (true, _) => Run::Number(run.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))),
            (_, true) => Run::Dot,
            _ => Run::Word(run.to_vec()),
        };
        version.as_bytes().chunk_by(|a, b| kind(*a) == kind(*b)).map(run).collect()
    }

    const SEMANTIC_LOOKING: &str = r"[01]\.(0|9|10)\.25[56](-[0-2a-c.-]{1,6})?(\+[ab])?";

    const DOTTED_LOOKING: &str = r"[0-9a-z.\-]{1,12}|[01a.\-]{1,6}";

    proptest! {
        #[test]
        fn keys_order_semantic_versions_as_the_specification_does(a in SEMANTIC_LOOKING, b in SEMANTIC_LOOKING) {
            if let (Ok(version_a), Ok(version_b)) = (Version::parse(&a), Version::parse(&b)) {
                let expected = version_a.cmp_precedence(&version_b).then_with(|| a.cmp(&b));
                prop_assert_eq!(key(VersionScheme::Semver, &a).cmp(&key(VersionScheme::Semver, &b)), expected);
            }
        }

        #[test]
        fn keys_order_dotted_versions_as_a_direct_comparison_does(a in DOTTED_LOOKING, b in DOTTED_LOOKING) {
            if a.parse::<VersionName>().is_ok() && b.parse::<VersionName>().is_ok() {
                let expected = runs(&a).cmp(&runs(&b)).then_with(|| a.cmp(&b));
                prop_assert_eq!(key(VersionScheme::Dotted, &a).cmp(&key(VersionScheme::Dotted, &b)), expected);
            }
        }
    }
}
