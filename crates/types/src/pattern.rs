//! Patterns over names.

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

/// The longest pattern that is accepted, in bytes.
pub const MAX_PATTERN_BYTES: usize = 255;

/// A pattern that matches whole names: 1 to [`MAX_PATTERN_BYTES`] bytes without control characters.
///
/// Patterns are equal when their kinds and texts are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Text", try_from = "Text")]
pub enum NamePattern {
    /// See [`NamePattern::glob`].
    Glob(GlobPattern),
    /// See [`NamePattern::regex`].
    Regex(RegexPattern),
}

/// A pattern as JSON has it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Text {
    Glob(String),
    Regex(String),
}

impl From<NamePattern> for Text {
    fn from(pattern: NamePattern) -> Self {
        let text = pattern.text().to_owned();
        match pattern {
            NamePattern::Glob(_) => Self::Glob(text),
            NamePattern::Regex(_) => Self::Regex(text),
        }
    }
}

impl TryFrom<Text> for NamePattern {
    type Error = PatternError;

    fn try_from(text: Text) -> Result<Self, PatternError> {
        match text {
            Text::Glob(text) => Self::glob(&text),
            Text::Regex(text) => Self::regex(&text),
        }
    }
}

/// A valid pattern of `*`, `?` and literal characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlobPattern(String);

/// A valid regular expression.
#[derive(Clone, Debug)]
pub struct RegexPattern {
    text: String,
    anchored: Regex,
}

impl PartialEq for RegexPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for RegexPattern {}

/// A pattern can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("name pattern is invalid: {0}")]
pub struct PatternError(String);

impl NamePattern {
    /// A pattern in which `*` is any run of characters, `?` is one character, and everything else is itself.
    pub fn glob(text: &str) -> Result<Self, PatternError> {
        Ok(Self::Glob(GlobPattern(checked(text)?.to_owned())))
    }

    /// A regular expression of RE2's syntax. It matches whole names, in linear time.
    ///
    /// One that expands beyond 64 KiB is refused.
    pub fn regex(text: &str) -> Result<Self, PatternError> {
        let anchored = compile(checked(text)?).map_err(PatternError)?;
        Ok(Self::Regex(RegexPattern { text: text.to_owned(), anchored }))
    }

    /// Whether the whole name matches.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Glob(GlobPattern(pattern)) => glob_matches(pattern, name),
            Self::Regex(pattern) => pattern.anchored.is_match(name),
        }
    }

    /// The pattern as it was given.
    pub fn text(&self) -> &str {
        match self {
            Self::Glob(GlobPattern(text)) => text,
            Self::Regex(pattern) => &pattern.text,
        }
    }
}

fn checked(text: &str) -> Result<&str, PatternError> {
    let reason = match text {
        "" => "empty".to_owned(),
        text if text.len() > MAX_PATTERN_BYTES => too_long(),
        text if text.chars().any(char::is_control) => "with control characters".to_owned(),
        text => return Ok(text),
    };
    Err(PatternError(reason))
}

fn too_long() -> String {
    format!("longer than {MAX_PATTERN_BYTES} bytes")
}

/// Compiles a regular expression that matches whole texts, or says in a few words why it can't be used.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > MAX_PATTERN_BYTES {
        return Err(too_long());
    }
    let anchored = format!(r"\A(?:{pattern})\z");
    let compile = |text: &str| RegexBuilder::new(text).size_limit(64 << 10).nest_limit(20).build();
    // The bare pattern must stand by itself, or `a)|(b` would get out of its anchors.
    compile(pattern).and_then(|_| compile(&anchored)).map_err(|error| reason(&error))
}

fn reason(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "too large when compiled".to_owned(),
        error => error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
    }
}

/// Matches from the left. On a mismatch the last `*` takes one character more, and those before it never need to: so the steps
/// are at most the product of the two lengths.
pub(crate) fn glob_matches(pattern: &str, name: &str) -> bool {
    let (mut pattern, mut name) = (pattern.chars(), name.chars());
    let mut behind_star = None;
    loop {
        let (mut pattern_ahead, mut name_ahead) = (pattern.clone(), name.clone());
        match (pattern_ahead.next(), name_ahead.next()) {
            (Some('*'), _) => {
                behind_star = Some((pattern_ahead.clone(), name.clone()));
                pattern = pattern_ahead;
            }
            (Some(wanted), Some(found)) if wanted == '?' || wanted == found => (pattern, name) = (pattern_ahead, name_ahead),
            (None, None) => return true,
            _ => {
                let Some((behind, taken)) = &mut behind_star else { return false };
                if taken.next().is_none() {
                    return false;
                }
                (pattern, name) = (behind.clone(), taken.clone());
            }
        }
    }
}

