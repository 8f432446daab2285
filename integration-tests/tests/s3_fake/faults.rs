//! The faults of the S3 server of the tests, as a client sees them.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::TryStreamExt as _;
use integration_tests::rest;
use integration_tests::s3::{ACCESS_KEY, FakeS3, Fault, Faults, Operation, client};
use object_store::aws::AmazonS3;
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::path::Path;
use object_store::{BackoffConfig, Error, ObjectStore as _, ObjectStoreExt as _, PutMode, RetryConfig};

const BYTES: Bytes = Bytes::from_static(b"0123456789");

fn key() -> Path {
    Path::from("some/key")
}

/// A client that tries so often again, without waiting for long.
fn store(server: &FakeS3, max_retries: usize) -> AmazonS3 {
    let backoff = BackoffConfig { init_backoff: Duration::from_millis(1), max_backoff: Duration::from_millis(5), base: 2.0 };
    client(&server.endpoint()).with_retry(RetryConfig { backoff, max_retries, ..RetryConfig::default() }).build().unwrap()
}

async fn with(operation: Operation, fault: Fault) -> (FakeS3, AmazonS3) {
    let server = FakeS3::start().await;
    server.faults(Faults::none().once(operation, fault));
    let store = store(&server, 0);
    (server, store)
}

fn is_dealt(server: &FakeS3, operation: Operation, fault: Fault) {
    assert_eq!(server.dealt(), [((operation, fault), 1)].into());
}

#[tokio::test]
async fn a_put_that_is_refused_stores_nothing() {
    for (fault, told) in [
        (Fault::Internal, "500"),
        (Fault::SlowDown, "<Code>SlowDown</Code>"),
        (Fault::TooManyRequests, "429"),
        (Fault::ExpiredToken, "<Code>ExpiredToken</Code>"),
        (Fault::Conflict, "409"),
        (Fault::Cut, "HTTP error"),
    ] {
        let (server, store) = with(Operation::Put, fault).await;
        let error = store.put(&key(), BYTES.into()).await.unwrap_err();
        assert!(error.to_string().contains(told), "{fault:?}: {error}");
        assert_eq!(server.objects(), [], "{fault:?}");
        is_dealt(&server, Operation::Put, fault);
        store.put(&key(), BYTES.into()).await.unwrap();
        assert_eq!(server.objects(), [(key().to_string(), BYTES)], "{fault:?}");
        assert_eq!(server.requests(), [(Operation::Put, 2)].into());
    }
}

#[tokio::test]
async fn a_put_may_be_done_though_nobody_says_so() {
    for fault in [Fault::AnswerLost, Fault::Precondition] {
        let (server, store) = with(Operation::Put, fault).await;
        store.put_opts(&key(), BYTES.into(), PutMode::Create.into()).await.unwrap_err();
        assert_eq!(server.objects(), [(key().to_string(), BYTES)], "{fault:?}");
        is_dealt(&server, Operation::Put, fault);
    }
}

#[tokio::test]
async fn who_is_too_fast_is_told_for_how_long_to_wait() {
    let (server, _) = with(Operation::Get, Fault::TooManyRequests).await;
    let request = rest::client().get(format!("{}/{}/key", server.endpoint(), server.bucket()));
    let answer = request.header("authorization", format!("AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/x")).send().await.unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "1");
}

#[tokio::test]
async fn a_body_breaks_off_in_the_middle() {
    let (server, store) = with(Operation::Get, Fault::BodyCut).await;
    server.put(key().as_ref(), BYTES);
    let got = store.get(&key()).await.unwrap();
    assert_eq!(got.meta.size, 10, "the headers promise all of it");
    let (mut stream, mut read) = (got.into_stream(), Vec::new());
    let error = loop {
        match stream.try_next().await {
            Ok(chunk) => read.extend_from_slice(&chunk.expect("the body does not end well")),
            Err(error) => break error,
        }
    };
    assert_eq!(read, b"01234", "{error}");
}

#[tokio::test]
async fn a_delay_only_delays() {
    let delay = Duration::from_millis(60);
    let (server, store) = with(Operation::Head, Fault::Delay(delay)).await;
    server.put(key().as_ref(), BYTES);
    let started = Instant::now();
    store.head(&key()).await.unwrap();
    assert!(started.elapsed() >= delay);
}

#[tokio::test]
async fn a_copy_may_fail_with_200() {
    let (server, store) = with(Operation::Copy, Fault::ErrorBody).await;
    server.put(key().as_ref(), BYTES);
    let error = store.copy(&key(), &Path::from("copy")).await.unwrap_err();
    assert!(error.to_string().contains("InternalError"), "{error}");
    assert_eq!(server.objects().len(), 1);
}

