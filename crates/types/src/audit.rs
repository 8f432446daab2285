//! The audit chain: what was done in a project, entry by entry, each with the hash of the one before.
//!
//! Whoever changes, removes, swaps or inserts an entry breaks the chain behind it. Only whoever cuts off its end leaves it whole: that is what
//! checkpoints are for, which are kept elsewhere.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};

use crate::resource::{ProjectRef, ScopeRef};
use crate::{Digest, Slug, Timestamp};

mod record;
mod verification;

pub use record::{ParseRecordError, Record};
pub use verification::{Break, Verification};

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

impl Head {
    /// Goes on by an entry that was stored so.
    pub fn follow(self, record: &Record) -> Result<Self, Break> {
        let Record { entry, previous, hash } = record;
        if self.number.checked_add(1) != Some(entry.number) {
            return Err(Break::Number);
        }
        if *previous != self.hash {
            return Err(Break::Previous);
        }
        if entry.hash(*previous) != *hash {
            return Err(Break::Changed);
        }
        Ok(Self { number: entry.number, hash: *hash })
    }
}

/// The word of the metadata plane that a chain stood there. Kept elsewhere, it shows whether its end was cut off since.
///
/// Its text has a line each: whose chain, how many entries, the hash of the last one in base64, when. It is given out
/// [signed](crate::signature).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The project.
    pub project: i64,
    /// Where its chain stood.
    pub head: Head,
    /// When.
    pub time: Timestamp,
}

/// Before the name of a chain in a checkpoint.
const ORIGIN: &str = "consign/";

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = BASE64_STANDARD.encode(self.head.hash.as_bytes());
        write!(f, "{ORIGIN}{}\n{}\n{hash}\n{}\n", chain_name(self.project), self.head.number, self.time)
    }
}

/// The text is not a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not a checkpoint of an audit")]
pub struct ParseCheckpointError;

impl FromStr for Checkpoint {
    type Err = ParseCheckpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut lines = text.lines();
        let mut line = || lines.next().ok_or(ParseCheckpointError);
        let chain = line()?.strip_prefix(ORIGIN).and_then(chain_named).ok_or(ParseCheckpointError)?;
        let number = line()?.parse().map_err(|_| ParseCheckpointError)?;
        let hash = BASE64_STANDARD.decode(line()?).ok().and_then(|hash| Digest::try_from(hash.as_slice()).ok());
        let time = line()?.parse().map_err(|_| ParseCheckpointError)?;
        let read = Self { project: chain, head: Head { number, hash: hash.ok_or(ParseCheckpointError)? }, time };
        if read.to_string() == text { Ok(read) } else { Err(ParseCheckpointError) }
    }
}

/// The name of a chain by its number: `projects/7`, or `instance`.
pub fn chain_name(project: i64) -> String {
    if project == INSTANCE { ScopeRef::Instance.to_string() } else { ProjectRef::Id(project).to_string() }
}

/// The number of the chain of this name.
pub fn chain_named(name: &str) -> Option<i64> {
    match name.parse() {
        Ok(ScopeRef::Instance) => Some(INSTANCE),
        Ok(ScopeRef::Project(ProjectRef::Id(project))) if project != INSTANCE => Some(project),
        _ => None,
    }
}

/// The name of an entry: `projects/7/auditEntries/3`.
pub fn entry_name(project: i64, number: i64) -> String {
    format!("{}{ENTRIES}{number}", chain_name(project))
}

/// The chain whose entry has this name.
pub fn chain_of_entry(name: &str) -> Option<i64> {
    name.split_once(ENTRIES).and_then(|(chain, _)| chain_named(chain))
}

/// Between the name of a chain and the number of an entry.
const ENTRIES: &str = "/auditEntries/";

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
            head = head.follow(&Record { hash: entry.hash(previous), entry, previous }).unwrap();
        }
        let next = Record { hash: entry(4).hash(head.hash), entry: entry(4), previous: head.hash };
        assert_eq!(head.follow(&Record { entry: entry(5), ..next.clone() }), Err(Break::Number));
        assert_eq!(head.follow(&Record { previous: START, ..next.clone() }), Err(Break::Previous));
        assert_eq!(head.follow(&Record { hash: START, ..next.clone() }), Err(Break::Changed));
        assert_eq!(head.follow(&next), Ok(Head { number: 4, hash: next.hash }));
    }

    #[test]
    fn a_checkpoint_reads_back_and_has_one_spelling() {
        let time = Timestamp::from_micros(1_760_000_000_000_000);
        let checkpoint = Checkpoint { project: 7, head: Head { number: 12, hash: Digest::of(b"x") }, time };
        let text = checkpoint.to_string();
        let hash = BASE64_STANDARD.encode(Digest::of(b"x").as_bytes());
        assert_eq!(text, format!("consign/projects/7\n12\n{hash}\n2025-10-09T08:53:20Z\n"));
        assert_eq!(text.parse(), Ok(checkpoint.clone()));
        assert_eq!(Checkpoint { project: INSTANCE, ..checkpoint }.to_string().lines().next(), Some("consign/instance"));
        for broken in
            ["", &text[1..], &text.replace("12", "012"), &text.replace("projects", "namespaces"), &format!("{text}\n"), text.trim_end()]
        {
            assert_eq!(broken.parse::<Checkpoint>(), Err(ParseCheckpointError), "{broken:?}");
        }
    }
}
