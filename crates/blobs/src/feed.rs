//! The way of the blocks of a stream to its spool: in order, and no more of them in memory than there is room for.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::Instrument as _;

use crate::block::Block;
use crate::error::{Error, Result};
use crate::hold::Hold;

/// How long the next block is waited for by threads that hash and write: where none comes, they end, and a later one begins anew.
const PATIENCE: Duration = Duration::from_millis(5);

/// More blocks than there ever is room for.
const CAPACITY: usize = 8;

/// Why one may wait for room.
const ROOM: &str = "the room is there as long as the feed";

/// The room of a block, which is free when the last clone of it is dropped.
pub(crate) type Room = Arc<OwnedSemaphorePermit>;

/// A block on its way. Clones share the bytes and their room.
#[derive(Clone, Debug)]
pub struct QueuedBlock {
    /// Where it begins in the upload.
    pub offset: i64,
    /// Its bytes.
    pub block: Block,
    room: Room,
}

impl QueuedBlock {
    pub(crate) fn new(offset: i64, block: Block, room: OwnedSemaphorePermit) -> Self {
        Self { offset, block, room: Arc::new(room) }
    }

    /// Where it ends.
    pub(crate) fn end(&self) -> i64 {
        self.offset + self.block.size()
    }

    /// Its room, to be kept for longer than its bytes.
    pub(crate) fn room(&self) -> Room {
        Arc::clone(&self.room)
    }

    /// What of it does not lie before `start`.
    pub(crate) fn skip_to(self, start: i64) -> Self {
        let skipped = usize::try_from(start - self.offset).unwrap_or(0);
        if skipped == 0 {
            return self;
        }
        Self { offset: start, block: self.block.slice(skipped..self.block.len()), ..self }
    }
}

/// Blocks as they come, each beginning where the one before it ends.
#[derive(Debug)]
pub struct Blocks(mpsc::Receiver<QueuedBlock>);

impl Blocks {
    pub(crate) fn channel() -> (mpsc::Sender<QueuedBlock>, Self) {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        (sender, Self(receiver))
    }

    /// The next one; `None` after the last.
    pub async fn next(&mut self) -> Option<QueuedBlock> {
        self.0.recv().await
    }

    /// The same, on a thread that may wait.
    pub(crate) fn wait_for_next(&mut self) -> Option<QueuedBlock> {
        self.0.blocking_recv()
    }

    /// The next one; `None` also where none comes soon: that ends them.
    pub(crate) async fn next_soon(&mut self) -> Option<QueuedBlock> {
        if let Ok(next) = timeout(PATIENCE, self.0.recv()).await {
            return next;
        }
        self.0.close();
        self.0.recv().await
    }
}

/// Where a stream gives its blocks, to receive the next one while they are hashed and written.
#[derive(Debug)]
pub(crate) struct Feed {
    room: Arc<Semaphore>,
    open: Option<Open>,
}

/// It takes blocks as long as they follow each other quickly.
#[derive(Debug)]
struct Open {
    blocks: mpsc::Sender<QueuedBlock>,
    writing: JoinHandle<Result<()>>,
}

impl Feed {
    /// A feed with room for one block.
    pub(crate) fn new() -> Self {
        Self { room: Arc::new(Semaphore::new(1)), open: None }
    }

    /// Makes room for one block more.
    pub(crate) fn widen(&self) {
        self.room.add_permits(1);
    }

    /// Whether a block would be taken at once.
    pub(crate) fn has_room(&self) -> bool {
        self.room.available_permits() > 0
    }

    /// Takes the block, which begins at `offset`, once there is room for it. Where one before it can't be written, this tells why.
    pub(crate) async fn push(&mut self, hold: &Arc<Hold>, offset: i64, block: &mut Block) -> Result<()> {
        let room = self.wait_for_room().await?;
        loop {
            let open = self.open.get_or_insert_with(|| Open::over(hold));
            if let Ok(place) = open.blocks.try_reserve() {
                place.send(QueuedBlock::new(offset, block.take(), room));
                return Ok(());
            }
            self.end().await?;
        }
    }

    async fn wait_for_room(&mut self) -> Result<OwnedSemaphorePermit> {
        let room = Arc::clone(&self.room).acquire_owned();
        let Some(open) = &self.open else { return Ok(room.await.expect(ROOM)) };
        tokio::select! {
            biased;
            room = room => return Ok(room.expect(ROOM)),
            // One that was sent just as the receiver went is dropped with the sender, and gives its room back then.
            () = open.blocks.closed() => {}
        }
        self.end().await?;
        Ok(Arc::clone(&self.room).acquire_owned().await.expect(ROOM))
    }

    /// Waits until all blocks are hashed and written.
    pub(crate) async fn end(&mut self) -> Result<()> {
        match self.open.take() {
            Some(Open { blocks, writing }) => {
                drop(blocks);
                writing.await.map_err(Error::from).flatten()
            }
            None => Ok(()),
        }
    }
}

impl Open {
    /// The hold lasts at least until all is written.
    fn over(hold: &Arc<Hold>) -> Self {
        let hold = Arc::clone(hold);
        let (sender, blocks) = Blocks::channel();
        let write = async move { hold.session.write(&hold.claim, blocks).await };
        Self { blocks: sender, writing: tokio::spawn(write.in_current_span()) }
    }
}

#[cfg(test)]
mod tests;
