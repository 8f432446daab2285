//! `consign audit` against a service, and beside one.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output};

use integration_tests::rest::file;
use integration_tests::{Builder, TOKEN, TestService};

fn run(service: &TestService, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_consign"));
    command.arg("audit").args(arguments).env_clear();
    command.env("CONSIGN_SERVER", format!("http://{}", service.grpc())).env("CONSIGN_TOKEN", TOKEN).output().unwrap()
}

fn told(service: &TestService, arguments: &[&str]) -> String {
    let output = run(service, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Verifies files with no service at hand.
fn verify(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_consign")).args(["audit", "verify"]).args(arguments).env_clear().output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap().trim_end().to_owned();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

fn write(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_is_exported_and_verified_without_the_service() {
    let (service, rest) = Builder::by_default().demo().await;
    for number in 0..5 {
        assert_eq!(rest.put(&file("tool", "1.0", &format!("f{number}")), "x").await.status, 201);
    }
    let exported = told(&service, &["export", "--project", "root/demo"]);
    let checkpoint = told(&service, &["checkpoint", "--project", "1"]);
    let keys = told(&service, &["keys", "--project", "1"]);
    assert_eq!((exported.lines().count(), keys.lines().count()), (6, 1));
    assert!(checkpoint.starts_with("consign/projects/1\n6\n"), "{checkpoint}");
    assert!(told(&service, &["list", "--project", "1", "--limit", "1"]).starts_with("6\t20"));
    assert_eq!(told(&service, &["verify", "--project", "1"]), "projects/1: entries 1 to 6 are intact\n");
    assert!(told(&service, &["verify", "--instance"]).starts_with("instance: entries 1 to "));

    let directory = tempfile::tempdir().unwrap();
    let (audit, note) = (write(directory.path(), "audit", &exported), write(directory.path(), "note", &checkpoint));
    let with = |path: &str| verify(&["--file", path, "--checkpoint", &note, "--key", keys.trim_end()]);
    assert_eq!(verify(&["--file", &audit]).unwrap(), "projects/1: entries 1 to 6 are intact");
    assert_eq!(with(&audit).unwrap(), "projects/1: entries 1 to 6 are intact");
    assert_eq!(told(&service, &["verify", "--project", "1", "--checkpoint", &note]), "projects/1: entries 1 to 6 are intact\n");
    let later = told(&service, &["export", "--project", "1", "--first", "4"]);
    assert_eq!(with(&write(directory.path(), "later", &later)).unwrap(), "projects/1: entries 4 to 6 are intact");

    let without = |dropped: usize| {
        let lines: Vec<&str> = exported.lines().enumerate().filter(|(number, _)| *number != dropped).map(|(_, line)| line).collect();
        lines.join("\n")
    };
    for (broken, expected) in [
        (exported.replace("PublishVersion", "GetVersion"), "consign: entry 2: the entry is another one than it was"),
        (without(2), "consign: entry 3: an entry is missing, or one too many"),
        (without(5), "consign: entry 6: the checkpoint says that there were 6 entries"),
        (exported.replace("\"number\":3", "\"number\":x"), "consign: entry 3: it is not an entry of an exported audit"),
    ] {
        assert_eq!(with(&write(directory.path(), "broken", &broken)).unwrap_err(), expected);
    }
    let cut = write(directory.path(), "cut", &without(5));
    assert!(verify(&["--file", &cut]).is_ok(), "nobody sees a cut end without a checkpoint");
    let forged = write(directory.path(), "forged", &checkpoint.replace("\n6\n", "\n5\n"));
    let refused = verify(&["--file", &cut, "--checkpoint", &forged, "--key", keys.trim_end()]).unwrap_err();
    assert_eq!(refused, format!("consign: `{forged}`: its signature is not valid"));
    assert!(!run(&service, &["verify", "--project", "1", "--checkpoint", &forged]).status.success());
}
