//! `consign audit`: who did what, and whether somebody changed that afterwards.

use std::fmt::Display;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail, ensure};
use clap::{Args, Subcommand};
use consign_client::Client;
use consign_proto::metadata::{AuditCheckpoint, VerifyChainRequest};
use consign_types::audit::Record;
use consign_types::resource::{ProjectRef, ScopeRef};
use consign_types::signature::PublicKey;

use super::arguments::project;
use super::server::Server;
use super::verify::chain::{self, Chain};
use super::verify::findings::damaged;
use super::verify::lines::Lines;
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
        chain: Whose,

        /// How many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
    },
    /// Write all entries, each as a line of JSON, the oldest first.
    Export {
        #[command(flatten)]
        chain: Whose,

        /// Only those from this number on.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..))]
        first: i64,
    },
    /// Write where the audit stands, signed. Keep it elsewhere: it shows whether the end was cut off since.
    Checkpoint {
        #[command(flatten)]
        chain: Whose,
    },
    /// Write the public keys by which checkpoints are verified, that of the key that signs first.
    Keys {
        #[command(flatten)]
        chain: Whose,
    },
    /// Compute all hashes again and compare: the service does, or for an exported audit this command, which then asks nobody.
    Verify(Verify),
}

/// Whose audit is meant.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Whose {
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

    /// File of the public keys, one of which signed the checkpoint, as `keys` wrote it.
    #[arg(long, requires = "checkpoint")]
    keys: Option<PathBuf>,
}

pub(crate) async fn run(Audit { server, command }: Audit) -> Result<()> {
    match command {
        Command::Verify(Verify { file: Some(file), checkpoint, keys, .. }) => verify_file(&file, checkpoint.as_deref(), keys.as_deref()),
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
            let chain = chain.name();
            let last = client.audit_checkpoint(&chain).await?.0.number;
            ensure!(first <= last.saturating_add(1), "{chain}: the last entry is {last}: what came behind it was cut off");
            client.export_audit(&chain, first, |record| print(&record.to_string())).await?;
        }
        Command::Checkpoint { chain } => print(client.audit_checkpoint(&chain.name()).await?.0.statement.trim_end()),
        Command::Keys { chain } => client.audit_checkpoint(&chain.name()).await?.1.iter().for_each(|key| print(key)),
        Command::Verify(verify) => verify_chain(client, verify).await?,
    }
    Ok(())
}

impl Whose {
    fn name(&self) -> ScopeRef {
        self.project.clone().map_or(ScopeRef::Instance, ScopeRef::Project)
    }
}

/// Has the service verify a chain, as much at a time as it does.
async fn verify_chain(client: &Client, verify: Verify) -> Result<()> {
    let chain = Whose { project: verify.project, instance: verify.instance }.name();
    let statement = verify.checkpoint.as_deref().map(read_text).transpose()?;
    let kept = match (&verify.checkpoint, &statement, &verify.keys) {
        (Some(path), Some(statement), Some(keys)) => Some(chain::signed(path, statement.as_bytes(), &public_keys(keys)?)?),
        _ => None,
    };
    let last = client.audit_checkpoint(&chain).await?.0.number;
    let (mut verified, mut is_compared) = (0, false);
    loop {
        let request = VerifyChainRequest {
            parent: chain.to_string(),
            start_number: verified + 1,
            end_number: 0,
            checkpoint: statement.clone().map(|statement| AuditCheckpoint { statement, ..AuditCheckpoint::default() }),
        };
        let answer = client.verify_audit(request).await?;
        if !answer.intact {
            return Err(damaged(format!("{chain}: entry {}: {}", answer.broken_number, answer.reason)));
        }
        is_compared |= answer.checkpoint_compared;
        let is_more = answer.verified_number > verified;
        verified = answer.verified_number;
        if verified >= last {
            break;
        }
        if !is_more {
            return Err(damaged(format!("{chain}: entry {}: an entry is missing", verified + 1)));
        }
    }
    ensure!(is_compared || statement.is_none(), "{chain}: the checkpoint was not compared");
    let time = kept.map_or_else(String::new, |kept| format!(" of {}", kept.time));
    let compared = if is_compared { format!(", and the checkpoint{time} fits") } else { String::new() };
    print(&format!("{chain}: entries 1 to {verified} are intact{compared}"));
    Ok(())
}

/// The longest file of public keys, and the longest checkpoint that is sent.
const MAX_BYTES: u64 = 64 << 10;

fn read_text(path: &Path) -> Result<String> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text));
    read.map_err(|error| named(path, error))?;
    Ok(text)
}

/// The public keys of an instance, as `keys` wrote them.
pub(super) fn public_keys(path: &Path) -> Result<Vec<PublicKey>> {
    read_text(path)?.lines().map(str::parse).collect::<Result<_, _>>().map_err(|error| named(path, error))
}

/// What is wrong with a file.
pub(super) fn named(path: &Path, error: impl Display) -> anyhow::Error {
    anyhow!("`{}`: {error}", path.display())
}

/// Verifies an exported audit by itself, as `consign verify` does.
fn verify_file(path: &Path, checkpoint: Option<&Path>, keys: Option<&Path>) -> Result<()> {
    let kept = match (checkpoint, keys) {
        (Some(_), None) => bail!("a checkpoint beside a file takes the public keys that you kept: give `--keys`"),
        (Some(path), Some(keys)) => Some(chain::checkpoint(path, &public_keys(keys)?)?),
        (None, _) => None,
    };
    let exported = Chain::begin(Lines::open(path)?)?;
    if let Some(kept) = &kept {
        ensure!(kept.project == exported.project(), "the checkpoint is of another chain");
        ensure!(!exported.begins_behind(kept), "the checkpoint is of a time before the first entry of the file");
    }
    let held = exported.verify(kept.as_slice(), |_| {})?;
    print(&format!("{}: {held}", held.chain()));
    Ok(())
}

/// An entry in a line, with what matters first.
fn line(Record { entry, .. }: &Record) -> String {
    let (number, token) = (entry.number.to_string(), format!("token {}", entry.token));
    [&number, &entry.time.to_string(), entry.actor.as_str(), &token, &entry.method, &entry.resource, &entry.detail].join("\t")
}
