//! `consign serve`: running the service.

use std::io::{self, Write as _};
use std::net::SocketAddr;

use anyhow::Result;
use consign_server::config::LogSettings;
use consign_server::{Running, Settings, start, telemetry};
use tokio::signal::unix::{SignalKind, signal};

pub(crate) async fn run(settings: &Settings, logs: &LogSettings) -> Result<()> {
    telemetry::start(logs, None)?;
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let running = start(settings).await?;
    // Nobody may be there to read it; the service runs all the same.
    let _ = io::stdout().write_all(greeting(&running, settings.tls.scheme()).as_bytes());
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: what has begun may finish, for 25 seconds at most; a second signal ends it at once");
    tokio::select! {
        () = running.stop() => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Says where the service is and, where this start made the administrator's token, what it is and how to use it.
fn greeting(running: &Running, scheme: &str) -> String {
    let mut text = String::new();
    if let Some(grpc) = running.grpc {
        text.extend(["gRPC  ", &grpc.to_string(), "\n"]);
    }
    if let Some(http) = running.http {
        text.extend(["REST  ", scheme, "://", &http.to_string(), "\n"]);
    }
    if let Some(metrics) = running.metrics {
        text.extend(["metrics  http://", &metrics.to_string(), "/metrics\n"]);
    }
    if let Some(token) = &running.new_admin_token {
        text.extend(["\nThe administrator's token, which is not shown again:\n\n    export CONSIGN_TOKEN=", token, "\n\n"]);
        text.extend(running.http.map(|http| first_steps(http, scheme)));
    }
    text
}

fn first_steps(http: SocketAddr, scheme: &str) -> String {
    let url = format!("{scheme}://{http}/api/v4/projects");
    format!(
        "Make a project, publish a file, fetch it:

    curl -H \"PRIVATE-TOKEN: $CONSIGN_TOKEN\" -d name=demo {url}
    curl -H \"PRIVATE-TOKEN: $CONSIGN_TOKEN\" -T ./file {url}/root%2Fdemo/packages/generic/hello/1.0.0/file
    curl -H \"PRIVATE-TOKEN: $CONSIGN_TOKEN\" -o copy {url}/root%2Fdemo/packages/generic/hello/1.0.0/file

"
    )
}
