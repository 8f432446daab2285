//! `consign admin`: looking after an installation.

use anyhow::{Result, bail};
use clap::Subcommand;
use consign_server::config::{DatabaseSettings, LogSettings};
use consign_server::{FsckSettings, fsck, migrate, recount, telemetry};

#[derive(Debug, Subcommand)]
pub(crate) enum Admin {
    /// Bring the database up to date, and end. (Serving does so too.)
    Migrate(DatabaseSettings),
    /// Count anew what all projects hold, and tell where the counters differ: then it fails. The service may run meanwhile.
    Recount(DatabaseSettings),
    /// Compare what files refer to with what is stored: tell what is missing, extra, corrupt and temporary; then it fails. The service may run
    /// meanwhile.
    Fsck(Box<FsckSettings>),
}

pub(crate) async fn run(command: Admin, logs: &LogSettings) -> Result<()> {
    telemetry::start(logs, None)?;
    match command {
        Admin::Migrate(database) => Ok(migrate(&database).await?),
        Admin::Recount(database) => report(&recount(&database).await?),
        Admin::Fsck(settings) => check(&settings).await,
    }
}

#[expect(clippy::print_stdout, reason = "what was found is the output of the command")]
fn report(wrong: &[String]) -> Result<()> {
    for line in wrong {
        println!("{line}");
    }
    if wrong.is_empty() {
        println!("every counter is right");
        return Ok(());
    }
    bail!("{} counters are wrong", wrong.len())
}

#[expect(clippy::print_stdout, reason = "what was found is the output of the command")]
async fn check(settings: &FsckSettings) -> Result<()> {
    match fsck(settings, |finding| println!("{finding}")).await? {
        0 => println!("everything that is referred to is stored, and nothing else"),
        found if settings.repair => println!("{found} findings; all but the missing ones were repaired"),
        found => bail!("{found} findings"),
    }
    Ok(())
}
