//! The Rust client over connections that break: a transfer goes on where it was, and the bytes are the same.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use consign_client::transport::connect;
use consign_client::{Client, Error, Lasting, Publish, Tls, Transfers};
use consign_types::Digest;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use integration_tests::publishing::PACKAGE;
use integration_tests::service::Stored;
use integration_tests::{Builder, TOKEN, TestService};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy, split};
use tokio::net::{TcpListener, TcpStream};

const MIB: usize = 1 << 20;

fn content(bytes: usize) -> Bytes {
    (0..u64::try_from(bytes).unwrap()).map(|n| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56).to_le_bytes()[0]).collect()
}

/// A way to a service on which the first connections break after so many bytes, in whichever direction.
async fn breaking(service: SocketAddr, connections: usize, bytes: u64) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, count) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        loop {
            let (near, _) = listener.accept().await.unwrap();
            let breaks = counted.fetch_add(1, Ordering::Relaxed) < connections;
            tokio::spawn(async move {
                let far = TcpStream::connect(service).await.unwrap();
                let ((near_in, mut near_out), (far_in, mut far_out)) = (split(near), split(far));
                let limit = if breaks { bytes } else { u64::MAX };
                let (mut there, mut back) = (near_in.take(limit), far_in.take(limit));
                tokio::select! {
                    _ = copy(&mut there, &mut far_out) => {}
                    _ = copy(&mut back, &mut near_out) => {}
                }
                let _ = (far_out.shutdown().await, near_out.shutdown().await);
            });
        }
    });
    (address, count)
}

/// A client that reaches the blob plane by that way.
fn client(service: &TestService, blobs: SocketAddr) -> Client {
    let metadata = connect(&format!("http://{}", service.grpc()), &Tls::default()).unwrap();
    Client::new(metadata, Transfers::Remote(connect(&format!("http://{blobs}"), &Tls::default()).unwrap())).with_token(TOKEN)
}

fn publish(content: &Bytes) -> Publish {
    Publish {
        version: format!("{PACKAGE}/versions/1.0").parse().unwrap(),
        path: "f".parse().unwrap(),
        digest: Some(Digest::of(content)),
        size: Some(i64::try_from(content.len()).unwrap()),
        always_send: false,
        media_type: String::new(),
        hidden: None,
        keep_identical: false,
    }
}

fn chunks(content: &Bytes, offset: i64) -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> + Send + use<> {
    let rest = content.slice(usize::try_from(offset).unwrap()..);
    stream::iter(consign_proto::chunks(rest, 100_000)).map(Ok)
}

#[tokio::test]
async fn a_transfer_that_breaks_goes_on_where_it_was() {
    let (service, _) = Builder::by_default().demo().await;
    let content = content(200 * MIB);
    let (blobs, connections) = breaking(service.grpc(), 2, 90 * MIB as u64).await;
    let client = client(&service, blobs);
    let (opened, again) = (Arc::new(AtomicUsize::new(0)), content.clone());
    let sent = Arc::clone(&opened);

    let body = move |offset: i64| {
        sent.fetch_add(usize::try_from(offset).unwrap(), Ordering::Relaxed);
        chunks(&again, offset)
    };
    client.publish_file(&publish(&content), &mut Lasting(body)).await.unwrap();

    assert_eq!(connections.load(Ordering::Relaxed), 3);
    assert!(opened.load(Ordering::Relaxed) > 120 * MIB, "each time it went on behind what was durable");

    let (blobs, connections) = breaking(service.grpc(), 2, 90 * MIB as u64).await;
    let client = self::client(&service, blobs);
    let download = client.prepare_download(&publish(&content).version, &"f".parse().unwrap()).await.unwrap();
    let read = client.read(&download, 5, 0).await.unwrap().try_fold(Vec::new(), |mut all, bytes| {
        all.extend_from_slice(&bytes);
        std::future::ready(Ok(all))
    });
    assert!(read.await.unwrap() == content[5..]);
    assert_eq!(connections.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_body_that_is_read_once_is_refused_where_it_breaks_and_leaves_nothing() {
    let (service, _) = Builder::by_default().demo().await;
    let content = content(20 * MIB);
    let (blobs, _) = breaking(service.grpc(), 1, 10 * MIB as u64).await;

    let refused = client(&service, blobs).publish_file(&publish(&content), &mut Some(chunks(&content, 0))).await;

    assert!(matches!(refused, Err(Error::Transport(_))), "{refused:?}");
    integration_tests::wait::until("what has come to be dropped", async || (service.stored() == Stored::default()).then_some(())).await;
}

#[tokio::test]
async fn a_plane_that_never_comes_back_ends_a_transfer() {
    let (service, _) = Builder::by_default().demo().await;
    let content = content(MIB);
    let (blobs, connections) = breaking(service.grpc(), usize::MAX, 100_000).await;

    let refused = client(&service, blobs).publish_file(&publish(&content), &mut Lasting(|offset| chunks(&content, offset))).await;

    assert!(matches!(refused, Err(Error::Transport(_))), "{refused:?}");
    assert!((5..20).contains(&connections.load(Ordering::Relaxed)), "{connections:?}");
}
