//! What a store is: the one trait that the local disk, S3 and every wrapper implement, and that `battery` tests.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use consign_types::{CopyName, Timestamp};

use crate::block::Block;
use crate::error::Result;
use crate::feed::Blocks;
use crate::progress::Progress;
use crate::sums::SumsPart;

/// A stored copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredCopy {
    /// Its name.
    pub name: CopyName,
    /// How many bytes it has.
    pub size: i64,
    /// When it was stored.
    pub stored: Timestamp,
}

/// Bytes of an upload that are kept, though not checked yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredSpool {
    /// The number of the upload.
    pub upload: i64,
    /// When it was last written to.
    pub written: Timestamp,
}

/// What a store must know of an upload to make a spool for it.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The number of the upload.
    pub upload: i64,
    /// The name that its bytes will have, where their digest was declared.
    pub name: Option<CopyName>,
    /// How many bytes will come, where that was declared.
    pub size: Option<i64>,
    /// The most bytes that may come.
    pub max_bytes: i64,
}

impl Plan {
    /// The size of the file that will come of it, where that was declared.
    pub(crate) fn file_size(&self) -> Option<u64> {
        self.size.and_then(|size| u64::try_from(size).ok())
    }
}

/// A small blob that is stored in one go.
#[derive(Clone, Debug)]
pub struct Small {
    /// The number of the upload.
    pub upload: i64,
    /// The name that it is to have. Its digest was computed from `bytes`.
    pub name: CopyName,
    /// The least generation of a copy that may be used in its place.
    pub min_generation: i64,
    /// All of it.
    pub bytes: Bytes,
}

/// Whether written bytes will be read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hashed {
    /// They are hashed already.
    Already,
    /// Bytes before them are missing, so they are read again when those have come.
    Later,
}

/// A place where bytes are kept under their digests.
///
/// A copy that has its name is whole and durable; it never changes and is never replaced by other bytes, though a damaged one is
/// replaced by good ones. All methods may be called at any time from any number of tasks.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync {
    /// Makes an empty spool for an upload, in place of one that it may have.
    async fn create_spool(&self, plan: Plan) -> Result<Arc<dyn Spool>>;

    /// The spool of an upload and how far it had come when it was last saved; `None` where nothing was saved.
    async fn find_spool(&self, plan: Plan) -> Result<Option<(Arc<dyn Spool>, Progress)>>;

    /// All spools.
    async fn list_spools(&self) -> Result<Vec<StoredSpool>>;

    /// Removes the spool of an upload. One that is not there counts as removed.
    async fn remove_spool(&self, upload: i64) -> Result<()>;

    /// Stores small blobs whole, and returns the generation under which each is found now, in their order.
    ///
    /// What is answered with a generation is durable.
    async fn put(&self, blobs: Vec<Small>) -> Vec<Result<i64>>;

    /// Whether a copy is there. What is said to be there is durable.
    async fn has(&self, name: CopyName) -> Result<bool>;

    /// Opens a copy for reading. One that is gone is `Missing`; one that is damaged as far as can be seen now, or quarantined, is
    /// `Corrupt`.
    async fn open(&self, name: CopyName, size: i64) -> Result<Arc<dyn Blob>>;

    /// Copies in the order of their names, at most `limit`, those after `after`.
    async fn list(&self, after: Option<CopyName>, limit: usize) -> Result<Vec<StoredCopy>>;

    /// Takes the name from a copy and keeps its bytes in the trash. A copy that is not there counts as removed.
    async fn discard(&self, name: CopyName) -> Result<()>;

    /// Takes the name from a damaged copy and keeps its bytes for those who look into why. Whoever opens it is told `Corrupt`.
    async fn quarantine(&self, name: CopyName) -> Result<()>;

    /// The copies that are quarantined.
    async fn list_quarantined(&self) -> Result<Vec<CopyName>>;

    /// Copies that came to the trash before an instant, at most `limit`.
    async fn list_trash(&self, before: Timestamp, limit: usize) -> Result<Vec<CopyName>>;

    /// Removes the bytes of a copy in the trash for good.
    async fn remove_trash(&self, name: CopyName) -> Result<()>;

    /// What belongs to nothing: the names that the store gives it, with when it was written.
    async fn list_strays(&self) -> Result<Vec<(String, Timestamp)>>;

    /// Removes a stray by the name that [`Store::list_strays`] gave it.
    async fn remove_stray(&self, name: &str) -> Result<()>;

    /// Where scrubbing has come to, as it was last saved.
    async fn find_scrub_cursor(&self) -> Result<Option<CopyName>>;

    /// Keeps where scrubbing has come to.
    async fn save_scrub_cursor(&self, cursor: Option<CopyName>) -> Result<()>;

    /// Asks for a sign of life.
    async fn ping(&self) -> Result<()>;

    /// The [`Spool::grain`] of an upload of at most so many bytes.
    fn grain(&self, max_bytes: i64) -> i64;

    /// How many bytes a stream of such an upload holds in memory, at most.
    fn upload_bytes(&self, max_bytes: i64) -> u32;
}

