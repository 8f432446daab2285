//! `consign audit`: who did what, and whether somebody changed that afterwards.

use std::fmt::Display;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use clap::{Args, Subcommand};
use consign_client::Client;
use consign_proto::metadata::{AuditCheckpoint, VerifyChainRequest};
use consign_types::audit::{Checkpoint, Head, Record, chain_name};
use consign_types::resource::{ProjectRef, ScopeRef};
use consign_types::signature::{self, PublicKey};

use super::arguments::project;
use super::server::Server;
use crate::output::print;

/// Shows, exports and verifies the audit.
#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(flatten)]
    server: Server,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the last entries, the newest first.
    List {
        #[command(flatten)]
        chain: Chain,

        /// How many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
    },
    /// Write all entries, each as a line of JSON, the oldest first.
    Export {
        #[command(flatten)]
        chain: Chain,

        /// Only those from this number on.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..))]
        first: i64,
    },
    /// Write where the audit stands, signed. Keep it elsewhere: it shows whether the end was cut off since.
    Checkpoint {
        #[command(flatten)]
        chain: Chain,
    },
    /// Write the public keys by which checkpoints are verified, that of the key that signs first.
    Keys {
        #[command(flatten)]
        chain: Chain,
    },
    /// Compute all hashes again and compare: the service does, or for an exported audit this command, which then asks nobody.
    Verify(Verify),
}

/// Whose audit is meant.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Chain {
    /// The project, by its path or id.
    #[arg(long, value_parser = project)]
    project: Option<ProjectRef>,

    /// What was done above projects: to namespaces, users, their roles and tokens.
    #[arg(long)]
    instance: bool,
}

#[derive(Debug, Args)]
struct Verify {
    /// The project, by its path or id.
    #[arg(long, value_parser = project, required_unless_present_any = ["instance", "file"], conflicts_with_all = ["instance", "file"])]
    project: Option<ProjectRef>,

    /// What was done above projects.
    #[arg(long, conflicts_with = "file")]
    instance: bool,

    /// An exported audit.
    #[arg(long)]
    file: Option<PathBuf>,

    /// File of a checkpoint that was kept.
    #[arg(long)]
    checkpoint: Option<PathBuf>,

    /// Public key that signed the checkpoint, as `keys` wrote it.
    #[arg(long, requires = "checkpoint")]
    key: Option<PublicKey>,
}

pub(crate) async fn run(Audit { server, command }: Audit) -> Result<()> {
    match command {
        Command::Verify(Verify { file: Some(file), checkpoint, key, .. }) => verify_file(&file, checkpoint.as_deref(), key),
        command => server.call(async |client| call(client, command).await).await,
    }
}

async fn call(client: &Client, command: Command) -> Result<()> {
    match command {
        Command::List { chain, limit } => {
            for record in client.last_audit_entries(&chain.name(), limit).await? {
                print(&line(&record));
            }
        }
        Command::Export { chain, first } => {
            client.export_audit(&chain.name(), first, |record| print(&record.to_string())).await?;
        }
        Command::Checkpoint { chain } => print(client.audit_checkpoint(&chain.name()).await?.0.statement.trim_end()),
        Command::Keys { chain } => client.audit_checkpoint(&chain.name()).await?.1.iter().for_each(|key| print(key)),
        Command::Verify(verify) => verify_chain(client, verify).await?,
    }
    Ok(())
}

impl Chain {
    fn name(&self) -> ScopeRef {
        self.project.clone().map_or(ScopeRef::Instance, ScopeRef::Project)
    }
}

/// Has the service verify a chain, as much at a time as it does.
async fn verify_chain(client: &Client, verify: Verify) -> Result<()> {
    let chain = Chain { project: verify.project, instance: verify.instance }.name();
    let checkpoint = verify.checkpoint.map(|path| kept(&path, verify.key.as_ref())).transpose()?;
    let last = client.audit_checkpoint(&chain).await?.0.number;
    let mut verified = 0;
    while verified < last || verified == 0 {
        let request =
            VerifyChainRequest { parent: chain.to_string(), start_number: verified + 1, end_number: 0, checkpoint: checkpoint.clone() };
        let answer = client.verify_audit(request).await?;
        ensure!(answer.intact, "{chain}: entry {}: {}", answer.broken_number, answer.reason);
        if answer.verified_number <= verified {
            break;
        }
        verified = answer.verified_number;
    }
    print(&format!("{chain}: entries 1 to {verified} are intact"));
    Ok(())
}

