//! `consign trust` and `consign token exchange` against a service.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::{Command, Output};

use integration_tests::issuer::Issuer;
use integration_tests::rest::file;
use integration_tests::{Builder, TOKEN, TestService};
use serde_json::json;

fn run(service: &TestService, environment: &[(&str, &str)], line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_consign"));
    command.args(line.split(' ')).env_clear().env("CONSIGN_SERVER", format!("http://{}", service.grpc()));
    command.envs(environment.iter().copied()).output().unwrap()
}

fn printed(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_publishes_by_what_its_ci_system_says_of_it() {
    let issuer = Issuer::start().await;
    let (service, rest) = Builder::by_default().with("--oidc-issuers", &issuer.address).demo().await;
    let admin = [("CONSIGN_TOKEN", TOKEN)];
    let create = format!(
        "trust create --project root/demo --issuer {} --audience consign --claim project_id=42 --scope publish --package tool* --minutes 5",
        issuer.address
    );
    let expected =
        format!("projects/1/trustRules/1\t{}\tconsign\tproject_id=42\tdeveloper\tpublish\ttool*\tall stages\t5 minutes", issuer.address);
    assert_eq!(printed(run(&service, &admin, &create)), expected);
    assert_eq!(printed(run(&service, &admin, "trust list --project 1")), expected);

    let id_token = issuer.sign(&json!({"project_id": "42"}));
    let exchange = "token exchange --project root/demo";
    let secret = printed(run(&service, &[("CONSIGN_ID_TOKEN", &id_token)], exchange));
    assert_eq!(rest.with_token(&secret).put(&file("tool", "1.0", "f"), "hello").await.status, 201);

    printed(run(&service, &admin, "trust remove projects/1/trustRules/1"));
    let id_token = issuer.sign(&json!({"project_id": "42", "jti": "2"}));
    let refused = String::from_utf8(run(&service, &[("CONSIGN_ID_TOKEN", &id_token)], exchange).stderr).unwrap();
    assert_eq!(refused, "consign: no trust rule of `projects/root%2Fdemo` takes this ID token\n");
}
