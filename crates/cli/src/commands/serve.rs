//! `consign serve`: running the service.

use std::io::{self, Write as _};

use anyhow::Result;
use consign_server::config::LogSettings;
use consign_server::{Running, Settings, start, telemetry};
use tokio::signal::unix::{SignalKind, signal};

pub(crate) async fn run(settings: &Settings, logs: &LogSettings) -> Result<()> {
    telemetry::start(logs, None)?;
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let running = start(settings).await?;
    // Nobody may be there to read it; the service runs all the same.
    let _ = io::stdout().write_all(greeting(&running).as_bytes());
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    running.stop().await;
    Ok(())
}

/// Says where the service is and, at the first start, how to use it.
fn greeting(running: &Running) -> String {
    let grpc = running.grpc.map(|grpc| format!("gRPC  {grpc}\n")).unwrap_or_default();
    let Some(http) = running.http else { return grpc };
    let doors = format!("{grpc}REST  http://{http}\n");
    let Some(token) = &running.new_admin_token else { return doors };
    let url = format!("http://{http}/api/v4/projects");
    format!(
        "{doors}
The administrator's token, which is not shown again:

    export CONSIGN_TOKEN={token}

Make a project, publish a file, fetch it:

    curl -H \"PRIVATE-TOKEN: $CONSIGN_TOKEN\" -d name=demo {url}
    curl -H \"PRIVATE-TOKEN: $CONSIGN_TOKEN\" -T ./file {url}/root%2Fdemo/packages/generic/hello/1.0.0/file
    curl -H \"PRIVATE-TOKEN: $CONSIGN_TOKEN\" -o copy {url}/root%2Fdemo/packages/generic/hello/1.0.0/file

"
    )
}
