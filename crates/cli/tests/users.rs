//! `consign user` and `consign member` against a service.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::{Command, Output};

use integration_tests::rest::file;
use integration_tests::{Builder, TOKEN, TestService};

fn run(service: &TestService, bearer: &str, line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_consign"));
    command.args(line.split(' ')).env_clear();
    command.env("CONSIGN_SERVER", format!("http://{}", service.grpc())).env("CONSIGN_TOKEN", bearer).output().unwrap()
}

/// What a command prints, which succeeds.
fn printed(service: &TestService, bearer: &str, line: &str) -> String {
    let output = run(service, bearer, line);
    assert!(output.status.success(), "{line}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn refused(service: &TestService, bearer: &str, line: &str) -> String {
    let output = run(service, bearer, line);
    assert!(!output.status.success(), "{line}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_made_given_a_role_and_disabled() {
    let (service, rest) = Builder::by_default().demo().await;
    let admin = |line: &str| printed(&service, TOKEN, line);
    assert_eq!(admin("user create alice --name Al --email alice@example.com"), "users/2\talice\tuser\tenabled\tAl\talice@example.com");
    assert_eq!(refused(&service, TOKEN, "user create alice"), "consign: `alice` is taken\n");
    let secret = admin("token create --user alice --name laptop --scope read --scope publish --scope admin");
    assert_eq!(rest.with_token(&secret).put(&file("tool", "1.0", "f"), "hello").await.status, 404);

    assert_eq!(admin("member add --project root/demo alice --role developer"), "projects/1/members/2\talice\tdeveloper\tfor ever");
    assert_eq!(rest.with_token(&secret).put(&file("tool", "1.0", "f"), "hello").await.status, 201);
    admin("member add --namespace root alice --role reporter --days 9");
    let listed = admin("member list --project 1");
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert!(listed.contains("namespaces/root/members/1\troot\towner\tfor ever"), "{listed}");
    assert!(listed.contains("namespaces/root/members/2\talice\treporter\tuntil 20") && listed.contains("\tnamespaces/root"), "{listed}");
    assert!(admin("member update --project 1 alice --role maintainer").contains("\tmaintainer\t"));
    assert_eq!(refused(&service, &secret, "member add --project 1 alice --role owner"), "consign: this takes the role of owner\n");
    printed(&service, &secret, "member remove --project 1 alice");
    assert_eq!(admin("member list --project 1").lines().count(), 2);

    assert!(admin("user disable alice").contains("\tdisabled\t"));
    assert_eq!(refused(&service, &secret, "token who"), "consign: token is not valid\n");
    assert!(admin("user enable alice").contains("\tenabled\t"));
    assert!(admin("user promote alice").contains("\tadmin\t"));
    assert_eq!(printed(&service, &secret, "user list").lines().count(), 2);
    assert!(admin("user demote alice").contains("\tuser\t"));
    assert!(refused(&service, TOKEN, "user demote root").contains("no administrator would remain"));
}
