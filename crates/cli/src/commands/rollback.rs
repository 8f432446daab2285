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

    /// The promotion after which the stage shall stand again, by its number [default: the one before the current]
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(i64).range(1..))]
    to: Option<i64>,

    /// Why.
    #[arg(long)]
    reason: String,
}

pub(crate) async fn run(command: Rollback) -> Result<()> {
    let Rollback { server, stage, to, reason } = command;
    server.call(async |client| call(client, stage, to, reason).await).await
}

async fn call(client: &Client, stage: Place, to: Option<i64>, justification: String) -> Result<()> {
    let stage = stage.name();
    let found = client.stage_state(GetStageStateRequest { name: stage.to_string(), ..GetStageStateRequest::default() }).await?;
    ensure!(!found.current_promotion.is_empty(), "nothing was ever placed on `{stage}`");
    let target = to.map(|id| PromotionRef { project: stage.project.clone(), id }.to_string());
    let request = RollbackStageRequest {
        name: stage.to_string(),
        target_promotion: target.unwrap_or_default(),
        // Whoever promotes meanwhile is not undone unseen.
        expected_current_promotion: found.current_promotion,
        justification,
        ..RollbackStageRequest::default()
    };
    print(&line(&client.roll_back_stage(request).await?));
    Ok(())
}
