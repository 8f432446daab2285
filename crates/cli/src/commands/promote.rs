//! `consign promote`: asking to place versions on a stage.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use consign_client::{Client, Error};
use consign_proto::metadata::gate_verdict::Outcome;
use consign_proto::metadata::promotion::State;
use consign_proto::metadata::{CreatePromotionRequest, Promotion, PromotionItem, Waiver};
use consign_types::Reason;
use consign_types::promotion::{GateName, StageName};
use consign_types::resource::{ProjectRef, PromotionRef, StageRef};
use tokio::time::{Instant, sleep};

use super::arguments::{PackageVersion, package_version, project};
use super::moments::Time;
use super::promotion::{line, verdict_line};
use super::server::Server;
use crate::exit::{Ended, Exit};
use crate::output::print;

/// How often a promotion that waits is looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// What stands for no promotion at all.
const NONE: &str = "-";

/// Places versions on a stage as soon as its gates allow it.
#[derive(Debug, Args)]
pub(crate) struct Promote {
    #[command(flatten)]
    server: Server,

    /// The project, by its path or id.
    #[arg(value_parser = project)]
    project: ProjectRef,

    /// The versions, one of each package, such as `tool@1.0`: all of them are placed at once, or none.
    #[arg(required = true, value_parser = package_version)]
    versions: Vec<PackageVersion>,

    /// The stage.
    #[arg(long)]
    to: StageName,

    /// Why.
    #[arg(long, default_value = "")]
    reason: String,

    /// Tell what would come of it, and do nothing.
    #[arg(long, conflicts_with = "wait")]
    dry_run: bool,

    /// Stay until it is placed or refused, for at most so many seconds [default: for as long as it takes]
    #[arg(long, value_name = "SECONDS", num_args = 0..=1)]
    #[expect(clippy::option_option, reason = "as `clap` tells a flag that may have a value")]
    wait: Option<Option<u64>>,

    /// A gate to put aside, `freeze` among them; may be given several times.
    #[arg(long, value_name = "GATE", requires = "because", requires = "until")]
    waive: Vec<GateName>,

    /// Why gates are put aside.
    #[arg(long, value_name = "TEXT", requires = "waive")]
    because: Option<String>,

    /// Until when they are: `2030-01-31T12:00:00Z`.
    #[arg(long, value_name = "TIME", requires = "waive")]
    until: Option<Time>,

    /// Refuse unless this is the promotion that the stage stands after, by its number; `none`: nothing was ever placed there.
    #[arg(long, value_name = "ID", value_parser = expected)]
    expect_current: Option<Expected>,
}

/// The promotion that a stage is taken to stand after.
#[derive(Clone, Copy, Debug)]
enum Expected {
    None,
    Promotion(i64),
}

fn expected(text: &str) -> Result<Expected, String> {
    if text == "none" {
        return Ok(Expected::None);
    }
    text.parse().map(Expected::Promotion).map_err(|_| "must be the number of a promotion, or `none`".to_owned())
}

pub(crate) async fn run(command: Promote) -> Result<()> {
    let request = command.request();
    let Promote { server, project, wait, .. } = command;
    server.call(async |client| call(client, &project, request, wait).await).await
}

#[expect(clippy::option_option, reason = "as `clap` tells a flag that may have a value")]
async fn call(client: &Client, project: &ProjectRef, request: CreatePromotionRequest, wait: Option<Option<u64>>) -> Result<()> {
    let mut promotion = match client.create_promotion(request.clone()).await {
        Ok(promotion) => promotion,
        Err(error @ Error::Refused { reason: Reason::GatesUnmet, .. }) => {
            // The refusal names the gates; what was found for all of them is told to whoever only tries.
            let tried = client.create_promotion(CreatePromotionRequest { validate_only: true, ..request }).await;
            tried.into_iter().flat_map(|tried| tried.verdicts).for_each(|verdict| print(&verdict_line(&verdict)));
            return Err(error.into());
        }
        Err(error) => return Err(error.into()),
    };
    if request.validate_only {
        print_verdicts(&promotion);
        return tried(&promotion);
    }
    if let Some(limit) = wait {
        promotion = closed(client, project, promotion, limit.map(Duration::from_secs)).await?;
    }
    print_verdicts(&promotion);
    print(&line(&promotion));
    ended(&promotion)
}

impl Promote {
    fn request(&self) -> CreatePromotionRequest {
        let item =
            |version: &PackageVersion| PromotionItem { version: version.within(&self.project).to_string(), ..PromotionItem::default() };
        let waiver = |gate: &GateName| Waiver {
            gate_id: gate.to_string(),
            justification: self.because.clone().unwrap_or_default(),
            expire_time: self.until.map(Into::into),
            ..Waiver::default()
        };
        let current = self.expect_current.map(|expected| match expected {
            Expected::None => NONE.to_owned(),
            Expected::Promotion(id) => PromotionRef { project: self.project.clone(), id }.to_string(),
        });
        CreatePromotionRequest {
            parent: self.project.to_string(),
            stage: StageRef { project: self.project.clone(), stage: self.to.clone() }.to_string(),
            items: self.versions.iter().map(item).collect(),
            waivers: self.waive.iter().map(waiver).collect(),
            justification: self.reason.clone(),
            validate_only: self.dry_run,
            expected_current_promotion: current.unwrap_or_default(),
            ..CreatePromotionRequest::default()
        }
    }
}

/// The promotion as soon as it waits no longer, or as it is when the time is over.
async fn closed(client: &Client, project: &ProjectRef, mut promotion: Promotion, limit: Option<Duration>) -> Result<Promotion> {
    let name = PromotionRef { project: project.clone(), id: super::stage::last(&promotion.name).parse()? };
    let begun = Instant::now();
    while promotion.state() == State::Pending && limit.is_none_or(|limit| begun.elapsed() < limit) {
        sleep(limit.map_or(INTERVAL, |limit| INTERVAL.min(limit.saturating_sub(begun.elapsed())))).await;
        promotion = client.find_promotion(&name).await?.0;
    }
    Ok(promotion)
}

fn print_verdicts(promotion: &Promotion) {
    promotion.verdicts.iter().for_each(|verdict| print(&verdict_line(verdict)));
}

/// What would have come of it.
fn tried(promotion: &Promotion) -> Result<()> {
    let found = |outcome| promotion.verdicts.iter().any(|verdict| verdict.outcome() == outcome);
    if found(Outcome::Failed) {
        return Err(Ended::error(Exit::Unmet, "it would be refused"));
    }
    if found(Outcome::Pending) {
        return Err(Ended::error(Exit::Waiting, "it would wait"));
    }
    print("it would be placed");
    Ok(())
}

/// What came of it.
fn ended(promotion: &Promotion) -> Result<()> {
    match promotion.state() {
        State::Succeeded => Ok(()),
        State::Pending => Err(Ended::error(Exit::Waiting, "it waits for its gates")),
        _ => Err(Ended::error(Exit::Unmet, "it was not placed")),
    }
}
