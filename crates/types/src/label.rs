//! Labels: what people say of a thing in keys and values, to find it by.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::name::{ParseNameError, name_type};

/// The most labels that a thing may have.
pub const MAX_LABELS: usize = 64;

name_type!(
    /// The key of a label, such as `team` or `example.org/team`.
    ///
    /// 1 to 63 bytes of ASCII letters, digits, `.`, `_`, `-`, `/`.
    LabelKey,
    "label key",
    "1 to 63 letters, digits, `.`, `_`, `-` and `/`",
    |text| {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/');
        (1..=63).contains(&text.len()) && text.bytes().all(valid)
    }
);

name_type!(
    /// The value of a label: at most 255 bytes, without control characters. May be empty.
    LabelValue,
    "label value",
    "at most 255 bytes without control characters",
    |text| text.len() <= 255 && !text.chars().any(char::is_control)
);

/// At most [`MAX_LABELS`] labels, each key once, in the order of their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "diesel", derive(diesel::AsExpression, diesel::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
pub struct Labels(BTreeMap<LabelKey, LabelValue>);

/// Labels break their rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// There are more than [`MAX_LABELS`].
    #[error("there are more than {MAX_LABELS} labels")]
    TooMany,
    /// A key is given twice.
    #[error("label `{0}` is given twice")]
    Repeated(LabelKey),
    /// A key or a value is invalid.
    #[error(transparent)]
    Invalid(#[from] ParseNameError),
    /// A text is not what [`Labels::to_text`] writes.
    #[error("labels are not one JSON object of texts")]
    NotAnObject,
}

impl Labels {
    /// Labels from their keys and values. Stops at the first that is invalid or too many.
    pub fn new(given: impl IntoIterator<Item = (String, String)>) -> Result<Self, LabelError> {
        let mut labels = BTreeMap::new();
        for (key, value) in given {
            if labels.len() == MAX_LABELS {
                return Err(LabelError::TooMany);
            }
            let key: LabelKey = key.parse()?;
            if labels.insert(key.clone(), value.parse()?).is_some() {
                return Err(LabelError::Repeated(key));
            }
        }
        Ok(Self(labels))
    }

    /// The labels in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&LabelKey, &LabelValue)> {
        self.0.iter()
    }

    /// These labels with `over` laid over them: where both have a key, `over` has the value.
    pub fn merged(&self, over: &Self) -> Result<Self, LabelError> {
        let mut labels = self.0.clone();
        labels.extend(over.iter().map(|(key, value)| (key.clone(), value.clone())));
        if labels.len() > MAX_LABELS { Err(LabelError::TooMany) } else { Ok(Self(labels)) }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// One JSON object, from which the labels can be parsed. Equal labels have equal texts.
    pub fn to_text(&self) -> String {
        let members = self.iter().map(|(key, value)| (key.to_string(), value.as_str().into()));
        serde_json::Value::Object(members.collect()).to_string()
    }
}

impl FromStr for Labels {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let given: BTreeMap<String, String> = serde_json::from_str(text).map_err(|_| LabelError::NotAnObject)?;
        Self::new(given)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(given: &[(&str, &str)]) -> Result<Labels, LabelError> {
        Labels::new(given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())))
    }

    fn numbered(numbers: std::ops::Range<usize>) -> Result<Labels, LabelError> {
        Labels::new(numbers.map(|number| (format!("k{number}"), String::new())))
    }

    #[test]
    fn keys_and_values_keep_to_their_rules() {
        for key in ["a", "example.org/Team_1-x", "/", &"a".repeat(63)] {
            assert!(labels(&[(key, "")]).is_ok(), "{key}");
        }
        for key in ["", "a b", "a:b", "é", "a\n", &"a".repeat(64)] {
            assert!(matches!(labels(&[(key, "")]), Err(LabelError::Invalid(_))), "{key}");
        }
        for (value, valid) in [("é \"{}\" = ()", true), (&*"a".repeat(255), true), ("a\nb", false), (&*"a".repeat(256), false)] {
            assert_eq!(labels(&[("a", value)]).is_ok(), valid, "{value}");
        }
    }

    #[test]
    fn a_thing_has_at_most_64_labels_and_each_key_once() {
        assert_eq!(numbered(0..64).unwrap().len(), 64);
        assert_eq!(numbered(0..65), Err(LabelError::TooMany));
        assert_eq!(numbered(0..usize::MAX), Err(LabelError::TooMany));
        assert_eq!(labels(&[("a", "1"), ("a", "2")]), Err(LabelError::Repeated("a".parse().unwrap())));
        assert!(Labels::default().is_empty() && !numbered(0..1).unwrap().is_empty());
    }

    #[test]
    fn labels_are_laid_over_others() {
        let merged = labels(&[("a", "1"), ("b", "1")]).unwrap().merged(&labels(&[("b", "2"), ("c", "2")]).unwrap());
        assert_eq!(merged, labels(&[("a", "1"), ("b", "2"), ("c", "2")]));
        assert_eq!(numbered(0..64).unwrap().merged(&numbered(0..64).unwrap()), numbered(0..64));
        assert_eq!(numbered(0..64).unwrap().merged(&numbered(64..65).unwrap()), Err(LabelError::TooMany));
    }

    #[test]
    fn only_an_object_of_texts_is_read() {
        assert_eq!(labels(&[("b", "\"é"), ("a", "")]).unwrap().to_text(), r#"{"a":"","b":"\"é"}"#);
        assert_eq!("{}".parse(), Ok(Labels::default()));
        for text in ["", "null", "[]", r#"{"a":1}"#, r#"{"a":null}"#, r#"{"a":"b"}x"#] {
            assert_eq!(text.parse::<Labels>(), Err(LabelError::NotAnObject), "{text}");
        }
        assert!(matches!(r#"{"a b":""}"#.parse::<Labels>(), Err(LabelError::Invalid(_))));
    }

    proptest! {
        #[test]
        fn labels_read_back_as_they_are_written(given in prop::collection::btree_map("[a-zA-Z0-9._/-]{1,8}", "\\PC{0,8}", 0..9)) {
            let labels = Labels::new(given).unwrap();
            prop_assert_eq!(labels.to_text().parse(), Ok(labels));
        }
    }
}
