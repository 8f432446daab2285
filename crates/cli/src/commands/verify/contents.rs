//! Contents that somebody has, and which publish made them by the audit.

use consign_types::ContentDigest;
use consign_types::audit::{Record, chain_name};

use super::chain::Held;
use super::told::published;
use crate::output::one_line;

/// A content that is asked about.
pub(super) struct Content {
    /// What people call it: a directory, or the digest.
    pub(super) name: String,
    pub(super) digest: ContentDigest,
    /// The first publish of it that an audit tells of.
    pub(super) publish: Option<Publish>,
}

/// A publish that an audit tells of.
#[derive(Clone)]
pub(super) struct Publish {
    number: i64,
    words: String,
    /// Whether the entry is as it was when a checkpoint was signed.
    pub(super) is_vouched: bool,
}

/// What one chain tells of contents. It counts only where the chain holds.
pub(super) struct Search<'a> {
    contents: &'a [Content],
    found: Vec<Option<Publish>>,
}

impl<'a> Search<'a> {
    pub(super) fn of(contents: &'a [Content]) -> Self {
        Self { contents, found: vec![None; contents.len()] }
    }

    /// Takes in an entry.
    pub(super) fn see(&mut self, record: &Record) {
        if self.contents.is_empty() {
            return;
        }
        let published = published(record);
        for (content, found) in self.contents.iter().zip(&mut self.found).filter(|(_, found)| found.is_none()) {
            let done = match content.digest {
                digest if published.sealed == Some(digest) => "sealed as",
                digest if published.added == Some(digest) => "added in one go to",
                _ => continue,
            };
            let entry = &record.entry;
            let (resource, chain) = (one_line(&entry.resource), chain_name(entry.project));
            let words = format!("{done} `{resource}` by {} on {}, entry {} of the audit of {chain}", entry.actor, entry.time, entry.number);
            *found = Some(Publish { number: entry.number, words, is_vouched: false });
        }
    }

    /// What was found in a chain that holds.
    pub(super) fn end(self, held: &Held) -> Vec<Option<Publish>> {
        let vouched = held.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.head.number);
        let judged = |publish: Publish| Publish { is_vouched: publish.number <= vouched, ..publish };
        self.found.into_iter().map(|found| found.map(judged)).collect()
    }
}

impl std::fmt::Display for Publish {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.words)?;
        if self.is_vouched { Ok(()) } else { f.write_str(", for which no checkpoint vouches") }
    }
}
