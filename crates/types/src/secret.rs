//! Secrets: what must be neither guessed nor shown.

use std::fmt;
use std::str::FromStr;

use crate::Digest;

/// 32 random bytes that open something.
///
/// It has a text, for key files and for those to whom it is handed, but no `Display`, and its `Debug` shows nothing.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl Secret {
    /// A new random one.
    pub fn generate() -> Self {
        Self(rand::random())
    }

    /// The text: 64 lower-case hexadecimal digits. Whoever calls this answers for where it goes.
    pub fn expose(&self) -> String {
        Digest::from_bytes(self.0).to_string()
    }

    /// The bytes, as a key.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The text is not a secret's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret has 64 hexadecimal digits")]
pub struct ParseSecretError;

impl FromStr for Secret {
    type Err = ParseSecretError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes: Digest = text.parse().map_err(|_| ParseSecretError)?;
        Ok(Self(*bytes.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_itself_only_when_it_is_told_to() {
        let secret = Secret::generate();
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        let text = secret.expose();
        assert_eq!(text.parse::<Secret>().unwrap().as_bytes(), secret.as_bytes());
        assert!(text[1..].parse::<Secret>().is_err());
        assert_ne!(Secret::generate().expose(), text);
    }
}
