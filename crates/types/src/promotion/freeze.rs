//! Freeze windows: times in which nothing is placed on a stage.

use serde::{Deserialize, Serialize};

use super::{Cron, GateName, TimeZone};
use crate::Timestamp;
use crate::text::Description;

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
    /// Again and again: from each time that `start` comes until the first time after it that `end` comes, as GitLab's freeze periods are.
    /// Where both come at one moment, it closes. Each time that a clock can show comes once, also when the clock is changed: see [`TimeZone`].
    Recurring {
        /// When it opens.
        start: Cron,
        /// When it closes.
        end: Cron,
        /// Where the clock hangs that both are read from.
        zone: TimeZone,
    },
}

impl Schedule {
    /// Whether it says that the window opens at all: one that ends when it starts, or before, does not.
    pub fn opens(&self) -> bool {
        match self {
            Self::OneTime { start, end } => start < end,
            Self::Recurring { start, end, .. } => start != end,
        }
    }

    /// When it closes, if it is open at `now`: always later than `now`. `None`: it is not open.
    ///
    /// One that recurs is open when the last start up to `now` is later than the last end up to `now`. It is looked at from the year 1 to
    /// the year 4999, and is not open before and after.
    pub fn open_until(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::OneTime { start, end } => (*start <= now && now < *end).then_some(*end),
            Self::Recurring { start, end, zone } => {
                let shown = zone.shown(now)?;
                let opened = start.last(shown)?;
                let is_closed = end.last(shown).is_some_and(|closed| closed >= opened);
                if is_closed { None } else { zone.when(end.next(shown)?) }
            }
        }
    }
}

impl FreezeWindow {
    /// When it closes, if it is open at `now`: see [`Schedule::open_until`].
    pub fn open_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.schedule.open_until(now)
    }

    /// Whether it is open at `now`.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.open_until(now).is_some()
    }
}
