//! `consign.blob.v1.BlobService`.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use consign_blobs::{Blobs, Download, Upload};
use consign_proto::blob::blob_service_server::BlobService;
use consign_proto::blob::{Chunk, GetCapabilitiesRequest, GetCapabilitiesResponse, ReadRequest, ReadResponse, WriteRequest, WriteResponse};
use consign_proto::chunks;
use consign_proto::status::{invalid, refused, status};
use consign_types::Reason;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use crate::budget::{Budget, Share};
use crate::notes::Notes;

/// The most bytes in one chunk, either way.
pub(crate) const MAX_CHUNK_BYTES: i32 = 256 << 10;

/// The largest message: a chunk and what surrounds it.
pub(crate) const MAX_MESSAGE_BYTES: usize = 512 << 10;

/// What a transfer holds in memory: two batches or read-ahead chunks of about 1 MiB, and a message.
const TRANSFER_BYTES: u32 = (2 << 20) + (512 << 10);

/// How long a caller may take for the message that has the ticket. Until then it holds nothing of what others wait for.
const GREETING: Duration = Duration::from_secs(10);

/// How long a transfer may then pass without a message.
const SILENCE: Duration = Duration::from_mins(1);

/// Chunks that are read ahead of a slow reader.
const READ_AHEAD: usize = 4;

/// The service, over the blob plane. The right to a transfer is in its ticket.
#[derive(Clone, Debug)]
pub(crate) struct BlobApi {
    pub(crate) blobs: Blobs,
    pub(crate) notes: Notes,
    pub(crate) transfers: Budget,
}

#[tonic::async_trait]
impl BlobService for BlobApi {
    async fn write(&self, request: Request<Streaming<WriteRequest>>) -> Result<Response<WriteResponse>, Status> {
        let mut messages = request.into_inner();
        let mut message = next(&mut messages, GREETING).await?;
        let ticket = self.notes.upload_ticket(&message.ticket)?;
        if message.upload_id != ticket.upload.to_string() {
            return Err(refused(Reason::TicketInvalid, "the ticket is for another upload"));
        }
        let _share = self.transfers.reserve(TRANSFER_BYTES).await?;
        let mut upload = self.blobs.upload(ticket);
        loop {
            receive(&mut upload, &message).await?;
            if message.finish {
                break;
            }
            message = next(&mut messages, SILENCE).await?;
        }
        let receipt = upload.finish().await.map_err(status)?;
        Ok(Response::new(WriteResponse {
            committed_size: receipt.size,
            receipt: self.notes.sign(&receipt),
            sha256: Bytes::copy_from_slice(receipt.digest.as_bytes()),
        }))
    }

    async fn read(&self, request: Request<ReadRequest>) -> Result<Response<BoxStream<ReadResponse>>, Status> {
        let request = request.into_inner();
        let ticket = self.notes.download_ticket(&request.ticket)?;
        let limit = match request.read_limit {
            0 => None,
            1.. => Some(request.read_limit),
            _ => return Err(invalid("read_limit", Reason::ArgumentInvalid, "must not be negative")),
        };
        let share = self.transfers.reserve(TRANSFER_BYTES).await?;
        let blob = self.blobs.download(ticket).await.map_err(status)?;
        let blob = blob.range(request.read_offset, limit).map_err(status)?;
        let (sender, receiver) = mpsc::channel(READ_AHEAD);
        tokio::spawn(send(blob, sender));
        Ok(Response::new(Box::pin(Messages { messages: ReceiverStream::new(receiver), _share: share })))
    }

    async fn get_capabilities(&self, _: Request<GetCapabilitiesRequest>) -> Result<Response<GetCapabilitiesResponse>, Status> {
        Ok(Response::new(GetCapabilitiesResponse { max_chunk_bytes: MAX_CHUNK_BYTES, ..GetCapabilitiesResponse::default() }))
    }
}

/// The messages of a download, which hold their share of the memory until the last was taken.
struct Messages {
    messages: ReceiverStream<Result<ReadResponse, Status>>,
    _share: Share,
}

impl Stream for Messages {
    type Item = Result<ReadResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.messages).poll_next(cx)
    }
}

/// The next message of an upload. One that does not come in time, and the end of a stream that did not say `finish`, end the upload.
async fn next(messages: &mut Streaming<WriteRequest>, patience: Duration) -> Result<WriteRequest, Status> {
    let incomplete = |text: String| refused(Reason::UploadIncomplete, text);
    let message = tokio::time::timeout(patience, messages.message()).await;
    let message = message.map_err(|_| incomplete(format!("no message came for `{}` seconds", patience.as_secs())))??;
    message.ok_or_else(|| incomplete("the stream ended without `finish`".to_owned()))
}

/// Takes one message into an upload.
async fn receive(upload: &mut Upload, message: &WriteRequest) -> Result<(), Status> {
    let Some(Chunk { data, crc32c }) = &message.chunk else {
        return Ok(());
    };
    if data.len() > MAX_CHUNK_BYTES.unsigned_abs() as usize {
        return Err(invalid("chunk.data", Reason::ArgumentInvalid, format!("at most `{MAX_CHUNK_BYTES}` bytes")));
    }
    if crc32c.is_some_and(|sum| sum.cast_unsigned() != crc32c::crc32c(data)) {
        return Err(refused(Reason::ChunkCorrupt, format!("the chunk at `{}` arrived damaged: send it again", message.write_offset)));
    }
    upload.write(message.write_offset, data).await.map_err(status)
}

/// Sends a blob in chunks, until its end, an error, or the caller's loss of interest.
async fn send(mut blob: Download, sender: mpsc::Sender<Result<ReadResponse, Status>>) {
    let mut size_bytes = blob.size();
    loop {
        let bytes = match blob.next().await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return,
            Err(error) => {
                // Nobody is left to tell where this fails.
                let _ = sender.send_timeout(Err(status(error)), SILENCE).await;
                return;
            }
        };
        for data in chunks(bytes, MAX_CHUNK_BYTES.unsigned_abs() as usize) {
            let crc32c = Some(crc32c::crc32c(&data).cast_signed());
            let message = ReadResponse { chunk: Some(Chunk { data, crc32c }), size_bytes };
            if sender.send_timeout(Ok(message), SILENCE).await.is_err() {
                return;
            }
            size_bytes = 0;
        }
    }
}
