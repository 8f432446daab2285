//! The names of stored copies.

use std::fmt;

use crate::Digest;

/// The name of one stored copy of some bytes. A generation is never given to two copies of the same bytes, so removing an old copy
/// can never hit a newer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CopyName {
    /// What the bytes hash to.
    pub digest: Digest,
    /// Which copy of them.
    pub generation: i64,
}

impl fmt::Display for CopyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.digest, self.generation)
    }
}

impl CopyName {
    /// Reads what [`fmt::Display`] writes, and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let (digest, generation) = text.split_once('.')?;
        let name = Self { digest: digest.parse().ok()?, generation: generation.parse().ok()? };
        (name.to_string() == text).then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_was_written_and_in_no_other_form() {
        let name = CopyName { digest: Digest::of(b"x"), generation: 12 };
        let text = name.to_string();
        assert_eq!(CopyName::parse(&text), Some(name));
        for other in [text.to_uppercase(), text.replace(".12", ".012"), text.replace(".12", ".+12"), format!("{text}.sums"), String::new()]
        {
            assert_eq!(CopyName::parse(&other), None, "{other}");
        }
    }
}
