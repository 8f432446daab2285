//! `Write`: one stream of an upload.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use consign_blobs::{Opened, Share, Upload};
use consign_proto::blob::{Chunk, WriteRequest, WriteResponse};
use consign_proto::framing::Carried;
use consign_proto::status::{invalid, refused, status};
use consign_types::Reason;
use consign_types::receipt::Receipt;
use tokio::time::Instant;
use tokio_stream::{Stream, StreamExt as _};
use tonic::Status;

use super::{BlobApi, MAX_CHUNK_BYTES, SILENCE, check_sum};
use crate::budget::{Budget, Share as Held};

/// How long a caller may take for the message that has the ticket. Until then it holds nothing of what others wait for.
const GREETING: Duration = Duration::from_secs(10);

/// What an upload that has brought little holds in memory. Those that trickle are to keep nobody from their share.
const FIRST_BYTES: u32 = 64 << 10;

/// From how many bytes on an upload may hold more.
const QUICK_FROM: u64 = 16 << 20;

pub(super) async fn write(api: &BlobApi, messages: impl Messages) -> Result<WriteResponse, Status> {
    let mut messages = pin!(messages);
    let greeting = tokio::time::sleep(GREETING);
    let Some(mut carried) = next(&mut messages, greeting).await? else {
        return Err(refused(Reason::UploadIncomplete, "the stream ended before its first message"));
    };
    let message = &carried.message;
    let ticket = api.upload_ticket(&message.ticket, &message.upload_id)?;
    let mut memory = Memory::new(api, api.blobs.upload_bytes(&ticket)).await?;
    let share = match message.part_size {
        0 => Share::Rest,
        1.. => Share::Part { offset: message.write_offset, size: message.part_size },
        _ => return Err(invalid("part_size", Reason::ArgumentInvalid, "must not be negative")),
    };
    let mut upload = match api.blobs.upload(ticket, message.write_offset, share).await.map_err(status)? {
        Opened::Stream(upload) if message.discard_if_broken => upload.fleeting(),
        Opened::Stream(upload) => upload,
        Opened::Finished(receipt) => return Ok(answer(api, &receipt)),
    };
    let mut pace = Pace::new();
    loop {
        pace.count(&carried.data)?;
        memory.fit(&mut upload, pace.bytes).await?;
        let is_last = carried.message.finish;
        receive(&mut upload, carried).await?;
        if is_last {
            memory.fit_to_end(&upload, true).await?;
            let receipt = upload.finish().await.map_err(status)?;
            return Ok(answer(api, &receipt));
        }
        carried = match next(&mut messages, api.transfers.standstill(SILENCE)).await? {
            Some(carried) => carried,
            None => break,
        };
    }
    memory.fit_to_end(&upload, false).await?;
    let committed_size = upload.pause().await.map_err(status)?;
    Ok(WriteResponse { committed_size, ..WriteResponse::default() })
}

/// What an upload holds in memory, as it goes on.
struct Memory<'a> {
    transfers: &'a Budget,
    share: Held,
    /// What it is to hold once it has brought more than little.
    whole: u32,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    First,
    Whole,
    Quick,
}

impl<'a> Memory<'a> {
    async fn new(api: &'a BlobApi, whole: u32) -> Result<Self, Status> {
        Ok(Self { transfers: &api.transfers, share: api.transfers.reserve(FIRST_BYTES).await?, whole, stage: Stage::First })
    }

    /// Brings the share in line with an upload that has brought so many bytes.
    async fn fit(&mut self, upload: &mut Upload, bytes: u64) -> Result<(), Status> {
        if bytes > u64::from(FIRST_BYTES) {
            self.fit_whole().await?;
        }
        if self.stage == Stage::Whole && bytes >= QUICK_FROM {
            // Where there is memory for it now.
            if let Some(more) = upload.hurry_bytes().and_then(|bytes| self.transfers.take(bytes)) {
                self.share.merge(more);
                upload.hurry();
            }
            self.stage = Stage::Quick;
        }
        Ok(())
    }

