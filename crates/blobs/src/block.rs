//! Bytes that follow each other, in the chunks in which they came.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

/// Chunks of at least so many bytes are kept as they came. Smaller ones are copied together: a slice keeps the whole buffer alive that it
/// is cut from, however small its share of it is.
const KEPT_FROM: usize = 64 << 10;

/// Bytes that follow each other. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Block {
    chunks: Vec<Bytes>,
    /// What came in small chunks since.
    small: BytesMut,
    length: usize,
}

impl Block {
    /// Adds bytes at the end.
    pub fn push(&mut self, bytes: Bytes) {
        self.length += bytes.len();
        if bytes.len() < KEPT_FROM {
            self.small.extend_from_slice(&bytes);
        } else {
            self.end_small();
            self.chunks.push(bytes);
        }
    }

    fn end_small(&mut self) {
        if !self.small.is_empty() {
            self.chunks.push(self.small.split().freeze());
        }
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.length
    }

    /// The same, as sizes are counted.
    pub fn size(&self) -> i64 {
        i64::try_from(self.length).expect("a block is smaller than memory")
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Takes all bytes, and leaves none.
    #[must_use]
    pub fn take(&mut self) -> Self {
        self.end_small();
        std::mem::take(self)
    }

    /// The bytes, chunk by chunk.
    pub fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        self.chunks.iter().map(AsRef::as_ref).chain(Some(self.small.as_ref()).filter(|small| !small.is_empty()))
    }

    /// Some of the bytes.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        let mut slice = Self::default();
        let mut start = 0;
        for chunk in self.clone().into_chunks() {
            let end = start + chunk.len();
            let (from, to) = (range.start.max(start), range.end.min(end));
            if from < to {
                slice.chunks.push(chunk.slice(from - start..to - start));
                slice.length += to - from;
            }
            start = end;
        }
        slice
    }

    /// The chunks.
    pub fn into_chunks(mut self) -> Vec<Bytes> {
        self.end_small();
        self.chunks
    }

    /// The bytes in one piece, for which they are copied where they came in several.
    pub fn into_bytes(self) -> Bytes {
        let mut chunks = self.into_chunks();
        match chunks.len() {
            0 => Bytes::new(),
            1 => chunks.remove(0),
            _ => chunks.concat().into(),
        }
    }
}

impl From<Bytes> for Block {
    fn from(bytes: Bytes) -> Self {
        Self { length: bytes.len(), chunks: vec![bytes], small: BytesMut::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stay_in_their_order_whatever_chunks_they_come_in() {
        let bytes: Vec<u8> = (0..300_000u32).map(|n| (n / 7 % 251).to_le_bytes()[0]).collect();
        let mut block = Block::default();
        let mut rest = bytes.as_slice();
        for size in [1, 70_000, 5, 6, 65_536, 100_000, 64_452] {
            let (now, later) = rest.split_at(size);
            block.push(Bytes::copy_from_slice(now));
            rest = later;
        }
        assert_eq!((block.len(), rest.len()), (bytes.len(), 0));
        assert_eq!(block.chunks().collect::<Vec<_>>().concat(), bytes);
        for range in [0..0, 0..1, 1..70_001, 70_000..70_012, 0..300_000, 299_999..300_000] {
            let slice = block.slice(range.clone());
            assert_eq!(slice.len(), range.len());
            assert_eq!(slice.into_bytes(), bytes[range]);
        }
        let taken = block.take();
        assert!(block.is_empty() && block.chunks().next().is_none());
        assert_eq!(taken.clone().into_chunks().len(), 6, "small chunks are put together");
        assert_eq!(taken.into_bytes(), bytes);
    }

    #[test]
    fn a_small_chunk_does_not_keep_the_buffer_that_it_came_in() {
        let buffer = Bytes::from(vec![7; 1 << 20]);
        let mut block = Block::default();
        block.push(buffer.slice(10..20));
        assert!(buffer.is_unique());
        block.push(buffer.slice(0..KEPT_FROM));
        assert!(!buffer.is_unique());
    }
}
