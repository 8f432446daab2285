//! Publishing over gRPC, step by step.

use bytes::Bytes;
use consign_proto::blob::{Chunk, ReadRequest, WriteRequest, WriteResponse};
use consign_proto::metadata::upload_plan::Action;
use consign_proto::metadata::{
    GetVersionRequest, PrepareDownloadsRequest, PrepareUploadsRequest, PublishFile, PublishVersionRequest, PublishVersionResponse,
    UploadFile, UploadTicket, Version,
};
use consign_types::{Digest, Reason, crc32c};
use tonic::{Code, Status};

use crate::grpc::{Grpc, authorized, refusal};

/// The package that tests publish: of the project that [`crate::Builder::demo`] makes.
pub const PACKAGE: &str = "projects/1/packages/tool";

/// A file of which everything is known.
pub fn upload_file(path: &str, content: &[u8]) -> UploadFile {
    UploadFile {
        path: path.to_owned(),
        sha256: Bytes::copy_from_slice(Digest::of(content).as_bytes()),
        size_bytes: Some(i64::try_from(content.len()).expect("a test file is small")),
        ..UploadFile::default()
    }
}

/// Prepares uploads into a version of [`PACKAGE`].
pub async fn prepare(grpc: &Grpc, version: &str, files: Vec<UploadFile>) -> Result<Vec<Action>, Status> {
    let request =
        PrepareUploadsRequest { parent: format!("{PACKAGE}/versions/{version}"), files, request_id: String::new(), known_only: false };
    let plans = grpc.files().prepare_uploads(authorized(request)).await?.into_inner().plans;
    Ok(plans.into_iter().map(|plan| plan.action.expect("a plan says what to do")).collect())
}

/// The ticket of a plan that has one.
pub fn ticket(action: Action) -> UploadTicket {
    match action {
        Action::Ticket(ticket) => ticket,
        Action::Receipt(_) => unreachable!("the bytes are not there yet"),
    }
}

/// A message that would do as the only one of an upload.
pub fn message(ticket: &UploadTicket, offset: i64, data: &'static [u8], finish: bool) -> WriteRequest {
    WriteRequest {
        ticket: ticket.token.clone(),
        upload_id: ticket.upload_id.clone(),
        write_offset: offset,
        chunk: Some(Chunk { data: data.into(), crc32c: Some(crc32c::crc32c(data).cast_signed()) }),
        finish,
        ..WriteRequest::default()
    }
}

/// Sends the messages of an upload.
pub async fn write(grpc: &Grpc, messages: Vec<WriteRequest>) -> Result<WriteResponse, Status> {
    Ok(grpc.blobs().write(tokio_stream::iter(messages)).await?.into_inner())
}

/// Brings bytes and returns the receipt for them.
pub async fn upload(grpc: &Grpc, version: &str, path: &str, content: &'static [u8]) -> Bytes {
    match prepare(grpc, version, vec![upload_file(path, content)]).await.expect("it is there").remove(0) {
        Action::Receipt(receipt) => receipt,
        Action::Ticket(ticket) => write(grpc, vec![message(&ticket, 0, content, true)]).await.expect("it is there").receipt,
    }
}

/// Brings the bytes of files, ready to be published.
pub async fn files(grpc: &Grpc, version: &str, files: &[(&str, &'static [u8])]) -> Vec<PublishFile> {
    let mut prepared = Vec::new();
    for (path, content) in files {
        let receipt = upload(grpc, version, path, content).await;
        prepared.push(PublishFile { path: (*path).to_owned(), receipt, blob: None, media_type: "text/plain".to_owned() });
    }
    prepared
}

/// A request that seals a version of [`PACKAGE`] with these files.
pub fn publish_request(version: &str, files: Vec<PublishFile>) -> PublishVersionRequest {
    PublishVersionRequest { parent: PACKAGE.to_owned(), version_id: version.to_owned(), files, ..PublishVersionRequest::default() }
}

/// A request that seals a version of a package with these files, whose bytes are brought first.
pub async fn brought(grpc: &Grpc, package: &str, version: &str, files: &[(&str, &'static [u8])]) -> PublishVersionRequest {
    let mut set = Vec::new();
    for (path, content) in files {
        // Prepared for a version that is never there: what is refused, the publish refuses.
        let parent = format!("{package}/versions/to-come");
        let request =
            PrepareUploadsRequest { parent, files: vec![upload_file(path, content)], request_id: String::new(), known_only: false };
        let plan = grpc.files().prepare_uploads(authorized(request)).await.expect("bytes may come").into_inner().plans.remove(0);
        let receipt = match plan.action.expect("a plan says what to do") {
            Action::Receipt(receipt) => receipt,
            Action::Ticket(ticket) => write(grpc, vec![message(&ticket, 0, content, true)]).await.expect("bytes are taken").receipt,
        };
        set.push(PublishFile { path: (*path).to_owned(), receipt, blob: None, media_type: "text/plain".to_owned() });
    }
    PublishVersionRequest { parent: package.to_owned(), ..publish_request(version, set) }
}

/// Publishes.
pub async fn publish(grpc: &Grpc, request: PublishVersionRequest) -> Result<PublishVersionResponse, Status> {
    Ok(grpc.packages().publish_version(authorized(request)).await?.into_inner())
}

/// A version of [`PACKAGE`].
pub async fn get_version(grpc: &Grpc, version: &str) -> Result<Version, Status> {
    let request = GetVersionRequest { name: format!("{PACKAGE}/versions/{version}") };
    Ok(grpc.packages().get_version(authorized(request)).await?.into_inner().version.expect("it is there"))
}

/// Reads a file of a version of [`PACKAGE`], from `offset` on, at most `limit` bytes where that is not 0.
pub async fn read(grpc: &Grpc, version: &str, path: &str, offset: i64, limit: i64) -> Result<Vec<u8>, Status> {
    let request = PrepareDownloadsRequest {
        parent: format!("{PACKAGE}/versions/{version}"),
        paths: vec![path.to_owned()],
        ..PrepareDownloadsRequest::default()
    };
    let plan = grpc.files().prepare_downloads(authorized(request)).await?.into_inner().plans.remove(0);
    let request = ReadRequest { ticket: plan.ticket.expect("it is there").token, read_offset: offset, read_limit: limit };
    let mut messages = grpc.blobs().read(request).await?.into_inner();
    let mut content = Vec::new();
    while let Some(message) = messages.message().await? {
        let chunk = message.chunk.expect("it is there");
        assert_eq!(chunk.crc32c, Some(crc32c::crc32c(&chunk.data).cast_signed()));
        content.extend_from_slice(&chunk.data);
    }
    Ok(content)
}

/// The code and the reason of a call that must be refused.
pub fn refused<T: std::fmt::Debug>(result: Result<T, Status>) -> (Code, Option<Reason>) {
    let status = result.expect_err("the call is refused");
    let (code, reason, _) = refusal(&status);
    (code, reason)
}
