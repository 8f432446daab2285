//! A glob matches what the same regular expression does, and no pattern matches less for being written again.
#![no_main]

use consign_types::pattern::{MAX_PATTERN_BYTES, NamePattern};
use libfuzzer_sys::fuzz_target;

/// The rule of globs once more.
fn as_regex(glob: &str) -> regex::Regex {
    let text = regex::escape(glob).replace(r"\*", "(?s:.*)").replace(r"\?", "(?s:.)");
    regex::Regex::new(&format!(r"\A(?:{text})\z")).expect("an escaped text is a pattern")
}

fuzz_target!(|input: (&str, &str)| {
    let (pattern, name) = input;
    for (parsed, again) in
        [(NamePattern::glob(pattern), NamePattern::glob(pattern)), (NamePattern::regex(pattern), NamePattern::regex(pattern))]
    {
        match parsed {
            Ok(parsed) => {
                assert!((1..=MAX_PATTERN_BYTES).contains(&pattern.len()) && !pattern.chars().any(char::is_control), "{pattern:?}");
                assert_eq!(parsed.text(), pattern);
                let again = again.expect("it parsed before");
                assert!(parsed == again && parsed.matches(name) == again.matches(name), "{pattern:?} {name:?}");
            }
            Err(error) => assert!(error.to_string().len() < 500, "{error}"),
        }
    }
    if let Ok(glob) = NamePattern::glob(pattern) {
        assert_eq!(glob.matches(name), as_regex(pattern).is_match(name), "{pattern:?} {name:?}");
        assert!(glob.matches(&pattern.replace('*', "")), "a glob matches itself without its stars: {pattern:?}");
    }
    if let (Ok(alone), Ok(either)) = (NamePattern::regex(pattern), NamePattern::regex(&format!("(?:{pattern})|x"))) {
        assert_eq!(either.matches(name), alone.matches(name) || name == "x", "{pattern:?} {name:?}");
    }
});
