//! The blob plane: bytes under their SHA-256, on local disk. It knows no name, no user and no database.
//!
//! What a caller may do is written in a ticket; what was stored is written in a receipt. Both come and go unsigned here: the
//! edge checks and signs them.
//!
//! - [`upload`]: bytes on their way in: spooled, hashed as they come, checked, placed
//! - [`download`]: bytes on their way out
//! - `local`: the store on a local disk
//! - `disk`: the file-system calls, and nothing else

mod disk;
mod error;
mod local;

pub mod download;
pub mod upload;

use std::path::PathBuf;
use std::sync::Arc;

use consign_types::Timestamp;
use consign_types::ticket::{DownloadTicket, UploadTicket};

pub use download::Download;
pub use error::{Error, Result};
pub use upload::Upload;

use local::Local;

/// Where bytes are kept, and how.
#[derive(Clone, Debug)]
pub struct Config {
    /// The directory of the store. Made if it is not there.
    pub directory: PathBuf,
    /// Bytes of the disk that uploads leave free, so that the database beside them and deletes go on working.
    pub reserve_bytes: u64,
    /// What time it is.
    pub clock: fn() -> Timestamp,
}

/// The blob plane. Clones share one store.
#[derive(Clone, Debug)]
pub struct Blobs {
    store: Arc<Local>,
    clock: fn() -> Timestamp,
}

impl Blobs {
    /// Opens the store, and removes what broken uploads left in the spool.
    pub async fn open(config: Config) -> Result<Self> {
        let store = tokio::task::spawn_blocking(move || Local::open(config.directory, config.reserve_bytes)).await??;
        Ok(Self { store: Arc::new(store), clock: config.clock })
    }

    /// Starts an upload. Dropping it before [`Upload::finish`] leaves nothing behind.
    pub fn upload(&self, ticket: UploadTicket) -> Upload {
        Upload::new(Arc::clone(&self.store), ticket, self.clock)
    }

    /// Opens a blob for reading.
    pub async fn download(&self, ticket: DownloadTicket) -> Result<Download> {
        Download::open(Arc::clone(&self.store), ticket).await
    }

    /// Asks the store for a sign of life.
    pub async fn ping(&self) -> Result<()> {
        let store = Arc::clone(&self.store);
        tokio::task::spawn_blocking(move || store.ping()).await?
    }
}
