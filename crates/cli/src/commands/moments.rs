//! Times and lengths of time, as people write them.

use std::fmt;
use std::str::FromStr;

use consign_types::Timestamp;
use consign_types::time::{ParseTimestampError, Span};
use serde::{Deserialize, Serialize};

/// An instant: `2030-01-31T12:00:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Time(Timestamp);

/// A length of time: `90s`, `15m`, `24h`, `7d`, or several of them with spaces between, as in `1d 12h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Length(Span);

/// The text is not a length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ParseLengthError;

impl fmt::Display for ParseLengthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a length of time looks like `90s`, `15m`, `24h` or `7d`")
    }
}

impl std::error::Error for ParseLengthError {}

impl FromStr for Length {
    type Err = ParseLengthError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let total = text.split(' ').map(micros).try_fold(0_i64, |total, part| total.checked_add(part?));
        total.and_then(Span::from_micros).map(Self).ok_or(ParseLengthError)
    }
}

/// The microseconds of one number with its unit.
fn micros(part: &str) -> Option<i64> {
    let (number, unit) = part.split_at_checked(part.find(|character: char| !character.is_ascii_digit())?)?;
    let unit = match unit {
        "ms" => 1000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(unit)
}

impl FromStr for Time {
    type Err = ParseTimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl TryFrom<String> for Time {
    type Error = ParseTimestampError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<String> for Length {
    type Error = ParseLengthError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Time> for String {
    fn from(time: Time) -> Self {
        time.0.to_string()
    }
}

impl From<Length> for String {
    fn from(length: Length) -> Self {
        length.0.to_string()
    }
}

impl From<Time> for prost_types::Timestamp {
    fn from(time: Time) -> Self {
        consign_proto::timestamp(time.0)
    }
}

impl From<prost_types::Timestamp> for Time {
    fn from(time: prost_types::Timestamp) -> Self {
        Self(consign_proto::to_time(time))
    }
}

impl From<Length> for prost_types::Duration {
    fn from(length: Length) -> Self {
        let micros = length.0.as_micros();
        let nanos = i32::try_from(micros % 1_000_000 * 1000).expect("less than a second of nanoseconds");
        Self { seconds: micros / 1_000_000, nanos }
    }
}

impl Length {
    /// A length from the wire; `None` for none, and for one that is too long to be told.
    pub(super) fn of(duration: prost_types::Duration) -> Option<Self> {
        let micros = duration.seconds.checked_mul(1_000_000)?.checked_add(i64::from(duration.nanos) / 1000)?;
        Span::from_micros(micros).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_numbers_with_units_and_read_back() {
        for (text, seconds, shown) in
            [("90s", 90, "1m 30s"), ("15m", 900, "15m"), ("24h", 86_400, "1d"), ("7d", 604_800, "7d"), ("1d 12h", 129_600, "1d 12h")]
        {
            let length: Length = text.parse().unwrap();
            assert_eq!(prost_types::Duration::from(length), prost_types::Duration { seconds, nanos: 0 }, "{text}");
            assert_eq!((String::from(length).as_str(), shown.parse()), (shown, Ok(length)));
        }
        for text in ["", "5", "h", "0s", "-1s", "1 h", "1y", "1h ", "1h  1m", "99999999999999999d", "9223372036854775807d", "é"] {
            assert_eq!(text.parse::<Length>(), Err(ParseLengthError), "{text}");
        }
    }
}
