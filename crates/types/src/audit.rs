//! The audit chain: what was done in a project, entry by entry, each with the hash of the one before.
//!
//! Whoever changes, removes, swaps or inserts an entry breaks the chain behind it. Only whoever cuts off its end leaves it whole: that is what
//! checkpoints are for, which are kept elsewhere.

use prost::Message;
use sha2::{Digest as _, Sha256};

use crate::note::Note;
use crate::{Digest, Slug, Timestamp};

/// Before every entry that is hashed, so that no other thing of Consign hashes to the same.
const DOMAIN: &[u8] = b"consign audit entry 1";

/// The hash before the first entry.
pub const START: Digest = Digest::from_bytes([0; 32]);

/// The chain of what stands above projects, where projects have their ids.
pub const INSTANCE: i64 = 0;

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The project, or [`INSTANCE`].
    pub project: i64,
    /// 1 for the first entry of the project, counted up without gaps.
    pub number: i64,
    /// When.
    pub time: Timestamp,
    /// Who did it.
    pub actor: Slug,
    /// The token that was used.
    pub token: i64,
    /// The method, such as `PublishVersion`.
    pub method: String,
    /// What it was done to.
    pub resource: String,
    /// What came of it, as JSON.
    pub detail: String,
    /// The id of the request; empty where none was given.
    pub request_id: String,
}

impl Entry {
    /// The hash of the entry behind one with the hash `previous`.
    pub fn hash(&self, previous: Digest) -> Digest {
        let mut hash = Sha256::new();
        let mut field = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        field(DOMAIN);
        field(previous.as_bytes());
        for number in [self.project, self.number, self.time.as_micros(), self.token] {
            field(&number.to_be_bytes());
        }
        for text in [self.actor.as_str(), &self.method, &self.resource, &self.detail, &self.request_id] {
            field(text.as_bytes());
        }
        Digest::from_bytes(hash.finalize().into())
    }
}

/// Where a chain stands: the number and the hash of its last entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of the last entry; 0 where there is none.
    pub number: i64,
    /// Its hash.
    pub hash: Digest,
}

impl Default for Head {
    fn default() -> Self {
        Self { number: 0, hash: START }
    }
}

/// Why an entry does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    /// It has another number.
    #[error("an entry is missing, or one too many")]
    Number,
    /// It says that another entry was before it.
    #[error("the entry before it is another one than it was")]
    Previous,
    /// It is not what was hashed.
    #[error("the entry is another one than it was")]
    Changed,
}

impl Head {
    /// Goes on by an entry that was stored with these hashes.
    pub fn follow(self, entry: &Entry, previous: Digest, hash: Digest) -> Result<Self, Break> {
        if entry.number != self.number + 1 {
            return Err(Break::Number);
        }
        if previous != self.hash {
            return Err(Break::Previous);
        }
        if entry.hash(previous) != hash {
            return Err(Break::Changed);
        }
        Ok(Self { number: entry.number, hash })
    }
}

/// The word of the metadata plane that a chain stood there. Kept elsewhere, it shows whether its end was cut off since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The project.
    pub project: i64,
    /// Where its chain stood.
    pub head: Head,
    /// When.
    pub time: Timestamp,
}

/// [`Checkpoint`] as it is signed.
#[derive(Clone, PartialEq, Message)]
pub struct CheckpointWire {
    #[prost(int64, tag = "1")]
    project: i64,
    #[prost(int64, tag = "2")]
    number: i64,
    #[prost(bytes = "vec", tag = "3")]
    hash: Vec<u8>,
    #[prost(int64, tag = "4")]
    time: i64,
}

impl Note for Checkpoint {
    const PURPOSE: &'static str = "consign audit checkpoint";
    type Wire = CheckpointWire;

    /// It is kept for as long as somebody wants to compare.
    fn expires(&self) -> Timestamp {
        Timestamp::from_micros(i64::MAX)
    }

    fn to_wire(&self) -> CheckpointWire {
        let Self { project, head, time } = self;
        CheckpointWire { project: *project, number: head.number, hash: head.hash.as_bytes().to_vec(), time: time.as_micros() }
    }

    fn from_wire(wire: CheckpointWire) -> Option<Self> {
        let hash = wire.hash.as_slice().try_into().ok()?;
        let CheckpointWire { project, number, time, .. } = wire;
        Some(Self { project, head: Head { number, hash }, time: Timestamp::from_micros(time) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: i64) -> Entry {
        Entry {
            project: 7,
            number,
            time: Timestamp::from_micros(number),
            actor: "root".parse().unwrap(),
            token: 1,
            method: "PublishVersion".to_owned(),
            resource: "projects/7/packages/a".to_owned(),
            detail: "{}".to_owned(),
            request_id: String::new(),
        }
    }

    #[test]
    fn every_field_counts_and_so_does_where_it_ends() {
        let one = entry(1);
        let other = |change: fn(&mut Entry)| {
            let mut other = one.clone();
            change(&mut other);
            other.hash(START)
        };
        let changed = [
            other(|entry| entry.project += 1),
            other(|entry| entry.number += 1),
            other(|entry| entry.time = entry.time.plus_seconds(1)),
            other(|entry| entry.actor = "toor".parse().unwrap()),
            other(|entry| entry.token += 1),
            other(|entry| entry.method.push('x')),
            other(|entry| entry.resource.push('x')),
            other(|entry| entry.detail.push('x')),
            other(|entry| entry.request_id.push('x')),
            other(|entry| entry.detail = format!("{}{}", entry.resource.split_off(8), entry.detail)),
        ];
        assert!(changed.iter().all(|hash| *hash != one.hash(START)));
        assert_ne!(one.hash(START), one.hash(Digest::of(b"x")));
    }

    #[test]
    fn a_chain_is_followed_to_where_it_breaks() {
        let mut head = Head::default();
        for number in 1..=3 {
            let (entry, previous) = (entry(number), head.hash);
            head = head.follow(&entry, previous, entry.hash(previous)).unwrap();
        }
        let next = entry(4);
        let hash = next.hash(head.hash);
        assert_eq!(head.follow(&entry(5), head.hash, hash), Err(Break::Number));
        assert_eq!(head.follow(&next, START, hash), Err(Break::Previous));
        assert_eq!(head.follow(&next, head.hash, START), Err(Break::Changed));
        assert_eq!(head.follow(&next, head.hash, hash), Ok(Head { number: 4, hash }));
    }
}
