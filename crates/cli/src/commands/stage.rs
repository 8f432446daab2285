//! `consign stage`: where versions are placed on their way to production, and what stands there.

mod document;
mod gates;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use consign_client::{Client, Error};
use consign_proto::metadata::get_stage_state_request::AsOf;
use consign_proto::metadata::stage_difference::Kind;
use consign_proto::metadata::{self as wire, GetStageStateRequest, Placement, StageDifference};
use consign_types::promotion::StageName;
use consign_types::resource::{ProjectRef, StageRef};
use consign_types::{Digest, Reason};
use document::Document;

use super::arguments::project;
use super::moments::Time;
use super::promotion;
use super::server::Server;
use crate::output::{one_line, print, shown, warn};

/// How many digits of a digest people are shown.
const SHORT: usize = 12;

/// Declares stages, and tells what stands on them.
#[derive(Debug, Args)]
pub(crate) struct Stage {
    #[command(flatten)]
    server: Server,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the stages of a project, by their rank.
    List {
        /// The project, by its path or id.
        #[arg(value_parser = project)]
        project: ProjectRef,
    },
    /// Write what is declared of a stage, as `set --file` takes it.
    Show(Place),
    /// Make a stage, or change what is named here of one that is there.
    Set(Box<Set>),
    /// Remove a stage. Its records stay.
    Delete(Place),
    /// Let nothing be promoted to a stage. Going back stays possible.
    Hold {
        #[command(flatten)]
        place: Place,

        /// Why, for those whom it stops.
        #[arg(long)]
        reason: String,
    },
    /// End a hold.
    Release {
        #[command(flatten)]
        place: Place,

        /// Why, for the audit.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// List the promotions to a stage, the newest first.
    History {
        #[command(flatten)]
        place: Place,

        /// How many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
    },
    /// Tell what stands on a stage or on all of them, now or at an earlier moment.
    Status(Status),
    /// Tell for each package how two stages differ.
    Diff {
        /// The project, by its path or id.
        #[arg(value_parser = project)]
        project: ProjectRef,

        /// The stage to compare from.
        base: StageName,

        /// The stage to compare to.
        target: StageName,

        /// Also what is the same on both.
        #[arg(long)]
        all: bool,
    },
}

/// A stage of a project.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// The project, by its path or id.
    #[arg(value_parser = project)]
    project: ProjectRef,

    /// The stage.
    stage: StageName,
}

impl Place {
    pub(super) fn name(self) -> StageRef {
        StageRef { project: self.project, stage: self.stage }
    }
}

#[derive(Debug, Args)]
struct Set {
    #[command(flatten)]
    place: Place,

    /// File with more of what is declared, gates and freeze windows among it, as JSON. What is given here besides counts before it.
    #[arg(long)]
    file: Option<PathBuf>,

    /// A stage that versions pass before; may be given several times.
    #[arg(long, num_args = 1..)]
    after: Vec<StageName>,

    /// Place in lists, lowest first.
    #[arg(long, allow_negative_numbers = true)]
    rank: Option<i32>,

    /// Let one promotion at a time be pending, and refuse others; `false`: a newer one takes the place of one that is pending.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    exclusive: Option<bool>,

    /// Name for people.
    #[arg(long)]
    name: Option<String>,

    /// Free text.
    #[arg(long)]
    description: Option<String>,
}

#[derive(Debug, Args)]
struct Status {
    /// The project, by its path or id.
    #[arg(value_parser = project)]
    project: ProjectRef,

    /// The stage [default: all]
    stage: Option<StageName>,

    /// At this time: `2030-01-31T12:00:00Z`.
    #[arg(long, value_name = "TIME", conflicts_with = "sequence")]
    at: Option<Time>,

    /// After this change number of the project.
    #[arg(long, value_parser = clap::value_parser!(i64).range(0..))]
    sequence: Option<i64>,
}

pub(crate) async fn run(command: Stage) -> Result<()> {
    command.server.call(async |client| call(client, command.command).await).await
}

async fn call(client: &Client, command: Command) -> Result<()> {
    match command {
        Command::List { project } => {
            for stage in client.list_stages(&project).await? {
                print(&line(&stage));
            }
        }
        Command::Show(place) => show(client.find_stage(&place.name()).await?)?,
        Command::Set(new) => print(&line(&set(client, *new).await?)),
        Command::Delete(place) => client.delete_stage(&place.name()).await?,
        Command::Hold { place, reason } => print(&line(&client.hold_stage(&place.name(), &reason).await?)),
        Command::Release { place, reason } => print(&line(&client.release_stage(&place.name(), &reason).await?)),
        Command::History { place, limit } => {
            let filter = format!("stage = \"{}\"", place.stage);
            let promotions = client.last_promotions(&place.project, &filter, limit).await?;
            for promotion in &promotions {
                print(&promotion::line(promotion));
            }
        }
        Command::Status(wanted) => status(client, wanted).await?,
        Command::Diff { project, base, target, all } => {
            let stage = |stage| StageRef { project: project.clone(), stage };
            let differences = client.compare_stages(&stage(base), &stage(target), all).await?;
            for difference in &differences {
                print(&difference_line(difference));
            }
        }
    }
    Ok(())
}

