//! Cron schedules.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use croner::YEAR_UPPER_LIMIT;
use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;

use crate::name::shown;

/// The longest schedule that is accepted, in bytes.
pub const MAX_CRON_BYTES: usize = 100;

/// The text is not a schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cron schedule `{}` is invalid: {reason}", shown(.text))]
pub struct ParseCronError {
    /// The text, shortened to 80 characters when shown.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

/// When something begins or ends, again and again: the five fields of cron, at most [`MAX_CRON_BYTES`] bytes.
///
/// They are minute (0 to 59), hour (0 to 23), day of month (1 to 31), month (1 to 12 or `JAN` to `DEC`) and day of week (0 to 7 or `SUN` to
/// `SAT`; 0 and 7 are Sunday). A field is `*`, or a list of values, ranges `a-b`, and steps `*/n` or `a-b/n`. Where neither day is `*`, one
/// of them is enough, as cron has it. A day of month may also be `L` (the last), `15W` (the working day nearest to the 15th) or `LW`, and a
/// day of week `5#2` (the second Friday) or `5L` (the last one). There are no seconds, no years and no nicknames such as `@daily`, and what
/// never comes, such as the 30th of February, is refused.
///
/// It says what a clock shows; when that is, a [`TimeZone`](super::TimeZone) says.
///
/// Schedules are equal when their texts are.
#[derive(Clone)]
pub struct Cron {
    text: String,
    parsed: Arc<croner::Cron>,
}

/// A field: what it is called, and the words that may stand in it.
const FIELDS: [(&str, &[&str]); 5] = [
    ("minute", &[]),
    ("hour", &[]),
    ("day of month", &["L", "W", "LW"]),
    ("month", &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]),
    ("day of week", &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "L"]),
];

impl Cron {
    /// The text as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The last time that it came, up to and with the one that a clock shows; `None` where there is none from the year 1 on.
    pub(super) fn last(&self, shown: DateTime) -> Option<DateTime> {
        self.parsed.find_previous_occurrence(&shown, true).ok()
    }

    /// The next time that it comes, after the one that a clock shows; `None` where there is none before the year 5000.
    pub(super) fn next(&self, shown: DateTime) -> Option<DateTime> {
        self.parsed.find_next_occurrence(&shown, false).ok()
    }
}

impl FromStr for Cron {
    type Err = ParseCronError;

    fn from_str(text: &str) -> Result<Self, ParseCronError> {
        match parse(text) {
            Ok(parsed) => Ok(Self { text: text.to_owned(), parsed: Arc::new(parsed) }),
            Err(reason) => Err(ParseCronError { text: text.to_owned(), reason }),
        }
    }
}

fn parse(text: &str) -> Result<croner::Cron, String> {
    if text.len() > MAX_CRON_BYTES {
        return Err(format!("longer than {MAX_CRON_BYTES} bytes"));
    }
    let fields: Vec<&str> = text.split(' ').filter(|field| !field.is_empty()).collect();
    if fields.len() != FIELDS.len() {
        return Err(format!("it needs five fields (minute, hour, day of month, month, day of week), and has {}", fields.len()));
    }
    for (field, (what, words)) in fields.iter().zip(FIELDS) {
        if !is_sound(field, words) {
            return Err(format!("`{}` is no {what}", shown(field)));
        }
    }
    let parsed = library(text).map_err(|_| fault(&fields))?;
    if comes(&parsed) { Ok(parsed) } else { Err("no day is ever like that".to_owned()) }
}

/// Whether the field has only what may stand in it. The library lets empty places pass, and the names of days and months in any field.
fn is_sound(field: &str, words: &[&str]) -> bool {
    let nth = words.contains(&"SUN");
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '*' | ',' | '-' | '/') || (c == '#' && nth);
    let runs = |text: &str| text.split(|c: char| !c.is_ascii_alphabetic()).all(|run| run.is_empty() || words.contains(&run));
    field.chars().all(known) && field.split(',').all(|part| !part.is_empty()) && runs(&field.to_ascii_uppercase())
}

fn library(text: &str) -> Result<croner::Cron, CronError> {
    CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build().parse(text)
}

/// Which of the fields the library refuses, and why.
fn fault(fields: &[&str]) -> String {
    for (place, (field, (what, _))) in fields.iter().zip(FIELDS).enumerate() {
        let mut alone = ["*"; FIELDS.len()];
        alone[place] = field;
        if let Err(CronError::ComponentError(reason)) = library(&alone.join(" ")) {
            let reason = reason.split([':', '.']).next().unwrap_or_default().to_ascii_lowercase();
            return format!("`{field}` is no {what}: {reason}");
        }
    }
    "its fields are not those of cron".to_owned()
}

/// Whether there is a time like that. The library looks no further than [`YEAR_UPPER_LIMIT`]: in the 28 years before it each day of the year
/// falls on each day of the week.
fn comes(parsed: &croner::Cron) -> bool {
    let year = i16::try_from(YEAR_UPPER_LIMIT - 28).unwrap_or(i16::MAX);
    DateTime::new(year, 1, 1, 0, 0, 0, 0).is_ok_and(|start| parsed.find_next_occurrence(&start, true).is_ok())
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Cron {}

impl Hash for Cron {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cron({})", self.text)
    }
}

crate::word::serde_as_text!(Cron);