async fn uploaded(store: &AmazonS3) -> (String, PartId) {
    let id = store.create_multipart(&key()).await.unwrap();
    let part = store.put_part(&key(), &id, 0, BYTES.into()).await.unwrap();
    (id, part)
}

#[tokio::test]
async fn a_completion_that_is_refused_can_be_tried_again() {
    for fault in [Fault::Internal, Fault::ErrorBody, Fault::Conflict, Fault::Cut] {
        let (server, store) = with(Operation::Complete, fault).await;
        let (id, part) = uploaded(&store).await;
        store.complete_multipart(&key(), &id, vec![part.clone()]).await.unwrap_err();
        assert_eq!((server.objects(), server.uploads()), (vec![], 1), "{fault:?}");
        is_dealt(&server, Operation::Complete, fault);
        store.complete_multipart(&key(), &id, vec![part]).await.unwrap();
        assert_eq!((server.objects(), server.uploads()), (vec![(key().to_string(), BYTES)], 0), "{fault:?}");
    }
}

#[tokio::test]
async fn a_completion_whose_answer_is_lost_cannot_be_tried_again() {
    let (server, store) = with(Operation::Complete, Fault::AnswerLost).await;
    let (id, part) = uploaded(&store).await;
    store.complete_multipart(&key(), &id, vec![part.clone()]).await.unwrap_err();
    assert_eq!((server.objects(), server.uploads()), (vec![(key().to_string(), BYTES)], 0));
    let error = store.complete_multipart(&key(), &id, vec![part]).await.unwrap_err();
    assert!(error.to_string().contains("NoSuchUpload"), "{error}");
}

#[tokio::test]
async fn a_rival_completes_first() {
    let (server, store) = with(Operation::Complete, Fault::Precondition).await;
    server.put(key().as_ref(), BYTES);
    let error = store.copy_if_not_exists(&key(), &Path::from("copy")).await.unwrap_err();
    assert!(matches!(error, Error::AlreadyExists { .. }), "{error}");
    assert_eq!(server.objects().len(), 2);
    assert_eq!(server.requests()[&Operation::Abort], 1, "the client found its upload open");
}

#[tokio::test]
async fn a_part_with_a_wrong_tag_can_be_sent_again() {
    let (server, store) = with(Operation::Part, Fault::WrongTag).await;
    let (id, wrong) = uploaded(&store).await;
    let error = store.complete_multipart(&key(), &id, vec![wrong]).await.unwrap_err();
    assert!(error.to_string().contains("<Code>InvalidPart</Code>"), "{error}");
    let part = store.put_part(&key(), &id, 0, BYTES.into()).await.unwrap();
    store.complete_multipart(&key(), &id, vec![part]).await.unwrap();
    assert_eq!(server.objects(), [(key().to_string(), BYTES)]);
}

/// Tries until it works: what a caller above the client has to do.
async fn persist<T>(mut attempt: impl AsyncFnMut() -> Result<T, Error>) -> T {
    const ENOUGH: usize = 50;

    for _ in 0..ENOUGH {
        if let Ok(done) = attempt().await {
            return done;
        }
    }
    panic!("chaos has to end: {ENOUGH} attempts failed");
}

#[tokio::test]
async fn chaos_can_be_borne_and_is_told() {
    let server = FakeS3::start().await;
    server.faults(Faults::chaos(3, 30));
    let store = store(&server, 2);
    let names: Vec<_> = (0..60).map(|number| format!("chaos/{number:02}")).collect();
    for name in &names {
        let (key, bytes) = (Path::from(name.as_str()), Bytes::from(name.clone()));
        persist(async || store.put(&key, bytes.clone().into()).await).await;
        assert_eq!(persist(async || store.get(&key).await?.bytes().await).await, bytes);
    }
    let listed = persist(async || store.list(None).map_ok(|meta| meta.location.to_string()).try_collect::<Vec<_>>().await).await;
    assert_eq!(listed, names);

    let (dealt, requests) = (server.dealt(), server.requests());
    let kinds = |operation| dealt.keys().filter(|(befallen, _)| *befallen == operation).count();
    assert!(kinds(Operation::Put) >= 5 && kinds(Operation::Get) >= 5, "{dealt:?}");
    assert!(requests[&Operation::Put] > names.len() && requests[&Operation::Get] > names.len(), "{requests:?}");
    server.faults(Faults::none());
    let objects: Vec<_> = names.iter().map(|name| (name.clone(), Bytes::from(name.clone()))).collect();
    assert_eq!(server.objects(), objects);
}
