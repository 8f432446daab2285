//! Freeze windows: times in which nothing is placed on a stage.

use serde::{Deserialize, Serialize};

use super::GateName;
use crate::Timestamp;
use crate::name::name_type;
use crate::text::Description;

/// The text is not a schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cron schedule `{text}` is invalid: {reason}")]
pub struct ParseCronError {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

name_type!(
    /// When something begins or ends, again and again: five cron fields.
    Cron,
    "cron schedule",
    "five cron fields",
    |text| text.len() <= 255
);

name_type!(
    /// A time zone of the IANA database, such as `Europe/Berlin`.
    TimeZone,
    "time zone",
    "a name of the IANA time zone database, such as `Europe/Berlin`",
    |text| text.len() <= 255
);

/// A time in which nothing is placed on a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreezeWindow {
    /// Its name.
    pub name: GateName,
    /// When it is open.
    pub schedule: Schedule,
    /// Why, for those whom it stops.
    pub reason: Description,
}

/// When a window is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Once.
    OneTime {
        /// From this moment.
        start: Timestamp,
        /// Until before this one.
        end: Timestamp,
    },
    /// Again and again.
    Recurring {
        /// When it opens.
        start: Cron,
        /// When it closes.
        end: Cron,
        /// Where the clock hangs that both are read from.
        zone: TimeZone,
    },
}
