//! `consign rollback`: putting a stage back to what stood there before.

use anyhow::{Result, ensure};
use clap::Args;
use consign_client::Client;
use consign_proto::metadata::{GetStageStateRequest, RollbackStageRequest};
use consign_types::resource::PromotionRef;

use super::promotion::line;
use super::server::Server;
use super::stage::Place;
use crate::output::print;

/// Undoes the last promotion of a stage, or several.
#[derive(Debug, Args)]
pub(crate) struct Rollback {
    #[command(flatten)]
    server: Server,

    #[command(flatten)]
    stage: Place,

    /// The promotion after which the stage shall stand again, by its number, or `nothing` to empty it [default: the one before the
    /// current]
    #[arg(long, value_name = "ID", value_parser = target)]
    to: Option<Target>,

    /// The promotion that must be the current one, by its number: so that the command, run twice, undoes once [default: whichever it is]
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(i64).range(1..))]
    expect_current: Option<i64>,

    /// Why.
    #[arg(long)]
    reason: String,
}

pub(crate) async fn run(command: Rollback) -> Result<()> {
    let Rollback { server, stage, to, expect_current, reason } = command;
    server.call(async |client| call(client, stage, to, expect_current, reason).await).await
}

/// What is to stand on the stage again.
#[derive(Clone, Copy, Debug)]
enum Target {
    /// What stood there after this promotion.
    Promotion(i64),
    Nothing,
}

fn target(text: &str) -> Result<Target, String> {
    match (text, text.parse()) {
        ("nothing", _) => Ok(Target::Nothing),
        (_, Ok(id)) if id > 0 => Ok(Target::Promotion(id)),
        _ => Err("must be the number of a promotion, or `nothing`".to_owned()),
    }
}

async fn call(client: &Client, stage: Place, to: Option<Target>, expected: Option<i64>, justification: String) -> Result<()> {
    let stage = stage.name();
    let name = |id| PromotionRef { project: stage.project.clone(), id }.to_string();
    let expected_current_promotion = if let Some(id) = expected {
        name(id)
    } else {
        let found = client.stage_state(GetStageStateRequest { name: stage.to_string(), ..GetStageStateRequest::default() }).await?;
        ensure!(!found.current_promotion.is_empty(), "nothing was ever placed on `{stage}`");
        // Whoever promotes meanwhile is not undone unseen.
        found.current_promotion
    };
    let request = RollbackStageRequest {
        name: stage.to_string(),
        target_promotion: to.map_or_else(String::new, |to| if let Target::Promotion(id) = to { name(id) } else { "-".to_owned() }),
        expected_current_promotion,
        justification,
        ..RollbackStageRequest::default()
    };
    print(&line(&client.roll_back_stage(request).await?));
    Ok(())
}
