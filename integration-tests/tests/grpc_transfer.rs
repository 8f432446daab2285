//! Bringing and reading bytes over gRPC.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use bytes::Bytes;
use consign_proto::blob::{ReadRequest, WriteRequest};
use consign_proto::metadata::upload_plan::Action;
use consign_proto::metadata::{
    CreateProjectRequest, PrepareDownloadsRequest, PrepareUploadsRequest, PublishFile, PublishVersionRequest, UploadFile,
};
use consign_types::Reason;
use integration_tests::grpc::authorized;
use integration_tests::publishing::{
    PACKAGE, files, message, prepare, publish, publish_request, read, refused, ticket, upload_file, write,
};
use integration_tests::service::Stored;
use integration_tests::{BOTH, Builder, Engine};
use tonic::Code;
use tower::ServiceExt as _;

#[tokio::test]
async fn bytes_that_the_project_has_need_not_be_sent_and_those_of_another_project_must_be() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let set = files(&grpc, "1.0", &[("a", b"one")]).await;
        publish(&grpc, publish_request("1.0", set)).await.unwrap();
        let again = UploadFile { always_send: true, ..upload_file("z", b"one") };
        let plans = prepare(&grpc, "2.0", vec![upload_file("x", b"one"), upload_file("y", b"two"), again]).await.unwrap();
        assert!(matches!(plans[..], [Action::Receipt(_), Action::Ticket(_), Action::Ticket(_)]));
        let Action::Receipt(receipt) = plans[0].clone() else { unreachable!() };

        let other = CreateProjectRequest { project_id: "other".to_owned(), ..CreateProjectRequest::default() };
        grpc.projects().create_project(authorized(other)).await.unwrap();
        let request = PrepareUploadsRequest {
            parent: "projects/2/packages/tool/versions/1.0".to_owned(),
            files: vec![upload_file("x", b"one")],
            request_id: String::new(),
            known_only: false,
        };
        let plans = grpc.files().prepare_uploads(authorized(request)).await.unwrap().into_inner().plans;
        assert!(matches!(plans[0].action, Some(Action::Ticket(_))), "knowing a digest proves nothing");
        let file = PublishFile { path: "x".to_owned(), receipt, ..PublishFile::default() };
        let stolen = PublishVersionRequest { parent: "projects/2/packages/tool".to_owned(), ..publish_request("1.0", vec![file]) };
        assert_eq!(refused(publish(&grpc, stolen).await), (Code::InvalidArgument, Some(Reason::ReceiptInvalid)));
    }
}

