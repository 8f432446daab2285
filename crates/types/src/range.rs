//! Which semantic versions a selector takes.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use semver::{Comparator, Op, Version, VersionReq};

use crate::order::{self, SortKey};

/// The longest range that is accepted, in bytes.
pub const MAX_RANGE_BYTES: usize = 255;

/// A range of semantic versions, such as `^1.4`, `>=1.2, <2`, `~1.2.3`, `1.*`, `*` or `=1.0.0-rc.1`.
///
/// The syntax is Cargo's: comparators separated by commas, all of which hold, and a bare `1.4` means `^1.4`. So a range is one
/// interval of precedence. Releases are taken as Cargo takes them. Prereleases, where they are taken, are taken by precedence:
///
/// - A lower bound begins at the version it names, so neither `>=1.4`, `^1.4` nor `1.4.*` takes `1.4.0-alpha`; `>1.4` begins
///   at the prereleases of `1.5.0`. `*` has no bound.
/// - An upper bound that follows from `^`, `~`, `*` or from numbers left out ends below the prereleases of that bound, as in npm:
///   neither `^1.4`, `1.*`, `<=1` nor `<2` takes `2.0.0-alpha`.
/// - One that is written out ends where it says: `<2.0.0` takes `2.0.0-alpha`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VersionRange(VersionReq);

/// The text is not a range of versions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("version range is invalid: {0}")]
pub struct ParseRangeError(String);

impl FromStr for VersionRange {
    type Err = ParseRangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_RANGE_BYTES {
            return Err(ParseRangeError(format!("longer than {MAX_RANGE_BYTES} bytes")));
        }
        text.parse().map(Self).map_err(|error: semver::Error| ParseRangeError(error.to_string()))
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A range of [`SortKey`]s by [`order::VersionScheme::Semver`]. It may be empty, and then its end is not above its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interval {
    /// No key of the range is below these bytes.
    pub from: Vec<u8>,
    /// All keys of the range are below these bytes, if there are any.
    pub to: Option<Vec<u8>>,
}

impl Interval {
    /// Whether the key is within.
    pub fn contains(&self, key: &SortKey) -> bool {
        self.from.as_slice() <= key.as_bytes() && self.to.as_ref().is_none_or(|to| key.as_bytes() < to.as_slice())
    }

    fn is_empty(&self) -> bool {
        self.to.as_ref().is_some_and(|to| *to <= self.from)
    }

    fn intersected(self, other: &Self) -> Self {
        let to = match (self.to, other.to.clone()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Self { from: self.from.max(other.from.clone()), to }
    }
}

impl VersionRange {
    /// Whether the version is in the range. A prerelease is, if all prereleases are asked for by `include_prerelease`, or if a
    /// comparator names a prerelease of the same major, minor and patch number.
    pub fn takes(&self, version: &Version, include_prerelease: bool) -> bool {
        let named = || self.named_prereleases().any(|numbers| numbers == [version.major, version.minor, version.patch]);
        let between = |(from, to): (Option<Cut>, Option<Cut>)| {
            from.is_none_or(|from| from.is_below(version)) && !to.is_some_and(|to| to.is_below(version))
        };
        (version.pre.is_empty() || include_prerelease || named()) && self.0.comparators.iter().map(bounds).all(between)
    }

    /// The interval of the releases in the range. It has prereleases too, which are not to be taken for being in it.
    pub fn interval(&self) -> Interval {
        let all = Interval { from: vec![order::SEMANTIC], to: None };
        self.0.comparators.iter().map(bounds).fold(all, |interval, (from, to)| {
            let from = from.map_or_else(Vec::new, |cut| cut.key());
            interval.intersected(&Interval { from, to: to.map(|cut| cut.key()) })
        })
    }

    /// The intervals of the prereleases in the range, none of them empty: all of the range with `include_all`, or else the
    /// prereleases of those numbers that a comparator with a prerelease names.
    pub fn prerelease_intervals(&self, include_all: bool) -> Vec<Interval> {
        let range = self.interval();
        if include_all {
            return Vec::from_iter(Some(range).filter(|interval| !interval.is_empty()));
        }
        let mut named: Vec<_> = self.named_prereleases().collect();
        named.sort_unstable();
        named.dedup();
        let prereleases = |numbers: [u64; 3]| {
            let [major, minor, patch] = numbers;
            Interval { from: order::family(&numbers), to: Some(order::precedence(&Version::new(major, minor, patch))) }
        };
        let within = named.into_iter().map(|numbers| prereleases(numbers).intersected(&range));
        within.filter(|interval| !interval.is_empty()).collect()
    }

