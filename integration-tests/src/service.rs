//! A service to be tested: in this process, or as a process of its own that can be killed.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use clap::Parser;
use consign_server::{Running, Settings, start};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::authority::Files;
use crate::grpc::Grpc;
use crate::rest::Rest;
use crate::{Database, Engine, TOKEN, wait};

/// What a test wants of its service.
#[derive(Clone, Debug)]
pub struct Builder {
    engine: Option<Engine>,
    options: Vec<String>,
    wrapper: Vec<String>,
}

impl Builder {
    /// A service on this database.
    pub fn on(engine: Engine) -> Self {
        Self { engine: Some(engine), options: Vec::new(), wrapper: Vec::new() }
    }

    /// A service on the database that it makes by itself: SQLite in its data directory.
    pub fn by_default() -> Self {
        Self { engine: None, options: Vec::new(), wrapper: Vec::new() }
    }

    /// A gateway alone, to planes that are apart.
    pub fn gateway(metadata: &TestService, blob: &TestService) -> Self {
        let endpoint = |address: SocketAddr| format!("http://{address}");
        let gateway = Self::by_default().role("gateway").with("--metadata-endpoint", endpoint(metadata.grpc()));
        gateway.with("--blob-endpoint", endpoint(blob.grpc()))
    }

    /// One role alone.
    #[must_use]
    pub fn role(mut self, role: &str) -> Self {
        self.options.push(role.to_owned());
        self
    }

    /// A process that is started by this shell script, which runs it as `"$@"`; `$0` is the directory around its data.
    #[must_use]
    pub fn wrapped(mut self, command: &[&str], script: &str) -> Self {
        self.wrapper = command.iter().copied().chain(["sh", "-c", script]).map(str::to_owned).collect();
        self
    }

    /// With an option of `consign serve`.
    #[must_use]
    pub fn with(mut self, option: &str, value: impl ToString) -> Self {
        self.options.extend([option.to_owned(), value.to_string()]);
        self
    }

    /// With an option that has no value.
    #[must_use]
    pub fn flag(mut self, option: &str) -> Self {
        self.options.push(option.to_owned());
        self
    }

    /// With TLS by these files.
    #[must_use]
    pub fn with_tls(self, files: &Files) -> Self {
        files.options().into_iter().fold(self, |builder, (option, value)| builder.with(option, value))
    }

    /// Starts it in this process.
    pub async fn start(self) -> TestService {
        let (directory, database) = (directory(), self.engine.map(Database::create));
        let mut options = arguments(directory.path(), database.as_ref());
        options.extend(self.options);
        let settings = settings(&options);
        let running = start(&settings).await.expect("the service starts");
        TestService { running: Some(running), settings, database, directory }
    }

    /// Starts it in this process, with the project `root/demo`.
    pub async fn demo(self) -> (TestService, Rest) {
        let service = self.start().await;
        let rest = Rest::to(service.http());
        rest.create_project("demo").await;
        (service, rest)
    }

    /// The same, seen over gRPC.
    pub async fn demo_grpc(self) -> (TestService, Grpc) {
        let (service, _) = self.demo().await;
        let grpc = Grpc::to(service.grpc());
        (service, grpc)
    }

    /// Starts a process of its own. The program takes the options of `consign serve`.
    pub async fn spawn(self, program: &str, environment: &[(&str, &str)]) -> Binary {
        let (directory, database) = (directory(), self.engine.map(Database::create));
        let mut command = self.wrapper;
        if !command.is_empty() {
            command.push(directory.path().display().to_string());
        }
        command.push(program.to_owned());
        command.extend(arguments(directory.path(), database.as_ref()));
        command.extend(self.options);
        let mut binary = Binary { command, child: None, http: None, grpc: None, database, directory };
        binary.start(environment).await;
        binary
    }
}

fn directory() -> TempDir {
    tempfile::tempdir().expect("a temporary directory can be made")
}

fn arguments(directory: &Path, database: Option<&Database>) -> Vec<String> {
    let directory = directory.join("data").display().to_string();
    let pairs =
        [("--data-dir", directory.as_str()), ("--http-listen", "127.0.0.1:0"), ("--grpc-listen", "127.0.0.1:0"), ("--admin-token", TOKEN)];
    let database = database.map(|database| ("--database-url", database.url()));
    pairs.iter().chain(&database).flat_map(|(option, value)| [(*option).to_owned(), (*value).to_owned()]).collect()
}

/// Reads options as `consign serve` does.
pub fn settings(options: &[String]) -> Settings {
    #[derive(Debug, Parser)]
    struct Serve {
        #[command(flatten)]
        settings: Settings,
    }
    Serve::parse_from(std::iter::once("serve").chain(options.iter().map(String::as_str))).settings
}

/// A service in this process.
#[derive(Debug)]
pub struct TestService {
    running: Option<Running>,
    settings: Settings,
    database: Option<Database>,
    directory: TempDir,
}

impl TestService {
    /// A service with nothing special, on this database.
    pub async fn start(engine: Engine) -> Self {
        Builder::on(engine).start().await
    }

    /// Where REST is.
    pub fn http(&self) -> SocketAddr {
        self.running.as_ref().and_then(|running| running.http).expect("the service has a gateway")
    }

