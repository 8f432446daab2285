//! Time zones.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZoneDatabase};

use crate::Timestamp;
use crate::name::ParseNameError;

/// A time zone of the IANA database, such as `Europe/Berlin`, spelled as there. The database is that of the build.
///
/// In spring the clock leaves out an hour: what should come then comes at the end of the gap. In autumn it shows an hour twice: what should
/// come then comes the first time. So nothing is missed, and nothing comes twice.
///
/// Zones are equal when their names are.
#[derive(Clone)]
pub struct TimeZone {
    name: String,
    zone: jiff::tz::TimeZone,
}

impl TimeZone {
    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The latest that the clock there has shown by `now`, to the second; `None` before the year -9999 and after the year 9999.
    pub(super) fn shown(&self, now: Timestamp) -> Option<DateTime> {
        let now = jiff::Timestamp::from_second(now.split().0).ok()?;
        let second = SignedDuration::from_secs(1);
        // Where the clock was put back, it has shown later times before that.
        let changed = self.zone.preceding(now.checked_add(second).ok()?).next();
        let before = changed.and_then(|change| change.timestamp().checked_sub(second).ok()).map(|time| self.zone.to_datetime(time));
        before.max(Some(self.zone.to_datetime(now)))
    }

    /// When the clock there shows that: the first time, or where it leaves it out, when it goes on behind it. `None` beyond the years that
    /// [`TimeZone::shown`] knows.
    pub(super) fn when(&self, shown: DateTime) -> Option<Timestamp> {
        let found = self.zone.to_ambiguous_timestamp(shown);
        let time = match found.offset() {
            AmbiguousOffset::Gap { after, .. } => self.zone.following(after.to_timestamp(shown).ok()?).next()?.timestamp(),
            AmbiguousOffset::Fold { .. } | AmbiguousOffset::Unambiguous { .. } => found.earlier().ok()?,
        };
        Some(Timestamp::from_micros(time.as_microsecond()))
    }
}

impl FromStr for TimeZone {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, ParseNameError> {
        // The database takes any case, and the name of the zone that is not known.
        let found = TimeZoneDatabase::bundled().get(text).ok();
        match found.filter(|zone| zone.iana_name() == Some(text) && !zone.is_unknown()) {
            Some(zone) => Ok(Self { name: text.to_owned(), zone }),
            None => Err(ParseNameError {
                what: "time zone",
                text: text.to_owned(),
                rule: "a name of the IANA time zone database, such as `Europe/Berlin`",
            }),
        }
    }
}

impl PartialEq for TimeZone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for TimeZone {}

impl Hash for TimeZone {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TimeZone({})", self.name)
    }
}

crate::word::serde_as_text!(TimeZone);
