//! Buffers for the pieces that are read, used again and again.
//!
//! They are given back by other threads than those that took them, at which allocators keep a lot, and new memory costs the processor as
//! much as reading into it.

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use crate::disk;
use crate::session::lock;
use crate::store::PIECE_BYTES;

/// How many buffers are kept that nobody uses.
const MAX_KEPT: usize = 32;

/// Buffers of the size of a piece that nobody uses now. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

impl Buffers {
    /// So many bytes from a position in the file; fewer where it ends before.
    pub(super) fn read(&self, file: &File, offset: u64, length: usize) -> io::Result<Bytes> {
        if !(PIECE_BYTES / 2..=PIECE_BYTES).contains(&length) {
            let mut bytes = Vec::with_capacity(length);
            disk::read_into(file, offset, length, &mut bytes)?;
            return Ok(bytes.into());
        }
        let buffer = lock(&self.0).pop().unwrap_or_else(|| Vec::with_capacity(PIECE_BYTES));
        let mut lent = Lent { buffer, home: self.clone() };
        disk::read_into(file, offset, length, &mut lent.buffer)?;
        Ok(Bytes::from_owner(lent))
    }
}

/// A buffer in use.
struct Lent {
    buffer: Vec<u8>,
    home: Buffers,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let mut kept = lock(&self.home.0);
        if kept.len() < MAX_KEPT {
            kept.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_buffer_that_was_given_back_shows_nothing_of_what_it_held() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; PIECE_BYTES]).unwrap();
        let buffers = Buffers::default();

        let first = buffers.read(&file, 0, PIECE_BYTES).unwrap();
        assert_eq!(first, vec![7; PIECE_BYTES]);
        assert_eq!(lock(&buffers.0).len(), 0);
        let part = first.slice(10..20);
        drop(first);
        assert_eq!(lock(&buffers.0).len(), 0, "a part of it is in use");
        drop(part);
        assert_eq!(lock(&buffers.0).len(), 1);

        assert_eq!(buffers.read(&file, 10, PIECE_BYTES).unwrap(), vec![7; PIECE_BYTES - 10], "the file ends");
        assert_eq!(lock(&buffers.0).len(), 1);
    }
}