/// Whether the whole text fits, where `*` is any run of characters and everything else is itself. Takes time linear in the text for
/// each `*` at most.
pub(crate) fn stars_match(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some((_, behind)) = rest.split_once(part) else { return false };
        rest = behind;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_glob_matches_whole_names() {
        for (pattern, name, expected) in [
            ("tool", "tool", true),
            ("tool", "tools", false),
            ("tool", "a-tool", false),
            ("tool-*", "tool-", true),
            ("tool-*", "tool-a.b", true),
            ("*", "", true),
            ("?", "", false),
            ("?", "é", true),
            ("??", "é", false),
            ("*.*", "a.b.c", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("*-rc.?", "1.0-rc.1", true),
            ("*-rc.?", "1.0-rc.10", false),
            ("1.0", "1x0", false),
            ("[ab]|(c)+\\", "[ab]|(c)+\\", true),
            ("[ab]", "a", false),
            ("*?", "", false),
        ] {
            assert_eq!(NamePattern::glob(pattern).unwrap().matches(name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_regex_matches_whole_names() {
        for (pattern, name, expected) in [
            ("tool", "tool", true),
            ("tool", "tools", false),
            ("a|b", "ab", false),
            ("to|ol", "tool", false),
            ("v?[0-9]+", "v12", true),
            ("(?i)tool", "TOOL", true),
            (".", "é", true),
            ("a$|b", "a", true),
        ] {
            assert_eq!(NamePattern::regex(pattern).unwrap().matches(name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn hostile_patterns_are_matched_all_the_same() {
        let many = "a".repeat(255);
        for pattern in ["*".repeat(255), "a*".repeat(127), "*a".repeat(127)] {
            assert!(NamePattern::glob(&pattern).unwrap().matches(&many), "{pattern}");
            assert!(!NamePattern::glob(&format!("{}b", &pattern[..254])).unwrap().matches(&many), "{pattern}");
        }
        for pattern in ["(a*)*b", "(a|a)*b", "(.*)(.*)(.*)b", "a*".repeat(50).as_str()] {
            assert_eq!(NamePattern::regex(pattern).unwrap().matches(&many), pattern.ends_with('*'), "{pattern}");
        }
    }

    #[test]
    fn patterns_that_are_broken_or_costly_are_refused() {
        for pattern in ["[", "a)|(b", "(?x)a #", "(?=a)", r"(a)\1", "a{1000}{1000}", &"(".repeat(100), "", "a\n", &"a".repeat(256)] {
            let message = NamePattern::regex(pattern).unwrap_err().to_string();
            assert!(message.starts_with("name pattern is invalid: ") && message.len() < 200, "{pattern}: {message}");
        }
        for (pattern, reason) in [("", "empty"), ("a\u{7}", "with control characters"), (&"*".repeat(256), "longer than 255 bytes")] {
            assert_eq!(NamePattern::glob(pattern).unwrap_err().to_string(), format!("name pattern is invalid: {reason}"));
        }
    }

    #[test]
    fn patterns_are_equal_by_kind_and_text() {
        let (glob, regex) = (NamePattern::glob("a*").unwrap(), NamePattern::regex("a*").unwrap());
        assert_eq!((&glob, &regex), (&NamePattern::glob("a*").unwrap(), &NamePattern::regex("a*").unwrap()));
        assert_ne!(glob, regex);
        assert_ne!(regex, NamePattern::regex("(?:a*)").unwrap());
        assert_eq!((glob.text(), regex.text()), ("a*", "a*"));
    }

    proptest! {
        #[test]
        fn a_glob_matches_what_the_same_regex_does(glob in "[ab*?.]{1,8}", name in "[ab.]{0,8}") {
            let regex = regex::escape(&glob).replace(r"\*", ".*").replace(r"\?", ".");
            prop_assert_eq!(NamePattern::glob(&glob).unwrap().matches(&name), NamePattern::regex(&regex).unwrap().matches(&name));
        }

        #[test]
        fn no_pattern_makes_the_compiler_panic(pattern in ".{0,30}|[()|*?\\[\\]a{}1-9,^$\\\\]{0,20}", name in ".{0,10}") {
            for pattern in [NamePattern::glob(&pattern), NamePattern::regex(&pattern)].into_iter().flatten() {
                prop_assert!(pattern.matches(&name) || !pattern.matches(&name));
            }
        }
    }
}