    /// Brings the share in line with what is read back where a stream ends, however little it has brought.
    async fn fit_to_end(&mut self, upload: &Upload, is_finished: bool) -> Result<(), Status> {
        if upload.may_read_back(is_finished) { self.fit_whole().await } else { Ok(()) }
    }

    async fn fit_whole(&mut self) -> Result<(), Status> {
        if self.stage == Stage::First {
            // The first share stays while the whole one is waited for: what has come is in memory.
            self.share.merge(self.transfers.reserve(self.whole.saturating_sub(FIRST_BYTES)).await?);
            self.stage = Stage::Whole;
        }
        Ok(())
    }
}

fn answer(api: &BlobApi, receipt: &Receipt) -> WriteResponse {
    let sha256 = Bytes::copy_from_slice(receipt.digest.as_bytes());
    WriteResponse { committed_size: receipt.size, receipt: api.notes.sign(receipt), sha256 }
}

/// The messages of a stream.
pub(super) trait Messages: Stream<Item = Result<Carried<WriteRequest>, Status>> + Send {}

impl<S: Stream<Item = Result<Carried<WriteRequest>, Status>> + Send> Messages for S {}

/// The next message of an upload; `None` where the caller has ended the stream. One that has not come when `patience` ends breaks it off.
async fn next(messages: &mut (impl Messages + Unpin), patience: impl Future<Output = ()>) -> Result<Option<Carried<WriteRequest>>, Status> {
    tokio::select! {
        message = messages.next() => message.transpose(),
        () = patience => Err(refused(Reason::UploadIncomplete, "no message came for too long")),
    }
}

/// How fast an upload is, on the whole. One that trickles would keep its share of the memory from others for as long as it likes.
struct Pace {
    started: Instant,
    bytes: u64,
}

/// The least bytes in a second, and for how long an upload may bring none.
const LEAST_RATE: u64 = 1024;
const START: Duration = Duration::from_mins(1);

impl Pace {
    fn new() -> Self {
        Self { started: Instant::now(), bytes: 0 }
    }

    fn count(&mut self, data: &[Bytes]) -> Result<(), Status> {
        self.bytes += length(data) as u64;
        let due = self.started.elapsed().saturating_sub(START).as_secs().saturating_mul(LEAST_RATE);
        if self.bytes < due {
            return Err(refused(Reason::UploadIncomplete, format!("less than `{LEAST_RATE}` bytes a second came")));
        }
        Ok(())
    }
}

/// Takes one message into an upload.
async fn receive(upload: &mut Upload, Carried { message, data }: Carried<WriteRequest>) -> Result<(), Status> {
    let Some(Chunk { crc32c, .. }) = message.chunk else {
        return Ok(());
    };
    if length(&data) > MAX_CHUNK_BYTES.unsigned_abs() as usize {
        return Err(invalid("chunk.data", Reason::ArgumentInvalid, format!("at most `{MAX_CHUNK_BYTES}` bytes")));
    }
    check_sum(&data, crc32c, || format!("the chunk at `{}`", message.write_offset))?;
    if data.is_empty() {
        // The offset is looked at though nothing comes.
        return upload.write(message.write_offset, Bytes::new()).await.map_err(status);
    }
    let mut offset = message.write_offset;
    for piece in data {
        let end = offset.saturating_add(i64::try_from(piece.len()).unwrap_or(i64::MAX));
        upload.write(offset, piece).await.map_err(status)?;
        offset = end;
    }
    Ok(())
}

fn length(data: &[Bytes]) -> usize {
    data.iter().map(Bytes::len).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_upload_that_trickles_is_broken_off_and_one_that_pauses_is_not() {
        let message = |bytes| [Bytes::from(vec![0; bytes])];
        let mut fast = Pace::new();
        fast.count(&message(200 << 10)).unwrap();
        tokio::time::advance(Duration::from_secs(200)).await;
        assert!(fast.count(&message(1)).is_ok(), "what it brought at first counts");

        let mut slow = Pace::new();
        for _ in 0..60 {
            tokio::time::advance(Duration::from_secs(1)).await;
            assert!(slow.count(&message(1)).is_ok());
        }
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(slow.count(&message(1)).is_err());
    }
}
