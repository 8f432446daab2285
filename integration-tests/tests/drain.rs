//! A graceful stop: what has begun finishes, what is new is turned away.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use integration_tests::rest::{Rest, file};
use integration_tests::{Builder, Engine, wait};
use tokio::net::TcpStream;

#[tokio::test]
async fn an_upload_that_has_begun_is_acknowledged_and_new_connections_are_refused() {
    let (mut service, rest) = Builder::on(Engine::Sqlite).demo().await;
    let address = service.http();
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let body = reqwest::Body::wrap_stream(tokio_stream::wrappers::ReceiverStream::new(receiver));
    let upload = tokio::spawn({
        let rest = rest.clone();
        async move { rest.put(&file("tool", "1.0", "f"), body).await }
    });
    sender.send(Ok::<_, std::io::Error>(vec![7; 2 << 20])).await.unwrap();
    wait::until("the start of the upload", async || (!service.stored().spools.is_empty()).then_some(())).await;

    let stop = tokio::spawn(async move {
        service.shut_down().await;
        service
    });
    wait::until("the end of accepting", async || TcpStream::connect(address).await.is_err().then_some(())).await;
    assert!(!stop.is_finished(), "the service waits for the upload");
    sender.send(Ok(vec![8; 1 << 20])).await.unwrap();
    drop(sender);

    assert_eq!(upload.await.unwrap().status, 201);
    let mut service = tokio::time::timeout(Duration::from_secs(20), stop).await.expect("nothing is left to wait for").unwrap();
    service.start_again().await;
    assert_eq!(Rest::to(service.http()).get(&file("tool", "1.0", "f")).await.body.len(), 3 << 20);
}
