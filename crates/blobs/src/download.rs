//! Bytes on their way out.

use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use consign_types::ticket::DownloadTicket;
use sha2::{Digest as _, Sha256};
use tokio::task::spawn_blocking;

use crate::disk;
use crate::error::{Error, Result};
use crate::local::Local;

/// How many bytes are read in one go on a blocking thread.
const READ_BYTES: i64 = 1 << 20;

/// An open blob, read from a position onwards.
///
/// A blob that is read whole is hashed on the way, and its last bytes are given only once the digest fits: a damaged blob ends in
/// an error, never in wrong bytes that look complete. A range is read as it is stored.
#[derive(Debug)]
pub struct Download {
    file: Arc<File>,
    ticket: DownloadTicket,
    position: i64,
    end: i64,
    hash: Option<Sha256>,
}

impl Download {
    pub(crate) async fn open(store: Arc<Local>, ticket: DownloadTicket) -> Result<Self> {
        let (digest, generation, size) = (ticket.digest, ticket.generation, ticket.size);
        let file = spawn_blocking(move || store.open_copy(&digest, generation, size)).await??;
        Ok(Self { file: Arc::new(file), position: 0, end: ticket.size, ticket, hash: Some(Sha256::new()) })
    }

    /// The size of the whole blob in bytes.
    pub fn size(&self) -> i64 {
        self.ticket.size
    }

    /// Reads from `offset` on, at most `limit` bytes, where there is a limit.
    pub fn range(mut self, offset: i64, limit: Option<i64>) -> Result<Self> {
        let size = self.size();
        if !(0..=size).contains(&offset) {
            return Err(Error::Range { offset, size });
        }
        self.position = offset;
        self.end = limit.map_or(size, |limit| offset.saturating_add(limit.max(0)).min(size));
        let whole = (self.position, self.end) == (0, size);
        self.hash = self.hash.filter(|_| whole);
        Ok(self)
    }

    /// The next bytes, at most 1 MiB; `None` at the end. A blob that turns out damaged ends in `Corrupt`.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        let length = (self.end - self.position).min(READ_BYTES);
        if length == 0 {
            return Ok(None);
        }
        let (file, digest, offset, hash) = (Arc::clone(&self.file), self.ticket.digest, self.position, self.hash.take());
        let is_last = offset + length == self.end;
        let work = move || {
            let mut buffer = BytesMut::zeroed(usize::try_from(length).expect("a read has at most 1 MiB"));
            let offset = u64::try_from(offset).expect("a position is not negative");
            disk::read_at(&file, &mut buffer, offset).map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => Error::Corrupt(digest),
                _ => Error::disk("read a blob")(error),
            })?;
            let hash = hash.map(|hash| hash.chain_update(&buffer));
            if is_last && hash.as_ref().is_some_and(|hash| hash.clone().finalize() != *digest.as_bytes()) {
                return Err(Error::Corrupt(digest));
            }
            Ok((buffer.freeze(), hash))
        };
        let (bytes, hash) = spawn_blocking(work).await??;
        self.hash = hash;
        self.position += length;
        Ok(Some(bytes))
    }
}
