//! The reasons that need something to be broken first.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use bytes::Bytes;
use consign_proto::blob::ReadRequest;
use consign_proto::metadata::{CreateProjectRequest, GetProjectRequest, PublishFile, PublishVersionRequest, UploadFile, UploadTicket};
use consign_types::note::Keyring;
use consign_types::receipt::Receipt;
use consign_types::ticket::DownloadTicket;
use consign_types::{Digest, Reason, Timestamp};
use integration_tests::grpc::{Grpc, authorized, refusal};
use integration_tests::publishing::{message, prepare, publish, publish_request, refused, ticket, upload_file, write};
use integration_tests::service::Stored;
use integration_tests::{Builder, Engine, TestService};
use tonic::{Code, Status};

/// The keys of a service, with which a test makes notes that only time could make.
fn keys(service: &TestService) -> Keyring {
    std::fs::read_to_string(service.directory().join("data/keys")).unwrap().parse().unwrap()
}

/// Publishes these bytes as the file `a` of an open version.
async fn publish_open(grpc: &Grpc, receipt: Bytes) -> Result<(), Status> {
    let file = PublishFile { path: "a".to_owned(), receipt, ..PublishFile::default() };
    publish(grpc, PublishVersionRequest { keep_open: true, ..publish_request("1.0", vec![file]) }).await.map(|_| ())
}

async fn prepare_one(grpc: &Grpc, file: UploadFile) -> Result<UploadTicket, Status> {
    Ok(ticket(prepare(grpc, "1.0", vec![file]).await?.remove(0)))
}

async fn write_one(grpc: &Grpc, ticket: &UploadTicket, content: &'static [u8]) -> Result<Bytes, Status> {
    Ok(write(grpc, vec![message(ticket, 0, content, true)]).await?.receipt)
}

#[tokio::test]
async fn notes_whose_time_is_over_are_refused() {
    let (service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    let expires = Timestamp::from_micros(1);
    let digest = Digest::of(b"x");

    let ticket = keys(&service).sign(&DownloadTicket { project: 1, digest, generation: 1, size: 1, expires });
    let read = grpc.blobs().read(ReadRequest { ticket: ticket.into(), ..ReadRequest::default() }).await;
    assert_eq!(refused(read), (Code::PermissionDenied, Some(Reason::TicketExpired)));

    let receipt = keys(&service).sign(&Receipt { upload: 1, project: 1, digest, size: 1, generation: 1, expires });
    assert_eq!(refused(publish_open(&grpc, receipt.into()).await), (Code::FailedPrecondition, Some(Reason::BlobExpired)));
    assert_eq!(service.database().count("versions"), 0);
}

#[tokio::test]
async fn a_duplicate_is_refused_before_and_at_the_publish() {
    let (service, grpc) = Builder::on(Engine::Sqlite).with("--duplicates", "reject").demo_grpc().await;
    let unknown = UploadFile { path: "a".to_owned(), ..UploadFile::default() };
    let late = prepare_one(&grpc, unknown.clone()).await.unwrap();
    let first = prepare_one(&grpc, upload_file("a", b"one")).await.unwrap();
    publish_open(&grpc, write_one(&grpc, &first, b"one").await.unwrap()).await.unwrap();

    let duplicate = (Code::AlreadyExists, Some(Reason::DuplicateFile));
    assert_eq!(refused(prepare_one(&grpc, upload_file("a", b"two")).await), duplicate);
    let receipt = write_one(&grpc, &late, b"two").await.unwrap();
    assert_eq!(refused(publish_open(&grpc, receipt).await), duplicate);
    assert_eq!(service.database().count("files"), 1);
}

#[tokio::test]
async fn a_store_without_room_refuses_bytes() {
    let (service, grpc) = Builder::on(Engine::Sqlite).with("--reserve-bytes", u64::MAX).demo_grpc().await;
    let ticket = prepare_one(&grpc, upload_file("a", b"one")).await.unwrap();

    assert_eq!(refused(write_one(&grpc, &ticket, b"one").await), (Code::ResourceExhausted, Some(Reason::StorageFull)));
    assert_eq!(service.stored(), Stored::default());
}

#[tokio::test]
async fn a_body_beyond_the_memory_for_bodies_is_refused() {
    let (service, grpc) = Builder::on(Engine::Sqlite).with("--in-flight-bytes", 8 << 20).demo_grpc().await;
    // A quarter of the memory is for bodies; the description alone is more.
    let description = "x".repeat(3 << 20);
    let request = CreateProjectRequest { project_id: "large".to_owned(), description, ..CreateProjectRequest::default() };

    let result = grpc.projects().create_project(authorized(request)).await;

    assert_eq!(refused(result), (Code::ResourceExhausted, Some(Reason::Overloaded)));
    assert_eq!(service.database().count("projects"), 1);
}

#[tokio::test]
async fn a_database_that_is_gone_is_unavailable_and_a_broken_one_is_a_fault_of_the_service() {
    for (statement, expected) in [
        ("drop database", (Code::Unavailable, Reason::MetadataUnavailable)),
        ("drop table versions cascade", (Code::Internal, Reason::Internal)),
    ] {
        let (service, grpc) = Builder::on(Engine::Postgres).demo_grpc().await;
        match statement {
            "drop database" => service.database().remove(),
            statement => service.database().execute(statement),
        }
        let status = prepare_one(&grpc, upload_file("a", b"one")).await.unwrap_err();
        assert_eq!((status.code(), refusal(&status).1), (expected.0, Some(expected.1)), "{statement}: {status}");
        assert!(!status.message().contains("versions"), "nothing of the inside is told: {status}");
    }
}

#[tokio::test]
async fn who_has_no_valid_token_is_told_so_before_anything_else() {
    let (_service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    let request = || tonic::Request::new(GetProjectRequest { name: "nonsense".to_owned() });
    let invalid = (Code::Unauthenticated, Some(Reason::TokenInvalid));

    let private = tonic::Request::new(GetProjectRequest { name: "projects/1".to_owned() });
    assert_eq!(refused(grpc.projects().get_project(private).await), invalid);
    for header in ["Bearer wrong", "Basic wrong", "wrong"] {
        let mut request = request();
        request.metadata_mut().insert("authorization", header.parse().unwrap());
        assert_eq!(refused(grpc.projects().get_project(request).await), invalid, "{header}");
    }
}
