//! What is logged, and how.

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::error::{Error, Result};

/// What is logged, and how.
#[derive(Clone, Debug, Args)]
pub struct LogSettings {
    /// What is logged, such as `info` or `warn,consign_server=debug`.
    #[arg(long, help_heading = "Logs", env = "CONSIGN_LOG", default_value = "info", global = true)]
    pub log: String,

    /// How it is written: text for people, JSON for machines [default: text on a terminal, JSON elsewhere]
    #[arg(long, help_heading = "Logs", env = "CONSIGN_LOG_FORMAT", value_enum, global = true)]
    pub log_format: Option<LogFormat>,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A line of text an event.
    Text,
    /// A JSON object an event.
    Json,
}

impl LogSettings {
    /// What is logged. A word alone must be a level: taken for the name of a module, a misspelt one would silence everything.
    pub(crate) fn filter(&self) -> Result<EnvFilter> {
        let is_level = |word: &str| word.parse::<LevelFilter>().is_ok();
        if let Some(word) = self.log.split(',').map(str::trim).find(|word| !word.contains('=') && !is_level(word)) {
            return Err(Error::Settings(format!(
                "`--log`: `{word}` is not a level: use `error`, `warn`, `info`, `debug`, `trace` or `off`"
            )));
        }
        EnvFilter::try_new(&self.log).map_err(|error| Error::Settings(format!("`--log`: {error}")))
    }
}
