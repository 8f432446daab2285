//! Runs of bytes: which parts of an upload have come.

use std::collections::BTreeMap;
use std::ops::Range;

/// Runs of bytes that do not touch each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Runs(BTreeMap<i64, i64>);

impl Runs {
    /// Adds a run, and joins those that it touches.
    pub(crate) fn insert(&mut self, run: Range<i64>) {
        let Range { mut start, mut end } = run;
        let touched: Vec<(i64, i64)> =
            self.0.range(..=end).rev().map(|(&start, &end)| (start, end)).take_while(|run| run.1 >= start).collect();
        for run in touched {
            self.0.remove(&run.0);
            start = start.min(run.0);
            end = end.max(run.1);
        }
        if start < end {
            self.0.insert(start, end);
        }
    }

    /// Forgets what lies before a position, and returns where the run ends that has it, if one has.
    pub(crate) fn reach(&mut self, position: i64) -> Option<i64> {
        while let Some(first) = self.0.first_entry().filter(|first| *first.key() < position) {
            let end = first.remove();
            if end > position {
                self.0.insert(position, end);
            }
        }
        self.0.get(&position).copied()
    }

    /// The parts of a range that no run has.
    pub(crate) fn missing(&self, range: Range<i64>) -> Vec<Range<i64>> {
        let (mut start, mut missing) = (range.start, Vec::new());
        for run in self.iter().skip_while(|run| run.end <= range.start).take_while(|run| run.start < range.end) {
            if start < run.start {
                missing.push(start..run.start);
            }
            start = run.end;
        }
        if start < range.end {
            missing.push(start..range.end);
        }
        missing
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Range<i64>> {
        self.0.iter().map(|(&start, &end)| start..end)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn runs_hold_what_was_inserted(runs in proptest::collection::vec((0..60_i64, 1..20_i64), 0..12), position in 0..90_i64) {
            let mut kept = Runs::default();
            for (start, length) in &runs {
                kept.insert(*start..start + length);
            }
            let has = |byte: i64| runs.iter().any(|(start, length)| (*start..start + length).contains(&byte));
            for byte in 0..90 {
                prop_assert_eq!(kept.0.iter().any(|(start, end)| (*start..*end).contains(&byte)), has(byte));
            }
            prop_assert!(kept.0.iter().zip(kept.0.iter().skip(1)).all(|(a, b)| a.1 < b.0), "no two touch");
            let missing = kept.missing(position..position + 15);
            for byte in position..position + 15 {
                prop_assert_eq!(missing.iter().any(|run| run.contains(&byte)), !has(byte));
            }
            let end = (position..200).find(|byte| !has(*byte)).filter(|end| *end > position);
            prop_assert_eq!(kept.reach(position), end);
            prop_assert!(kept.iter().all(|run| run.start >= position));
            prop_assert!((position..90).all(|byte| kept.iter().any(|run| run.contains(&byte)) == has(byte)));
        }
    }
}
