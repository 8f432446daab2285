//! The service over a bucket.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;

use consign_types::Reason;
use integration_tests::grpc::Grpc;
use integration_tests::publishing::{message, prepare, refused, ticket, upload_file, write};
use integration_tests::rest::file;
use integration_tests::s3::{ACCESS_KEY, BUCKET, FakeS3, SECRET_KEY};
use integration_tests::service::Stored;
use integration_tests::{BOTH, Builder, Engine};
use tempfile::TempDir;
use tonic::Code;

fn over(engine: Engine, endpoint: &str, directory: &TempDir) -> Builder {
    let credentials = directory.path().join("credentials");
    fs::write(&credentials, format!("[default]\naws_access_key_id={ACCESS_KEY}\naws_secret_access_key={SECRET_KEY}\n")).unwrap();
    Builder::on(engine)
        .with("--blob-store", format!("s3://{BUCKET}/consign"))
        .with("--s3-endpoint", endpoint)
        .with("--s3-credentials-file", credentials.display())
}

#[tokio::test]
async fn files_are_published_to_a_bucket_and_fetched_from_it() {
    for engine in BOTH {
        let (server, directory) = (FakeS3::start().await, tempfile::tempdir().unwrap());
        let (service, rest) = over(engine, &server.endpoint(), &directory).demo().await;
        for (name, body) in [("small", vec![1; 1000]), ("large", vec![2; 20 << 20])] {
            assert_eq!(rest.put(&file("tool", "1.0", name), body.clone()).await.status, 201);
            assert!(rest.get(&file("tool", "1.0", name)).await.body == body);
        }
        assert_eq!(server.objects().iter().filter(|(key, _)| key.starts_with("consign/blobs/")).count(), 2);
        assert_eq!(service.stored(), Stored::default(), "nothing is kept on the disk");
    }
}

#[tokio::test]
async fn a_bucket_that_is_out_of_reach_is_told_and_may_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let (service, rest) = over(Engine::Sqlite, "http://127.0.0.1:1", &directory).demo().await;
    assert_eq!(rest.put(&file("tool", "1.0", "f"), "hello").await.status, 503);

    let grpc = Grpc::to(service.grpc());
    let ticket = ticket(prepare(&grpc, "1.0", vec![upload_file("a", b"hello")]).await.unwrap().remove(0));
    let refusal = refused(write(&grpc, vec![message(&ticket, 0, b"hello", true)]).await);
    assert_eq!(refusal, (Code::Unavailable, Some(Reason::BlobPlaneUnavailable)));
}
