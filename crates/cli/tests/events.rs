//! `consign events` against a service.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

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

/// A command that follows events, and is ended with the test.
struct Following(Child, Lines<BufReader<ChildStdout>>);

impl Following {
    fn start(service: &TestService, arguments: &[&str]) -> Self {
        let mut child = command(service, arguments).arg("--follow").stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self(child, lines)
    }

    fn next(&mut self) -> Value {
        serde_json::from_str(&self.1.next().unwrap().unwrap()).unwrap()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
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

    assert_eq!(told(&service, &["namespaces/root"]), all);

    let mut first = Following::start(&service, &["--all", "--filter", "type = \"version.created\""]);
    let known = [first.next(), first.next()];
    assert_eq!(known.iter().map(|event| &event["id"]).collect::<Vec<_>>(), [&all[1]["id"], &all[2]["id"]]);
    assert_eq!(rest.put(&file("tool", "3.0", "f"), "x").await.status, 201);
    assert!(first.next()["subject"].as_str().unwrap().ends_with("versions/3.0"));
    let cursor = known[1]["cursor"].as_str().unwrap();
    let mut again = Following::start(&service, &["--filter", "type = \"version.created\"", "--cursor", cursor]);
    assert!(again.next()["subject"].as_str().unwrap().ends_with("versions/3.0"));
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
