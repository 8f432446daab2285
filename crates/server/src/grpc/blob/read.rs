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
use futures::stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::{Stream, StreamExt as _};
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
    let out = Arc::new(Semaphore::new(1));
    let sending = Sending { reading, size_bytes, parts_checked, transfers: api.transfers.clone(), sent: 0, out };
    Ok(Box::pin(stream::unfold(Course::Direct(Box::new(sending), share), Course::next)))
}

/// How a download goes on.
enum Course {
    /// What was sent was in memory. So is what comes next, it seems: it is read when it is wanted, by whoever sends it.
    Direct(Box<Sending>, Share),
    /// Bytes had to be waited for: a task reads them ahead.
    Ahead(Messages),
    /// It has ended.
    Over,
}

impl Course {
    async fn next(self) -> Option<(Message, Self)> {
        match self {
            Self::Direct(mut sending, share) if !sending.reading.has_waited() => {
                let out = tokio::select! {
                    biased;
                    out = Arc::clone(&sending.out).acquire_owned() => out.ok(),
                    () = sending.transfers.standstill(SILENCE) => None,
                };
                let Some(out) = out else { return Some((Err(stood_still()), Self::Over)) };
                match sending.message(1, Some(out)).await? {
                    Ok(message) => Some((Ok(message), Self::Direct(sending, share))),
                    refusal => Some((refusal, Self::Over)),
                }
            }
            Self::Direct(sending, share) => sending.go_ahead(share).into_next().await,
            Self::Ahead(messages) => messages.into_next().await,
            Self::Over => None,
        }
    }
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

impl Messages {
    async fn into_next(mut self) -> Option<(Message, Course)> {
        let message = self.next().await?;
        Some((message, Course::Ahead(self)))
    }
}

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
            _ => Poll::Ready(Some(Err(stood_still()))),
        }
    }
}

fn stood_still() -> Status {
    refused(Reason::Overloaded, "the download stood still for too long")
}

/// A download under way.
struct Sending {
    reading: Reading,
    /// What the first message says.
    size_bytes: i64,
    parts_checked: bool,
    transfers: Budget,
    sent: usize,
    /// A chunk has the one permit until it has gone out: nothing is read for a reader who may never take it.
    out: Arc<Semaphore>,
}

impl Sending {
    /// The next message; `None` at the end.
    async fn message(&mut self, at_once: usize, out: Option<OwnedSemaphorePermit>) -> Option<Message> {
        let Piece { bytes, crc32c } = match self.reading.next(at_once).await {
            Ok(piece) => piece?,
            Err(error) => return Some(Err(status(error))),
        };
        let crc32c = Some(crc32c.unwrap_or_else(|| crc32c::crc32c(&bytes)).cast_signed());
        self.sent += bytes.len();
        let data = match out {
            Some(out) => Bytes::from_owner(Watched { bytes, _out: out }),
            None => bytes,
        };
        let size_bytes = std::mem::take(&mut self.size_bytes);
        let parts_checked = size_bytes > 0 && self.parts_checked;
        Some(Ok(ReadResponse { chunk: Some(Chunk { data, crc32c }), size_bytes, parts_checked }))
    }

    /// Lets a task go on with it, which reads ahead.
    fn go_ahead(self, share: Share) -> Messages {
        let (sender, messages) = mpsc::channel(READ_AHEAD);
        let held = Held::new(messages, share);
        tokio::spawn(Ahead { sending: self, held: held.clone(), is_quick: false }.run(sender));
        Messages(held)
    }
}

/// A chunk that keeps its permit until nobody has it any more.
struct Watched {
    bytes: Bytes,
    _out: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Watched {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A download that reads ahead, once it is quick.
struct Ahead {
    sending: Sending,
    held: Held,
    is_quick: bool,
}

impl Ahead {
    /// Sends a blob in chunks, until its end, an error, or the caller's loss of interest.
    async fn run(mut self, sender: mpsc::Sender<Message>) {
        let mut stands_still = false;
        loop {
            let place = tokio::select! {
                biased;
                place = place(&sender, &self.sending.out, self.is_quick) => place,
                () = self.sending.transfers.standstill(SILENCE) => {
                    stands_still = true;
                    None
                }
            };
            let Some((place, out)) = place else { break };
            let at_once = if self.is_quick { PIECES_AT_ONCE } else { 1 };
            let Some(message) = self.sending.message(at_once, out).await else { return };
            let is_over = message.is_err();
            place.send(message);
            if is_over {
                return;
            }
            if !self.is_quick && self.sending.sent >= QUICK_FROM {
                self.become_quick();
            }
        }
        if stands_still {
            self.held.break_off(sender);
        }
    }

    /// Where there is memory for it.
    fn become_quick(&mut self) {
        if let Some(more) = self.sending.transfers.take((QUICK_BYTES - FIRST_BYTES) as usize) {
            self.held.grow(more);
            self.is_quick = true;
        }
    }
}

/// A place for the next message, and the permit of its chunk, unless that is read ahead; `None` where nobody takes it any more.
async fn place<'a>(
    sender: &'a mpsc::Sender<Message>,
    out: &Arc<Semaphore>,
    is_ahead: bool,
) -> Option<(mpsc::Permit<'a, Message>, Option<OwnedSemaphorePermit>)> {
    let place = sender.reserve().await.ok()?;
    if is_ahead {
        return Some((place, None));
    }
    tokio::select! {
        out = Arc::clone(out).acquire_owned() => Some((place, out.ok())),
        () = sender.closed() => None,
    }
}
