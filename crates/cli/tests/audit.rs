//! `consign audit` against a service, and beside one.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output};

use consign_types::audit::{Record, START};
use integration_tests::rest::file;
use integration_tests::{Builder, Engine, TOKEN, TestService};

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

/// By which number a command ends that finds a chain broken, or a checkpoint that nobody signed.
const DAMAGED: i32 = 7;

/// Verifies files with no service at hand.
fn verify(arguments: &[&str]) -> Result<String, (i32, String)> {
    let output = Command::new(env!("CARGO_BIN_EXE_consign")).args(["audit", "verify"]).args(arguments).env_clear().output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap().trim_end().to_owned();
    match output.status.code().unwrap() {
        0 => Ok(text(output.stdout)),
        number => Err((number, text(output.stderr))),
    }
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
    let kept = write(directory.path(), "keys", &keys);
    let (audit, note) = (write(directory.path(), "audit", &exported), write(directory.path(), "note", &checkpoint));
    let with = |path: &str| verify(&["--file", path, "--checkpoint", &note, "--keys", &kept]);
    let alone = verify(&["--file", &audit]).unwrap();
    assert_eq!(alone, "projects/1: entries 1 to 6 fit each other; without a checkpoint nobody vouches for them");
    let time = checkpoint.lines().nth(3).unwrap();
    let vouched = format!("are as they were at {time}, when the checkpoint was signed");
    assert_eq!(with(&audit).unwrap(), format!("projects/1: entries 1 to 6 {vouched}"));
    let online = told(&service, &["verify", "--project", "1", "--checkpoint", &note]);
    assert_eq!(online, "projects/1: entries 1 to 6 are intact, and the checkpoint fits\n");
    assert_eq!(rest.put(&file("tool", "1.0", "later"), "x").await.status, 201);
    let later = told(&service, &["export", "--project", "1", "--first", "4"]);
    let later = with(&write(directory.path(), "later", &later)).unwrap();
    assert_eq!(later, format!("projects/1: entries 4 to 6 {vouched}; 7 to 7 came later, fit, and have no checkpoint yet"));
    let next = write(directory.path(), "next", &told(&service, &["export", "--project", "1", "--first", "7"]));
    assert_eq!(with(&next).unwrap(), format!("projects/1: entries 7 to 7 follow the checkpoint of {time}, and have none of their own yet"));
    let last = write(directory.path(), "last", &told(&service, &["export", "--project", "1", "--first", "8"]));
    assert_eq!(with(&last).unwrap_err(), (1, format!("consign: `{last}` has no entries")));
    let beyond = String::from_utf8(run(&service, &["export", "--project", "1", "--first", "9"]).stderr).unwrap();
    assert_eq!(beyond, "consign: projects/1: the last entry is 7: what came behind it was cut off\n");

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
        assert_eq!(with(&write(directory.path(), "broken", &broken)).unwrap_err(), (DAMAGED, expected.to_owned()));
    }
    let cut = write(directory.path(), "cut", &without(5));
    assert!(verify(&["--file", &cut]).is_ok(), "nobody sees a cut end without a checkpoint");
    // Whoever can write to the database can make a chain that fits itself.
    let anew = write(directory.path(), "anew", &rewritten(&exported));
    assert!(verify(&["--file", &anew]).is_ok());
    assert_eq!(with(&anew).unwrap_err(), (DAMAGED, "consign: entry 6: the checkpoint has another hash".to_owned()));
    rest.create_project("other").await;
    let other = write(directory.path(), "other", &told(&service, &["export", "--project", "root/other"]));
    assert_eq!(with(&other).unwrap_err(), (1, "consign: the checkpoint is of another chain".to_owned()));
    let early =
        write(directory.path(), "early", &exported.lines().next().unwrap().replace("\"number\":1,", "\"number\":9223372036854775807,"));
    assert!(with(&early).is_err());

    let forged = write(directory.path(), "forged", &checkpoint.replace("\n6\n", "\n5\n"));
    let refused = verify(&["--file", &cut, "--checkpoint", &forged, "--keys", &kept]).unwrap_err();
    assert_eq!(refused, (DAMAGED, format!("consign: `{forged}`: its signature is not valid")));
    assert!(!run(&service, &["verify", "--project", "1", "--checkpoint", &forged]).status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_the_service_finds_broken_ends_the_command_as_damaged() {
    let (service, rest) = Builder::on(Engine::Sqlite).demo().await;
    assert_eq!(rest.put(&file("tool", "1.0", "f"), "x").await.status, 201);
    service.database().execute("update audit_entries set detail = 'x' where project_id = 1 and number = 2");
    let output = run(&service, &["verify", "--project", "1"]);
    assert_eq!(output.status.code(), Some(DAMAGED), "{output:?}");
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told, "consign: projects/1: entry 2: the entry is another one than it was\n");
}

/// The same audit about another package, with all hashes computed anew.
fn rewritten(exported: &str) -> String {
    let mut previous = START;
    let mut lines = Vec::new();
    for line in exported.lines() {
        let mut record: Record = line.parse().unwrap();
        record.entry.resource = record.entry.resource.replace("tool", "forged");
        record.previous = previous;
        record.hash = record.entry.hash(previous);
        previous = record.hash;
        lines.push(record.to_string());
    }
    lines.join("\n")
}
