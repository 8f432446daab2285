//! The service as a process of its own, with the options of `consign serve`, that kills itself at the step which
//! `CONSIGN_TEST_KILL_AT` names: the event of that text, wherever it is logged. At the step that `CONSIGN_TEST_HANG_AT` names, the thread
//! that came to it hangs for ever, and the others go on. `CONSIGN_TEST_LOG` says what is logged.

use std::fmt::Debug;

use consign_server::config::LogSettings;
use consign_server::{start, telemetry};
use rustix::process::{Signal, getpid, kill_process};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Something that is done at a step.
struct At {
    step: String,
    then: fn(),
}

impl<S: Subscriber> Layer<S> for At {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut step = Step { wanted: &self.step, reached: false };
        event.record(&mut step);
        if step.reached {
            (self.then)();
        }
    }
}

/// As `kill -9`: the process has no time for anything, and what it wrote stays where it is.
fn kill() {
    kill_process(getpid(), Signal::KILL).expect("a process may kill itself");
}

fn hang() {
    loop {
        std::thread::park();
    }
}

struct Step<'a> {
    wanted: &'a str,
    reached: bool,
}

impl Visit for Step<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.reached |= field.name() == "message" && format!("{value:?}") == self.wanted;
    }
}

#[tokio::main]
#[expect(clippy::disallowed_methods, clippy::print_stdout, reason = "the harness tells and asks this way")]
async fn main() -> anyhow::Result<()> {
    let at = |variable: &str, then: fn()| std::env::var(variable).ok().map(|step| At { step, then }.boxed());
    let layer = at("CONSIGN_TEST_KILL_AT", kill).or_else(|| at("CONSIGN_TEST_HANG_AT", hang));
    let log = std::env::var("CONSIGN_TEST_LOG").unwrap_or_else(|_| "warn".to_owned());
    telemetry::start(&LogSettings { log, log_format: None }, layer)?;
    let options: Vec<String> = std::env::args().skip(1).collect();
    let running = start(&integration_tests::service::settings(&options)).await?;
    if let Some(address) = running.grpc {
        println!("gRPC  {address}");
    }
    if let Some(address) = running.http {
        println!("REST  http://{address}");
    }
    println!("ready");
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?.recv().await;
    running.stop().await;
    Ok(())
}
