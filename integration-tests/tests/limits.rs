//! What strangers can multiply is limited, and who is refused is refused early.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use consign_proto::blob::{Chunk, ReadRequest, ReadResponse, WriteRequest};
use consign_proto::metadata::PrepareDownloadsRequest;
use consign_types::Reason;
use futures::future::join_all;
use integration_tests::grpc::{Grpc, authorized, refusal};
use integration_tests::publishing::{PACKAGE, read};
use integration_tests::rest::file;
use integration_tests::{BOTH, Builder, Engine, TOKEN, TestService, wait};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::{Code, Streaming};

/// A `PUT` whose client waits for `100 Continue` before it sends its body.
async fn expect(address: SocketAddr, path: &str, headers: &str, body: &str) -> (String, bool) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let head = format!("PUT {path} HTTP/1.1\r\nhost: consign\r\nexpect: 100-continue\r\ncontent-length: {length}\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 1024];
    let read = stream.read(&mut answer).await.unwrap();
    let text = String::from_utf8_lossy(&answer[..read]).into_owned();
    let asked = text.starts_with("HTTP/1.1 100");
    if !asked {
        return (text, asked);
    }
    stream.write_all(body.as_bytes()).await.unwrap();
    let read = stream.read(&mut answer).await.unwrap();
    (String::from_utf8_lossy(&answer[..read]).into_owned(), asked)
}

#[tokio::test]
async fn a_body_is_asked_for_only_once_nothing_speaks_against_it() {
    for engine in BOTH {
        let builder = Builder::on(engine).with("--duplicates", "reject").with("--max-file-bytes", 20);
        let (service, rest) = builder.demo().await;
        let token = format!("private-token: {TOKEN}\r\n");
        let put = async |path: &str, headers: &str, body: &str| expect(service.http(), path, headers, body).await;
        let path = file("tool", "1.0", "f");

        let (answer, asked) = put(&path, &token, "hello").await;
        assert!(asked && answer.starts_with("HTTP/1.1 201"), "{answer}");
        for (path, headers, body, status) in [
            (path.clone(), String::new(), "hello", "401"),
            (path.clone(), "private-token: wrong\r\n".to_owned(), "hello", "401"),
            (file("a%20b", "1.0", "f"), token.clone(), "hello", "400"),
            (path.replace("root%2Fdemo", "7"), token.clone(), "hello", "404"),
            (path.clone(), token.clone(), "a body that is too large", "400"),
            (path.clone(), token.clone(), "another size", "400"),
            (path.clone(), format!("{token}x-checksum-sha256: {}\r\n", "0".repeat(64)), "other", "400"),
        ] {
            let (answer, asked) = put(&path, &headers, body).await;
            assert!(!asked && answer.starts_with(&format!("HTTP/1.1 {status}")), "{path} {headers} {body}: {answer}");
        }
        assert_eq!(rest.get(&path).await.text(), "hello");
    }
}

