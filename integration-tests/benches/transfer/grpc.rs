//! Large files over gRPC. The process of the benchmark is the client.

use bytes::Bytes;
use consign_proto::blob::{Chunk, ReadRequest, WriteRequest};
use consign_proto::metadata::{PrepareDownloadsRequest, PublishFile, UploadFile};
use futures::StreamExt as _;
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::publishing::{PACKAGE, prepare, publish, publish_request, ticket};

const PATH: &str = "file";

/// Publishes a version of one file: prepares, sends the chunks, and publishes.
pub(crate) async fn upload(grpc: &Grpc, version: &str, bytes: u64, chunks: impl Iterator<Item = Bytes> + Send + 'static) {
    let size = i64::try_from(bytes).expect("a file is smaller than that");
    let file = UploadFile { path: PATH.to_owned(), size_bytes: Some(size), always_send: true, ..UploadFile::default() };
    let ticket = ticket(prepare(grpc, version, vec![file]).await.expect("bytes may come").remove(0));
    let opening = WriteRequest { ticket: ticket.token, upload_id: ticket.upload_id, ..WriteRequest::default() };
    let messages = chunks.scan(0, move |end, data| {
        let write_offset = *end;
        *end += i64::try_from(data.len()).expect("a chunk is smaller than memory");
        let chunk = Some(Chunk { data, crc32c: None });
        Some(WriteRequest { write_offset, chunk, finish: *end == size, ..WriteRequest::default() })
    });
    let messages = futures::stream::iter(std::iter::once(opening).chain(messages));
    let answer = grpc.blobs().write(messages).await.expect("the bytes are taken").into_inner();
    assert_eq!(answer.committed_size, size);
    let file = PublishFile { path: PATH.to_owned(), receipt: answer.receipt, ..PublishFile::default() };
    publish(grpc, publish_request(version, vec![file])).await.expect("the file is published");
}

/// Fetches that file and counts its bytes.
pub(crate) async fn download(grpc: &Grpc, version: &str) -> u64 {
    let parent = format!("{PACKAGE}/versions/{version}");
    let request = PrepareDownloadsRequest { parent, paths: vec![PATH.to_owned()], ..PrepareDownloadsRequest::default() };
    let prepared = grpc.files().prepare_downloads(authorized(request)).await.expect("the file is there").into_inner();
    let ticket = prepared.plans.into_iter().next().and_then(|plan| plan.ticket).expect("a plan has a ticket").token;
    let mut messages = grpc.blobs().read(ReadRequest { ticket, ..ReadRequest::default() }).await.expect("the file is read").into_inner();
    let mut bytes = 0;
    while let Some(message) = messages.next().await {
        bytes += message.expect("the file is whole").chunk.map_or(0, |chunk| chunk.data.len() as u64);
    }
    bytes
}
