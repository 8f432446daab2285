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
pub(super) struct Buffers(Arc<Mutex<Vec<Box<[u8]>>>>);

impl Buffers {
    /// So many bytes from a position in the file; fewer where it ends before. `None` where they would have to be waited for and are not
    /// to be.
    pub(super) fn read(&self, file: &File, offset: u64, length: usize, patience: Patience) -> io::Result<Option<Bytes>> {
        if !(PIECE_BYTES / 2..=PIECE_BYTES).contains(&length) {
            let mut bytes = vec![0; length];
            let read = read(file, offset, &mut bytes, patience)?;
            return Ok(read.map(|read| Bytes::from(bytes).slice(..read)));
        }
        let buffer = lock(&self.0).pop().unwrap_or_else(|| vec![0; PIECE_BYTES].into());
        let mut lent = Lent { buffer, length: 0, home: self.clone() };
        let read = read(file, offset, &mut lent.buffer[..length], patience)?;
        Ok(read.map(|read| {
            lent.length = read;
            Bytes::from_owner(lent)
        }))
    }
}

/// How long bytes are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// Not at all: they are in memory or are not read.
    Nothing,
    /// Until the disk has brought them.
    Disk,
}

fn read(file: &File, offset: u64, buffer: &mut [u8], patience: Patience) -> io::Result<Option<usize>> {
    match patience {
        Patience::Nothing => Ok(disk::read_cached(file, offset, buffer)?.then_some(buffer.len())),
        Patience::Disk => disk::read_at(file, offset, buffer).map(Some),
    }
}

/// A buffer in use. What it held before stands behind its length.
struct Lent {
    buffer: Box<[u8]>,
    length: usize,
    home: Buffers,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut kept = lock(&self.home.0);
        if kept.len() < MAX_KEPT {
            kept.push(std::mem::take(&mut self.buffer));
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

        let first = buffers.read(&file, 0, PIECE_BYTES, Patience::Disk).unwrap().unwrap();
        assert_eq!(first, vec![7; PIECE_BYTES]);
        assert_eq!(lock(&buffers.0).len(), 0);
        let part = first.slice(10..20);
        drop(first);
        assert_eq!(lock(&buffers.0).len(), 0, "a part of it is in use");
        drop(part);
        assert_eq!(lock(&buffers.0).len(), 1);

        assert_eq!(buffers.read(&file, 10, PIECE_BYTES, Patience::Disk).unwrap().unwrap(), vec![7; PIECE_BYTES - 10], "the file ends");
        assert_eq!(lock(&buffers.0).len(), 1);
    }

    #[test]
    fn what_is_not_in_memory_is_left_to_those_who_wait() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"in memory").unwrap();
        let buffers = Buffers::default();
        // A file system that can't tell what is in memory leaves it all to them.
        if let Some(bytes) = buffers.read(&file, 3, 6, Patience::Nothing).unwrap() {
            assert_eq!(bytes, "memory");
        }
        assert_eq!(buffers.read(&file, 3, 7, Patience::Nothing).unwrap(), None, "the file ends");
        assert_eq!(buffers.read(&file, 3, 7, Patience::Disk).unwrap().unwrap(), "memory");

        let file = File::open("/proc/self/comm").unwrap();
        assert_eq!(buffers.read(&file, 0, 1, Patience::Nothing).unwrap(), None);
        assert_eq!(buffers.read(&file, 0, 1, Patience::Disk).unwrap().unwrap().len(), 1);
    }
}
