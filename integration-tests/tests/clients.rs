//! Clients that know nothing of Consign but the protocols that it speaks: each as it is released, in a version that is pinned.
//!
//! What a client does stands in `clients/`, one directory each. `make test` installs them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use integration_tests::authority::{Authority, Files};
use integration_tests::{Builder, Engine, TOKEN, TestService};
use tokio::process::Command;

/// How long a client may take. The slowest is done in half a minute on a machine that does nothing else.
const PATIENCE: Duration = Duration::from_mins(5);

/// A file of a client's directory.
fn script(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(path)
}

/// A program of those that `make test` installed.
#[expect(clippy::disallowed_methods, reason = "`make test` says where it installed the clients")]
fn installed(path: &str) -> PathBuf {
    let clients =
        std::env::var("CONSIGN_TEST_CLIENTS").expect("CONSIGN_TEST_CLIENTS names the directory of the clients: run tests by `make test`");
    Path::new(&clients).join(path)
}

/// Runs a program, which succeeds.
async fn run(program: impl AsRef<Path>, arguments: &[&str]) {
    let mut command = Command::new(program.as_ref());
    let output =
        tokio::time::timeout(PATIENCE, command.args(arguments).kill_on_drop(true).output()).await.expect("the client ends").unwrap();
    let told = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success(), "{}{}", told[0], told[1]);
}

/// A service, and the address by which REST clients know it.
async fn service() -> (TestService, String) {
    let service = TestService::start(Engine::Sqlite).await;
    let address = format!("http://{}", service.http());
    (service, address)
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "`make test` says where it installed the client")]
async fn buf_curl_publishes_and_fetches_by_reflection_alone() {
    let buf = std::env::var("CONSIGN_TEST_BUF").expect("CONSIGN_TEST_BUF names the buf binary: run tests by `make test`");
    let service = TestService::start(Engine::Sqlite).await;
    run(script("buf/round-trip"), &[&buf, &service.grpc().to_string(), TOKEN]).await;
}

#[tokio::test]
async fn curl_publishes_and_fetches_in_every_way_that_it_has() {
    let (_service, address) = service().await;
    run(script("curl/round-trip"), &[&address, TOKEN]).await;
}

#[tokio::test]
async fn wget_publishes_and_fetches_with_a_token_and_with_a_password() {
    let (_service, address) = service().await;
    run(script("wget/round-trip"), &[&address, TOKEN]).await;
}

#[tokio::test]
async fn python_gitlab_publishes_lists_and_looks_after_packages() {
    let (_service, address) = service().await;
    let script = script("python-gitlab/round_trip.py");
    run(installed("python-gitlab/bin/python"), &[script.to_str().unwrap(), &address, TOKEN]).await;
}

#[tokio::test]
async fn the_python_gitlab_of_debian_publishes_and_fetches() {
    let (_service, address) = service().await;
    let script = script("debian-gitlab/round_trip.py");
    run("/usr/bin/python3", &[script.to_str().unwrap(), &address, TOKEN]).await;
}

#[tokio::test]
async fn glpkg_brings_directories_up_and_down() {
    let authority = Authority::new("ours");
    let files = Files::new(&authority.issue(), &authority);
    let service = Builder::by_default().with_tls(&files).start().await;
    let (python, address) = (installed("glpkg/bin/python"), format!("https://{}", service.http()));
    run(script("glpkg/round-trip"), &[python.to_str().unwrap(), &address, TOKEN, files.ca().to_str().unwrap()]).await;
}

#[tokio::test]
async fn ansible_publishes_and_fetches_what_it_has_not_yet() {
    let (_service, address) = service().await;
    let playbook = installed("ansible/bin/ansible-playbook");
    run(script("ansible/round-trip"), &[playbook.to_str().unwrap(), &address, TOKEN]).await;
}

#[tokio::test]
async fn dvc_pushes_and_pulls() {
    let (_service, address) = service().await;
    let dvc = installed("dvc/bin/dvc");
    run(script("dvc/round-trip"), &[dvc.to_str().unwrap(), &address, TOKEN]).await;
}

/// Modules are found beside the script that asks for them.
async fn run_in_node(client: &str) {
    let (_service, address) = service().await;
    let beside = installed(client).join("round-trip.mjs");
    std::fs::copy(script(client).join("round-trip.mjs"), &beside).unwrap();
    run(installed("node/bin/node"), &[beside.to_str().unwrap(), &address, TOKEN]).await;
}

#[tokio::test]
async fn gitbeaker_publishes_lists_and_removes() {
    run_in_node("gitbeaker").await;
}

#[tokio::test]
async fn semantic_release_publishes_its_assets_at_once_and_a_release_after_them() {
    run_in_node("semantic-release").await;
}

#[tokio::test]
async fn gitlabs_own_client_for_go_brings_packages_and_releases_up_and_down() {
    let (_service, address) = service().await;
    run(installed("client-go/round-trip"), &[&address, TOKEN]).await;
}

#[tokio::test]
async fn schemathesis_finds_no_answer_that_the_document_does_not_allow() {
    let (_service, address) = service().await;
    let schemathesis = installed("schemathesis/bin/st");
    run(script("schemathesis/fuzz"), &[schemathesis.to_str().unwrap(), &address, TOKEN]).await;
}
