//! What came of a torture.

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::time::Duration;

/// Figures, and everything that must not be.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) faults: usize,
    pub(crate) acknowledged: usize,
    /// Acknowledged files that were not there at some time afterwards.
    pub(crate) lost: BTreeSet<u64>,
    pub(crate) undecided: usize,
    /// How many of the undecided files had come about.
    pub(crate) appeared: usize,
    pub(crate) wrong: Vec<String>,
    pub(crate) loading: Duration,
    pub(crate) starting: Duration,
    pub(crate) looking: Duration,
    pub(crate) total: Duration,
}

impl Report {
    /// Panics if anything is wrong, with the beginning of what.
    pub(crate) fn assert_nothing_is_wrong(&self) {
        let first: Vec<&String> = self.wrong.iter().take(20).collect();
        assert!(self.wrong.is_empty(), "{self}; {} things are wrong: {first:#?}", self.wrong.len());
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { faults, acknowledged, lost, undecided, appeared, .. } = self;
        let each = |duration: Duration| duration / u32::try_from(*faults).unwrap_or(u32::MAX).max(1);
        let [loading, starting, looking] = [self.loading, self.starting, self.looking].map(each);
        write!(f, "{faults} faults, {acknowledged} files acknowledged, {} lost; ", lost.len())?;
        write!(f, "of {undecided} undecided, {appeared} had come about; ")?;
        write!(f, "{:.1?}, each time {loading:.0?} of load, {starting:.0?} to start, {looking:.0?} to look", self.total)
    }
}