/// The bytes of one upload, before they are checked.
#[async_trait]
pub trait Spool: fmt::Debug + Send + Sync {
    /// Writes start at multiples of this, and all but the last are of a multiple of it long.
    fn grain(&self) -> i64;

    /// Writes bytes at a position. They are durable after the next [`Spool::sync`].
    async fn write(&self, offset: i64, block: Block, hashed: Hashed) -> Result<()>;

    /// Writes blocks as they come: all to the last one, or it fails. Others hash them meanwhile, so they are not read back. The caller lets
    /// none be waited for for long: a thread may wait for it.
    async fn write_all(&self, mut blocks: Blocks) -> Result<()> {
        while let Some(queued) = blocks.next().await {
            self.write(queued.offset, queued.block, Hashed::Already).await?;
        }
        Ok(())
    }

    /// Reads back bytes that were written as `Later`: at most a grain, or 512 KiB where the grain is smaller.
    async fn read_back(&self, offset: i64, length: usize) -> Result<Bytes>;

    /// Makes all that was written durable. After one that failed nothing may be taken for durable, whatever the next one says: a disk tells of
    /// bytes that it has lost only once.
    async fn sync(&self) -> Result<()>;

    /// Keeps, durably, how far the upload has come, and the checksums that were made since the last time, where the store has any use for
    /// them. What the progress tells was synced before.
    async fn save(&self, progress: &Progress, sums: SumsPart) -> Result<()>;

    /// Writes the last of the checksums and gives the bytes their name, or drops them for a whole copy of at least `min_generation` that is
    /// there. Returns the generation under which they are found now; they are durable then. The spool is gone.
    async fn place(&self, name: CopyName, size: i64, min_generation: i64, sums: SumsPart) -> Result<i64>;

    /// Removes it all.
    async fn remove(&self) -> Result<()>;
}

/// An open copy.
#[async_trait]
pub trait Blob: fmt::Debug + Send + Sync {
    /// Whether [`Blob::read`] itself finds out where the bytes are damaged.
    fn is_checked(&self) -> bool;

    /// The bytes of a range, in order, in pieces of at most [`PIECE_BYTES`].
    async fn read(self: Arc<Self>, range: Range<i64>) -> Result<Box<dyn Pieces>>;
}

/// The most bytes in a [`Piece`].
pub const PIECE_BYTES: usize = 256 << 10;

/// The same, as sizes are counted.
pub(crate) const PIECE_SIZE: i64 = 256 << 10;

/// How many pieces are read in one go where nothing speaks against it: to go to the disk for each costs more.
pub const PIECES_AT_ONCE: usize = 4;

/// A run of bytes of a blob.
#[derive(Clone, Debug)]
pub struct Piece {
    /// The bytes.
    pub bytes: Bytes,
    /// Their CRC-32C, where it is known already.
    pub crc32c: Option<u32>,
}

/// The bytes of a range, piece by piece.
#[async_trait]
pub trait Pieces: Send {
    /// The next piece; `None` at the end. Where it is not at hand, up to `at_once` pieces are read in one go, which stay in memory.
    async fn next(&mut self, at_once: usize) -> Result<Option<Piece>>;

    /// Whether the last pieces had to be waited for: then it pays to read ahead.
    fn has_waited(&self) -> bool {
        true
    }
}
