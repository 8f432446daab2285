//! Starting the binary: what it prints, and the one line that says why it does not start.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Lines, Read as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// Ports that are free.
const PORTS: &[&str] = &["--http-listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0"];

fn consign(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_consign"));
    command.args(arguments).current_dir(directory).env_clear();
    command
}

/// Runs a command that is expected to end by itself, and soon.
fn refused(directory: &Path, arguments: &[&str]) -> String {
    let mut child = consign(directory, arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > Duration::from_mins(1) {
            child.kill().unwrap();
            panic!("{arguments:?} must end by itself");
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(!status.success(), "{arguments:?} must fail");
    assert_eq!(text.trim_end().lines().count(), 1, "one line: {text}");
    text
}

/// A started service and what it prints, killed when it is dropped.
struct Started(Child, Lines<BufReader<ChildStdout>>);

impl Started {
    /// What it prints from here to the line that has `last` in it.
    fn until(&mut self, last: &str) -> String {
        let mut text = String::new();
        for line in self.1.by_ref() {
            let line = line.unwrap();
            text.extend([&line, "\n"]);
            if line.contains(last) {
                return text;
            }
        }
        panic!("`{last}` was not printed: {text}");
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Starts the service and returns what it prints until the line that has `last` in it.
fn start(directory: &Path, last: &str) -> (Started, String) {
    start_role(directory, &[], last)
}

fn start_role(directory: &Path, role: &[&str], last: &str) -> (Started, String) {
    let mut child = consign(directory, &[&["serve"], role, PORTS].concat()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut started = Started(child, lines);
    let text = started.until(last);
    (started, text)
}

#[test]
fn the_first_start_shows_the_token_and_what_to_do_with_it_and_no_other_start_does() {
    let directory = tempfile::tempdir().unwrap();

    let (service, text) = start(directory.path(), "curl -H \"PRIVATE-TOKEN: $CONSIGN_TOKEN\" -o");
    assert!(text.contains("export CONSIGN_TOKEN=consign_adm_"), "{text}");
    assert!(text.contains("-T ./file http://127.0.0.1:"), "{text}");
    let keys = directory.path().join("consign-data/keys");
    assert_eq!(keys.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(directory.path().join("consign-data").metadata().unwrap().permissions().mode() & 0o777, 0o700);
    drop(service);

    let (_service, text) = start(directory.path(), "REST");
    assert!(!text.contains("TOKEN"), "{text}");
}

#[test]
fn a_service_runs_on_when_nobody_reads_what_it_prints() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = consign(directory.path(), &[&["serve"], PORTS].concat()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    drop(child.stdout.take());
    let lock = directory.path().join("consign-data/keys");
    let started = Instant::now();
    while !lock.exists() {
        assert!(started.elapsed() < Duration::from_mins(1), "the service starts");
        std::thread::sleep(Duration::from_millis(10));
    }
    // It greets once it has made its keys and opened its database: long enough after that, it is still there.
    let database = directory.path().join("consign-data/consign.db-wal");
    while !database.exists() {
        assert!(started.elapsed() < Duration::from_mins(1), "the service opens its database");
        std::thread::sleep(Duration::from_millis(10));
    }
    let text = refused(directory.path(), &[&["serve"], PORTS].concat());
    assert!(text.contains("in use by another process"), "{text}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_port_in_use_is_named_with_the_option_that_changes_it() {
    let directory = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();

    let text = refused(directory.path(), &["serve", "--http-listen", &address]);
    assert!(text.contains(&format!("cannot listen on `{address}`")) && text.contains("--http-listen"), "{text}");
    let text = refused(directory.path(), &["serve", "--http-listen", "127.0.0.1:0", "--grpc-listen", &address]);
    assert!(text.contains("--grpc-listen"), "{text}");
}

#[test]
fn a_data_directory_that_can_not_be_used_is_named() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file"), "").unwrap();
    let refused = |data: &str| refused(directory.path(), &[&["serve", "--data-dir", data], PORTS].concat());

    // A file where a directory should be: it stops root too, whom permissions do not stop.
    assert!(refused("file/data").contains("cannot use the data directory `file/data`"));

    let (_service, _) = start(directory.path(), "REST");
    assert!(refused("consign-data").contains("in use by another process"));
}

#[test]
fn a_database_url_that_can_not_be_used_is_explained() {
    let directory = tempfile::tempdir().unwrap();
    let serve = |url: &str| refused(directory.path(), &[&["serve", "--database-url", url], PORTS].concat());
    assert!(serve("mysql://localhost/x").contains("must start with `postgres://`"));
    let text = serve("postgres://user:secret@db.example/x");
    assert!(text.contains("`db.example` is not this machine") && text.contains("--database-allow-plaintext"), "{text}");
    assert!(!text.contains("secret"), "{text}");
    let text = serve("postgres://user:secret@127.0.0.1:1/x");
    assert!(text.contains("refused") && !text.contains("secret"), "{text}");
}

#[test]
fn settings_that_contradict_each_other_are_explained() {
    let directory = tempfile::tempdir().unwrap();
    for (arguments, text) in [
        (&["serve", "gateway"][..], "`--metadata-endpoint`"),
        (&["serve", "gateway", "--metadata-endpoint", "127.0.0.1:1", "--blob-endpoint", "https://b:1"], "`http://host:port`"),
        (&["serve", "--admin-token", "short"], "at least 16 characters"),
        (&["serve", "--admin-token", "a token with a line end\n"], "visible ASCII"),
        (&["serve", "--log", "inof"], "`inof` is not a level"),
        (&["serve", "--duplicate-exceptions", "["], "`--duplicate-exceptions`"),
        (&["serve", "--log", "=="], "`--log`"),
    ] {
        let refusal = refused(directory.path(), &[arguments, PORTS].concat());
        assert!(refusal.contains(text), "{refusal}");
    }
}

#[test]
fn options_beyond_their_limits_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    for (arguments, text) in [
        (&["serve", "--max-connections", "0"][..], "--max-connections"),
        (&["serve", "--max-file-bytes=-1"], "--max-file-bytes"),
        (&["serve", "--http-listen", "8080"], "must look like `127.0.0.1:8080`"),
    ] {
        let output = consign(directory.path(), arguments).output().unwrap();
        let refusal = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && refusal.contains(text), "{refusal}");
    }
    let version = consign(directory.path(), &["--version"]).output().unwrap();
    assert!(String::from_utf8(version.stdout).unwrap().starts_with("consign 0."));
}

#[test]
fn a_metadata_plane_alone_shows_the_token_that_it_makes() {
    let directory = tempfile::tempdir().unwrap();
    let (_service, text) = start_role(directory.path(), &["metadata"], "export CONSIGN_TOKEN=consign_adm_");
    assert!(text.contains("gRPC  127.0.0.1:"), "{text}");
}

#[test]
fn a_database_is_migrated_without_serving() {
    let directory = tempfile::tempdir().unwrap();
    assert!(consign(directory.path(), &["admin", "migrate"]).status().unwrap().success());
    assert!(directory.path().join("consign-data/consign.db").exists());
    assert!(consign(directory.path(), &["admin", "migrate"]).status().unwrap().success());
}

#[test]
fn what_projects_hold_is_counted_anew() {
    let directory = tempfile::tempdir().unwrap();
    let recount = || consign(directory.path(), &["admin", "recount"]).output().unwrap();
    let output = recount();
    assert!(output.status.success() && output.stdout == b"every counter is right\n", "{output:?}");

    let counters = "insert into namespaces (id, path, display_name, created_at) values (1, 'a', 'a', 0); \
                    insert into projects (id, namespace_id, path, display_name, description, visibility, sequence, created_at, updated_at) \
                    values (1, 1, 'a/b', 'b', '', 'private', 0, 0, 0); \
                    insert into counters values (1, 0, 0, 0, 7, 0, 0, zeroblob(32))";
    integration_tests::database::execute_all(&directory.path().join("consign-data/consign.db"), counters);
    let output = recount();
    assert!(!output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "projects/1: stored_bytes is 7, and should be 0\n");
}

#[test]
fn fsck_makes_no_data_and_repairs_nothing_by_a_database_that_refers_to_nothing() {
    let directory = tempfile::tempdir().unwrap();
    assert!(refused(directory.path(), &["admin", "fsck"]).contains("there is no data directory"));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is made");
    assert!(consign(directory.path(), &["admin", "migrate"]).status().unwrap().success());
    let typo = ["admin", "fsck", "--database-url", "sqlite:typo.db"];
    assert!(refused(directory.path(), &typo).contains("there is no database `sqlite:typo.db`"));
    assert!(!directory.path().join("typo.db").exists());
    assert!(refused(directory.path(), &["admin", "fsck", "--repair"]).contains("is it the right one?"));
}

#[test]
fn an_administrators_token_that_is_mistyped_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let token = ["serve", "--admin-token", "consign_pat_000000000000000000000000000000000000"];
    assert!(refused(directory.path(), &[&token, PORTS].concat()).contains("its last characters do not fit"));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is made");
}

#[test]
fn what_other_hosts_reach_without_tls_is_refused_or_warned_of() {
    let directory = tempfile::tempdir().unwrap();
    let open = ["serve", "--http-listen", "0.0.0.0:0", "--grpc-listen", "127.0.0.1:0"];
    let text = refused(directory.path(), &open);
    assert!(text.contains("`--http-listen 0.0.0.0:0`") && text.contains("`--tls-cert`") && text.contains("`--allow-plaintext`"), "{text}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is made");

    let mut command = consign(directory.path(), &[&open[..], &["--allow-plaintext"]].concat());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let _started = Started(child, lines);
    let first = log.next().unwrap().unwrap();
    assert!(first.contains("WARN") && first.contains("`--http-listen 0.0.0.0:0`") && first.contains("can be read on the way"), "{first}");
}
