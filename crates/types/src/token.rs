//! The secrets of tokens, as callers send them.
//!
//! A secret is `consign_<kind>_`, 30 random characters of base 62, and 6 more that are the CRC-32C of all before: a scanner knows one when it
//! sees it, and a mistyped one is refused without a look into the database. 30 such characters are 178 bits, so a plain SHA-256 keeps them.

use std::fmt;

use rand::RngExt as _;

use crate::word::word_enum;
use crate::{Digest, crc32c};

word_enum! {
    /// Whom a token acts for.
    TokenKind {
        /// Its user.
        Personal = "personal",
        /// Its project, with the role of the token.
        Project = "project",
        /// Its project or namespace, for machines that only fetch or publish.
        Deploy = "deploy",
        /// Its namespace and all below it, with the role of the token.
        Namespace = "namespace",
        /// Its project, for as long as a CI job takes.
        Job = "job",
    }
}

impl TokenKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Personal, Self::Project, Self::Deploy, Self::Namespace, Self::Job];

    /// The kind of the token that has this secret, as far as it looks like ours.
    pub fn of(secret: &str) -> Option<Self> {
        let (mark, _) = secret.strip_prefix(PRODUCT)?.split_once('_')?;
        Self::ALL.into_iter().find(|kind| kind.mark() == mark)
    }

    /// The word within a secret.
    const fn mark(self) -> &'static str {
        match self {
            Self::Personal => "pat",
            Self::Project => "prj",
            Self::Deploy => "dep",
            Self::Namespace => "nsp",
            Self::Job => "job",
        }
    }
}

const PRODUCT: &str = "consign_";
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_CHARS: usize = 30;
const CHECK_CHARS: usize = 6;

/// The secret of a token. It does not show itself.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenSecret(String);

impl TokenSecret {
    /// A new random one.
    pub fn generate(kind: TokenKind) -> Self {
        let mut text = format!("{PRODUCT}{}_", kind.mark());
        let mut random = rand::rng();
        text.extend((0..RANDOM_CHARS).map(|_| char::from(DIGITS[random.random_range(0..DIGITS.len())])));
        let check = check(&text);
        Self(text + &check)
    }

    /// The text. Whoever calls this answers for where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSecret(..)")
    }
}

/// Whether a text can be the secret of a token: one that looks like ours has the right check characters. (An administrator may choose a
/// secret of another look.)
pub fn is_possible(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(PRODUCT) else { return true };
    let is_ours = rest.split_once('_').is_some_and(|(mark, _)| TokenKind::ALL.iter().any(|kind| kind.mark() == mark));
    if !is_ours || !text.is_ascii() || text.len() < CHECK_CHARS {
        return !is_ours;
    }
    let (before, given) = text.split_at(text.len() - CHECK_CHARS);
    check(before) == given
}

fn check(text: &str) -> String {
    let mut sum = crc32c::crc32c(text.as_bytes());
    let mut digits = [b'0'; CHECK_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(sum % 62) as usize];
        sum /= 62;
    }
    digits.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_secret_is_known_by_its_look_and_does_not_show_itself() {
        for (kind, start) in
            TokenKind::ALL.into_iter().zip(["consign_pat_", "consign_prj_", "consign_dep_", "consign_nsp_", "consign_job_"])
        {
            let secret = TokenSecret::generate(kind);
            assert!(secret.expose().starts_with(start));
            assert_eq!(secret.expose().len(), start.len() + RANDOM_CHARS + CHECK_CHARS);
            assert!(is_possible(secret.expose()));
            assert_eq!(TokenKind::of(secret.expose()), Some(kind));
            assert_ne!(secret, TokenSecret::generate(kind));
            assert_eq!(format!("{secret:?}"), "TokenSecret(..)");
        }
        assert!(is_possible("an administrator's own"));
        assert!(TokenKind::of("an administrator's own").is_none() && TokenKind::of("consign_xyz_1").is_none());
        assert!(!is_possible("consign_prj_") && !is_possible("consign_pat_ä"));
    }

    #[test]
    fn the_check_is_the_crc_32c_in_six_digits() {
        let mut value = 0_u64;
        for digit in check("123456789").bytes() {
            value = value * 62 + DIGITS.iter().position(|known| *known == digit).unwrap() as u64;
        }
        assert_eq!(value, 0xE306_9283, "the check value of CRC-32C");
    }

    proptest! {
        #[test]
        fn a_mistyped_secret_is_none(position in 12_usize..48, other in 0_usize..62) {
            let secret = TokenSecret::generate(TokenKind::Project);
            let mut text = secret.expose().as_bytes().to_vec();
            prop_assume!(text[position] != DIGITS[other]);
            text[position] = DIGITS[other];
            prop_assert!(!is_possible(std::str::from_utf8(&text).unwrap()));
        }
    }
}
