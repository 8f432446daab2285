//! `consign serve`: running the service.

use anyhow::Result;
use consign_server::config::LogSettings;
use consign_server::{Running, Settings, start, telemetry};
use tokio::signal::unix::{SignalKind, signal};

pub(crate) async fn run(settings: &Settings, logs: &LogSettings) -> Result<()> {
    telemetry::start(logs, None)?;
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let running = start(settings).await?;
    greet(&running);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    running.stop().await;
    Ok(())
}

/// Says where the service is and, at the first start, how to use it.
#[expect(clippy::print_stdout, reason = "this is what a person reads who has started the service")]
fn greet(running: &Running) {
    if let Some(grpc) = running.grpc {
        println!("gRPC  {grpc}");
    }
    let Some(http) = running.http else { return };
    println!("REST  http://{http}");
    let Some(token) = &running.new_admin_token else { return };
    println!(
        "
The administrator's token, which is not shown again:

    export CONSIGN_TOKEN={token}

Make a project, publish a file, fetch it:

    curl -H \"PRIVATE-TOKEN: $CONSIGN_TOKEN\" -d name=demo http://{http}/api/v4/projects
    curl -H \"PRIVATE-TOKEN: $CONSIGN_TOKEN\" -T ./file http://{http}/api/v4/projects/root%2Fdemo/packages/generic/hello/1.0.0/file
    curl -H \"PRIVATE-TOKEN: $CONSIGN_TOKEN\" -o copy http://{http}/api/v4/projects/root%2Fdemo/packages/generic/hello/1.0.0/file
"
    );
}
