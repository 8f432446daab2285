//! Clients that know nothing of Consign but its protocol.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

use integration_tests::{Engine, TOKEN, TestService};
use tokio::process::Command;

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "`make test` says where it installed the client")]
async fn buf_curl_publishes_and_fetches_by_reflection_alone() {
    let buf = std::env::var("CONSIGN_TEST_BUF").expect("CONSIGN_TEST_BUF names the buf binary: run tests by `make test`");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/buf/round-trip");
    let service = TestService::start(Engine::Sqlite).await;

    let output = Command::new(script).args([&buf, &service.grpc().to_string(), TOKEN]).output().await.unwrap();

    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
