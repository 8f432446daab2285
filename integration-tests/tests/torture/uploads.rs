//! Power cuts at a point of an upload at which its caller was told something: it stays true.

use bytes::Bytes;
use consign_proto::blob::{QueryUploadRequest, QueryUploadResponse, WriteRequest};
use consign_proto::metadata::{PublishFile, UploadTicket};
use integration_tests::grpc::Grpc;
use integration_tests::power::{Disk, FileSystem};
use integration_tests::publishing::{message, prepare, publish, publish_request, read, ticket, upload_file, write};
use integration_tests::rest::Rest;
use integration_tests::{Binary, Builder, Engine, wait};

use crate::PROGRAM;

/// The database is elsewhere, so that none of its syncs makes durable what those of the upload should have.
async fn start(disk: &Disk, environment: &[(&str, &str)]) -> (Binary, Grpc) {
    let service = disk.under(Builder::on(Engine::Sqlite)).spawn(PROGRAM, environment).await;
    Rest::to(service.http()).create_project("demo").await;
    let grpc = Grpc::to(service.grpc());
    (service, grpc)
}

async fn cut_and_start(disk: &Disk, service: &mut Binary) -> Grpc {
    disk.switch(service).cut(service).await;
    disk.released().await;
    service.start(&[]).await;
    Grpc::to(service.grpc())
}

async fn query(grpc: &Grpc, ticket: &UploadTicket) -> QueryUploadResponse {
    let request = QueryUploadRequest { ticket: ticket.token.clone(), upload_id: ticket.upload_id.clone() };
    grpc.blobs().query_upload(request).await.unwrap().into_inner()
}

async fn publish_file(grpc: &Grpc, receipt: Bytes) {
    let file = PublishFile { path: "file".to_owned(), receipt, ..PublishFile::default() };
    publish(grpc, publish_request("1.0", vec![file])).await.unwrap();
}

async fn receipts_last(file_system: FileSystem) {
    const CONTENT: &[u8] = b"named, and not durable yet";

    let disk = Disk::make(file_system).await;
    let (mut service, grpc) = start(&disk, &[("CONSIGN_TEST_HANG_AT", "blob placed")]).await;
    let ticket = ticket(prepare(&grpc, "1.0", vec![upload_file("file", CONTENT)]).await.unwrap().remove(0));
    let messages = vec![message(&ticket, 0, CONTENT, true)];
    let hanging = tokio::spawn({
        let grpc = grpc.clone();
        async move { write(&grpc, messages).await }
    });

    let receipt = async || Some(query(&grpc, &ticket).await.receipt).filter(|receipt| !receipt.is_empty());
    publish_file(&grpc, wait::until("a receipt", receipt).await).await;
    let grpc = cut_and_start(&disk, &mut service).await;

    assert_eq!(read(&grpc, "1.0", "file", 0, 0).await.unwrap(), CONTENT, "{file_system:?}");
    assert!(hanging.await.unwrap().is_err(), "the upload itself was never answered");
}

async fn progress_lasts(file_system: FileSystem) {
    static CONTENT: [u8; 3 << 20] = [7; 3 << 20];
    const HALF: usize = 2 << 20;
    const CHUNK: usize = 256 << 10;

    let disk = Disk::make(file_system).await;
    let (mut service, grpc) = start(&disk, &[]).await;
    let ticket = ticket(prepare(&grpc, "1.0", vec![upload_file("file", &CONTENT)]).await.unwrap().remove(0));
    let chunks = |from: usize, to: usize| -> Vec<WriteRequest> {
        let chunk = |at: usize| message(&ticket, i64::try_from(at).unwrap(), &CONTENT[at..at + CHUNK], at + CHUNK == CONTENT.len());
        (from..to).step_by(CHUNK).map(chunk).collect()
    };

    let told = write(&grpc, chunks(0, HALF)).await.unwrap().committed_size;
    assert_eq!(told, i64::try_from(HALF).unwrap());
    let grpc = cut_and_start(&disk, &mut service).await;

    assert_eq!(query(&grpc, &ticket).await.committed_size, told, "{file_system:?}: what was durable is there");
    let receipt = write(&grpc, chunks(HALF, CONTENT.len())).await.unwrap().receipt;
    publish_file(&grpc, receipt).await;
    assert!(read(&grpc, "1.0", "file", 0, 0).await.unwrap() == CONTENT, "{file_system:?}");
}

#[tokio::test]
async fn a_receipt_that_is_asked_for_while_the_upload_ends_outlasts_a_power_cut() {
    for file_system in [FileSystem::Ext4, FileSystem::Xfs] {
        receipts_last(file_system).await;
    }
}

#[tokio::test]
async fn the_progress_of_an_upload_outlasts_a_power_cut() {
    for file_system in [FileSystem::Ext4, FileSystem::Xfs] {
        progress_lasts(file_system).await;
    }
}
