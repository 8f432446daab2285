//! `consign.blob.v1.BlobService`.

use std::time::Duration;

use bytes::Bytes;
use consign_blobs::{Blobs, Download, Upload};
use consign_proto::blob::blob_service_server::BlobService;
use consign_proto::blob::{Chunk, GetCapabilitiesRequest, GetCapabilitiesResponse, ReadRequest, ReadResponse, WriteRequest, WriteResponse};
use consign_proto::status::{invalid, refused, status};
use consign_types::Reason;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use crate::budget::Budget;
use crate::notes::Notes;

/// The most bytes in one chunk, either way.
pub(crate) const MAX_CHUNK_BYTES: i32 = 256 << 10;

/// The largest message: a chunk and what surrounds it.
pub(crate) const MAX_MESSAGE_BYTES: usize = 512 << 10;

/// What a transfer holds in memory: two batches or read-ahead chunks of about 1 MiB, and a message.
const TRANSFER_BYTES: u32 = (2 << 20) + (512 << 10);

/// How long an upload may pass without a message.
const SILENCE: Duration = Duration::from_mins(1);

/// Chunks that are read ahead of a slow reader.
const READ_AHEAD: usize = 4;

/// The service, over the blob plane. The right to a transfer is in its ticket.
#[derive(Clone, Debug)]
pub(crate) struct BlobApi {
    pub(crate) blobs: Blobs,
    pub(crate) notes: Notes,
    pub(crate) budget: Budget,
}

#[tonic::async_trait]
impl BlobService for BlobApi {
    async fn write(&self, request: Request<Streaming<WriteRequest>>) -> Result<Response<WriteResponse>, Status> {
        let _share = self.budget.reserve(TRANSFER_BYTES).await?;
        let mut messages = request.into_inner();
        let mut message = next(&mut messages).await?;
        let ticket = self.notes.upload_ticket(&message.ticket)?;
        if message.upload_id != ticket.upload.to_string() {
            return Err(refused(Reason::TicketInvalid, "the ticket is for another upload"));
        }
        let mut upload = self.blobs.upload(ticket);
        loop {
            let finish = message.finish;
            receive(&mut upload, message).await?;
            if finish {
                break;
            }
            message = next(&mut messages).await?;
        }
        let receipt = upload.finish().await.map_err(status)?;
        Ok(Response::new(WriteResponse {
            committed_size: receipt.size,
            receipt: self.notes.sign(&receipt),
            sha256: Bytes::copy_from_slice(receipt.digest.as_bytes()),
        }))
    }

    async fn read(&self, request: Request<ReadRequest>) -> Result<Response<BoxStream<ReadResponse>>, Status> {
        let share = self.budget.reserve(TRANSFER_BYTES).await?;
        let request = request.into_inner();
        let ticket = self.notes.download_ticket(&request.ticket)?;
        let limit = match request.read_limit {
            0 => None,
            1.. => Some(request.read_limit),
            _ => return Err(invalid("read_limit", Reason::ArgumentInvalid, "must not be negative")),
        };
        let blob = self.blobs.download(ticket).await.map_err(status)?;
        let blob = blob.range(request.read_offset, limit).map_err(status)?;
        let (sender, receiver) = mpsc::channel(READ_AHEAD);
        tokio::spawn(async move {
            send(blob, sender).await;
            drop(share);
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn get_capabilities(&self, _: Request<GetCapabilitiesRequest>) -> Result<Response<GetCapabilitiesResponse>, Status> {
        Ok(Response::new(GetCapabilitiesResponse { max_chunk_bytes: MAX_CHUNK_BYTES, ..GetCapabilitiesResponse::default() }))
    }
}

/// The next message of an upload. One that never comes, and the end of a stream that did not say `finish`, end the upload.
async fn next(messages: &mut Streaming<WriteRequest>) -> Result<WriteRequest, Status> {
    let incomplete = |text| refused(Reason::UploadIncomplete, text);
    let message = tokio::time::timeout(SILENCE, messages.message()).await;
    let message = message.map_err(|_| incomplete("no message came for a minute"))??;
    message.ok_or_else(|| incomplete("the stream ended without `finish`"))
}

/// Takes one message into an upload. Bytes that were received before are skipped.
async fn receive(upload: &mut Upload, message: WriteRequest) -> Result<(), Status> {
    let Some(Chunk { mut data, crc32c }) = message.chunk else {
        return Ok(());
    };
    if data.len() > MAX_CHUNK_BYTES.unsigned_abs() as usize {
        return Err(invalid("chunk.data", Reason::ArgumentInvalid, format!("at most {MAX_CHUNK_BYTES} bytes")));
    }
    if crc32c.is_some_and(|sum| sum.cast_unsigned() != crc32c::crc32c(&data)) {
        return Err(refused(Reason::ChunkCorrupt, format!("the chunk at {} arrived damaged", message.write_offset)));
    }
    let received = upload.received();
    let repeated = received.checked_sub(message.write_offset).and_then(|repeated| usize::try_from(repeated).ok());
    let Some(repeated) = repeated.filter(|_| message.write_offset >= 0) else {
        return Err(refused(
            Reason::OffsetMismatch,
            format!("{received} bytes were received, and a chunk came for {}", message.write_offset),
        ));
    };
    let data = data.split_off(repeated.min(data.len()));
    upload.write(data).await.map_err(status)
}

/// Sends a blob in chunks, until its end, an error, or the caller's loss of interest.
async fn send(mut blob: Download, sender: mpsc::Sender<Result<ReadResponse, Status>>) {
    let mut size_bytes = blob.size();
    loop {
        let bytes = match blob.next().await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return,
            Err(error) => {
                let _ = sender.send(Err(status(error))).await;
                return;
            }
        };
        for data in chunks(bytes) {
            let crc32c = Some(crc32c::crc32c(&data).cast_signed());
            let message = ReadResponse { chunk: Some(Chunk { data, crc32c }), size_bytes };
            if sender.send(Ok(message)).await.is_err() {
                return;
            }
            size_bytes = 0;
        }
    }
}

fn chunks(mut bytes: Bytes) -> impl Iterator<Item = Bytes> {
    let size = MAX_CHUNK_BYTES.unsigned_abs() as usize;
    std::iter::from_fn(move || if bytes.is_empty() { None } else { Some(bytes.split_to(size.min(bytes.len()))) })
}
