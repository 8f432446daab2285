//! `consign audit`: who did what, and whether somebody changed that afterwards.

use std::fmt::Display;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail, ensure};
use clap::{Args, Subcommand};
use consign_client::Client;
use consign_proto::metadata::{AuditCheckpoint, VerifyChainRequest};
use consign_types::audit::{Break, Checkpoint, Record, Verification, chain_name};
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

impl Chain {
    fn name(&self) -> ScopeRef {
        self.project.clone().map_or(ScopeRef::Instance, ScopeRef::Project)
    }
}

/// Has the service verify a chain, as much at a time as it does.
async fn verify_chain(client: &Client, verify: Verify) -> Result<()> {
    let chain = Chain { project: verify.project, instance: verify.instance }.name();
    let statement = verify.checkpoint.as_deref().map(read_note).transpose()?;
    let kept = match (&verify.checkpoint, &statement, &verify.keys) {
        (Some(path), Some(statement), Some(keys)) => Some(opened(path, statement, keys)?),
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
        ensure!(answer.intact, "{chain}: entry {}: {}", answer.broken_number, answer.reason);
        is_compared |= answer.checkpoint_compared;
        let is_more = answer.verified_number > verified;
        verified = answer.verified_number;
        if verified >= last {
            break;
        }
        ensure!(is_more, "{chain}: entry {}: an entry is missing", verified + 1);
    }
    ensure!(is_compared || statement.is_none(), "{chain}: the checkpoint was not compared");
    let time = kept.map_or_else(String::new, |kept| format!(" of {}", kept.time));
    let compared = if is_compared { format!(", and the checkpoint{time} fits") } else { String::new() };
    print(&format!("{chain}: entries 1 to {verified} are intact{compared}"));
    Ok(())
}

/// The longest file of a checkpoint, and the longest line of an exported audit.
const MAX_BYTES: u64 = 64 << 10;

fn read_note(path: &Path) -> Result<String> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text));
    read.map_err(|error| named(path, error))?;
    Ok(text)
}

/// What a checkpoint says that one of the keys in a file signed.
fn opened(path: &Path, statement: &str, keys: &Path) -> Result<Checkpoint> {
    let text = signature::open(statement, &public_keys(keys)?).map_err(|error| named(path, error))?;
    text.parse::<Checkpoint>().map_err(|error| named(path, error))
}

/// The public keys of an instance, as `keys` wrote them.
pub(super) fn public_keys(path: &Path) -> Result<Vec<PublicKey>> {
    read_note(path)?.lines().map(str::parse).collect::<Result<_, _>>().map_err(|error| named(path, error))
}

/// What is wrong with a file.
pub(super) fn named(path: &Path, error: impl Display) -> anyhow::Error {
    anyhow!("`{}`: {error}", path.display())
}

/// The records of an exported audit.
fn records(file: File) -> impl Iterator<Item = Result<Record>> {
    let mut file = BufReader::new(file);
    std::iter::from_fn(move || {
        let mut line = String::new();
        match file.by_ref().take(MAX_BYTES).read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(line.trim_end_matches('\n').parse::<Record>().map_err(anyhow::Error::from)),
            Err(error) => Some(Err(error.into())),
        }
    })
}

/// Verifies an exported audit by itself.
fn verify_file(path: &Path, checkpoint: Option<&Path>, keys: Option<&Path>) -> Result<()> {
    let checkpoint = match (checkpoint, keys) {
        (Some(_), None) => bail!("a checkpoint beside a file takes the public keys that you kept: give `--keys`"),
        (Some(path), Some(keys)) => Some(opened(path, &read_note(path)?, keys)?),
        (None, _) => None,
    };
    let file = File::open(path).map_err(|error| named(path, error))?;
    let mut records = records(file).peekable();
    let first = match records.peek() {
        None => bail!("`{}` has no entries", path.display()),
        Some(Err(error)) => return Err(named(path, error)),
        Some(Ok(first)) => first.clone(),
    };
    let (project, before) = (first.entry.project, first.before());
    ensure!(checkpoint.as_ref().is_none_or(|kept| kept.project == project), "the checkpoint is of another chain");
    let kept = checkpoint.as_ref().map(|checkpoint| checkpoint.head);
    ensure!(kept.is_none_or(|kept| kept.number >= before.number), "the checkpoint is of a time before the first entry of the file");
    let broken = |number: i64| move |error: Break| anyhow!("entry {number}: {error}");
    let mut verification = Verification::begin(before, kept).map_err(broken(before.number))?;
    for record in records {
        let next = verification.head().number.saturating_add(1);
        let record = record.map_err(|error| anyhow!("entry {next}: {error}"))?;
        ensure!(record.entry.project == project, "entry {next}: it is of another chain");
        verification.follow(&record).map_err(broken(next))?;
    }
    let last = verification.head().number;
    verification.end().map_err(broken(last.saturating_add(1)))?;
    print(&verdict(&chain_name(project), (first.entry.number, last), checkpoint.as_ref()));
    Ok(())
}

/// What was found, and who vouches for it: hashes alone can be computed anew by whoever changes entries.
fn verdict(chain: &str, (first, last): (i64, i64), checkpoint: Option<&Checkpoint>) -> String {
    let Some(Checkpoint { head, time, .. }) = checkpoint else {
        return format!("{chain}: entries {first} to {last} fit each other; without a checkpoint nobody vouches for them");
    };
    let behind = head.number + 1;
    if head.number < first {
        return format!("{chain}: entries {first} to {last} follow the checkpoint of {time}, and have none of their own yet");
    }
    let rest = if last < behind { String::new() } else { format!("; {behind} to {last} came later, fit, and have no checkpoint yet") };
    format!("{chain}: entries {first} to {} are as they were at {time}, when the checkpoint was signed{rest}", head.number)
}

/// An entry in a line, with what matters first.
fn line(Record { entry, .. }: &Record) -> String {
    let (number, token) = (entry.number.to_string(), format!("token {}", entry.token));
    [&number, &entry.time.to_string(), entry.actor.as_str(), &token, &entry.method, &entry.resource, &entry.detail].join("\t")
}