/// A checkpoint that was kept. Without a key, the service says whether it is genuine.
fn kept(path: &Path, key: Option<&PublicKey>) -> Result<AuditCheckpoint> {
    let statement = std::fs::read_to_string(path).map_err(|error| named(path, error))?;
    let parsed = match key {
        Some(key) => opened(path, &statement, key)?,
        None => statement.split_once("\n\n").and_then(|(text, _)| format!("{text}\n").parse().ok()).context("it is no checkpoint")?,
    };
    let Checkpoint { project, head, .. } = parsed;
    let hash = head.hash.as_bytes().to_vec().into();
    Ok(AuditCheckpoint { project: chain_name(project), number: head.number, hash, time: None, statement })
}

/// What a checkpoint says that this key signed.
fn opened(path: &Path, statement: &str, key: &PublicKey) -> Result<Checkpoint> {
    let text = signature::open(statement, std::slice::from_ref(key)).map_err(|error| named(path, error))?;
    text.parse::<Checkpoint>().map_err(|error| named(path, error))
}

/// What is wrong with a file.
fn named(path: &Path, error: impl Display) -> anyhow::Error {
    anyhow!("`{}`: {error}", path.display())
}

/// Verifies an exported audit by itself.
fn verify_file(path: &Path, checkpoint: Option<&Path>, key: Option<PublicKey>) -> Result<()> {
    let checkpoint = match (checkpoint, key) {
        (Some(path), Some(key)) => {
            let statement = std::fs::read_to_string(path).map_err(|error| named(path, error))?;
            Some(opened(path, &statement, &key)?)
        }
        (Some(_), None) => bail!("a checkpoint beside a file takes the public key that signed it: give `--key`"),
        (None, _) => None,
    };
    let file = File::open(path).map_err(|error| named(path, error))?;
    let mut lines = BufReader::new(file).lines();
    let read = |line: std::io::Result<String>| anyhow::Ok(line?.parse::<Record>()?);
    let Some(first) = lines.next().map(read).transpose().map_err(|error| named(path, error))? else {
        bail!("`{}` has no entries", path.display())
    };
    let (project, mut head) = (first.entry.project, first.before());
    let kept = checkpoint.as_ref().map(|checkpoint| checkpoint.head);
    ensure!(checkpoint.as_ref().is_none_or(|kept| kept.project == project), "the checkpoint is of another chain");
    ensure!(kept.is_none_or(|kept| kept.number >= head.number), "the checkpoint is of a time before the first entry of the file");
    fits(head, kept)?;
    for record in std::iter::once(Ok(first.clone())).chain(lines.map(read)) {
        let next = head.number + 1;
        let record = record.map_err(|error| anyhow!("entry {next}: {error}"))?;
        ensure!(record.entry.project == project, "entry {next}: it is of another chain");
        head = head.follow(&record).map_err(|error| anyhow!("entry {next}: {error}"))?;
        fits(head, kept)?;
    }
    if let Some(kept) = kept.filter(|kept| kept.number > head.number) {
        bail!("entry {}: the checkpoint says that there were {} entries", head.number + 1, kept.number);
    }
    print(&format!("{}: entries {} to {} are intact", chain_name(project), first.entry.number, head.number));
    Ok(())
}

/// Whether a chain stands where it stood by the checkpoint.
fn fits(head: Head, kept: Option<Head>) -> Result<()> {
    let is_other = kept.is_some_and(|kept| kept.number == head.number && kept.hash != head.hash);
    ensure!(!is_other, "entry {}: the checkpoint has another hash", head.number);
    Ok(())
}

/// An entry in a line, with what matters first.
fn line(Record { entry, .. }: &Record) -> String {
    let number = entry.number.to_string();
    [&number, &entry.time.to_string(), entry.actor.as_str(), &entry.method, &entry.resource, &entry.detail].join("\t")
}