/// Prints what `set --file` takes; that it is held is told beside it.
fn show(stage: wire::Stage) -> Result<()> {
    if stage.held {
        warn(&held(&stage));
    }
    print(&serde_json::to_string_pretty(&Document::of(stage)?)?);
    Ok(())
}

async fn set(client: &Client, new: Set) -> Result<wire::Stage> {
    let mut document = new.file.as_deref().map(Document::read).transpose()?.unwrap_or_default();
    if !new.after.is_empty() {
        document.predecessors = Some(new.after.iter().map(ToString::to_string).collect());
    }
    document.rank = new.rank.or(document.rank);
    document.exclusive = new.exclusive.or(document.exclusive);
    document.display_name = new.name.or(document.display_name);
    document.description = new.description.or(document.description);
    let (stage, fields) = document.into_wire()?;
    let name = new.place.name();
    match client.find_stage(&name).await {
        Ok(found) if fields.is_empty() => Ok(found),
        Ok(found) => Ok(client.update_stage(wire::Stage { name: found.name, etag: found.etag, ..stage }, &fields).await?),
        Err(Error::Refused { reason: Reason::StageNotFound, .. }) => Ok(client.create_stage(&name, stage).await?),
        Err(error) => Err(error.into()),
    }
}

async fn status(client: &Client, wanted: Status) -> Result<()> {
    let stages = match wanted.stage {
        Some(stage) => vec![stage.to_string()],
        None => client.list_stages(&wanted.project).await?.into_iter().map(|stage| stage.stage_id).collect(),
    };
    let as_of = wanted.at.map(|time| AsOf::AsOfTime(time.into())).or(wanted.sequence.map(AsOf::AsOfSequence));
    for stage in stages {
        let name = format!("{}/stages/{stage}", wanted.project);
        let state = client.stage_state(GetStageStateRequest { name, as_of, ..GetStageStateRequest::default() }).await?;
        state.placements.iter().for_each(|placement| print(&placement_line(placement)));
        if state.placements.is_empty() {
            print(&format!("{stage}\t-"));
        }
    }
    Ok(())
}

/// A stage in a line, with what matters first.
fn line(stage: &wire::Stage) -> String {
    let after = if stage.predecessors.is_empty() { "-".to_owned() } else { format!("after {}", stage.predecessors.join(" ")) };
    let gates: Vec<&str> = stage.gates.iter().map(|gate| gate.gate_id.as_str()).collect();
    let gates = if gates.is_empty() { "no gates".to_owned() } else { format!("gates {}", gates.join(" ")) };
    let parts = [stage.stage_id.clone(), format!("rank {}", stage.rank), after, gates, held(stage)];
    parts.join("\t").trim_end().to_owned()
}

/// Who holds a stage, and why.
fn held(stage: &wire::Stage) -> String {
    if stage.held { format!("held by {}: {}", stage.hold_actor, one_line(&stage.hold_reason)) } else { String::new() }
}

/// What stands on a stage, in a line.
pub(super) fn placement_line(placement: &Placement) -> String {
    let (stage, promotion) = (last(&placement.stage), last(&placement.promotion));
    let since = placement.start_time.as_ref().map(shown).unwrap_or_default();
    let end = placement.end_time.as_ref().map(|end| format!("until {}", shown(end))).unwrap_or_default();
    let digest = short(&placement.content_digest);
    let parts = [
        stage,
        last(&placement.package),
        last(&placement.version),
        &digest,
        &format!("since {since}"),
        &format!("promotion {promotion}"),
        &end,
    ];
    parts.join("\t").trim_end().to_owned()
}

fn difference_line(difference: &StageDifference) -> String {
    let kind = match difference.kind() {
        Kind::Unspecified => "?",
        Kind::Same => "same",
        Kind::Ahead => "ahead",
        Kind::Behind => "behind",
        Kind::Different => "different",
        Kind::MissingInBase => "missing in base",
        Kind::MissingInTarget => "missing in target",
    };
    let version = |placement: Option<&Placement>| placement.map_or("-", |placement| last(&placement.version)).to_owned();
    let (base, target) = (version(difference.base.as_ref()), version(difference.target.as_ref()));
    [last(&difference.package), kind, &base, &target].join("\t")
}

/// The last part of a name.
pub(super) fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// The first digits of a digest.
fn short(digest: &[u8]) -> String {
    Digest::try_from(digest).map_or_else(|_| "?".to_owned(), |digest| digest.to_string().chars().take(SHORT).collect())
}
