//! `consign token` against a service.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::{Command, Output};

use integration_tests::authority::{Authority, Files};
use integration_tests::rest::file;
use integration_tests::{Builder, TOKEN, TestService};

/// Runs a command with the token, which succeeds.
fn token(service: &TestService, bearer: &str, arguments: &[&str]) -> String {
    let output = run(service, bearer, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn run(service: &TestService, bearer: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_consign"));
    command.arg("token").args(arguments).env_clear();
    command.env("CONSIGN_SERVER", format!("http://{}", service.grpc())).env("CONSIGN_TOKEN", bearer).output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_made_used_listed_rotated_and_ended() {
    let (service, rest) = Builder::by_default().demo().await;
    let create = [
        "create",
        "--project",
        "root/demo",
        "--name",
        "ci",
        "--scope",
        "read",
        "--scope",
        "publish:tool*",
        "--scope",
        "promote:qa",
        "--days",
        "9",
    ];
    let secret = token(&service, TOKEN, &create);
    assert_eq!(secret.lines().count(), 1, "{secret}");

    assert_eq!(rest.with_token(&secret).put(&file("tool", "1.0", "f"), "hello").await.status, 201);
    let listed = token(&service, TOKEN, &["list", "--project", "1"]);
    let fields: Vec<&str> = listed.split('\t').collect();
    assert_eq!(fields[1..7], ["project", "ci", "developer", "read publish promote", "tool*", "qa"], "{listed}");
    assert!(fields[7].starts_with("until 20"), "{listed}");
    let name = fields[0];
    let bot = format!("project_1_bot_{}", name.rsplit_once('/').unwrap().1);
    assert!(token(&service, &secret, &["who"]).starts_with(&format!("{bot}\n{name}\tproject\tci\t")));

    let rotated = token(&service, &secret, &["rotate", name]);
    assert_ne!(rotated, secret);
    assert!(!run(&service, &secret, &["who"]).status.success());
    let refused = run(&service, &rotated, &create);
    assert_eq!(String::from_utf8(refused.stderr).unwrap(), "consign: this takes the role of maintainer\n");

    assert!(token(&service, TOKEN, &["revoke", name]).contains("\trevoked "));
    assert_eq!(token(&service, TOKEN, &["list", "--project", "1"]), "");
    assert!(token(&service, TOKEN, &["list", "--project", "1", "--all"]).starts_with(name));
    assert!(!run(&service, &rotated, &["who"]).status.success());

    let personal = token(&service, TOKEN, &["create", "--user", "root", "--name", "reader", "--scope", "read"]);
    assert_eq!(rest.with_token(&personal).get(&file("tool", "1.0", "f")).await.text(), "hello");
    assert_eq!(rest.with_token(&personal).put(&file("tool", "1.0", "g"), "hello").await.status, 403);

    let mut elsewhere = Command::new(env!("CARGO_BIN_EXE_consign"));
    elsewhere.args(["token", "who", "--server", "http://127.0.0.1:1"]).env_clear().env("CONSIGN_TOKEN", TOKEN);
    let told = String::from_utf8(elsewhere.output().unwrap().stderr).unwrap();
    assert!(told.starts_with("consign: no answer from `http://127.0.0.1:1`: "), "{told}");
    assert_eq!(String::from_utf8(run(&service, "", &["who"]).stderr).unwrap(), "consign: no token: set CONSIGN_TOKEN\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_tls_is_called_where_its_authority_is_trusted_and_no_token_leaves_this_host_in_the_clear() {
    let authority = Authority::new("ours");
    let files = Files::new(&authority.issue(), &authority);
    let service = Builder::by_default().with_tls(&files).start().await;
    let who = |server: &str, ca: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_consign"));
        command.args(["token", "who", "--server", server, "--tls-ca", ca]).env_clear().env("CONSIGN_TOKEN", TOKEN).output().unwrap()
    };
    let server = format!("https://{}", service.grpc());
    let ca = files.ca().display().to_string();

    let told = who(&server, &ca);
    assert!(told.stdout.starts_with(b"root\n"), "{told:?}");

    std::fs::write(files.ca(), Authority::new("elsewhere").pem()).unwrap();
    let told = String::from_utf8(who(&server, &ca).stderr).unwrap();
    assert!(told.starts_with(&format!("consign: no answer from `{server}`: ")) && told.contains("certificate"), "{told}");

    let told = String::from_utf8(who("http://plane.example:50051", &ca).stderr).unwrap();
    assert!(told.contains("is on another host: use `https`") && told.contains("`--allow-plaintext`"), "{told}");
    let told = String::from_utf8(who(&server, "nowhere").stderr).unwrap();
    assert_eq!(told, "consign: cannot use `nowhere`: No such file or directory (os error 2)\n");
}
