//! The S3 server of the tests, told by the same story as a real one: what the fake does, SeaweedFS does too.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod faults;
mod lists;
mod objects;
mod parts;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::Method;
use integration_tests::rest;
use integration_tests::s3::{ACCESS_KEY, BUCKET, FakeS3, SECRET_KEY, Seaweed, client};
use object_store::aws::{AmazonS3, AwsAuthorizer, AwsCredential};
use object_store::client::{HttpRequest, HttpRequestBody};
use object_store::path::Path;
use object_store::{Error, ObjectStore as _, ObjectStoreExt as _, RetryConfig};

#[tokio::test]
async fn the_fake_tells_the_story() {
    let server = FakeS3::start().await;
    story(&server.endpoint()).await;
    assert_eq!(server.uploads(), 0);
    assert_eq!(server.objects(), []);
}

#[tokio::test]
async fn seaweedfs_tells_the_story() {
    let server = Seaweed::start().await;
    story(&server.endpoint()).await;
}

#[tokio::test]
async fn strangers_are_refused() {
    let server = FakeS3::start().await;
    let url = format!("{}/{}/key", server.endpoint(), server.bucket());
    let answer = rest::client().get(&url).send().await.unwrap();
    assert_eq!(answer.status(), 403);
    assert!(answer.text().await.unwrap().contains("<Code>AccessDenied</Code>"));
    let stranger = client(&server.endpoint()).with_access_key_id("stranger").with_secret_access_key(SECRET_KEY).build().unwrap();
    let error = stranger.head(&Path::from("key")).await.unwrap_err();
    assert!(matches!(error, Error::PermissionDenied { .. }), "{error}");
    assert!(server.requests().is_empty());
}

/// A client that does not try again: a story has no accidents.
fn store(endpoint: &str) -> AmazonS3 {
    client(endpoint).with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() }).build().unwrap()
}

/// Every chapter leaves the bucket as empty as it was.
async fn story(endpoint: &str) {
    let store = &store(endpoint);
    objects::round_trips(store).await;
    objects::single_deletes(endpoint).await;
    objects::bare_answers(endpoint).await;
    objects::conditions(store).await;
    objects::ranges(store).await;
    objects::copies(store).await;
    lists::many(store).await;
    parts::whole(store).await;
    parts::refused(store).await;
    parts::open_uploads(store, endpoint).await;
    assert_eq!(keys(store, "").await, [] as [&str; 0]);
}

async fn keys(store: &AmazonS3, prefix: &str) -> Vec<String> {
    let prefix = Path::from(prefix);
    let metas: Vec<_> = store.list(Some(&prefix)).try_collect().await.unwrap();
    metas.into_iter().map(|meta| meta.location.to_string()).collect()
}

async fn delete(store: &AmazonS3, keys: Vec<Path>) {
    let deleted = store.delete_stream(stream::iter(keys.clone()).map(Ok).boxed());
    assert_eq!(deleted.try_collect::<Vec<_>>().await.unwrap(), keys);
}

/// A request past the client, signed as its own are. What follows the bucket has to be in the form of a URL.
async fn signed(endpoint: &str, method: Method, rest_of_url: &str, range: Option<&str>) -> reqwest::Response {
    let mut request = HttpRequest::new(HttpRequestBody::empty());
    *request.method_mut() = method.clone();
    *request.uri_mut() = format!("{endpoint}/{BUCKET}{rest_of_url}").parse().unwrap();
    let credential = AwsCredential { key_id: ACCESS_KEY.to_owned(), secret_key: SECRET_KEY.to_owned(), token: None };
    AwsAuthorizer::new(&credential, "s3", "us-east-1").try_authorize(&mut request, None).unwrap();
    let mut bare = rest::client().request(method, request.uri().to_string()).headers(request.headers().clone());
    if let Some(range) = range {
        bare = bare.header("range", range);
    }
    bare.send().await.unwrap()
}
