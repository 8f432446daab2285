//! Instants, in the one precision that every part of Consign keeps.

/// An instant in UTC: microseconds since 1970-01-01T00:00:00Z.
///
/// The pure types never ask what time it is: whoever calls a rule brings the instant along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "diesel", derive(diesel::AsExpression, diesel::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = crate::columns::Instant))]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant `micros` microseconds after the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// This instant and `seconds` more; saturates at the ends of the range.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// Whether it lies in the years 1 to 9999, which both databases and the wire can say.
    pub const fn is_storable(self) -> bool {
        -62_135_596_800_000_000 <= self.0 && self.0 <= 253_402_300_799_999_999
    }

    /// The whole seconds since the epoch, and the microseconds into the second.
    pub const fn split(self) -> (i64, i64) {
        (self.0.div_euclid(1_000_000), self.0.rem_euclid(1_000_000))
    }
}

impl Timestamp {
    /// This instant and a span more; saturates at the end of the range.
    #[must_use]
    pub const fn plus(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

/// A length of time, more than nothing: in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Span(i64);

impl Span {
    /// So many microseconds; `None` for none or less.
    pub const fn from_micros(micros: i64) -> Option<Self> {
        if micros > 0 { Some(Self(micros)) } else { None }
    }

    /// The microseconds.
    pub const fn as_micros(self) -> i64 {
        self.0
    }
}

impl std::fmt::Display for Span {
    /// As people say it: `1m 30s`, `2d 3h`; below a second in milliseconds, rounded up.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (seconds, micros) = (self.0 / 1_000_000, self.0 % 1_000_000);
        let parts = [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
        let shown: Vec<String> = parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
        if shown.is_empty() { write!(f, "{}ms", (micros + 999) / 1000) } else { f.write_str(&shown.join(" ")) }
    }
}

impl std::fmt::Display for Timestamp {
    /// RFC 3339 in UTC, with as many digits of the second as it has.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The formatter ends on the day before the last one, as the parser does.
        const LAST_DAYS: i64 = 253_402_128_000_000_000;
        let days = if self.0 < LAST_DAYS { 0 } else { 10 };
        let text = jiff::Timestamp::from_microsecond(self.plus_seconds(-days * 24 * 60 * 60).0).unwrap_or_default().to_string();
        if days == 0 { f.write_str(&text) } else { f.write_str(&text.replacen("9999-12-2", "9999-12-3", 1)) }
    }
}

/// The text is not an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time looks like `2030-01-31T12:00:00Z`")]
pub struct ParseTimestampError;

impl std::str::FromStr for Timestamp {
    type Err = ParseTimestampError;

    /// Reads RFC 3339. What is finer than a microsecond is cut off.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The parser ends on the day before the last one, which people write for "for ever".
        let (text, days) = match text.strip_prefix("9999-12-3") {
            Some(rest) if rest.starts_with(['0', '1']) => (format!("9999-12-2{rest}"), 10),
            _ => (text.to_owned(), 0),
        };
        let time: jiff::Timestamp = text.parse().map_err(|_| ParseTimestampError)?;
        let time = Self(time.as_microsecond()).plus_seconds(days * 24 * 60 * 60);
        if time.is_storable() { Ok(time) } else { Err(ParseTimestampError) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn instants_are_read_by_rfc_3339() {
        assert_eq!("1970-01-01T00:00:01Z".parse(), Ok(Timestamp::from_micros(1_000_000)));
        assert_eq!("1970-01-01T01:00:00.000001+01:00".parse(), Ok(Timestamp::from_micros(1)));
        assert_eq!("9999-12-31T23:59:59.999999Z".parse(), Ok(Timestamp::from_micros(253_402_300_799_999_999)));
        for text in ["", "1970", "1970-01-01", "yesterday", "1970-01-01T00:00:01", "-004713-01-01T00:00:00Z"] {
            assert_eq!(text.parse::<Timestamp>(), Err(ParseTimestampError), "{text}");
        }
    }

    #[test]
    fn an_instant_reads_back_as_it_is_written() {
        for micros in [
            0,
            1,
            -1,
            1_000_000,
            1_760_000_000_123_456,
            253_402_300_799_999_999,
            253_402_128_000_000_000,
            253_402_127_999_999_999,
            -62_135_596_800_000_000,
        ] {
            let instant = Timestamp::from_micros(micros);
            assert_eq!(instant.to_string().parse(), Ok(instant), "{instant}");
        }
        assert_eq!(Timestamp::from_micros(1_760_000_000_120_000).to_string(), "2025-10-09T08:53:20.12Z");
    }

    proptest! {
        #[test]
        fn what_is_read_is_an_instant_that_can_be_split(
            text in "-?0?[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](\\.[0-9]{1,9})?(Z|[+-][0-2][0-9]:[0-5][0-9])|.{0,40}",
        ) {
            if let Ok(instant) = text.parse::<Timestamp>() {
                let (seconds, micros) = instant.split();
                prop_assert!((0..1_000_000).contains(&micros));
                prop_assert_eq!(Timestamp::from_micros(micros).plus_seconds(seconds), instant);
            }
        }
    }
}
