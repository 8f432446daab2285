//! Bytes on their way out.

use std::sync::Arc;

use consign_types::ticket::DownloadTicket;
use consign_types::{CopyName, Digest};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};
use crate::store::{Blob, Piece, Pieces, Store};

/// An open blob.
#[derive(Debug)]
pub struct Download {
    blob: Arc<dyn Blob>,
    digest: Digest,
    size: i64,
}

impl Download {
    pub(crate) async fn open(store: &dyn Store, ticket: &DownloadTicket) -> Result<Self> {
        let DownloadTicket { digest, generation, size, .. } = *ticket;
        let blob = store.open(CopyName { digest, generation }, size).await?;
        Ok(Self { blob, digest, size })
    }

    /// The size of the whole blob in bytes.
    pub fn size(&self) -> i64 {
        self.size
    }

    /// Whether every part of it is checked by itself, and not only the whole.
    pub fn is_checked(&self) -> bool {
        self.blob.is_checked()
    }

    /// Reads from `offset` on, at most `limit` bytes, where there is a limit.
    pub async fn range(self, offset: i64, limit: Option<i64>) -> Result<Reading> {
        let Self { blob, digest, size } = self;
        if !(0..=size).contains(&offset) {
            return Err(Error::Range { offset, size });
        }
        let end = limit.map_or(size, |limit| offset.saturating_add(limit.max(0)).min(size));
        let is_unchecked_whole = (offset, end) == (0, size) && !blob.is_checked();
        let hash = is_unchecked_whole.then(Sha256::new);
        Ok(Reading { pieces: blob.read(offset..end).await?, digest, left: end - offset, hash })
    }
}

/// A range of a blob under way.
///
/// A damaged blob ends in an error, never in wrong bytes that look complete: the store checks what it gives, or else a blob that is
/// read whole is hashed on the way, and its last bytes are given only once the digest fits.
pub struct Reading {
    pieces: Box<dyn Pieces>,
    digest: Digest,
    left: i64,
    hash: Option<Sha256>,
}

impl Reading {
    /// The next bytes; `None` at the end. A blob that turns out damaged ends in `Corrupt`. See [`Pieces::next`].
    pub async fn next(&mut self, at_once: usize) -> Result<Option<Piece>> {
        let Some(piece) = self.pieces.next(at_once).await? else {
            return if self.left == 0 { Ok(None) } else { Err(Error::Corrupt(self.digest)) };
        };
        self.left -= crate::session::length(&piece.bytes);
        if let Some(hash) = &mut self.hash {
            hash.update(&piece.bytes);
            if self.left <= 0 && hash.clone().finalize() != *self.digest.as_bytes() {
                return Err(Error::Corrupt(self.digest));
            }
        }
        Ok(Some(piece))
    }

    /// See [`Pieces::has_waited`].
    pub fn has_waited(&self) -> bool {
        self.pieces.has_waited()
    }
}
