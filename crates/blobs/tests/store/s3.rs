//! S3: a server in this process, and a real one.

use std::any::Any;
use std::fs;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use consign_blobs::{S3, S3Config, Share, Store};
use consign_types::{CopyName, Digest};
use futures::TryStreamExt as _;
use integration_tests::s3::{ACCESS_KEY, BUCKET, FakeS3, Faults, SECRET_KEY, Seaweed, client};
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{ObjectStore as _, ObjectStoreExt as _};
use tempfile::TempDir;

use crate::fixture::{Fixture, NOW, begin, blobs, bytes, declared, pattern, read, upload};

/// What all keys of the tests begin with.
const PREFIX: &str = "some/where";

pub(crate) struct S3Fixture {
    endpoint: String,
    bucket: String,
    direct: AmazonS3,
    credentials: TempDir,
    _server: Box<dyn Any + Send + Sync>,
}

impl S3Fixture {
    fn new(endpoint: String, bucket: &str, server: impl Any + Send + Sync) -> Self {
        let credentials = tempfile::tempdir().unwrap();
        let text = format!("[tests]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n");
        fs::write(credentials.path().join("credentials"), text).unwrap();
        let direct = client(&endpoint).build().unwrap();
        Self { endpoint, bucket: bucket.to_owned(), direct, credentials, _server: Box::new(server) }
    }

    async fn fake() -> Self {
        let server = FakeS3::start().await;
        Self::new(server.endpoint(), BUCKET, server)
    }

    async fn seaweed() -> Self {
        let server = Seaweed::start().await;
        Self::new(server.endpoint(), BUCKET, server)
    }

    fn store(&self) -> S3 {
        let config = S3Config {
            bucket: self.bucket.clone(),
            prefix: PREFIX.to_owned(),
            endpoint: Some(self.endpoint.clone()),
            region: Some("us-east-1".to_owned()),
            credentials_file: Some(self.credentials.path().join("credentials")),
            profile: "tests".to_owned(),
        };
        S3::open(config).unwrap()
    }
}

fn key(name: CopyName) -> Path {
    Path::from(format!("{PREFIX}/blobs/{}.{:020}", name.digest, name.generation))
}

#[async_trait]
impl Fixture for S3Fixture {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.store())
    }

    async fn damage(&self, name: CopyName, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => drop(self.direct.put(&key(name), Bytes::copy_from_slice(bytes).into()).await.unwrap()),
            None => self.direct.delete(&key(name)).await.unwrap(),
        }
    }

    async fn leftovers(&self) -> Vec<String> {
        let objects: Vec<_> = self.direct.list(None).try_collect().await.unwrap();
        let keys = objects.into_iter().map(|object| object.location.to_string());
        keys.filter(|key| !key.starts_with(&format!("{PREFIX}/blobs/")) && !key.contains("/quarantine/")).collect()
    }
}

mod in_process {
    use super::*;

    crate::run_battery!(S3Fixture::fake());
}

mod seaweed {
    use super::*;

    crate::run_battery!(S3Fixture::seaweed());
}

#[tokio::test]
async fn nothing_that_was_acknowledged_is_lost_by_a_server_that_fails_in_every_way() {
    let server = Arc::new(FakeS3::start().await);
    let fixture = S3Fixture::new(server.endpoint(), server.bucket(), Arc::clone(&server));
    let blobs = blobs(&fixture).await;
    server.faults(Faults::chaos(7, 10));
    let (mut stored, mut refused) = (Vec::new(), 0);
    for number in 1..=integration_tests::load::chaos() {
        let content = pattern(if number % 10 == 0 { 9_000_000 + number } else { 1000 + number });
        let ticket = declared(i64::try_from(number).unwrap(), &content);
        // As a client does: it tries again, and again.
        let mut receipt = None;
        for _ in 0..5 {
            receipt = upload(&blobs, ticket.clone(), &[&content]).await.ok();
            if receipt.is_some() {
                break;
            }
        }
        match receipt {
            Some(receipt) => stored.push((receipt, content)),
            None => refused += 1,
        }
    }
    assert!(!server.dealt().is_empty());
    server.faults(Faults::none());
    for (receipt, content) in &stored {
        assert_eq!(receipt.digest, Digest::of(content));
        assert!(read(&blobs, receipt, 0, None).await.unwrap() == *content, "{receipt:?}");
    }
    assert!(refused * 100 <= stored.len(), "{refused} of {} were refused", stored.len());
    let later = consign_blobs::Blobs::over(fixture.open().await, || NOW);
    later.expire_uploads().await.unwrap();
    assert_eq!((server.uploads(), fixture.leftovers().await), (0, Vec::<String>::new()), "no part is left behind");
}

#[tokio::test]
async fn bytes_are_invisible_until_their_digest_was_found_right() {
    let server = Arc::new(FakeS3::start().await);
    let fixture = S3Fixture::new(server.endpoint(), server.bucket(), Arc::clone(&server));
    let (blobs, content) = (blobs(&fixture).await, pattern(20 << 20));
    let is_visible = || server.objects().iter().any(|(key, _)| key.contains("/blobs/"));
    let mut stream = begin(&blobs, declared(1, &content), 0, Share::Rest).await.unwrap();
    stream.write(0, bytes(&content[..19 << 20])).await.unwrap();
    assert!(!is_visible());
    let mut wrong = content[19 << 20..].to_vec();
    wrong[5] ^= 1;
    stream.write(19 << 20, bytes(&wrong)).await.unwrap();
    assert!(stream.finish().await.is_err());
    assert!(!is_visible());
    assert_eq!(server.uploads(), 0, "what is of no use is dropped at once");
}

#[tokio::test]
async fn an_upload_goes_on_over_another_replica_while_the_first_still_lives() {
    let fixture = S3Fixture::fake().await;
    let (one, two) = (blobs(&fixture).await, blobs(&fixture).await);
    let content = pattern(90 << 20);
    let ticket = declared(1, &content);
    let mut first = begin(&one, ticket.clone(), 0, Share::Rest).await.unwrap();
    first.write(0, bytes(&content[..80 << 20])).await.unwrap();
    let committed = async || Some(two.query_upload(&ticket).await.unwrap().committed).filter(|committed| *committed > 0);
    let committed = integration_tests::wait::until("durable bytes", committed).await;

    let mut second = begin(&two, ticket.clone(), committed, Share::Rest).await.unwrap();
    second.write(committed, bytes(&content[usize::try_from(committed).unwrap()..])).await.unwrap();
    let receipt = second.finish().await.unwrap();

    let late = async {
        first.write(80 << 20, bytes(&content[80 << 20..])).await?;
        first.finish().await
    };
    if let Ok(late) = late.await {
        assert_eq!(late.digest, receipt.digest, "the bytes are those that were declared, whoever brought them");
    }
    assert!(read(&two, &receipt, 0, None).await.unwrap() == content);
}
