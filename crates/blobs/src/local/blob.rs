//! Copies on a local disk, as they are read.
//!
//! A large copy is checked piece by piece against its checksums, so a range of it is read without the rest. A small one is read
//! and hashed whole, whichever part of it is asked for.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use consign_types::{CopyName, Digest, crc32c};
use sha2::Digest as _;
use tokio::task::spawn_blocking;

use super::buffers::{Buffers, Patience};
use super::in_span;
use super::layout::Layout;
use super::spool::SUMS_FROM_BYTES;
use crate::disk;
use crate::error::{Error, Result};
use crate::store::{Blob, PIECE_BYTES, PIECE_SIZE, Piece, Pieces};
use crate::sums::Sums;

/// An open copy.
#[derive(Debug)]
pub(super) struct LocalBlob {
    file: File,
    digest: Digest,
    size: i64,
    sums: Option<Sums>,
    buffers: Buffers,
}

impl LocalBlob {
    pub(super) fn open(layout: &Layout, buffers: Buffers, name: CopyName, size: i64) -> Result<Self> {
        let file = match disk::open(&layout.copy(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let is_damaged = layout.is_quarantined(name);
                return Err(if is_damaged { Error::Corrupt(name.digest) } else { Error::Missing(name.digest) });
            }
            file => file.map_err(Error::disk("open a blob"))?,
        };
        let stored = disk::size(&file).map_err(Error::disk("look at a blob"))?;
        if i64::try_from(stored) != Ok(size) {
            return Err(Error::Corrupt(name.digest));
        }
        let sums = if size > SUMS_FROM_BYTES { read_sums(layout, name, size) } else { None };
        Ok(Self { file, digest: name.digest, size, sums, buffers })
    }

    /// `None` where they are not in memory and are not to be waited for.
    fn read_pieces(&self, range: &Range<i64>, patience: Patience) -> Result<Option<VecDeque<Piece>>> {
        match &self.sums {
            Some(sums) => pieces_of(range).map(|wanted| self.read_checked(&wanted, sums, patience)).collect(),
            None if self.is_small() => self.read_whole(range, patience),
            None => pieces_of(range).map(|piece| Ok(self.read_run(&piece, patience)?.map(|bytes| Piece { bytes, crc32c: None }))).collect(),
        }
    }

    fn is_small(&self) -> bool {
        self.size <= SUMS_FROM_BYTES
    }

    /// Whether to check what is read next takes so little that no other thread is worth it. A small blob is hashed whole.
    fn is_quickly_checked(&self) -> bool {
        !self.is_small() || self.size <= PIECE_SIZE
    }

    fn read_run(&self, range: &Range<i64>, patience: Patience) -> Result<Option<Bytes>> {
        let length = usize::try_from(range.end - range.start).expect("a run of pieces is smaller than memory");
        let offset = u64::try_from(range.start).expect("a position is not negative");
        let bytes = match self.buffers.read(&self.file, offset, length, patience) {
            Err(error) if is_lost(&error) => return Err(Error::Corrupt(self.digest)),
            bytes => bytes.map_err(Error::disk("read a blob"))?,
        };
        match bytes {
            Some(bytes) if bytes.len() < length => Err(Error::Corrupt(self.digest)),
            bytes => Ok(bytes),
        }
    }

    fn read_whole(&self, range: &Range<i64>, patience: Patience) -> Result<Option<VecDeque<Piece>>> {
        let Some(bytes) = self.read_run(&(0..self.size), patience)? else { return Ok(None) };
        if Digest::of(&bytes) != self.digest {
            return Err(Error::Corrupt(self.digest));
        }
        let position = |at: i64| usize::try_from(at).expect("a small blob is smaller than memory");
        Ok(Some(split(bytes.slice(position(range.start)..position(range.end)))))
    }

    /// Reads the piece that has the range, checks it, and cuts off what lies outside.
    fn read_checked(&self, wanted: &Range<i64>, sums: &Sums, patience: Patience) -> Result<Option<Piece>> {
        let start = wanted.start / PIECE_SIZE * PIECE_SIZE;
        let Some(piece) = self.read_run(&(start..self.size.min(start + PIECE_SIZE)), patience)? else { return Ok(None) };
        let crc32c = crc32c::crc32c(&piece);
        let number = usize::try_from(start / PIECE_SIZE).expect("a blob has fewer pieces");
        if sums.get(number) != Some(crc32c) {
            return Err(Error::Corrupt(self.digest));
        }
        let position = |at: i64| usize::try_from(at - start).expect("a piece is smaller than memory");
        let bytes = piece.slice(position(wanted.start)..position(wanted.end));
        let crc32c = (bytes.len() == piece.len()).then_some(crc32c);
        Ok(Some(Piece { bytes, crc32c }))
    }
}

#[async_trait]
impl Blob for LocalBlob {
    fn is_checked(&self) -> bool {
        self.is_small() || self.sums.is_some()
    }

    async fn read(self: Arc<Self>, range: Range<i64>) -> Result<Box<dyn Pieces>> {
        Ok(Box::new(LocalPieces { blob: self, range, pieces: VecDeque::new(), has_waited: false }))
    }
}

/// The rest of a range, and what of it is read already.
struct LocalPieces {
    blob: Arc<LocalBlob>,
    range: Range<i64>,
    pieces: VecDeque<Piece>,
    has_waited: bool,
}

impl LocalPieces {
    /// What is read next, where that is up to so many pieces. A small blob is read whole.
    fn run(&self, pieces: usize) -> Range<i64> {
        let Range { start, end } = self.range;
        let pieces = i64::try_from(pieces.max(1)).unwrap_or(1);
        let run = if self.blob.is_small() { end - start } else { pieces * PIECE_SIZE - start % PIECE_SIZE };
        start..end.min(start + run)
    }