    fn named_prereleases(&self) -> impl Iterator<Item = [u64; 3]> {
        let with_prerelease = self.0.comparators.iter().filter(|comparator| !comparator.pre.is_empty());
        with_prerelease.filter_map(|comparator| Some([comparator.major, comparator.minor?, comparator.patch?]))
    }
}

/// A place between the versions.
enum Cut {
    /// Directly below the versions of this precedence.
    Before(Version),
    /// Directly above the versions of this precedence.
    After(Version),
    /// Below all versions with these first numbers, prereleases among them.
    BeforeAll(Vec<u64>),
    /// Above all versions with these first numbers.
    AfterAll(Vec<u64>),
}

impl Cut {
    /// The cut as a key: the keys of the versions below it are below the key.
    fn key(&self) -> Vec<u8> {
        match self {
            Self::Before(version) => order::precedence(version),
            Self::After(version) => followed(order::precedence(version), 1),
            Self::BeforeAll(numbers) => order::family(numbers),
            Self::AfterAll(numbers) => followed(order::family(numbers), u8::MAX),
        }
    }

    fn is_below(&self, version: &Version) -> bool {
        let numbers = [version.major, version.minor, version.patch];
        match self {
            Self::Before(bound) => version.cmp_precedence(bound) != Ordering::Less,
            Self::After(bound) => version.cmp_precedence(bound) == Ordering::Greater,
            Self::BeforeAll(first) => numbers[..first.len()] >= first[..],
            Self::AfterAll(first) => numbers[..first.len()] > first[..],
        }
    }
}

fn followed(mut key: Vec<u8>, byte: u8) -> Vec<u8> {
    key.push(byte);
    key
}

/// Between which cuts a comparator holds.
fn bounds(comparator: &Comparator) -> (Option<Cut>, Option<Cut>) {
    let given = given_numbers(comparator);
    let lowest = lowest(comparator);
    match (comparator.op, given.len()) {
        (Op::Greater, 3) => (Some(Cut::After(lowest)), None),
        (Op::Greater, _) => (Some(Cut::AfterAll(given)), None),
        (Op::GreaterEq, _) => (Some(Cut::Before(lowest)), None),
        (Op::Less, 3) => (None, Some(Cut::Before(lowest))),
        (Op::Less, _) => (None, Some(Cut::BeforeAll(given))),
        (Op::LessEq, 3) => (None, Some(Cut::After(lowest))),
        (Op::LessEq, _) => (None, Some(Cut::AfterAll(given))),
        (Op::Tilde, 3) => (Some(Cut::Before(lowest)), Some(Cut::AfterAll(given[..2].to_vec()))),
        (Op::Caret, _) => (Some(Cut::Before(lowest)), Some(Cut::AfterAll(compatible(&given).to_vec()))),
        (Op::Exact, 3) => (Some(Cut::Before(lowest.clone())), Some(Cut::After(lowest))),
        (_, _) => (Some(Cut::Before(lowest)), Some(Cut::AfterAll(given))),
    }
}

fn given_numbers(comparator: &Comparator) -> Vec<u64> {
    let rest = [comparator.minor, comparator.patch];
    std::iter::once(comparator.major).chain(rest.into_iter().map_while(|number| number)).collect()
}

/// The version that a comparator names; numbers left out are zero.
fn lowest(comparator: &Comparator) -> Version {
    Version { pre: comparator.pre.clone(), ..Version::new(comparator.major, comparator.minor.unwrap_or(0), comparator.patch.unwrap_or(0)) }
}

/// The numbers that a compatible version keeps: those up to the first that is not zero.
fn compatible(given: &[u64]) -> &[u64] {
    let leading_zeros = given.iter().take_while(|number| **number == 0).count();
    &given[..given.len().min(leading_zeros + 1)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Timestamp;
    use crate::order::VersionScheme;

    fn range(text: &str) -> VersionRange {
        text.parse().unwrap()
    }

    /// Whether the intervals of the range have the version, as a database would ask.
    fn has(range: &VersionRange, version: &Version, include_prerelease: bool) -> bool {
        let key = SortKey::of(VersionScheme::Semver, &version.to_string().parse().unwrap(), Timestamp::from_micros(0));
        if version.pre.is_empty() {
            range.interval().contains(&key)
        } else {
            range.prerelease_intervals(include_prerelease).iter().any(|interval| interval.contains(&key))
        }
    }

    #[test]
    fn a_range_takes_releases_as_cargo_does_and_prereleases_where_they_are_wanted() {
        const NEVER: (bool, bool) = (false, false);
        const ALL: (bool, bool) = (false, true);
        const ALWAYS: (bool, bool) = (true, true);
        let cases = [
            ("^1.4", "1.4.0", ALWAYS),
            ("1.4", "1.99.0", ALWAYS),
            ("^1.4", "1.4.0-alpha", NEVER),
            ("^1.4", "1.4.1-alpha", ALL),
            ("^1.4", "2.0.0-alpha", NEVER),
            ("^1.4", "2.0.0", NEVER),
            ("^0.2.3", "0.3.0-alpha", NEVER),
            ("^0.0.3", "0.0.3+b", ALWAYS),
            ("^0.0.3", "0.0.4-alpha", NEVER),
            ("~1.2.3", "1.2.9", ALWAYS),
            ("~1.2.3", "1.3.0-alpha", NEVER),
            ("1.*", "2.0.0-alpha", NEVER),
            ("1.*", "1.0.0", ALWAYS),
            ("1.2.*", "1.2.3-rc.1", ALL),
            ("*", "0.0.0-0", ALL),
            ("*", "18446744073709551615.18446744073709551615.18446744073709551615", ALWAYS),
            ("^18446744073709551615", "18446744073709551615.1.0", ALWAYS),
            (">=1.2, <2", "2.0.0-alpha", NEVER),
            ("<2.0.0", "2.0.0-alpha", ALL),
            ("<=2.0.0", "2.0.0+build", ALWAYS),
            ("<=1", "1.9.0-rc", ALL),
            ("<=1", "2.0.0-alpha", NEVER),
            (">1.4", "1.4.9", NEVER),
            (">1.4", "1.5.0-alpha", ALL),
            ("=1.0.0-rc.1", "1.0.0-rc.1", ALWAYS),
            ("=1.0.0-rc.1", "1.0.0-rc.2", NEVER),
            ("=1.0.0-rc.1", "1.0.0-rc.1.0", NEVER),
            ("^1.0.0-rc.1", "1.0.0-rc.2", ALWAYS),
            ("^1.0.0-rc.1", "1.0.1-rc.2", ALL),
            (">1.0.0-rc.1", "1.0.0-rc.1.0", ALWAYS),
            (">1.0.0-rc.1", "1.0.0-rc.1", NEVER),
            (">1.0.0-rc.1, <1.0.0-rc.3", "1.0.0-rc.2", ALWAYS),
            (">2, <1", "1.5.0", NEVER),
        ];
        for (text, version, expected) in cases {
            let (range, version) = (range(text), Version::parse(version).unwrap());
            assert_eq!((range.takes(&version, false), range.takes(&version, true)), expected, "{text} takes {version}");
            assert_eq!((has(&range, &version, false), has(&range, &version, true)), expected, "{text} has {version}");
        }
    }

    #[test]
    fn no_interval_of_prereleases_is_empty() {
        for (text, some, all) in [("^1.4", 0, 1), (">2, <1", 0, 0), (">1.0.0-a, <2.0.0-b, <2.0.0-c", 2, 1), (">2.0.0-a, <1", 0, 0)] {
            assert_eq!(range(text).prerelease_intervals(false).len(), some, "{text}");
            assert_eq!(range(text).prerelease_intervals(true).len(), all, "{text}");
        }
    }

    #[test]
    fn what_is_no_range_is_refused_in_few_words() {
        for text in ["", " ", "x.y", "1..2", "^", ">=1.2 <2", "1.2, *", "main", "\u{1b}", "é", &"1,".repeat(100), &" ".repeat(256)] {
            let message = text.parse::<VersionRange>().unwrap_err().to_string();
            assert!(message.starts_with("version range is invalid: ") && message.len() < 200, "{text}: {message}");
        }
        assert_eq!(range(">= 1.2,<2").to_string(), ">=1.2, <2");
    }

    proptest! {
        #[test]
        fn intervals_have_what_the_range_takes(
            text in "((\\^|~|=|<|<=|>|>=)[0-2](\\.[0-2](\\.[0-2](-[ab0])?)?)?|[01]\\.\\*)",
            more in "(, (\\^|~|<|<=|>|>=)[0-2](\\.[0-2](\\.[0-2](-[ab0](\\.0)?)?)?)?)?",
            versions in proptest::collection::vec("[0-3]\\.[0-3]\\.[0-3](-[abc0](\\.0)?)?(\\+x)?", 20),
        ) {
            let range = range(&format!("{text}{more}"));
            for version in versions.iter().map(|version| Version::parse(version).unwrap()) {
                let takes = range.takes(&version, false);
                prop_assert_eq!(has(&range, &version, false), takes, "{} {}", range, version);
                prop_assert_eq!(has(&range, &version, true), range.takes(&version, true), "{} {}", range, version);
                prop_assert!(takes || !range.0.matches(&version), "{} {}", range, version);
                prop_assert!(takes == range.0.matches(&version) || !version.pre.is_empty(), "{} {}", range, version);
            }
        }
    }
}
