//! `consign events` against a service.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Output, Stdio};

use integration_tests::rest::file;
use integration_tests::{Builder, TOKEN, TestService};
use serde_json::Value;

fn command(service: &TestService, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_consign"));
    command.arg("events").args(arguments).env_clear();
    command.env("CONSIGN_SERVER", format!("http://{}", service.grpc())).env("CONSIGN_TOKEN", TOKEN);
    command
}

fn told(service: &TestService, arguments: &[&str]) -> Vec<Value> {
    let Output { status, stdout, stderr } = command(service, arguments).output().unwrap();
    assert!(status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_listed_and_followed_as_cloud_events() {
    let (service, rest) = Builder::by_default().demo().await;
    for version in ["1.0", "2.0"] {
        assert_eq!(rest.put(&file("tool", version, "f"), "x").await.status, 201);
    }
    let all = told(&service, &["root/demo"]);
    assert_eq!(types(&all), ["project.created", "version.created", "version.created"]);
    assert_eq!(told(&service, &[]), all);
    assert_eq!(
        (&all[1]["specversion"], &all[1]["source"], &all[1]["data"]["state"]),
        (&"1.0".into(), &"projects/1".into(), &"open".into())
    );
    assert_eq!(told(&service, &["1", "--after", "1"]), all[2..]);
    assert_eq!(told(&service, &["1", "--filter", "type = \"project.created\" OR sequence = 2", "--after", "1"]), all[2..]);
    let refused = command(&service, &["--after", "1"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "numbers of changes count in one project");

    let mut following = command(&service, &["--follow", "--filter", "type = \"version.created\""]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines =
        BufReader::new(following.stdout.take().unwrap()).lines().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    assert_eq!(lines.by_ref().take(2).collect::<Vec<_>>(), all[1..]);
    assert_eq!(rest.put(&file("tool", "3.0", "f"), "x").await.status, 201);
    assert!(lines.next().unwrap()["subject"].as_str().unwrap().ends_with("versions/3.0"));
    following.kill().unwrap();
    following.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_ends_the_command_with_its_number() {
    let (service, _) = Builder::by_default().demo().await;
    for (arguments, expected) in [(&["root/absent"][..], 3), (&["root/absent", "--follow"], 3), (&["1", "--filter", "nonsense"], 1)] {
        assert_eq!(command(&service, arguments).output().unwrap().status.code(), Some(expected), "{arguments:?}");
    }
    let anonymous = command(&service, &["--follow"]).env("CONSIGN_TOKEN", "wrong").output().unwrap();
    assert_eq!(anonymous.status.code(), Some(4));
}