#[tokio::test]
async fn a_client_that_sends_all_before_it_listens_hears_the_refusal() {
    let (service, _) = Builder::on(Engine::Sqlite).with("--max-file-bytes", 10).demo().await;
    let body = vec![7; 4 << 20];
    for (path, status) in [(file("tool", "1.0", "f"), "400"), (file("tool", "1.0", "f").replace("demo", "nobody"), "404")] {
        let mut stream = TcpStream::connect(service.http()).await.unwrap();
        let head = format!("PUT {path} HTTP/1.1\r\nhost: consign\r\nprivate-token: {TOKEN}\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body).await.expect("the connection stays until all is sent");
        let mut answer = [0; 1024];
        let read = stream.read(&mut answer).await.expect("the answer comes");
        let text = String::from_utf8_lossy(&answer[..read]);
        assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{text}");
    }
}

#[tokio::test]
async fn transfers_wait_for_their_share_of_the_memory() {
    let (service, rest) = Builder::on(Engine::Sqlite).with("--in-flight-bytes", 8 << 20).demo().await;
    let slow = async |name: &str| {
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        let body = reqwest::Body::wrap_stream(tokio_stream::wrappers::ReceiverStream::new(receiver));
        let (rest, path) = (rest.clone(), file("tool", "1.0", name));
        let upload = tokio::spawn(async move { rest.put(&path, body).await });
        sender.send(Ok::<_, std::io::Error>(vec![7; 2 << 20])).await.unwrap();
        (sender, upload)
    };
    let mut slow_uploads = Vec::new();
    for name in ["a", "b", "c", "d"] {
        slow_uploads.push(slow(name).await);
    }
    wait::until("four uploads", async || (service.stored().spools.len() == 4).then_some(())).await;

    let next = tokio::spawn({
        let rest = rest.clone();
        async move { rest.put(&file("tool", "1.0", "next"), vec![7; 1 << 20]).await }
    });
    // Its lease is taken before it waits for its share.
    let prepared = async || (service.database().count("leases") == 5).then_some(());
    wait::until("the preparation of the fifth upload", prepared).await;
    for _ in 0..20 {
        assert_eq!(rest.get("/api/v4/projects/1").await.status, 200, "what needs no share goes on");
    }
    assert!(!next.is_finished());
    let (sender, upload) = slow_uploads.remove(0);
    drop(sender);
    assert_eq!(upload.await.unwrap().status, 201);
    assert_eq!(next.await.unwrap().status, 201);
}

/// The messages of a download, none of which is taken yet. The connection on which they come has no room for anything else soon.
async fn open_download(grpc: &Grpc, connection: &Grpc) -> Streaming<ReadResponse> {
    let request =
        PrepareDownloadsRequest { parent: format!("{PACKAGE}/versions/1.0"), paths: vec!["large".to_owned()], ..Default::default() };
    let prepared = grpc.files().prepare_downloads(authorized(request)).await.unwrap().into_inner();
    let ticket = prepared.plans.into_iter().next().unwrap().ticket.unwrap().token;
    connection.blobs().read(ReadRequest { ticket, ..ReadRequest::default() }).await.unwrap().into_inner()
}

#[tokio::test]
async fn downloads_that_nobody_takes_give_way_to_others() {
    let (service, rest) = Builder::on(Engine::Sqlite).with("--in-flight-bytes", 8 << 20).demo().await;
    let content = vec![7; 9 << 20];
    assert_eq!(rest.put(&file("tool", "1.0", "large"), content.clone()).await.status, 201);
    let (deaf, other) = (Grpc::to(service.grpc()), Grpc::to(service.grpc()));
    let mut untaken = Vec::new();
    // Together they have all memory that there is for transfers.
    for _ in 0..12 {
        untaken.push(open_download(&other, &deaf).await);
    }

    assert!(read(&other, "1.0", "large", 0, 0).await.unwrap() == content);

    // At once: what one has not taken keeps room on the connection from the others.
    let ends = join_all(untaken.into_iter().map(|mut messages| async move {
        loop {
            match messages.message().await {
                Ok(Some(_)) => {}
                end => return end,
            }
        }
    }));
    let ends = tokio::time::timeout(Duration::from_mins(1), ends).await.unwrap();
    let refusals: Vec<_> = ends.iter().filter_map(|end| refusal(end.as_ref().err()?).1).collect();
    assert!(!refusals.is_empty() && refusals.iter().all(|reason| *reason == Reason::Overloaded), "{refusals:?}");
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_without_being_read() {
    let service = TestService::start(Engine::Sqlite).await;
    let chunk = Some(Chunk { data: Bytes::from(vec![0; 600 << 10]), crc32c: None });
    let messages = tokio_stream::once(WriteRequest { chunk, ..WriteRequest::default() });

    let status = Grpc::to(service.grpc()).blobs().write(messages).await.unwrap_err();

    let (code, reason, _) = refusal(&status);
    assert_eq!((code, reason), (Code::InvalidArgument, Some(Reason::ArgumentInvalid)), "{status}");
}

#[tokio::test]
async fn a_database_that_drops_all_connections_is_used_again_at_once() {
    let (service, rest) = Builder::on(Engine::Postgres).demo().await;
    for round in 0..5 {
        // Waits for up to five seconds for each of them to be gone.
        service.database().execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity \
             where datname = current_database() and pid <> pg_backend_pid()",
        );
        let path = file("tool", "1.0", &format!("f{round}"));
        assert_eq!(rest.put(&path, "hello").await.status, 201);
        assert_eq!(rest.get(&path).await.text(), "hello");
    }
}
