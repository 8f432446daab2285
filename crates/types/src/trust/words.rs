//! The words of a trust rule.

use crate::name::name_type;
use crate::pattern::glob_matches;

/// The longest value of a claim that can fit, in bytes: matching stays cheap, and what was matched fits into a row.
pub(super) const MAX_VALUE_BYTES: usize = 1024;

name_type!(
    /// For whom an ID token is made: 1 to 255 bytes without control characters, compared exactly.
    Audience,
    "audience",
    "1 to 255 bytes without control characters",
    |text| is_plain(text, 255)
);

name_type!(
    /// The name of a claim: 1 to 255 bytes without control characters, compared exactly.
    ClaimName,
    "claim name",
    "1 to 255 bytes without control characters",
    |text| is_plain(text, 255)
);

name_type!(
    /// What a claim must say: `*` is any run of characters, `?` is one character, everything else is itself. 1 to 255 bytes without
    /// control characters, with at most 8 `*`.
    ClaimGlob,
    "glob on a claim",
    "1 to 255 bytes without control characters, with at most 8 `*`",
    |text| is_plain(text, 255) && text.matches('*').count() <= 8
);

impl ClaimGlob {
    /// Whether the whole value fits.
    pub fn matches(&self, value: &str) -> bool {
        glob_matches(self.as_str(), value)
    }

    /// Whether one value alone fits.
    pub fn is_exact(&self) -> bool {
        !self.as_str().contains(['*', '?'])
    }

    /// Whether there is nothing but wildcards in it.
    pub(super) fn fits_everything(&self) -> bool {
        self.as_str().chars().all(|c| matches!(c, '*' | '?'))
    }
}

fn is_plain(text: &str, bytes: usize) -> bool {
    !text.is_empty() && text.len() <= bytes && !text.chars().any(char::is_control)
}
