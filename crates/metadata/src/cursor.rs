//! Where an item stands in a list, as the token of the next page has it.

use std::fmt;
use std::str::FromStr;

use consign_types::Timestamp;

/// Where an item stands in the order of its list. The id makes it unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The values that the list is ordered by.
    pub values: Vec<Value>,
    /// The id of the item.
    pub id: i64,
}

/// A value that a list is ordered by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
    /// An instant.
    Time(Timestamp),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Value {
    /// The letter that orders know it by.
    pub(crate) fn kind(&self) -> char {
        match self {
            Self::Text(_) => 's',
            Self::Number(_) => 'n',
            Self::Time(_) => 't',
            Self::Bytes(_) => 'b',
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id)?;
        for value in &self.values {
            match value {
                Value::Text(text) => write!(f, "\ns{text}")?,
                Value::Number(number) => write!(f, "\nn{number}")?,
                Value::Time(time) => write!(f, "\nt{}", time.as_micros())?,
                Value::Bytes(bytes) => {
                    f.write_str("\nb")?;
                    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                }
            }
        }
        Ok(())
    }
}

/// The text is not a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor")]
pub struct ParseCursorError;

impl FromStr for Cursor {
    type Err = ParseCursorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut lines = text.split('\n');
        let id = lines.next().and_then(|id| id.parse().ok()).ok_or(ParseCursorError)?;
        let values = lines.map(value).collect::<Option<Vec<_>>>().ok_or(ParseCursorError)?;
        Ok(Self { values, id })
    }
}

fn value(line: &str) -> Option<Value> {
    let (kind, text) = line.split_at_checked(1)?;
    match kind {
        "s" if !text.chars().any(char::is_control) => Some(Value::Text(text.to_owned())),
        "n" => text.parse().ok().map(Value::Number),
        "t" => text.parse().ok().map(Timestamp::from_micros).filter(|time| time.is_storable()).map(Value::Time),
        "b" if text.len().is_multiple_of(2) && text.is_ascii() => {
            let byte = |index| u8::from_str_radix(text.get(index..index + 2)?, 16).ok();
            (0..text.len()).step_by(2).map(byte).collect::<Option<_>>().map(Value::Bytes)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_read_back_as_they_are_written() {
        let values =
            vec![Value::Text("a:b".to_owned()), Value::Number(-7), Value::Time(Timestamp::from_micros(5)), Value::Bytes(vec![0, 255, 10])];
        for values in [Vec::new(), values] {
            let cursor = Cursor { values, id: 3 };
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for text in ["", "x", "1\n", "1\nx", "1\nb0", "1\nbé0", "1\nn", "1\ntx", "1\ns\0", "1\nt-9223372036854775808"] {
            assert_eq!(text.parse::<Cursor>(), Err(ParseCursorError), "{text}");
        }
    }
}
