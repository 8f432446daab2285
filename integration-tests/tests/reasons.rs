//! The reasons that need something to be broken first.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use bytes::Bytes;
use consign_proto::blob::{Chunk, ReadRequest, WriteRequest};
use consign_proto::metadata::upload_plan::Action;
use consign_proto::metadata::{
    CreateProjectRequest, GetProjectRequest, PrepareUploadsRequest, PublishFile, PublishVersionRequest, UploadFile, UploadTicket,
};
use consign_types::note::Keyring;
use consign_types::receipt::Receipt;
use consign_types::ticket::DownloadTicket;
use consign_types::{Digest, Reason, Timestamp};
use integration_tests::grpc::{Grpc, authorized, refusal};
use integration_tests::service::Stored;
use integration_tests::{Builder, Engine, TestService};
use tonic::{Code, Status};

const VERSION: &str = "projects/1/packages/tool/versions/1.0";

async fn started(builder: Builder) -> (TestService, Grpc) {
    let (service, _) = builder.demo().await;
    let grpc = Grpc::to(service.grpc());
    (service, grpc)
}

/// The keys of a service, with which a test makes notes that only time could make.
fn keys(service: &TestService) -> Keyring {
    std::fs::read_to_string(service.directory().join("data/keys")).unwrap().parse().unwrap()
}

fn refused<T: std::fmt::Debug>(result: Result<T, Status>) -> (Code, Option<Reason>) {
    let status = result.expect_err("the call is refused");
    let (code, reason, _) = refusal(&status);
    (code, reason)
}

async fn prepare(grpc: &Grpc, file: UploadFile) -> Result<UploadTicket, Status> {
    let request = PrepareUploadsRequest { parent: VERSION.to_owned(), files: vec![file], request_id: String::new() };
    let plan = grpc.files().prepare_uploads(authorized(request)).await?.into_inner().plans.remove(0);
    match plan.action {
        Some(Action::Ticket(ticket)) => Ok(ticket),
        other => panic!("{other:?}"),
    }
}

async fn write(grpc: &Grpc, ticket: UploadTicket, data: &'static [u8]) -> Result<Bytes, Status> {
    let chunk = Some(Chunk { data: data.into(), crc32c: None });
    let message = WriteRequest { ticket: ticket.token, upload_id: ticket.upload_id, write_offset: 0, chunk, finish: true };
    Ok(grpc.blobs().write(tokio_stream::once(message)).await?.into_inner().receipt)
}

async fn publish(grpc: &Grpc, receipt: Bytes) -> Result<(), Status> {
    let file = PublishFile { path: "a".to_owned(), receipt, ..PublishFile::default() };
    let request = PublishVersionRequest {
        parent: "projects/1/packages/tool".to_owned(),
        version_id: "1.0".to_owned(),
        files: vec![file],
        keep_open: true,
        ..PublishVersionRequest::default()
    };
    grpc.packages().publish_version(authorized(request)).await.map(|_| ())
}

fn file(content: &[u8]) -> UploadFile {
    let sha256 = Bytes::copy_from_slice(Digest::of(content).as_bytes());
    UploadFile { path: "a".to_owned(), sha256, ..UploadFile::default() }
}

#[tokio::test]
async fn notes_whose_time_is_over_are_refused() {
    let (service, grpc) = started(Builder::on(Engine::Sqlite)).await;
    let expires = Timestamp::from_micros(1);
    let digest = Digest::of(b"x");

    let ticket = keys(&service).sign(&DownloadTicket { project: 1, digest, generation: 1, size: 1, expires });
    let read = grpc.blobs().read(ReadRequest { ticket: ticket.into(), ..ReadRequest::default() }).await;
    assert_eq!(refused(read), (Code::PermissionDenied, Some(Reason::TicketExpired)));

    let receipt = keys(&service).sign(&Receipt { upload: 1, project: 1, digest, size: 1, generation: 1, expires });
    assert_eq!(refused(publish(&grpc, receipt.into()).await), (Code::FailedPrecondition, Some(Reason::BlobExpired)));
    assert_eq!(service.database().count("versions"), 0);
}

#[tokio::test]
async fn a_duplicate_is_refused_before_and_at_the_publish() {
    let (service, grpc) = started(Builder::on(Engine::Sqlite).with("--duplicates", "reject")).await;
    let unknown = UploadFile { path: "a".to_owned(), ..UploadFile::default() };
    let late = prepare(&grpc, unknown.clone()).await.unwrap();
    let first = prepare(&grpc, file(b"one")).await.unwrap();
    publish(&grpc, write(&grpc, first, b"one").await.unwrap()).await.unwrap();

    let duplicate = (Code::AlreadyExists, Some(Reason::DuplicateFile));
    assert_eq!(refused(prepare(&grpc, file(b"two")).await), duplicate);
    let receipt = write(&grpc, late, b"two").await.unwrap();
    assert_eq!(refused(publish(&grpc, receipt).await), duplicate);
    assert_eq!(service.database().count("files"), 1);
}

#[tokio::test]
async fn a_store_without_room_refuses_bytes() {
    let (service, grpc) = started(Builder::on(Engine::Sqlite).with("--reserve-bytes", u64::MAX)).await;
    let ticket = prepare(&grpc, file(b"one")).await.unwrap();

    assert_eq!(refused(write(&grpc, ticket, b"one").await), (Code::ResourceExhausted, Some(Reason::StorageFull)));
    assert_eq!(service.stored(), Stored::default());
}

#[tokio::test]
async fn a_body_beyond_the_memory_for_bodies_is_refused() {
    let (service, grpc) = started(Builder::on(Engine::Sqlite).with("--in-flight-bytes", 8 << 20)).await;
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
        let (service, grpc) = started(Builder::on(Engine::Postgres)).await;
        match statement {
            "drop database" => service.database().remove(),
            statement => service.database().execute(statement),
        }
        let status = prepare(&grpc, file(b"one")).await.unwrap_err();
        assert_eq!((status.code(), refusal(&status).1), (expected.0, Some(expected.1)), "{statement}: {status}");
        assert!(!status.message().contains("versions"), "nothing of the inside is told: {status}");
    }
}

#[tokio::test]
async fn who_has_no_valid_token_is_told_so_before_anything_else() {
    let (_service, grpc) = started(Builder::on(Engine::Sqlite)).await;
    let request = || tonic::Request::new(GetProjectRequest { name: "nonsense".to_owned() });
    let invalid = (Code::Unauthenticated, Some(Reason::TokenInvalid));

    assert_eq!(refused(grpc.projects().get_project(request()).await), invalid);
    for header in ["Bearer wrong", "Basic wrong", "wrong"] {
        let mut request = request();
        request.metadata_mut().insert("authorization", header.parse().unwrap());
        assert_eq!(refused(grpc.projects().get_project(request).await), invalid, "{header}");
    }
}
