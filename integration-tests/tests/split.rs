//! The roles as processes of their own, as on Kubernetes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use consign_types::signature::SigningKeys;
use integration_tests::rest::file;
use integration_tests::service::Stored;
use integration_tests::{Builder, Engine, TestService, wait};

#[tokio::test]
async fn three_roles_that_share_a_key_do_what_one_process_does() {
    let keys = tempfile::tempdir().unwrap();
    let key_file = keys.path().join("keys");
    let metadata = Builder::on(Engine::Postgres).role("metadata").with("--key-file", key_file.display()).start().await;
    let blob = Builder::by_default().role("blob").with("--key-file", key_file.display()).start().await;
    let (_gateway, rest) = Builder::gateway(&metadata, &blob).demo().await;
    let path = file("tool", "1.0", "f");
    let body: Vec<u8> = (0..5_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();

    assert_eq!(rest.put(&path, body.clone()).await.status, 201);
    assert!(rest.get(&path).await.body == body);
    assert_eq!(rest.get(&file("tool", "1.0", "g")).await.text(), r#"{"message":"404 Not found"}"#);

    wait::until("readiness", async || (rest.get("/readyz").await.status == 200).then_some(())).await;

    metadata.stop().await;
    let answer = rest.get(&path).await;
    assert_eq!((answer.status, answer.text()), (503, r#"{"message":"503 Service Unavailable"}"#));
    assert_eq!(answer.header("retry-after"), "1");
    wait::until("the news that a plane is lost", async || (rest.get("/readyz").await.status == 503).then_some(())).await;
}

#[tokio::test]
async fn planes_with_different_keys_do_not_believe_each_other() {
    let metadata = TestService::start(Engine::Sqlite).await;
    let blob = Builder::by_default().role("blob").start().await;
    let (_gateway, rest) = Builder::gateway(&metadata, &blob).demo().await;

    assert_eq!(rest.put(&file("tool", "1.0", "f"), "hello").await.status, 500);
    assert_eq!(blob.stored(), Stored::default());
}

#[tokio::test]
async fn a_metadata_plane_with_another_signing_key_does_not_start() {
    let (service, _rest) = Builder::by_default().demo().await;
    let file = service.directory().join("data/signing-keys.pem");
    let given = std::fs::read_to_string(&file).unwrap();
    let mut service = service;
    service.shut_down().await;
    let metadata = |keys: String| {
        std::fs::write(&file, keys).unwrap();
        consign_server::start(service.settings())
    };
    let other = SigningKeys::generate();
    std::fs::remove_file(&file).unwrap();
    let refused = consign_server::start(service.settings()).await.unwrap_err().to_string();
    assert!(refused.contains("is missing") && !file.exists(), "{refused}");
    let refused = metadata(other.to_text()).await.unwrap_err().to_string();
    assert!(refused.contains("lacks `consign+"), "{refused}");
    // The public half of the one before is enough to go on with another one.
    let public = given.parse::<SigningKeys>().unwrap().public_keys().remove(0);
    metadata(format!("{}{public}\n", other.to_text())).await.unwrap().stop().await;
    let refused = metadata(given).await.unwrap_err().to_string();
    assert!(refused.contains(&other.public_keys()[0].to_string()), "{refused}");
}
