//! An entry with its hashes, as it is stored, and as it is exported: a line of JSON.

use serde::{Deserialize, Serialize};

use super::{Entry, Head, START, chain_name, chain_named};
use crate::{Digest, Slug, Timestamp};

/// An entry with its hashes. Its text is one object of JSON, in one line; digests are hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What was done.
    pub entry: Entry,
    /// The hash of the entry before it.
    pub previous: Digest,
    /// Its own hash.
    pub hash: Digest,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    chain: String,
    number: i64,
    time: String,
    actor: Slug,
    token: i64,
    method: String,
    resource: String,
    detail: String,
    request_id: String,
    previous_hash: Digest,
    hash: Digest,
}

/// The text is not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not an entry of an exported audit")]
pub struct ParseRecordError;

impl Record {
    /// Where the chain stood before this entry, as far as the entry tells. Nothing is before the first one.
    pub fn before(&self) -> Head {
        Head { number: self.entry.number - 1, hash: if self.entry.number == 1 { START } else { self.previous } }
    }
}

impl std::fmt::Display for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { entry, previous, hash } = self.clone();
        let line = Line {
            chain: chain_name(entry.project),
            number: entry.number,
            time: entry.time.to_string(),
            actor: entry.actor,
            token: entry.token,
            method: entry.method,
            resource: entry.resource,
            detail: entry.detail,
            request_id: entry.request_id,
            previous_hash: previous,
            hash,
        };
        f.write_str(&serde_json::to_string(&line).map_err(|_| std::fmt::Error)?)
    }
}

impl std::str::FromStr for Record {
    type Err = ParseRecordError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let line: Line = serde_json::from_str(text).map_err(|_| ParseRecordError)?;
        let project = chain_named(&line.chain).ok_or(ParseRecordError)?;
        let time: Timestamp = line.time.parse().map_err(|_| ParseRecordError)?;
        let entry = Entry {
            project,
            number: line.number,
            time,
            actor: line.actor,
            token: line.token,
            method: line.method,
            resource: line.resource,
            detail: line.detail,
            request_id: line.request_id,
        };
        let record = Self { entry, previous: line.previous_hash, hash: line.hash };
        // What is shown is what is hashed: nothing is spelled in two ways.
        if record.entry.number >= 1 && record.to_string() == text { Ok(record) } else { Err(ParseRecordError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Break;

    #[test]
    fn a_record_reads_back_as_it_was_written_in_one_line() {
        for (project, number) in [(7, 3), (0, 1)] {
            let entry = Entry {
                project,
                number,
                time: Timestamp::from_micros(1_760_000_000_123_456),
                actor: "root".parse().unwrap(),
                token: 1,
                method: "PublishVersion".to_owned(),
                resource: "projects/7/packages/a".to_owned(),
                detail: r#"{"a": "\"\n"}"#.to_owned(),
                request_id: String::new(),
            };
            let previous = if number == 1 { START } else { Digest::of(b"before") };
            let record = Record { hash: entry.hash(previous), entry, previous };
            let text = record.to_string();
            assert!(!text.contains('\n'), "{text}");
            let read: Record = text.parse().unwrap();
            assert_eq!(read, record);
            assert_eq!(read.before().follow(&read), Ok(Head { number, hash: record.hash }));
            assert_eq!(read.before().follow(&text.replace("root", "toor").parse().unwrap()), Err(Break::Changed));
            for (from, to) in [("\"number\"", "\"numbers\""), ("3456Z", "34567Z"), ("Z\"", "+00:00\""), (":", ": ")] {
                assert_eq!(text.replacen(from, to, 1).parse::<Record>(), Err(ParseRecordError), "{to}");
            }
            for (from, to) in [
                ("chain\":\"projects/7", "chain\":\"projects/07"),
                ("instance\",", "projects/0\","),
                ("number\":1,", "number\":0,"),
                ("number\":3,", "number\":-9223372036854775808,"),
            ] {
                let other = text.replacen(from, to, 1);
                assert!(other == text || other.parse::<Record>().is_err(), "{to}");
            }
        }
    }
}
