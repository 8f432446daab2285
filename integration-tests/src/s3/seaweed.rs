//! SeaweedFS, a real S3 server, in a process of its own.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use object_store::ObjectStore as _;
use serde_json::json;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{ACCESS_KEY, BUCKET, SECRET_KEY};
use crate::{rest, wait};

/// Below the ports that the system gives to whom asks for any.
const BASES: Range<u16> = 10_000..32_000;
const ATTEMPTS: usize = 20;
/// How many ports one takes: those that it listens on, and one that tells other tests that they are taken.
const PORTS: u16 = 11;
const LOCK: u16 = 10;
const S3: u16 = 6;
/// What listens on which port after the base. Each has another one for gRPC next to it.
const SERVERS: [(&str, u16); 5] = [("master", 0), ("volume", 2), ("filer", 4), ("s3", S3), ("admin", 8)];
const LOG: &str = "log";

/// SeaweedFS with an empty bucket. It is killed when this is dropped: keep it in a test, not in a static.
#[derive(Debug)]
pub struct Seaweed {
    base: u16,
    child: Child,
    directory: TempDir,
    _lock: TcpListener,
}

impl Seaweed {
    /// Starts it on free ports, and waits until it is ready: a second or so.
    pub async fn start() -> Self {
        let binary = binary();
        let mut failures = Vec::new();
        for _ in 0..ATTEMPTS {
            match Self::attempt(&binary).await {
                Ok(server) => return server,
                Err(failure) => failures.push(failure),
            }
        }
        unreachable!("SeaweedFS does not start: {failures:#?}");
    }

    /// Fails where the process ends: another one may take a port between the choice and the bind.
    async fn attempt(binary: &Path) -> Result<Self, String> {
        let (base, lock) = free_ports();
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let child = command(binary, directory.path(), base).spawn().expect("CONSIGN_TEST_WEED names a program that runs");
        let mut server = Self { base, child, directory, _lock: lock };
        let (client, health) = (rest::client(), format!("{}/healthz", server.endpoint()));
        let ready = wait::until("the start of SeaweedFS", async || {
            if let Some(status) = server.child.try_wait().expect("the process can be waited for") {
                return Some(Err(format!("{status}: {}", server.last_words())));
            }
            let answer = client.get(&health).send().await;
            answer.is_ok_and(|answer| answer.status().is_success()).then_some(Ok(()))
        });
        ready.await?;
        // It makes the bucket a moment later.
        let bucket = super::client(&server.endpoint()).build().expect("the settings are sound");
        wait::until("the bucket", async || bucket.list_with_delimiter(None).await.ok()).await;
        Ok(server)
    }

    /// Where it is.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.base + S3)
    }

    /// Its bucket.
    pub fn bucket(&self) -> &str {
        BUCKET
    }

    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(self.directory.path().join(LOG)).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }
}

impl Drop for Seaweed {
    /// Waits until the process is gone: while it lives, it writes to the directory that is to be removed.
    fn drop(&mut self) {
        const PATIENCE: Duration = Duration::from_secs(5);

        let (started, _) = (Instant::now(), self.child.start_kill());
        while matches!(self.child.try_wait(), Ok(None)) && started.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(2));
        }
        for (name, offset) in SERVERS {
            let port = self.base + offset + 1;
            let _ = std::fs::remove_file(format!("/tmp/seaweedfs-{name}-grpc-{port}.sock"));
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "`make test` says where it installed the server")]
fn binary() -> PathBuf {
    let path = std::env::var_os("CONSIGN_TEST_WEED");
    path.expect("CONSIGN_TEST_WEED names the `weed` binary of SeaweedFS: run tests by `make test`, or install it by `.ci/setup seaweed`")
        .into()
}

/// Ports that nobody listens on, from the base on. The last one is held: it keeps other tests from taking the same.
fn free_ports() -> (u16, TcpListener) {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    loop {
        let base = BASES.start + rand::random_range(0..(BASES.end - BASES.start) / PORTS) * PORTS;
        let Ok(lock) = bind(base + LOCK) else { continue };
        if (base..base + LOCK).all(|port| bind(port).is_ok()) {
            return (base, lock);
        }
    }
}

fn command(binary: &Path, directory: &Path, base: u16) -> Command {
    let path = |name: &str| directory.join(name).display().to_string();
    let credentials = json!([{ "accessKey": ACCESS_KEY, "secretKey": SECRET_KEY }]);
    let config = json!({ "identities": [{ "name": "test", "credentials": credentials, "actions": ["Admin"] }] });
    std::fs::write(directory.join("s3.json"), config.to_string()).expect("the directory takes files");
    let log = File::create(directory.join(LOG)).expect("the directory takes files");
    let errors = log.try_clone().expect("a file can be shared");

    let mut command = Command::new(binary);
    command.args(["-logtostderr=true", "mini", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]);
    command.args(["-master.telemetry=false", "-volume.preStopSeconds=0", "-s3.port.iceberg=0", "-s3.port.lance=0"]);
    command.args(["-admin.ui=false", "-webdav=false"]);
    command.args([format!("-dir={}", directory.display()), format!("-bucket={BUCKET}"), format!("-s3.config={}", path("s3.json"))]);
    command.args(["filer", "s3"].map(|name| format!("-{name}.localSocket={}", path(&format!("{name}.sock")))));
    for (name, offset) in SERVERS {
        let port = base + offset;
        command.args([format!("-{name}.port={port}"), format!("-{name}.port.grpc={}", port + 1)]);
    }
    // It would take the keys from the environment for those of its administrator.
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    // Less memory: it does not have to be fast.
    command.env("GOGC", "50");
    command.current_dir(directory).stdin(Stdio::null()).stdout(log).stderr(errors).kill_on_drop(true);
    command
}
