//! Signed statements of promotions: what they say, whether one is missing between them, and where they place a content.

use std::collections::{BTreeMap, HashSet};

use anyhow::Result;
use consign_types::promotion::statement::{PAYLOAD_TYPE, Record, RecordedItem, Statement};
use consign_types::signature::{PublicKey, open_envelope};
use consign_types::{ContentDigest, Digest, Timestamp};

use super::findings::Findings;
use super::lines::Lines;

/// A statement whose signature is valid.
pub(super) struct Signed {
    /// Of its bytes: the statement behind it names it.
    pub(super) hash: Digest,
    /// What it says, but for what is nothing to compare.
    pub(super) record: Record,
    /// By which policy it was judged.
    pub(super) policy: Digest,
    /// When it was applied.
    pub(super) time: Option<Timestamp>,
}

/// Statements by their projects. Each is kept once, so what they take grows by nothing that is not signed.
#[derive(Default)]
pub(super) struct Statements {
    projects: BTreeMap<String, Vec<Signed>>,
    known: HashSet<Digest>,
}

impl Statements {
    /// Takes in a file of them, one a line, and tells what each says.
    pub(super) fn read(&mut self, mut lines: Lines, keys: &[PublicKey], findings: &mut Findings) -> Result<()> {
        let path = lines.path().display().to_string();
        let mut number = 0;
        let mut next = lines.next_line()?;
        while let Some(line) = next {
            next = lines.next_line()?;
            number += 1;
            if line.is_empty() {
                continue;
            }
            let about = if number == 1 && next.is_none() { path.clone() } else { format!("{path}: line {number}") };
            match opened(&line, keys) {
                Ok(signed) => {
                    findings.tell(&about, Ok(told(&signed.record)));
                    if self.known.insert(signed.hash) {
                        self.projects.entry(signed.record.project.clone()).or_default().push(signed);
                    }
                }
                Err(wrong) => findings.tell(&about, Err(wrong)),
            }
        }
        Ok(())
    }

    /// Puts those of each project in their order, and tells whether one is missing between them.
    pub(super) fn order(&mut self, findings: &mut Findings) {
        for (project, chain) in &mut self.projects {
            chain.sort_by_key(|signed| signed.record.sequence);
            findings.tell(project, unbroken(chain));
        }
    }

    /// Whether there is none at all.
    pub(super) fn is_empty(&self) -> bool {
        self.projects.is_empty()
    }

    /// The projects that they are of.
    pub(super) fn projects(&self) -> impl Iterator<Item = &str> {
        self.projects.keys().map(String::as_str)
    }

    /// Those of a project, in their order.
    pub(super) fn of(&self, project: &str) -> &[Signed] {
        self.projects.get(project).map_or(&[], Vec::as_slice)
    }

    /// Where they say that this content was placed last.
    pub(super) fn placed(&self, content: ContentDigest) -> Result<String, String> {
        let digest = Digest::from(content);
        let mut found = Vec::new();
        for chain in self.projects.values() {
            for (index, Signed { record, .. }) in chain.iter().enumerate() {
                for new in record.items.iter().filter(|new| new.content_digest == digest) {
                    let later = chain[index + 1..].iter().find(|later| later.record.stage == record.stage && touches(&later.record, new));
                    let end = later.map_or_else(String::new, |later| format!(" until `{}`", later.record.promotion));
                    found.push(format!("{} on {} by `{}`{end}", item(new), record.stage, record.promotion));
                }
            }
        }
        if found.is_empty() { Err(format!("no statement places its content, sha256:{digest}")) } else { Ok(found.join(", ")) }
    }
}

/// What one of the keys signed.
fn opened(envelope: &[u8], keys: &[PublicKey]) -> Result<Signed, String> {
    let envelope = std::str::from_utf8(envelope).map_err(|error| error.to_string())?;
    let payload = open_envelope(envelope, PAYLOAD_TYPE, keys).map_err(|error| error.to_string())?;
    let Statement { predicate, .. } = Statement::parse(&payload).map_err(|error| error.to_string())?;
    let record = Record { verdicts: Vec::new(), justification: String::new(), ..predicate.record };
    let (policy, time) = (predicate.policy.digest.sha256, predicate.time_verified.parse().ok());
    Ok(Signed { hash: Digest::of(&payload), record, policy, time })
}

/// What a statement says.
fn told(record: &Record) -> String {
    let items: Vec<String> = record.items.iter().map(item).collect();
    let items = if items.is_empty() { "nothing".to_owned() } else { items.join(" ") };
    let done = if record.rollback_target.is_some() { "went back to" } else { "placed" };
    format!("signed: `{}` {done} {items} on {}", record.promotion, record.stage)
}

fn item(item: &RecordedItem) -> String {
    format!("{}@{}", item.package, item.version)
}

/// Whether the statements of one project, by their order, are each behind the one before.
fn unbroken(chain: &[Signed]) -> Result<String, String> {
    for pair in chain.windows(2) {
        let [before, behind] = pair else { continue };
        if behind.record.previous_record_hash != Some(before.hash) {
            let (before, behind) = (&before.record.promotion, &behind.record.promotion);
            return Err(format!("between `{before}` and `{behind}` a statement is missing, or is another one than it was"));
        }
    }
    let first = chain.first().and_then(|first| first.record.previous_record_hash);
    let begin = first.map_or_else(|| "from the first promotion on".to_owned(), |hash| format!("behind the record sha256:{hash}"));
    match chain {
        [_] => Ok(format!("1 statement, {begin}")),
        chain => Ok(format!("{} statements without a gap, {begin}", chain.len())),
    }
}

/// Whether a promotion takes the place of what stands on its stage.
fn touches(record: &Record, placed: &RecordedItem) -> bool {
    record.items.iter().chain(&record.removed).any(|other| other.package == placed.package)
}
