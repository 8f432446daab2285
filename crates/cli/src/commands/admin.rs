//! `consign admin`: looking after an installation.

use anyhow::Result;
use clap::Subcommand;
use consign_server::config::{DatabaseSettings, LogSettings};
use consign_server::{migrate, telemetry};

#[derive(Debug, Subcommand)]
pub(crate) enum Admin {
    /// Bring the database up to date, and end. (Serving does so too.)
    Migrate(DatabaseSettings),
}

pub(crate) async fn run(command: Admin, logs: &LogSettings) -> Result<()> {
    telemetry::start(logs, None)?;
    match command {
        Admin::Migrate(database) => Ok(migrate(&database).await?),
    }
}
