//! An exported audit: whether it is as it was. The one place where commands verify chains by themselves.

use std::fmt;
use std::path::Path;

use anyhow::{Result, bail};
use consign_types::Timestamp;
use consign_types::audit::{Break, Checkpoint, ParseRecordError, Record, Verification, chain_name};
use consign_types::signature::{self, PublicKey};

use super::findings::damaged;
use super::given::note;
use super::lines::Lines;

/// The chain of a project, or of the instance, in one file or in several that follow each other.
pub(in crate::commands) struct Chain {
    project: i64,
    parts: Vec<Part>,
}

struct Part {
    first: Record,
    lines: Lines,
}

/// What was verified of a chain.
pub(in crate::commands) struct Held {
    project: i64,
    /// The number of the first entry.
    pub(super) first: i64,
    /// When that was.
    pub(super) begin: Timestamp,
    last: i64,
    /// The last one of the checkpoints that were compared.
    pub(in crate::commands) checkpoint: Option<Checkpoint>,
}

impl Chain {
    /// The chain that begins with the first entry of a file, of which no other line was read yet.
    pub(in crate::commands) fn begin(lines: Lines) -> Result<Self> {
        let shown = lines.path().display().to_string();
        let Some(first) = lines.ahead() else { bail!("`{shown}` has no entries") };
        let first = record(first).map_err(|error| damaged(format!("the first line: {error}")))?;
        Ok(Self { project: first.entry.project, parts: vec![Part { first, lines }] })
    }

    /// Puts chains together that are parts of one.
    pub(super) fn joined(chains: Vec<Self>) -> Vec<Self> {
        let mut joined: Vec<Self> = Vec::new();
        for chain in chains {
            match joined.iter_mut().find(|known| known.project == chain.project) {
                Some(known) => known.parts.extend(chain.parts),
                None => joined.push(chain),
            }
        }
        for chain in &mut joined {
            chain.parts.sort_by_key(|part| part.first.entry.number);
        }
        joined
    }

    /// Its number.
    pub(in crate::commands) fn project(&self) -> i64 {
        self.project
    }

    /// Whether a checkpoint of it is of a time before its first entry: it then says nothing of what is there.
    pub(in crate::commands) fn begins_behind(&self, kept: &Checkpoint) -> bool {
        self.parts.first().is_some_and(|part| kept.head.number < part.first.before().number)
    }

    /// Computes all hashes again, and compares checkpoints of this chain. Each entry that fits is shown to `see`. What does not hold is
    /// an error by which commands end as damaged.
    pub(in crate::commands) fn verify(self, kept: &[Checkpoint], mut see: impl FnMut(&Record)) -> Result<Held> {
        let Self { project, parts } = self;
        let Some(first) = parts.first().map(|part| part.first.clone()) else { bail!("a chain has entries") };
        let before = first.before();
        let broken = |number: i64| move |error: Break| damaged(format!("entry {number}: {error}"));
        let mut verification = Verification::begin(before, kept.iter().map(|kept| kept.head)).map_err(broken(before.number))?;
        for Part { first, mut lines } in parts {
            let last = verification.head().number;
            if first.entry.number <= last {
                bail!("`{}`: entries from {} to {last} are in another file too", lines.path().display(), first.entry.number);
            }
            while let Some(line) = lines.next_line()? {
                let next = verification.head().number.saturating_add(1);
                let record = record(&line).map_err(|error| damaged(format!("entry {next}: {error}")))?;
                if record.entry.project != project {
                    return Err(damaged(format!("entry {next}: it is of another chain")));
                }
                verification.follow(&record).map_err(broken(next))?;
                see(&record);
            }
        }
        let last = verification.head().number;
        verification.end().map_err(broken(last.saturating_add(1)))?;
        let compared = kept.iter().filter(|kept| kept.head.number >= before.number);
        let checkpoint = compared.max_by_key(|kept| kept.head.number).cloned();
        Ok(Held { project, first: first.entry.number, begin: first.entry.time, last, checkpoint })
    }
}

impl fmt::Display for Held {
    /// What was found, and who vouches for it: hashes alone can be computed anew by whoever changes entries.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last, .. } = self;
        let Some(Checkpoint { head, time, .. }) = &self.checkpoint else {
            return write!(f, "entries {first} to {last} fit each other; without a checkpoint nobody vouches for them");
        };
        if head.number < *first {
            return write!(f, "entries {first} to {last} follow the checkpoint of {time}, and have none of their own yet");
        }
        write!(f, "entries {first} to {} are as they were at {time}, when the checkpoint was signed", head.number)?;
        match head.number.saturating_add(1) {
            behind if behind <= *last => write!(f, "; {behind} to {last} came later, fit, and have no checkpoint yet"),
            _ => Ok(()),
        }
    }
}

impl Held {
    /// Whose chain it is.
    pub(in crate::commands) fn chain(&self) -> String {
        chain_name(self.project)
    }
}

/// The entry that a line is.
fn record(line: &[u8]) -> Result<Record, ParseRecordError> {
    std::str::from_utf8(line).map_err(|_| ParseRecordError)?.parse()
}

/// What a checkpoint says that one of the keys signed.
pub(super) fn opened(note: &[u8], keys: &[PublicKey]) -> Result<Checkpoint, String> {
    let note = std::str::from_utf8(note).map_err(|error| error.to_string())?;
    let text = signature::open(note, keys).map_err(|error| error.to_string())?;
    text.parse::<Checkpoint>().map_err(|error| error.to_string())
}

/// The same of a file; without its signature, it is damaged.
pub(in crate::commands) fn checkpoint(path: &Path, keys: &[PublicKey]) -> Result<Checkpoint> {
    signed(path, &note(Lines::open(path)?)?, keys)
}

/// The same of what was read from there.
pub(in crate::commands) fn signed(path: &Path, note: &[u8], keys: &[PublicKey]) -> Result<Checkpoint> {
    opened(note, keys).map_err(|error| damaged(format!("`{}`: {error}", path.display())))
}
