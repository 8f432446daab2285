//! `Read`: a blob, or a range of it.

use std::pin::Pin;
use std::task::{Context, Poll};

use consign_blobs::download::Reading;
use consign_blobs::store::Piece;
use consign_proto::blob::{Chunk, ReadRequest, ReadResponse};
use consign_proto::status::{invalid, status};
use consign_types::Reason;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::codegen::BoxStream;

use super::{BlobApi, SILENCE};
use crate::budget::{Budget, Share};

/// What a download holds in memory: what is read in one go, and what is read ahead of that.
const READ_BYTES: u32 = (2 << 20) + (512 << 10);

/// Chunks that are read ahead of a slow reader.
const READ_AHEAD: usize = 4;

pub(super) async fn read(api: &BlobApi, request: ReadRequest) -> Result<BoxStream<ReadResponse>, Status> {
    let ticket = api.notes.download_ticket(&request.ticket)?;
    let limit = match request.read_limit {
        0 => None,
        1.. => Some(request.read_limit),
        _ => return Err(invalid("read_limit", Reason::ArgumentInvalid, "must not be negative")),
    };
    let share = api.transfers.reserve(READ_BYTES).await?;
    let blob = api.blobs.download(&ticket).await.map_err(status)?;
    let size = blob.size();
    let reading = blob.range(request.read_offset, limit).await.map_err(status)?;
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    tokio::spawn(send(reading, size, sender, api.transfers.clone()));
    Ok(Box::pin(Messages { messages: ReceiverStream::new(receiver), _share: share }))
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

/// Sends a blob in chunks, until its end, an error, or the caller's loss of interest.
async fn send(mut reading: Reading, mut size_bytes: i64, sender: mpsc::Sender<Result<ReadResponse, Status>>, transfers: Budget) {
    loop {
        let message = match reading.next().await {
            Ok(Some(Piece { bytes: data, crc32c })) => {
                let crc32c = Some(crc32c.unwrap_or_else(|| crc32c::crc32c(&data)).cast_signed());
                Ok(ReadResponse { chunk: Some(Chunk { data, crc32c }), size_bytes })
            }
            Ok(None) => return,
            Err(error) => Err(status(error)),
        };
        let is_last = message.is_err();
        let is_taken = tokio::select! {
            biased;
            sent = sender.send(message) => sent.is_ok(),
            // Whoever takes nothing for so long is not told: there is no place left for a message.
            () = transfers.standstill(SILENCE) => false,
        };
        if !is_taken || is_last {
            return;
        }
        size_bytes = 0;
    }
}
