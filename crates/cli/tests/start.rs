//! Starting the binary: what it prints, and the one line that says why it does not start.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

fn consign(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_consign"));
    command.args(arguments).current_dir(directory).env_clear();
    command
}

/// Runs a command that is expected to end by itself.
fn refused(directory: &Path, arguments: &[&str]) -> String {
    let Output { status, stderr, .. } = consign(directory, arguments).output().unwrap();
    let text = String::from_utf8(stderr).unwrap();
    assert!(!status.success(), "{arguments:?} must fail");
    assert_eq!(text.trim_end().lines().count(), 1, "one line: {text}");
    text
}

/// A started service, killed when it is dropped.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Starts the service and returns what it prints until the line that has `last` in it.
fn start(directory: &Path, last: &str) -> (Started, String) {
    let arguments = ["serve", "--http-listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0"];
    let mut child = consign(directory, &arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut text = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        text.extend([&line, "\n"]);
        if line.contains(last) {
            break;
        }
    }
    (Started(child), text)
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
fn a_port_in_use_is_named_with_the_option_that_changes_it() {
    let directory = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();

    let text = refused(directory.path(), &["serve", "--http-listen", &address]);
    assert!(text.contains(&format!("cannot listen on {address}")) && text.contains("--http-listen"), "{text}");
    let text = refused(directory.path(), &["serve", "--http-listen", "127.0.0.1:0", "--grpc-listen", &address]);
    assert!(text.contains("--grpc-listen"), "{text}");
}

#[test]
fn a_data_directory_that_can_not_be_used_is_named() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file"), "").unwrap();
    let ports = ["--http-listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0"];
    let serve = |data: &str| [&["serve", "--data-dir", data], &ports[..]].concat().iter().map(ToString::to_string).collect::<Vec<_>>();
    let refused = |data: &str| refused(directory.path(), &serve(data).iter().map(String::as_str).collect::<Vec<_>>());

    // A file where a directory should be: it stops root too, whom permissions do not stop.
    assert!(refused("file/data").contains("cannot use the data directory `file/data`"));

    let (_service, _) = start(directory.path(), "REST");
    assert!(refused("consign-data").contains("in use by another process"));
}

#[test]
fn a_database_url_that_can_not_be_used_is_explained() {
    let directory = tempfile::tempdir().unwrap();
    let serve = |url: &str| {
        let arguments = ["serve", "--http-listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0", "--database-url", url];
        refused(directory.path(), &arguments)
    };
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
        (&["serve", "--admin-token", "short"], "at least 16 characters"),
        (&["serve", "--duplicate-exceptions", "["], "`--duplicate-exceptions`"),
        (&["serve", "--log", "=="], "`--log`"),
    ] {
        let ports = ["--http-listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0"];
        let refusal = refused(directory.path(), &[arguments, &ports[..]].concat());
        assert!(refusal.contains(text), "{refusal}");
    }
}

#[test]
fn a_database_is_migrated_without_serving() {
    let directory = tempfile::tempdir().unwrap();
    assert!(consign(directory.path(), &["admin", "migrate"]).status().unwrap().success());
    assert!(directory.path().join("consign-data/consign.db").exists());
    assert!(consign(directory.path(), &["admin", "migrate"]).status().unwrap().success());
}
