//! Words and numbers by the names that GitLab gives to their types: clients name the types of their variables.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use consign_proto::metadata::{File, Version};
use consign_types::duplicates::{DuplicatePolicy, MAX_PATTERN_BYTES};
use prost_types::Timestamp;

use super::super::entity;

/// How much of a wrong value is shown.
const SHOWN: usize = 80;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $scalar:literal, $class:literal, $row:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) struct $name(pub(super) i64);

        #[Scalar(name = $scalar)]
        impl ScalarType for $name {
            fn parse(value: Value) -> InputValueResult<Self> {
                match &value {
                    Value::String(text) => number(text, $class).map(Self).ok_or_else(|| {
                        let shown: String = text.chars().take(SHOWN).collect();
                        InputValueError::custom(format!("\"{shown}\" does not represent an instance of {}", $class))
                    }),
                    _ => Err(InputValueError::expected_type(value)),
                }
            }

            fn to_value(&self) -> Value {
                global($class, self.0).into()
            }
        }

        impl From<&$row> for $name {
            fn from(row: &$row) -> Self {
                Self(row.id)
            }
        }
    };
}

id! {
    /// A package by its number: `gid://gitlab/Packages::Package/7`.
    PackageId, "PackagesPackageID", "Packages::Package", Version
}

id! {
    /// A file by its number: `gid://gitlab/Packages::PackageFile/7`.
    FileId, "PackagesPackageFileID", "Packages::PackageFile", File
}

/// The id of a thing of this class.
pub(super) fn global(class: &str, id: i64) -> String {
    format!("gid://gitlab/{class}/{id}")
}

fn number(text: &str, class: &str) -> Option<i64> {
    let number = text.strip_prefix("gid://gitlab/")?.strip_prefix(class)?.strip_prefix('/')?;
    number.parse().ok().filter(|_| number.bytes().all(|byte| byte.is_ascii_digit()))
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $scalar:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(super) struct $name(pub(super) String);

        #[Scalar(name = $scalar)]
        impl ScalarType for $name {
            fn parse(value: Value) -> InputValueResult<Self> {
                match value {
                    Value::String(text) => match $check(&text) {
                        Ok(()) => Ok(Self(text)),
                        Err(told) => Err(InputValueError::custom(told)),
                    },
                    value => Err(InputValueError::expected_type(value)),
                }
            }

            fn to_value(&self) -> Value {
                self.0.clone().into()
            }
        }
    };
}

text! {
    /// An instant, as REST writes it.
    Time, "Time", is_text
}

text! {
    /// A regular expression.
    Pattern, "UntrustedRegexp", is_pattern
}

/// Any text will do.
#[expect(clippy::unnecessary_wraps, reason = "it stands beside checks that refuse")]
fn is_text(_: &str) -> Result<(), String> {
    Ok(())
}

/// Says of a text that is no expression why it is none. One that is too long may be one: the metadata plane refuses it.
fn is_pattern(text: &str) -> Result<(), String> {
    if text.len() > MAX_PATTERN_BYTES {
        return Ok(());
    }
    DuplicatePolicy::new(true, text).map(|_| ()).map_err(|error| format!("{text} is an invalid regexp: {error}"))
}

impl Time {
    /// An instant of the planes.
    pub(super) fn of(time: Option<Timestamp>) -> Self {
        Self(entity::time(time.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_no_expression_is_refused_with_the_reason() {
        for text in ["", ".*-SNAPSHOT", "(?i)a|b", "\\d+"] {
            assert_eq!(Pattern::parse(text.into()).ok(), Some(Pattern(text.to_owned())));
        }
        for text in ["[", "(", "a{2,1}", "(?=a)", "*"] {
            assert!(Pattern::parse(text.into()).is_err(), "{text}");
        }
        assert!(Pattern::parse("[".repeat(256).into()).is_ok(), "its length is told by the plane");
        assert!(Pattern::parse(7.into()).is_err());
    }

    #[test]
    fn ids_are_read_as_they_are_written_and_no_others() {
        assert_eq!(PackageId::parse(PackageId(7).to_value()).ok(), Some(PackageId(7)));
        for text in [
            "gid://gitlab/Packages::PackageFile/7",
            "gid://gitlab/Packages::Package/",
            "gid://gitlab/Packages::Package/+7",
            "gid://gitlab/Packages::Package/-7",
            "gid://gitlab/Packages::Package/99999999999999999999",
            "gid://gitlab/Packages::Package/7/8",
            "7",
            "",
        ] {
            assert!(PackageId::parse(text.into()).is_err(), "{text}");
        }
        assert!(PackageId::parse(7.into()).is_err());
        assert_eq!(FileId::parse("gid://gitlab/Packages::PackageFile/7".into()).ok(), Some(FileId(7)));
    }
}
