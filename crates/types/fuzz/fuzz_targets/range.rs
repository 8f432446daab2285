//! A range has in its intervals what it takes, keys order versions by precedence, and both stay within their limits.
#![no_main]

use consign_types::order::{SortKey, VersionScheme, is_prerelease, semantic};
use consign_types::range::{MAX_RANGE_BYTES, VersionRange};
use consign_types::{Timestamp, VersionName};
use libfuzzer_sys::fuzz_target;

const SCHEMES: [VersionScheme; 3] = [VersionScheme::Semver, VersionScheme::Dotted, VersionScheme::PublishTime];

fn key(scheme: VersionScheme, version: &VersionName) -> SortKey {
    let key = SortKey::of(scheme, version, Timestamp::from_micros(0));
    assert!(key.as_bytes().len() <= 1024, "{scheme} {version}");
    key
}

fn check_range(range: &VersionRange, version: &VersionName) {
    let Some(number) = semantic(version) else { return };
    let key = key(VersionScheme::Semver, version);
    for all in [false, true] {
        let intervals = if number.pre.is_empty() { vec![range.interval()] } else { range.prerelease_intervals(all) };
        let has = intervals.iter().any(|interval| interval.contains(&key));
        assert_eq!(has, range.takes(&number, all), "{range} {version} include_prerelease={all}");
    }
}

fuzz_target!(|input: (&str, &str, &str)| {
    let (text, a, b) = input;
    let range = match text.parse::<VersionRange>() {
        Ok(range) => {
            assert!(text.len() <= MAX_RANGE_BYTES, "{text:?}");
            let shown = range.to_string();
            if shown.len() <= MAX_RANGE_BYTES {
                assert_eq!(shown.parse(), Ok(range.clone()), "{text:?} is shown as {shown:?}");
            }
            Some(range)
        }
        Err(error) => {
            assert!(error.to_string().len() < 400, "{error}");
            None
        }
    };
    let (Ok(a), Ok(b)) = (a.parse::<VersionName>(), b.parse::<VersionName>()) else { return };
    if let Some(range) = &range {
        check_range(range, &a);
        check_range(range, &b);
    }
    for scheme in SCHEMES {
        let order = key(scheme, &a).cmp(&key(scheme, &b));
        assert_eq!(order.is_eq(), a == b, "{scheme} {a} {b}");
        assert_eq!(order.reverse(), key(scheme, &b).cmp(&key(scheme, &a)), "{scheme} {a} {b}");
    }
    if let (Some(first), Some(second)) = (semantic(&a), semantic(&b)) {
        let expected = first.cmp_precedence(&second).then_with(|| a.cmp(&b));
        assert_eq!(key(VersionScheme::Semver, &a).cmp(&key(VersionScheme::Semver, &b)), expected, "{a} {b}");
        assert_eq!(is_prerelease(VersionScheme::Semver, &a), !first.pre.is_empty(), "{a}");
    }
});
