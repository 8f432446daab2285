//! `consign admin`: looking after an installation.

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;
use consign_server::config::{DatabaseSettings, LogSettings};
use consign_server::{migrate, telemetry};

#[derive(Debug, Subcommand)]
pub(crate) enum Admin {
    /// Bring the database up to date, and end. (Serving does so too.)
    Migrate {
        /// Directory of the database.
        #[arg(long, env = "CONSIGN_DATA_DIR", default_value = "./consign-data")]
        data_dir: PathBuf,

        #[command(flatten)]
        database: DatabaseSettings,
    },
}

pub(crate) async fn run(command: Admin, logs: &LogSettings) -> Result<()> {
    telemetry::start(logs, None)?;
    match command {
        Admin::Migrate { data_dir, database } => Ok(migrate(&data_dir, &database).await?),
    }
}
