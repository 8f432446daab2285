//! Logs.

use std::io::IsTerminal as _;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry, fmt};

use crate::config::{LogFormat, LogSettings};
use crate::error::Result;

/// Starts logging to standard error. `more` is a layer that sees all events, whatever is logged.
pub fn start(settings: &LogSettings, more: Option<Box<dyn Layer<Registry> + Send + Sync>>) -> Result<()> {
    let filter = settings.filter()?;
    let terminal = std::io::stderr().is_terminal();
    let format = settings.log_format.unwrap_or(if terminal { LogFormat::Text } else { LogFormat::Json });
    let lines = match format {
        LogFormat::Text => fmt::layer().with_ansi(terminal).with_writer(std::io::stderr).boxed(),
        LogFormat::Json => fmt::layer().json().flatten_event(true).with_span_list(false).with_writer(std::io::stderr).boxed(),
    };
    tracing_subscriber::registry().with(more).with(lines.with_filter(filter)).init();
    Ok(())
}
