//! `consign verify`: whether promotions were as their signed statements say, and whether files are what was placed. Asks nobody.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::Args;
use consign_types::attestation::MAX_BUNDLE_BYTES;
use consign_types::promotion::statement::{PAYLOAD_TYPE, Record, RecordedItem, Statement};
use consign_types::signature::{PublicKey, open_envelope};
use consign_types::{ContentDigest, Digest};

use super::audit::{named, public_keys};
use super::content::directory_digest;
use crate::exit::{Ended, Exit};
use crate::output::{print, warn};

/// Verifies signed statements of promotions, and files by them.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// File of the public keys of the instance, as `consign audit keys` wrote it.
    #[arg(long = "key", value_name = "FILE")]
    keys: PathBuf,

    /// Statements, as `consign promotion statement` wrote them, and directories that have just the files of a version.
    #[arg(required = true, value_name = "STATEMENT|DIRECTORY")]
    paths: Vec<PathBuf>,
}

/// A statement whose signature is valid.
struct Signed {
    /// Of its bytes: the statement behind it names it.
    hash: Digest,
    record: Record,
}

/// What was looked at, and how much of it does not hold.
#[derive(Default)]
struct Findings {
    looked_at: usize,
    wrong: usize,
}

impl Findings {
    /// Prints what holds, or what does not.
    fn tell(&mut self, found: Result<String, String>) {
        self.looked_at += 1;
        match found {
            Ok(holds) => print(&holds),
            Err(wrong) => {
                self.wrong += 1;
                warn(&wrong);
            }
        }
    }
}

pub(crate) fn run(command: &Verify) -> Result<()> {
    let keys = public_keys(&command.keys)?;
    let (directories, files): (Vec<&PathBuf>, Vec<&PathBuf>) = command.paths.iter().partition(|path| path.is_dir());
    ensure!(!files.is_empty(), "no statement is given: directories alone say nothing");
    let (mut findings, mut chains) = (Findings::default(), BTreeMap::<String, Vec<Signed>>::new());
    for path in files {
        match opened(&read(path)?, &keys) {
            Ok(signed) => {
                findings.tell(Ok(format!("{}: {}", path.display(), told(&signed.record))));
                chains.entry(signed.record.project.clone()).or_default().push(signed);
            }
            Err(wrong) => findings.tell(Err(format!("{}: {wrong}", path.display()))),
        }
    }
    for (project, chain) in &mut chains {
        chain.sort_by_key(|signed| signed.record.sequence);
        chain.dedup_by_key(|signed| signed.hash);
        findings.tell(unbroken(chain).map(|holds| format!("{project}: {holds}")).map_err(|wrong| format!("{project}: {wrong}")));
    }
    for directory in directories {
        let content = directory_digest(directory)?;
        findings.tell(
            placed(&chains, content)
                .map_err(|wrong| format!("{}: {wrong}", directory.display()))
                .map(|holds| format!("{}: {holds}", directory.display())),
        );
    }
    match findings {
        Findings { wrong: 0, .. } => Ok(()),
        Findings { wrong, looked_at } => Err(Ended::error(Exit::Damaged, format!("{wrong} of {looked_at} do not hold"))),
    }
}

/// The text of a statement; of one that is longer than statements are, enough to be refused.
fn read(path: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    let most = u64::try_from(MAX_BUNDLE_BYTES + 1).unwrap_or(u64::MAX);
    let read = File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
    read.map_err(|error| named(path, error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What one of the keys signed.
fn opened(text: &str, keys: &[PublicKey]) -> Result<Signed, String> {
    let shown = |error: &dyn Display| error.to_string();
    let payload = open_envelope(text, PAYLOAD_TYPE, keys).map_err(|error| shown(&error))?;
    let statement = Statement::parse(&payload).map_err(|error| shown(&error))?;
    Ok(Signed { hash: Digest::of(&payload), record: statement.predicate.record })
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

/// Where the statements say that this content was placed last.
fn placed(chains: &BTreeMap<String, Vec<Signed>>, content: ContentDigest) -> Result<String, String> {
    let digest = Digest::from(content);
    let mut found = Vec::new();
    for chain in chains.values() {
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

/// Whether a promotion takes the place of what stands on its stage.
fn touches(record: &Record, placed: &RecordedItem) -> bool {
    record.items.iter().chain(&record.removed).any(|other| other.package == placed.package)
}
