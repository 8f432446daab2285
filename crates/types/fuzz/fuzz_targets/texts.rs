//! Texts, ids, digests, instants and words: what parses is what was given, or the same written in the one usual way.
#![no_main]

use std::fmt::Display;
use std::str::FromStr;

use consign_types::access::Role;
use consign_types::text::{Description, DisplayName, Etag, MediaType, RequestId};
use consign_types::{Digest, Timestamp};
use libfuzzer_sys::fuzz_target;

fn check<T>(text: &str, most: usize, valid: impl Fn(char) -> bool)
where
    T: FromStr<Err: Display> + Display,
{
    match text.parse::<T>() {
        Ok(parsed) => {
            assert_eq!(parsed.to_string(), text);
            assert!(text.len() <= most && text.chars().all(valid), "{text:?}");
        }
        Err(error) => assert!(error.to_string().len() <= 1100, "{error}"),
    }
}

fuzz_target!(|text: &str| {
    check::<DisplayName>(text, 255, |c| !c.is_control());
    check::<Description>(text, 4096, |c| !c.is_control() || c == '\n');
    check::<MediaType>(text, 255, |c| (' '..='~').contains(&c));
    check::<Etag>(text, 64, |c| c.is_ascii_alphanumeric() || c == '-');
    check::<RequestId>(text, 36, |c| matches!(c, '0'..='9' | 'a'..='f' | '-'));
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string(), text.to_ascii_lowercase());
    }
    if let Ok(role) = text.parse::<Role>() {
        assert_eq!(role.as_str(), text);
    }
    if let Ok(instant) = text.parse::<Timestamp>() {
        let (seconds, micros) = instant.split();
        assert!((0..1_000_000).contains(&micros), "{text:?}");
        assert!((-62_135_596_800..=253_402_300_799).contains(&seconds), "years 1 to 9999: {text:?}");
        assert_eq!(seconds * 1_000_000 + micros, instant.as_micros(), "{text:?}");
        assert_eq!(instant.plus_seconds(0), instant);
    }
});
