//! `consign verify`: whether promotions were as their signed statements say, whether the audit is as it was and tells the same, and whether
//! files are what was placed. Asks nobody.

pub(super) mod chain;
mod comparison;
mod contents;
pub(super) mod findings;
mod given;
pub(super) mod lines;
mod statements;
mod told;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use consign_types::audit::{Checkpoint, chain_name};
use consign_types::signature::PublicKey;
use consign_types::{ContentDigest, Digest};

use self::chain::Chain;
use self::comparison::Comparison;
use self::contents::{Content, Search};
use self::findings::Findings;
use self::given::Given;
use self::statements::Statements;
use super::audit::public_keys;
use super::content::directory_digest;

/// Verifies signed statements of promotions, exported audits and checkpoints of them, and files by all of these.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// File of the public keys of the instance, as `consign audit keys` wrote it.
    #[arg(long = "key", value_name = "FILE")]
    keys: PathBuf,

    /// The content digest of a version whose files are elsewhere; may be given several times.
    #[arg(long = "content", value_name = "sha256:…", value_parser = content)]
    contents: Vec<ContentDigest>,

    /// Statements, as `consign promotion export` or `statement` wrote them; audits, as `consign audit export` did, and checkpoints of
    /// them; directories that have just the files of a version. Files are known by what is in them.
    #[arg(required = true, value_name = "FILE|DIRECTORY")]
    paths: Vec<PathBuf>,
}

fn content(text: &str) -> Result<ContentDigest> {
    let digest = text.strip_prefix("sha256:").context("a content digest looks like `sha256:…`")?;
    Ok(digest.parse::<Digest>()?.into())
}

/// All that was given, as far as it is to be believed.
#[derive(Default)]
struct Evidence {
    statements: Statements,
    chains: Vec<Chain>,
    checkpoints: Vec<Checkpoint>,
}

pub(crate) fn run(command: &Verify) -> Result<()> {
    let keys = public_keys(&command.keys)?;
    let (directories, files): (Vec<&PathBuf>, Vec<&PathBuf>) = command.paths.iter().partition(|path| path.is_dir());
    ensure!(!files.is_empty(), "no statement and no audit is given: directories alone say nothing");
    let (mut findings, mut evidence) = (Findings::default(), Evidence::default());
    for path in files {
        evidence.take(path, &keys, &mut findings)?;
    }
    evidence.statements.order(&mut findings);
    let mut contents = contents(command, &directories)?;
    let Evidence { statements, chains, checkpoints } = evidence;
    let chains = Chain::joined(chains);
    tell_absent(&statements, &chains, &checkpoints, &mut findings);
    let mut has_audit = false;
    for chain in chains {
        has_audit |= follow(chain, &checkpoints, &statements, &mut contents, &mut findings)?;
    }
    for content in &contents {
        tell_content(content, &statements, has_audit, &mut findings);
    }
    findings.end()
}

impl Evidence {
    /// Takes in a file.
    fn take(&mut self, path: &Path, keys: &[PublicKey], findings: &mut Findings) -> Result<()> {
        let about = path.display().to_string();
        match given::open(path)? {
            Given::Statements(lines) => self.statements.read(lines, keys, findings)?,
            Given::Audit(lines) => self.chains.extend(findings.held(&about, Chain::begin(lines))?),
            Given::Checkpoint(note) => match chain::opened(&note, keys) {
                Ok(checkpoint) => {
                    let Checkpoint { project, head, time } = &checkpoint;
                    let chain = chain_name(*project);
                    findings.tell(&about, Ok(format!("signed: the audit of {chain} had {} entries at {time}", head.number)));
                    self.checkpoints.push(checkpoint);
                }
                Err(wrong) => findings.tell(&about, Err(wrong)),
            },
        }
        Ok(())
    }
}

/// The contents that are asked about.
fn contents(command: &Verify, directories: &[&PathBuf]) -> Result<Vec<Content>> {
    let mut contents = Vec::new();
    for directory in directories {
        contents.push(Content { name: directory.display().to_string(), digest: directory_digest(directory)?, publish: None });
    }
    let given = |digest: &ContentDigest| Content { name: format!("sha256:{digest}"), digest: *digest, publish: None };
    contents.extend(command.contents.iter().map(given));
    Ok(contents)
}

/// Notes whose audit would have told more, had it been given.
fn tell_absent(statements: &Statements, chains: &[Chain], checkpoints: &[Checkpoint], findings: &mut Findings) {
    let given: BTreeSet<String> = chains.iter().map(|chain| chain_name(chain.project())).collect();
    for project in statements.projects().filter(|project| !given.contains(*project)) {
        findings.leave_open(project, "whether the audit tells of these promotions, and of later ones: no audit was given");
    }
    let kept: BTreeSet<String> = checkpoints.iter().map(|kept| chain_name(kept.project)).collect();
    for chain in kept.difference(&given) {
        findings.leave_open(chain, "whether the audit fits its checkpoint: no audit was given");
    }
}

/// Verifies a chain, and compares with it what else was given. Answers whether the chain holds.
fn follow(
    chain: Chain,
    checkpoints: &[Checkpoint],
    statements: &Statements,
    contents: &mut [Content],
    findings: &mut Findings,
) -> Result<bool> {
    let name = chain_name(chain.project());
    let kept: Vec<Checkpoint> = checkpoints.iter().filter(|kept| kept.project == chain.project()).cloned().collect();
    for early in kept.iter().filter(|kept| chain.begins_behind(kept)) {
        let what = format!("the checkpoint of {}: what was given of the audit begins later", early.time);
        findings.leave_open(&name, &what);
    }
    let statements = statements.of(&name);
    let (mut comparison, mut search) = (Comparison::of(statements), Search::of(contents));
    let verified = chain.verify(&kept, |record| {
        comparison.see(record);
        search.see(record);
    });
    let Some(held) = findings.held(&name, verified)? else {
        if !statements.is_empty() {
            findings.leave_open(&name, "whether the audit tells of these promotions: it is not as it was");
        }
        return Ok(false);
    };
    findings.tell(&name, Ok(held.to_string()));
    comparison.end(&held, findings);
    let found = search.end(&held);
    for (content, publish) in contents.iter_mut().zip(found) {
        content.publish = content.publish.take().or(publish);
    }
    Ok(true)
}

/// Tells where a content was placed, and which publish made it. Without statements, that is vouched for by a checkpoint alone.
fn tell_content(content: &Content, statements: &Statements, has_audit: bool, findings: &mut Findings) {
    let Content { name, digest, publish } = content;
    let published = publish.as_ref().map_or_else(String::new, |publish| format!("; {publish}"));
    if statements.is_empty() {
        let found = match publish {
            Some(publish) if publish.is_vouched => Ok(publish.to_string()),
            Some(publish) => Err(format!("its content, sha256:{digest}, was {publish}")),
            None => Err(format!("nothing that was given tells of its content, sha256:{digest}")),
        };
        findings.tell(name, found);
        findings.leave_open(name, "whether it was placed on a stage: no statement was given");
        return;
    }
    let placed = statements.placed(*digest);
    findings.tell(name, placed.map(|places| format!("{places}{published}")).map_err(|wrong| format!("{wrong}{published}")));
    match (has_audit, publish) {
        (false, _) => findings.leave_open(name, "which publish made it: no audit that holds was given"),
        (true, None) => {
            findings
                .leave_open(name, "which publish made it: no entry tells, as for a version that stayed open and got its files one by one");
        }
        (true, Some(_)) => {}
    }
}