    /// Where gRPC is.
    pub fn grpc(&self) -> SocketAddr {
        self.running.as_ref().and_then(|running| running.grpc).expect("the service has planes")
    }

    /// Where the metadata plane reaches the blob plane.
    pub fn internal(&self) -> SocketAddr {
        self.running.as_ref().and_then(|running| running.internal).expect("the service has an internal listener")
    }

    /// Where its metrics are, if they are anywhere.
    pub fn metrics(&self) -> Option<SocketAddr> {
        self.running.as_ref().and_then(|running| running.metrics)
    }

    /// Ends it in good order and starts it again, with what it has stored.
    pub async fn restart(&mut self) {
        self.shut_down().await;
        self.start_again().await;
    }

    /// Ends it in good order; what it has stored stays.
    pub async fn shut_down(&mut self) {
        self.running.take().expect("the service runs").stop().await;
    }

    /// Starts it again after [`Self::shut_down`].
    pub async fn start_again(&mut self) {
        self.running = Some(start(&self.settings).await.expect("the service starts again"));
    }

    /// Ends it in good order, and all that it has stored.
    pub async fn stop(mut self) {
        self.shut_down().await;
    }

    /// What it was started with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The options by which `consign admin` finds its data.
    pub fn data_options(&self) -> Vec<String> {
        let directory = self.settings.database.data_dir.display().to_string();
        ["--data-dir", &directory, "--database-url", self.database().url()].map(str::to_owned).to_vec()
    }

    /// Its database.
    pub fn database(&self) -> &Database {
        self.database.as_ref().expect("the test gave it a database")
    }

    /// The directory around its data.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The files of its store.
    pub fn stored(&self) -> Stored {
        stored(self.directory.path())
    }
}

/// A service in a process of its own.
#[derive(Debug)]
pub struct Binary {
    command: Vec<String>,
    child: Option<Child>,
    http: Option<SocketAddr>,
    grpc: Option<SocketAddr>,
    database: Option<Database>,
    directory: TempDir,
}

impl Binary {
    /// Starts the process, which must not run, and waits until it says where it listens.
    pub async fn start(&mut self, environment: &[(&str, &str)]) {
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).envs(environment.iter().copied());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn().expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("output is piped")).lines();
        let told = tokio::time::timeout(wait::PATIENCE, async {
            let address = |text: &str| Some(text.parse().expect("the address can be read"));
            while let Some(line) = lines.next_line().await.expect("output is text") {
                match line.split_once("  ") {
                    Some(("gRPC", text)) => self.grpc = address(text),
                    Some(("REST", text)) => self.http = address(text.trim_start_matches("http://")),
                    _ if line == "ready" => return,
                    _ => {}
                }
            }
            unreachable!("the service ended before it said where it listens");
        });
        told.await.expect("the service starts in time");
        self.child = Some(child);
    }

    /// Where REST is.
    pub fn http(&self) -> SocketAddr {
        self.http.expect("the process has a gateway")
    }

    /// Where gRPC is.
    pub fn grpc(&self) -> SocketAddr {
        self.grpc.expect("the process has planes")
    }

    /// Its database.
    pub fn database(&self) -> &Database {
        self.database.as_ref().expect("the test gave it a database")
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.child.as_ref().and_then(Child::id).expect("the process runs")
    }

    /// Kills the process: it has no time for anything.
    pub async fn kill(&mut self) {
        self.child.take().expect("the process runs").kill().await.expect("the process can be killed");
    }

    /// Stops the process where it is, for ever: it can only be killed afterwards. None of its threads comes back from the kernel any more,
    /// though a call that one has begun goes on there. The first to stop has told all others before.
    pub async fn freeze(&self) {
        let process = i32::try_from(self.id()).ok().and_then(Pid::from_raw).expect("the id is one");
        kill_process(process, Signal::STOP).expect("the process can be stopped");
        let status = format!("/proc/{}/stat", self.id());
        let is_stopped = || std::fs::read_to_string(&status).is_ok_and(|text| text.contains(") T "));
        wait::until("the stop of the process", async || is_stopped().then_some(())).await;
    }

    /// Waits until the process ended by itself, and returns the signal that ended it, if one did.
    pub async fn ended(&mut self) -> Option<i32> {
        let mut child = self.child.take().expect("the process runs");
        let status = tokio::time::timeout(wait::PATIENCE, child.wait()).await.expect("the process ends in time");
        std::os::unix::process::ExitStatusExt::signal(&status.expect("the process can be waited for"))
    }

    /// The directory around its data, as the process sees it.
    pub fn directory(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.id()));
        root.join(self.directory.path().strip_prefix("/").expect("a temporary directory has an absolute path"))
    }

    /// The files of its store.
    pub fn stored(&self) -> Stored {
        stored(self.directory.path())
    }
}

/// The files of a store.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Bytes that were checked.
    pub blobs: Vec<PathBuf>,
    /// Bytes that were not.
    pub spools: Vec<PathBuf>,
}

fn stored(directory: &Path) -> Stored {
    let data = directory.join("data");
    Stored { blobs: files(&data.join("blobs")), spools: files(&data.join("spool")) }
}

/// The files below a directory; none where it is not there.
pub fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.expect("the directory can be read").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