#[tokio::test]
async fn an_upload_is_refused_for_each_thing_that_can_be_wrong_with_it() {
    let (service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    let good = || async { ticket(prepare(&grpc, "1.0", vec![upload_file("a", b"hello")]).await.unwrap().remove(0)) };
    let mut damaged = message(&good().await, 0, b"hello", true);
    damaged.chunk.as_mut().unwrap().crc32c = Some(7);
    let other = WriteRequest { upload_id: "77".to_owned(), ..message(&good().await, 0, b"hello", true) };
    let forged = WriteRequest { ticket: Bytes::from_static(b"forged"), ..message(&good().await, 0, b"hello", true) };
    let large: &'static [u8] = vec![7; (256 << 10) + 1].leak();
    let free = UploadFile { path: "a".to_owned(), size_bytes: None, ..UploadFile::default() };
    let free = ticket(prepare(&grpc, "1.0", vec![free]).await.unwrap().remove(0));

    for (messages, code, reason) in [
        (vec![message(&good().await, 0, b"hullo", true)], Code::InvalidArgument, Reason::DigestMismatch),
        (vec![message(&good().await, 0, b"hell", true)], Code::InvalidArgument, Reason::SizeMismatch),
        (vec![message(&good().await, 0, b"hello!", true)], Code::InvalidArgument, Reason::SizeMismatch),
        (vec![], Code::Aborted, Reason::UploadIncomplete),
        (vec![message(&good().await, 3, b"lo", true)], Code::OutOfRange, Reason::OffsetMismatch),
        (vec![message(&good().await, -1, b"hello", true)], Code::OutOfRange, Reason::OffsetMismatch),
        (vec![damaged], Code::InvalidArgument, Reason::ChunkCorrupt),
        (vec![other], Code::PermissionDenied, Reason::TicketInvalid),
        (vec![forged], Code::PermissionDenied, Reason::TicketInvalid),
        (vec![message(&free, 0, large, true)], Code::InvalidArgument, Reason::ArgumentInvalid),
    ] {
        let shape = format!("{messages:?}").chars().take(200).collect::<String>();
        assert_eq!(refused(write(&grpc, messages).await), (code, Some(reason)), "{shape}");
    }
    assert_eq!(service.stored(), Stored::default(), "nothing is left behind");

    let repeated = good().await;
    let messages = vec![message(&repeated, 0, b"hel", false), message(&repeated, 1, b"ello", true)];
    assert_eq!(write(&grpc, messages).await.unwrap().committed_size, 5, "bytes that come twice are skipped");
}

#[tokio::test]
async fn a_read_is_refused_for_each_thing_that_can_be_wrong_with_it() {
    let (service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    let set = files(&grpc, "1.0", &[("a", b"hello")]).await;
    publish(&grpc, publish_request("1.0", set)).await.unwrap();

    assert_eq!(read(&grpc, "1.0", "a", 5, 0).await.unwrap(), b"");
    assert_eq!(refused(read(&grpc, "1.0", "a", 6, 0).await), (Code::OutOfRange, Some(Reason::RangeNotSatisfiable)));
    assert_eq!(refused(read(&grpc, "1.0", "a", -1, 0).await), (Code::OutOfRange, Some(Reason::RangeNotSatisfiable)));
    assert_eq!(refused(read(&grpc, "1.0", "a", 0, -1).await), (Code::InvalidArgument, Some(Reason::ArgumentInvalid)));
    assert_eq!(refused(read(&grpc, "1.0", "b", 0, 0).await), (Code::NotFound, Some(Reason::FileNotFound)));
    let forged = grpc.blobs().read(ReadRequest { ticket: Bytes::from_static(b"forged"), ..ReadRequest::default() }).await;
    assert_eq!(refused(forged), (Code::PermissionDenied, Some(Reason::TicketInvalid)));

    let blob = service.stored().blobs.remove(0);
    std::fs::write(&blob, "hell").unwrap();
    assert_eq!(refused(read(&grpc, "1.0", "a", 0, 0).await), (Code::DataLoss, Some(Reason::BlobCorrupt)));
    std::fs::remove_file(&blob).unwrap();
    assert_eq!(refused(read(&grpc, "1.0", "a", 0, 0).await), (Code::DataLoss, Some(Reason::BlobMissing)));
}

#[tokio::test]
async fn a_whole_version_is_prepared_page_by_page() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let set = files(&grpc, "1.0", &[("c", b"3"), ("a", b"1"), ("b/x", b"2")]).await;
        publish(&grpc, publish_request("1.0", set)).await.unwrap();
        let mut request =
            PrepareDownloadsRequest { parent: format!("{PACKAGE}/versions/1.0"), page_size: 2, ..PrepareDownloadsRequest::default() };
        let mut paths = Vec::new();
        loop {
            let page = grpc.files().prepare_downloads(authorized(request.clone())).await.unwrap().into_inner();
            paths.extend(page.plans.into_iter().map(|plan| plan.file.unwrap().path));
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                break;
            }
        }
        assert_eq!(paths, ["a", "b/x", "c"]);
    }
}

#[tokio::test]
async fn compressed_messages_are_refused_as_the_specification_of_grpc_says() {
    let (_service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    for method in ["Write", "Read"] {
        let request = http::Request::post(format!("/consign.blob.v1.BlobService/{method}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("grpc-encoding", "gzip")
            .body(tonic::body::Body::empty())
            .unwrap();
        let response = grpc.channel().oneshot(request).await.unwrap();
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!((header("grpc-status"), header("grpc-accept-encoding")), ("12".to_owned(), "identity".to_owned()), "{method}");
    }
}
