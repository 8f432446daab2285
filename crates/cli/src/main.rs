//! The `consign` binary.

mod commands;
mod exit;
mod output;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use consign_server::config::LogSettings;
use exit::Exit;

/// Keeps what builds produce, and moves the same bytes from a developer's machine to production.
#[derive(Debug, Parser)]
#[command(name = "consign", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    logs: LogSettings,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service.
    Serve(Box<consign_server::Settings>),
    /// Make, list and end tokens.
    Token(commands::token::Token),
    /// Say which CI jobs get tokens.
    Trust(commands::trust::Trust),
    /// Make, list and change users.
    User(commands::user::User),
    /// Give, list and take away roles.
    Member(commands::member::Member),
    /// Declare stages, and tell what stands on them.
    Stage(commands::stage::Stage),
    /// Place versions on a stage.
    Promote(Box<commands::promote::Promote>),
    /// Show, approve, reject and end promotions.
    Promotion(commands::promotion::Promotion),
    /// Put a stage back to what stood there before.
    Rollback(commands::rollback::Rollback),
    /// Tell on which stages something stands.
    Where(commands::placements::Where),
    /// Verify signed statements of promotions, exported audits, and files by them. Asks nobody.
    Verify(commands::verify::Verify),
    /// Tell what happened, and follow it.
    Events(commands::events::Events),
    /// Show, export and verify the audit.
    Audit(commands::audit::Audit),
    /// Look after an installation.
    #[command(subcommand)]
    Admin(commands::admin::Admin),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Command::Serve(settings) => commands::serve::run(&settings, &arguments.logs).await,
        Command::Token(command) => commands::token::run(command).await,
        Command::Trust(command) => commands::trust::run(command).await,
        Command::User(command) => commands::user::run(command).await,
        Command::Member(command) => commands::member::run(command).await,
        Command::Stage(command) => commands::stage::run(command).await,
        Command::Promote(command) => commands::promote::run(*command).await,
        Command::Promotion(command) => commands::promotion::run(command).await,
        Command::Rollback(command) => commands::rollback::run(command).await,
        Command::Where(command) => commands::placements::run(command).await,
        Command::Verify(command) => commands::verify::run(&command),
        Command::Events(command) => commands::events::run(command).await,
        Command::Audit(command) => commands::audit::run(command).await,
        Command::Admin(command) => commands::admin::run(command, &arguments.logs).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::warn(&format!("consign: {error}"));
            Exit::of(&error).into()
        }
    }
}
