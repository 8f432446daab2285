//! `consign promotion`: what was asked for, what people say of it, and the statement of what was done.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use consign_client::Client;
use consign_proto::metadata::gate_verdict::Outcome;
use consign_proto::metadata::promotion::State;
use consign_proto::metadata::promotion_review::Decision;
use consign_proto::metadata::{GateVerdict, Promotion as Row, ReportGateRequest, ReviewPromotionRequest};
use consign_types::promotion::{GateName, StageName};
use consign_types::resource::{ProjectRef, PromotionRef, VersionRef};

use super::arguments::project;
use super::audit::named;
use super::server::Server;
use super::stage::last;
use crate::output::{one_line, print, shown, word};

/// Shows, approves, rejects and ends promotions.
#[derive(Debug, Args)]
pub(crate) struct Promotion {
    #[command(flatten)]
    server: Server,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List promotions, the newest first.
    List(List),
    /// Show a promotion with what was found for its gates and what people said.
    Show(Named),
    /// Agree to a promotion.
    Approve(Review),
    /// Object to a promotion, which ends it.
    Reject(Review),
    /// Report what was found for a status gate.
    Report(Report),
    /// End a promotion that is pending.
    Cancel {
        #[command(flatten)]
        promotion: Named,

        /// Why.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Write the signed statements of all promotions that were applied, each as a line, the oldest first, for `consign verify`.
    Export {
        /// The project, by its path or id.
        #[arg(value_parser = project)]
        project: ProjectRef,
    },
    /// Write the signed statement of a promotion that was applied, for `consign verify`.
    Statement {
        #[command(flatten)]
        promotion: Named,

        /// File to write [default: standard output]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// A promotion of a project.
#[derive(Debug, Args)]
struct Named {
    /// The project, by its path or id.
    #[arg(value_parser = project)]
    project: ProjectRef,

    /// The promotion, by its number.
    #[arg(value_parser = clap::value_parser!(i64).range(1..))]
    id: i64,
}

impl Named {
    fn name(self) -> PromotionRef {
        PromotionRef { project: self.project, id: self.id }
    }
}

#[derive(Debug, Args)]
struct List {
    /// The project, by its path or id.
    #[arg(value_parser = project)]
    project: ProjectRef,

    /// Only those to this stage.
    #[arg(long)]
    stage: Option<StageName>,

    /// Only those that are pending.
    #[arg(long)]
    pending: bool,

    /// How many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

#[derive(Debug, Args)]
struct Review {
    #[command(flatten)]
    promotion: Named,

    /// Why.
    #[arg(long, default_value = "")]
    comment: String,

    /// A gate that it is meant for; may be given several times [default: all that you count for]
    #[arg(long = "gate")]
    gates: Vec<GateName>,
}

#[derive(Debug, Args)]
struct Report {
    #[command(flatten)]
    promotion: Named,

    /// The gate.
    gate: GateName,

    /// What was found.
    #[arg(value_parser = outcome())]
    outcome: Outcome,

    /// The result in words.
    #[arg(long, default_value = "")]
    reason: String,

    /// What it rests on: an address, or a digest as `sha256:…`; may be given several times.
    #[arg(long)]
    evidence: Vec<String>,
}

fn outcome() -> impl TypedValueParser<Value = Outcome> {
    PossibleValuesParser::new(["passed", "failed", "pending"]).map(|word| match word.as_str() {
        "passed" => Outcome::Passed,
        "failed" => Outcome::Failed,
        _ => Outcome::Pending,
    })
}

pub(crate) async fn run(command: Promotion) -> Result<()> {
    command.server.call(async |client| call(client, command.command).await).await
}

async fn call(client: &Client, command: Command) -> Result<()> {
    match command {
        Command::List(wanted) => {
            let promotions = client.last_promotions(&wanted.project, &wanted.filter(), wanted.limit).await?;
            for promotion in &promotions {
                print(&line(promotion));
            }
        }
        Command::Show(promotion) => show(&client.find_promotion(&promotion.name()).await?.0),
        Command::Approve(review) => show(&said(client, review, Decision::Approved).await?),
        Command::Reject(review) => show(&said(client, review, Decision::Rejected).await?),
        Command::Report(Report { promotion, gate, outcome, reason, evidence }) => {
            let (name, gate_id, outcome) = (promotion.name().to_string(), gate.to_string(), outcome.into());
            let request = ReportGateRequest { name, gate_id, outcome, reason, evidence, ..ReportGateRequest::default() };
            show(&client.report_gate(request).await?);
        }
        Command::Cancel { promotion, reason } => print(&line(&client.cancel_promotion(&promotion.name(), &reason).await?)),
        Command::Export { project } => {
            for name in client.applied_promotions(&project).await? {
                print(String::from_utf8_lossy(&statement(client, &name.parse()?).await?).trim_end());
            }
        }
        Command::Statement { promotion, output } => {
            let statement = statement(client, &promotion.name()).await?;
            match output {
                Some(path) => std::fs::write(&path, &statement).map_err(|error| named(&path, error))?,
                None => print(String::from_utf8_lossy(&statement).trim_end()),
            }
        }
    }
    Ok(())
}

/// The signed statement of a promotion.
async fn statement(client: &Client, name: &PromotionRef) -> Result<Vec<u8>> {
    let statement = client.find_promotion(name).await?.1.statement;
    ensure!(!statement.is_empty(), "`{name}` was not applied, and has no statement");
    Ok(statement.into())
}

async fn said(client: &Client, review: Review, decision: Decision) -> Result<Row> {
    let request = ReviewPromotionRequest {
        name: review.promotion.name().to_string(),
        decision: decision.into(),
        comment: review.comment,
        gate_ids: review.gates.iter().map(ToString::to_string).collect(),
        ..ReviewPromotionRequest::default()
    };
    Ok(client.review_promotion(request).await?)
}

impl List {
    fn filter(&self) -> String {
        let stage = self.stage.as_ref().map(|stage| format!("stage = \"{stage}\""));
        let pending = self.pending.then(|| "state = PENDING".to_owned());
        stage.into_iter().chain(pending).collect::<Vec<_>>().join(" AND ")
    }
}

/// Prints a promotion with all that was found and said.
fn show(promotion: &Row) {
    print(&line(promotion));
    promotion.verdicts.iter().for_each(|verdict| print(&verdict_line(verdict)));
    for review in &promotion.reviews {
        let time = review.create_time.as_ref().map(shown).unwrap_or_default();
        let said = word(review.decision().as_str_name());
        print(format!("{said} by {}\t{time}\t{}", review.actor, one_line(&review.comment)).trim_end());
    }
}

/// A promotion in a line, with what matters first.
pub(super) fn line(promotion: &Row) -> String {
    let id = if promotion.name.is_empty() { "-" } else { last(&promotion.name) };
    let time = promotion.create_time.as_ref().map(shown).unwrap_or_default();
    let standing = state(promotion.state());
    let parts = [id, standing, last(&promotion.stage), &items(promotion), &promotion.creator, &time, &one_line(&promotion.justification)];
    parts.join("\t").trim_end().to_owned()
}

/// Where a promotion stands, in a word.
fn state(state: State) -> &'static str {
    match state {
        State::Unspecified => "?",
        State::Pending => "waiting",
        State::Succeeded => "placed",
        State::Rejected => "rejected",
        State::Cancelled => "cancelled",
        State::Superseded => "superseded",
        State::RolledBack => "rolled back",
    }
}

/// The versions that it places.
fn items(promotion: &Row) -> String {
    let item = |name: &str| name.parse().map_or_else(|_| name.to_owned(), |name: VersionRef| format!("{}@{}", name.package, name.version));
    promotion.items.iter().map(|new| item(&new.version)).collect::<Vec<_>>().join(" ")
}

/// What was found for a gate, in a line.
pub(super) fn verdict_line(verdict: &GateVerdict) -> String {
    let outcome = match verdict.outcome() {
        Outcome::Unspecified => "?",
        Outcome::Passed => "passed",
        Outcome::Failed => "failed",
        Outcome::Pending => "waiting",
        Outcome::Waived => "waived",
    };
    format!("gate {:<10} {outcome:<8} {}", verdict.gate_id, one_line(&verdict.reason)).trim_end().to_owned()
}
