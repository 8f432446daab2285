//! `consign.blob.v1.BlobService`.

mod batch;
mod read;
pub(crate) mod wire;
mod write;

use std::time::Duration;

use bytes::Bytes;
use consign_blobs::{Blobs, UPLOAD_SECONDS};
use consign_client::transfers::{Chunks, LocalTransfers};
use consign_proto::blob::blob_service_server::BlobService;
use consign_proto::blob::{
    BatchReadRequest, BatchReadResponse, BatchWriteRequest, BatchWriteResponse, ByteRange, CancelUploadRequest, CancelUploadResponse,
    GetCapabilitiesRequest, GetCapabilitiesResponse, QueryUploadRequest, QueryUploadResponse, ReadRequest, ReadResponse, WriteRequest,
    WriteResponse,
};
use consign_proto::framing::Carried;
use consign_proto::status::{refused, status};
use consign_proto::timestamp;
use consign_types::receipt::RECEIPT_SECONDS;
use consign_types::ticket::UploadTicket;
use consign_types::{Reason, crc32c};
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use crate::budget::Budget;
use crate::clock;
use crate::notes::Notes;

/// The most bytes in one chunk, either way.
pub(crate) const MAX_CHUNK_BYTES: i32 = 256 << 10;

/// The largest message of a transfer: a chunk and what surrounds it.
pub(crate) const MAX_MESSAGE_BYTES: usize = 512 << 10;

/// The most blobs in a batch, the most bytes in one of them, and in all.
const MAX_BATCH_ITEMS: usize = 1000;
const MAX_BATCH_BLOB_BYTES: usize = 64 << 10;
const MAX_BATCH_BYTES: usize = 3 << 20;

/// The largest message of a batch: its blobs, and for each a ticket and what surrounds it.
pub(crate) const MAX_BATCH_MESSAGE_BYTES: usize = 4 << 20;

/// How long a transfer may pass without a message.
const SILENCE: Duration = Duration::from_mins(1);

/// The service, over the blob plane. The right to a transfer is in its ticket.
#[derive(Clone, Debug)]
pub(crate) struct BlobApi {
    pub(crate) blobs: Blobs,
    pub(crate) notes: Notes,
    pub(crate) transfers: Budget,
}

impl BlobApi {
    /// The ticket for an upload that the caller names too.
    fn upload_ticket(&self, ticket: &[u8], upload_id: &str) -> Result<UploadTicket, Status> {
        let ticket = self.notes.upload_ticket(ticket)?;
        if upload_id == ticket.upload.to_string() {
            Ok(ticket)
        } else {
            Err(refused(Reason::TicketInvalid, "the ticket is for another upload"))
        }
    }
}

/// As the generated service asks for it. `Write` and `Read` are answered by [`wire`] before they come here: it copies no chunks.
#[tonic::async_trait]
impl BlobService for BlobApi {
    async fn write(&self, request: Request<Streaming<WriteRequest>>) -> Result<Response<WriteResponse>, Status> {
        write::write(self, request.into_inner().map_ok(Carried::from)).await.map(Response::new)
    }

    async fn query_upload(&self, request: Request<QueryUploadRequest>) -> Result<Response<QueryUploadResponse>, Status> {
        let request = request.into_inner();
        let ticket = self.upload_ticket(&request.ticket, &request.upload_id)?;
        let state = self.blobs.query_upload(&ticket).await.map_err(status)?;
        let range = |range: std::ops::Range<i64>| ByteRange { offset: range.start, size_bytes: range.end - range.start };
        Ok(Response::new(QueryUploadResponse {
            committed_size: state.committed,
            hashed_size: state.hashed,
            receipt: state.receipt.map(|receipt| self.notes.sign(&receipt)).unwrap_or_default(),
            expire_time: Some(timestamp(clock::now().plus_seconds(UPLOAD_SECONDS))),
            part_ranges: state.ahead.into_iter().map(range).collect(),
            part_alignment_bytes: state.grain,
        }))
    }

    async fn cancel_upload(&self, request: Request<CancelUploadRequest>) -> Result<Response<CancelUploadResponse>, Status> {
        let request = request.into_inner();
        let ticket = self.upload_ticket(&request.ticket, &request.upload_id)?;
        self.blobs.cancel_upload(&ticket).await.map_err(status)?;
        Ok(Response::new(CancelUploadResponse {}))
    }

    async fn batch_write(&self, request: Request<BatchWriteRequest>) -> Result<Response<BatchWriteResponse>, Status> {
        batch::write(self, request.into_inner()).await.map(Response::new)
    }

    async fn read(&self, request: Request<ReadRequest>) -> Result<Response<BoxStream<ReadResponse>>, Status> {
        read::read(self, request.into_inner()).await.map(Response::new)
    }

    async fn batch_read(&self, request: Request<BatchReadRequest>) -> Result<Response<BatchReadResponse>, Status> {
        batch::read(self, request.into_inner()).await.map(Response::new)
    }

    async fn get_capabilities(&self, _: Request<GetCapabilitiesRequest>) -> Result<Response<GetCapabilitiesResponse>, Status> {
        let small = |limit: usize| i32::try_from(limit).expect("a limit of a batch is small");
        let seconds = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
        Ok(Response::new(GetCapabilitiesResponse {
            max_chunk_bytes: MAX_CHUNK_BYTES,
            max_batch_blob_bytes: small(MAX_BATCH_BLOB_BYTES),
            max_batch_bytes: small(MAX_BATCH_BYTES),
            max_batch_items: small(MAX_BATCH_ITEMS),
            max_blob_bytes: 0,
            upload_retention: seconds(UPLOAD_SECONDS),
            receipt_lease: seconds(RECEIPT_SECONDS),
        }))
    }
}

/// For the gateway of the same process.
impl LocalTransfers for BlobApi {
    fn write(&self, messages: stream::BoxStream<'static, WriteRequest>) -> BoxFuture<'_, Result<WriteResponse, Status>> {
        write::write(self, messages.map(Carried::from).map(Ok)).boxed()
    }

    fn query_upload(&self, request: QueryUploadRequest) -> BoxFuture<'_, Result<QueryUploadResponse, Status>> {
        BlobService::query_upload(self, Request::new(request)).map(|answer| Ok(answer?.into_inner())).boxed()
    }

    fn cancel_upload(&self, request: CancelUploadRequest) -> BoxFuture<'_, Result<(), Status>> {
        BlobService::cancel_upload(self, Request::new(request)).map(|answer| answer.map(|_| ())).boxed()
    }

    fn read(&self, request: ReadRequest) -> BoxFuture<'_, Result<Chunks, Status>> {
        read::read(self, request).map(|read| Ok(read?.map_ok(Carried::from).boxed())).boxed()
    }
}

/// Refuses bytes that arrived damaged, where the caller sent their CRC-32C.
fn check_sum(data: &[Bytes], crc32c: Option<i32>, what: impl FnOnce() -> String) -> Result<(), Status> {
    let actual = || data.iter().fold(0, |sum, piece| crc32c::append(sum, piece));
    if crc32c.is_some_and(|sum| sum.cast_unsigned() != actual()) {
        return Err(refused(Reason::ChunkCorrupt, format!("{} arrived damaged: send it again", what())));
    }
    Ok(())
}
