//! `Read`: a blob, or a range of it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use consign_blobs::download::Reading;
use consign_blobs::store::{PIECES_AT_ONCE, Piece};
use consign_proto::blob::{Chunk, ReadRequest, ReadResponse};
use consign_proto::status::{invalid, refused, status};
use consign_types::{Reason, crc32c};
use tokio::sync::{Notify, mpsc};
use tokio_stream::Stream;
use tonic::Status;
use tonic::codegen::BoxStream;

use super::{BlobApi, SILENCE};
use crate::budget::{Budget, Share};

/// What a download holds in memory: the chunk that is being sent, and what surrounds it.
const FIRST_BYTES: u32 = 512 << 10;

/// Blobs of up to so many bytes are read whole, and what is taken for the least of them.
const SMALL_BYTES: u32 = 1 << 20;
const LEAST_BYTES: u32 = 16 << 10;

/// What it holds once it is quick: a run of pieces, and those that were read before it.
const QUICK_BYTES: u32 = (2 << 20) + (512 << 10);

/// From how many bytes on a download is taken to be quick, since its reader took them. Before, they may all lie in the buffers of
/// the network.
const QUICK_FROM: usize = 16 << 20;

/// Chunks that are read ahead of a quick reader.
const READ_AHEAD: usize = 4;

type Message = Result<ReadResponse, Status>;

pub(super) async fn read(api: &BlobApi, request: ReadRequest) -> Result<BoxStream<ReadResponse>, Status> {
    let ticket = api.notes.download_ticket(&request.ticket)?;
    let limit = match request.read_limit {
        0 => None,
        1.. => Some(request.read_limit),
        _ => return Err(invalid("read_limit", Reason::ArgumentInvalid, "must not be negative")),
    };
    let all = u32::try_from(ticket.size).unwrap_or(u32::MAX);
    // A small blob is read whole.
    let first = if all <= SMALL_BYTES { all.max(LEAST_BYTES) } else { FIRST_BYTES };
    let share = api.transfers.reserve(first).await?;
    let blob = api.blobs.download(&ticket).await.map_err(status)?;
    let (size_bytes, parts_checked) = (blob.size(), blob.is_checked());
    let reading = blob.range(request.read_offset, limit).await.map_err(status)?;
    let (sender, messages) = mpsc::channel(READ_AHEAD);
    let held = Held::new(messages, share);
    let sending = Sending {
        reading,
        size_bytes,
        parts_checked,
        held: held.clone(),
        transfers: api.transfers.clone(),
        sent: 0,
        is_quick: false,
        gone: Arc::default(),
    };
    tokio::spawn(sending.run(sender));
    Ok(Box::pin(Messages(held)))
}

/// What a download holds in memory: the messages that wait to be taken, and the share that it has.
#[derive(Clone)]
struct Held(Arc<Mutex<Option<Waiting>>>);

/// Messages that wait, unless the download was broken off, and the share of it all.
type Waiting = (Option<mpsc::Receiver<Message>>, Share);

impl Held {
    fn new(messages: mpsc::Receiver<Message>, share: Share) -> Self {
        Self(Arc::new(Mutex::new(Some((Some(messages), share)))))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn grow(&self, more: Share) {
        if let Some((_, share)) = &mut *self.lock() {
            share.merge(more);
        }
    }

    /// Drops what waits. The share stays: what was taken may still be on its way out.
    fn break_off(&self, sender: mpsc::Sender<Message>) {
        let messages = self.lock().as_mut().and_then(|(messages, _)| messages.take());
        // Whoever waits for the next message is woken by the end of the sender, and finds that there are none.
        drop(sender);
        drop(messages);
    }
}

/// The messages of a download, as they are taken.
struct Messages(Held);

impl Drop for Messages {
    fn drop(&mut self) {
        *self.0.lock() = None;
    }
}

impl Stream for Messages {
    type Item = Message;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        match &mut *self.0.lock() {
            Some((Some(messages), _)) => messages.poll_recv(cx),
            _ => Poll::Ready(Some(Err(refused(Reason::Overloaded, "the download stood still for too long")))),
        }
    }
}

/// A download under way.
struct Sending {
    reading: Reading,
    /// What the first message says.
    size_bytes: i64,
    parts_checked: bool,
    held: Held,
    transfers: Budget,
    sent: usize,
    is_quick: bool,
    /// Told when the last chunk has gone out.
    gone: Arc<Notify>,
}

impl Sending {
    /// Sends a blob in chunks, until its end, an error, or the caller's loss of interest.
    async fn run(mut self, sender: mpsc::Sender<Message>) {
        let mut stands_still = false;
        loop {
            let place = tokio::select! {
                biased;
                place = place(&sender, &self.gone, self.is_quick || self.sent == 0) => place,
                () = self.transfers.standstill(SILENCE) => {
                    stands_still = true;
                    None
                }
            };
            let Some(place) = place else { break };
            let at_once = if self.is_quick { PIECES_AT_ONCE } else { 1 };
            match self.reading.next(at_once).await {
                Ok(None) => return,
                Err(error) => {
                    place.send(Err(status(error)));
                    return;
                }
                Ok(Some(Piece { bytes: data, crc32c })) => {
                    let crc32c = Some(crc32c.unwrap_or_else(|| crc32c::crc32c(&data)).cast_signed());
                    self.sent += data.len();
                    let parts_checked = self.size_bytes > 0 && self.parts_checked;
                    let data = if self.is_quick { data } else { Bytes::from_owner(Watched { data, gone: Arc::clone(&self.gone) }) };
                    place.send(Ok(ReadResponse { chunk: Some(Chunk { data, crc32c }), size_bytes: self.size_bytes, parts_checked }));
                }
            }
            self.size_bytes = 0;
            if !self.is_quick && self.sent >= QUICK_FROM {
                self.become_quick();
            }
        }
        if stands_still {
            self.held.break_off(sender);
        }
    }

    /// Where there is memory for it.
    fn become_quick(&mut self) {
        if let Some(more) = self.transfers.take((QUICK_BYTES - FIRST_BYTES) as usize) {
            self.held.grow(more);
            self.is_quick = true;
        }
    }
}

/// A chunk that tells when nobody has it any more.
struct Watched {
    data: Bytes,
    gone: Arc<Notify>,
}

impl AsRef<[u8]> for Watched {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.gone.notify_one();
    }
}

/// A place for the next message; `None` where nobody takes it any more. Unless it is to be `at_once`, the chunk before must have gone out:
/// nothing is read ahead for a reader who may never take it.
async fn place<'a>(sender: &'a mpsc::Sender<Message>, gone: &Notify, at_once: bool) -> Option<mpsc::Permit<'a, Message>> {
    let place = sender.reserve().await.ok()?;
    if !at_once {
        tokio::select! {
            () = gone.notified() => {}
            () = sender.closed() => return None,
        }
    }
    Some(place)
}
