//! Verifying a chain, or a part of it, against what was kept elsewhere.

use std::cmp::Reverse;

use super::{Head, Record};

/// Why a chain is not as it was. The number is that of the first entry that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    /// An entry has another number.
    #[error("an entry is missing, or one too many")]
    Number,
    /// An entry says that another one was before it.
    #[error("the entry before it is another one than it was")]
    Previous,
    /// An entry is not what was hashed.
    #[error("the entry is another one than it was")]
    Changed,
    /// The chain was another one when the checkpoint was signed.
    #[error("the checkpoint has another hash")]
    Rewritten,
    /// The chain was longer when the checkpoint was signed.
    #[error("the checkpoint says that there were {0} entries")]
    Cut(i64),
    /// The chain ends elsewhere than it says.
    #[error("the last entries are missing, or are others than they were")]
    End,
}

/// A verification under way: entries are given in their order.
#[derive(Clone, Debug)]
pub struct Verification {
    head: Head,
    /// What is still to be compared, the next one last.
    kept: Vec<Head>,
    is_compared: bool,
}

impl Verification {
    /// Begins behind an entry, of which the hash is believed. `kept` is where the chain stood by checkpoints; of those before, nothing is
    /// said.
    pub fn begin(head: Head, kept: impl IntoIterator<Item = Head>) -> Result<Self, Break> {
        let mut kept: Vec<Head> = kept.into_iter().filter(|kept| kept.number >= head.number).collect();
        kept.sort_by_key(|kept| Reverse(kept.number));
        let mut begun = Self { head, kept, is_compared: false };
        begun.compare()?;
        Ok(begun)
    }

    /// Goes on by an entry.
    pub fn follow(&mut self, record: &Record) -> Result<(), Break> {
        self.head = self.head.follow(record)?;
        self.compare()
    }

    /// Where it has come to.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Whether a checkpoint was compared: the entries up to it are then as they were when it was signed.
    pub fn is_compared(&self) -> bool {
        self.is_compared
    }

    /// Ends with the last entry that there is.
    pub fn end(&self) -> Result<(), Break> {
        match self.kept.first() {
            Some(kept) => Err(Break::Cut(kept.number)),
            None => Ok(()),
        }
    }

    fn compare(&mut self) -> Result<(), Break> {
        let here = self.head;
        while let Some(kept) = self.kept.pop_if(|kept| kept.number == here.number) {
            self.is_compared = true;
            if kept.hash != here.hash {
                return Err(Break::Rewritten);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Entry;
    use crate::{Digest, Timestamp};

    /// A chain of so many entries about something.
    fn chain(count: i64, method: &str) -> Vec<Record> {
        let mut head = Head::default();
        let records = (1..=count).map(|number| {
            let entry = Entry {
                project: 7,
                number,
                time: Timestamp::from_micros(number),
                actor: "root".parse().unwrap(),
                token: 1,
                method: method.to_owned(),
                resource: String::new(),
                detail: "{}".to_owned(),
                request_id: String::new(),
            };
            let record = Record { hash: entry.hash(head.hash), entry, previous: head.hash };
            head = head.follow(&record).unwrap();
            record
        });
        records.collect()
    }

    fn head(record: &Record) -> Head {
        Head { number: record.entry.number, hash: record.hash }
    }

    /// What comes of records that begin behind a head; whether the checkpoint was compared.
    fn verify(from: Head, records: &[Record], kept: Option<Head>) -> Result<bool, Break> {
        let mut verification = Verification::begin(from, kept)?;
        records.iter().try_for_each(|record| verification.follow(record))?;
        verification.end()?;
        Ok(verification.is_compared())
    }

    /// Where it begins, the records, what was kept, and what comes of it.
    type Case<'a> = (Head, &'a [Record], Option<Head>, Result<bool, Break>);

    #[test]
    fn a_chain_is_judged_against_itself_and_against_what_was_kept() {
        let (records, other) = (chain(6, "A"), chain(6, "B"));
        let start = Head::default();
        let kept = |at: usize| Some(head(&records[at - 1]));
        let mut edited = records.clone();
        edited[3].entry.method.push('x');
        let swapped = [&records[..2], &[records[3].clone(), records[2].clone()], &records[4..]].concat();
        let mut spliced = records.clone();
        spliced[3] = other[3].clone();
        let cases: [Case<'_>; 14] = [
            (start, &records, None, Ok(false)),
            (start, &records, kept(4), Ok(true)),
            (start, &records, kept(6), Ok(true)),
            (start, &records, Some(start), Ok(true)),
            (start, &records[..5], kept(6), Err(Break::Cut(6))),
            (start, &[], kept(1), Err(Break::Cut(1))),
            // Written anew from the beginning, it fits itself.
            (start, &other, None, Ok(false)),
            (start, &other, kept(4), Err(Break::Rewritten)),
            (start, &edited, kept(6), Err(Break::Changed)),
            (start, &swapped, None, Err(Break::Number)),
            (start, &spliced, None, Err(Break::Previous)),
            // A part: with a checkpoint of its beginning, of before, and of another chain.
            (head(&records[2]), &records[3..], kept(3), Ok(true)),
            (head(&records[2]), &records[3..], kept(2), Ok(false)),
            (head(&other[2]), &other[3..], kept(3), Err(Break::Rewritten)),
        ];
        for (number, (from, records, kept, expected)) in cases.into_iter().enumerate() {
            assert_eq!(verify(from, records, kept), expected, "case {number}");
        }
        assert_eq!(head(&records[0]).hash, records[0].entry.hash(Digest::from_bytes([0; 32])));
    }

    #[test]
    fn each_of_several_checkpoints_is_compared() {
        let (records, other) = (chain(6, "A"), chain(6, "B"));
        let judged = |kept: &[&Record], count: usize| {
            let mut verification = Verification::begin(Head::default(), kept.iter().map(|record| head(record)))?;
            records[..count].iter().try_for_each(|record| verification.follow(record))?;
            verification.end()
        };
        assert_eq!(judged(&[&records[5], &records[1], &records[1]], 6), Ok(()));
        assert_eq!(judged(&[&records[5], &other[1], &records[3]], 6), Err(Break::Rewritten));
        assert_eq!(judged(&[&records[1], &other[1]], 6), Err(Break::Rewritten), "two of the same number");
        assert_eq!(judged(&[&records[1], &records[5], &records[4]], 4), Err(Break::Cut(6)));
    }

    #[test]
    fn nothing_is_counted_beyond_the_last_number() {
        let record = chain(1, "A").remove(0);
        let last = Head { number: i64::MAX, hash: record.hash };
        assert_eq!(last.follow(&record), Err(Break::Number));
    }
}