    /// What is in memory is read by who sends it, and is in that processor's cache then; for what is not, another thread waits.
    async fn read(&mut self, at_once: usize) -> Result<()> {
        let mut run = self.run(1);
        let cached = if self.blob.is_quickly_checked() { self.blob.read_pieces(&run, Patience::Nothing)? } else { None };
        self.has_waited = cached.is_none();
        let read = match cached {
            None => {
                run = self.run(at_once);
                let (blob, run) = (Arc::clone(&self.blob), run.clone());
                spawn_blocking(in_span(move || blob.read_pieces(&run, Patience::Disk))).await??
            }
            read => read,
        };
        self.pieces = read.unwrap_or_default();
        self.range.start = run.end;
        Ok(())
    }
}

#[async_trait]
impl Pieces for LocalPieces {
    async fn next(&mut self, at_once: usize) -> Result<Option<Piece>> {
        if self.pieces.is_empty() && !self.range.is_empty() {
            self.read(at_once).await?;
        }
        Ok(self.pieces.pop_front())
    }

    fn has_waited(&self) -> bool {
        self.has_waited
    }
}

/// Whether the medium has lost what it held: that is damage like any other, which a new upload of the bytes heals.
fn is_lost(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}

/// The parts of a range that lie in one piece each.
fn pieces_of(range: &Range<i64>) -> impl Iterator<Item = Range<i64>> + use<> {
    let (mut start, end) = (range.start, range.end);
    std::iter::from_fn(move || {
        let piece = start..end.min(start / PIECE_SIZE * PIECE_SIZE + PIECE_SIZE);
        start = piece.end;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Bytes whose checksums are not known, in pieces.
fn split(mut bytes: Bytes) -> VecDeque<Piece> {
    let mut pieces = VecDeque::new();
    while !bytes.is_empty() {
        pieces.push_back(Piece { bytes: bytes.split_to(bytes.len().min(PIECE_BYTES)), crc32c: None });
    }
    pieces
}

fn read_sums(layout: &Layout, name: CopyName, size: i64) -> Option<Sums> {
    let sums = Sums::decode(disk::read(&layout.sums(name)).ok()?);
    sums.filter(|sums| sums.bytes() == size)
}

/// Whether a copy still has the bytes that its name says; `None` where it is gone.
pub(super) fn is_whole(layout: &Layout, name: CopyName) -> Result<Option<bool>> {
    has_bytes(&layout.copy(name), name)
}

/// The same of any file.
pub(super) fn has_bytes(path: &Path, name: CopyName) -> Result<Option<bool>> {
    let file = match disk::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        result => result.map_err(Error::disk("open a blob"))?,
    };
    let (mut hash, mut buffer, mut offset) = (sha2::Sha256::new(), vec![0; PIECE_BYTES], 0);
    loop {
        let read = match disk::read_some_at(&file, &mut buffer, offset) {
            Err(error) if is_lost(&error) => return Ok(Some(false)),
            read => read.map_err(Error::disk("read a blob"))?,
        };
        if read == 0 {
            return Ok(Some(Digest::from_bytes(hash.finalize().into()) == name.digest));
        }
        hash.update(&buffer[..read]);
        offset += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// The kernel answers EIO to whoever reads a process's memory where there is none, as a disk does for a sector that it has lost.
    const LOST: &str = "/proc/self/mem";

    #[test]
    fn what_the_disk_has_lost_is_damaged() {
        let name = CopyName { digest: Digest::of(b"x"), generation: 1 };
        assert_eq!(has_bytes(Path::new(LOST), name).unwrap(), Some(false));

        let file = File::open(LOST).unwrap();
        let blob = LocalBlob { file, digest: name.digest, size: 10, sums: None, buffers: Buffers::default() };
        assert!(matches!(blob.read_pieces(&(0..10), Patience::Disk), Err(Error::Corrupt(digest)) if digest == name.digest));
    }

    #[tokio::test]
    async fn bytes_are_the_same_whether_they_are_in_memory_or_waited_for() {
        let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n / 7 % 251).to_le_bytes()[0]).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content).unwrap();
        disk::sync(&file).unwrap();
        for sums in [None, Some(crate::sums::tests::sums(&content))] {
            let file = file.try_clone().unwrap();
            let blob = LocalBlob { file, digest: Digest::of(&content), size: 3_000_000, sums, buffers: Buffers::default() };
            let blob = Arc::new(blob);
            for (range, at_once) in [(0..3_000_000, 4), (0..3_000_000, 1), (300_000..2_999_999, 4), (262_144..262_145, 4)] {
                let wanted = &content[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
                let pieces = blob.read_pieces(&range, Patience::Disk).unwrap().unwrap();
                assert!(pieces.iter().map(|piece| piece.bytes.as_ref()).collect::<Vec<_>>().concat() == wanted);
                // Nothing of it is in memory, as far as the system takes the hint.
                disk::begin_writing_out(&blob.file, 0, 3_000_000).unwrap();
                assert!(read_all(&blob, range, at_once).await == wanted);
            }
        }
    }

    async fn read_all(blob: &Arc<LocalBlob>, range: Range<i64>, at_once: usize) -> Vec<u8> {
        let mut pieces = Arc::clone(blob).read(range).await.expect("it is open");
        let mut all = Vec::new();
        while let Some(piece) = pieces.next(at_once).await.expect("it is whole") {
            all.extend_from_slice(&piece.bytes);
        }
        all
    }
}
