//! The CRC-32C of each piece of a blob, by which a part of it can be checked without reading the rest.
//!
//! In the file beside a blob stand those of whole pieces, four bytes each; that of the bytes after the last whole piece; for how many bytes
//! they are, in eight bytes; and the CRC-32C of all that. All numbers are little-endian. While an upload goes on they are written as they
//! come, so that a large one holds no more of them in memory than a small one.

use consign_types::crc32c;

use crate::session::length;
use crate::store::PIECE_BYTES;

/// The bytes of one checksum.
const SUM_BYTES: usize = 4;

/// Those of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums {
    whole: Vec<u8>,
    last: u32,
    bytes: i64,
}

impl Sums {
    /// Reads the file; `None` where it is damaged.
    pub(crate) fn decode(mut file: Vec<u8>) -> Option<Self> {
        let (text, check) = file.split_last_chunk()?;
        let (sums, bytes) = text.split_last_chunk()?;
        let (whole, last) = sums.split_last_chunk()?;
        let (bytes, last, length) = (i64::from_le_bytes(*bytes), u32::from_le_bytes(*last), whole.len());
        let is_sound = crc32c::crc32c(text) == u32::from_le_bytes(*check) && whole_bytes(bytes) == Some(length);
        file.truncate(length);
        is_sound.then_some(Self { whole: file, last, bytes })
    }

    /// The checksum of a piece, by its number.
    pub(crate) fn get(&self, piece: usize) -> Option<u32> {
        let start = piece * SUM_BYTES;
        match self.whole.get(start..start + SUM_BYTES) {
            Some(sum) => Some(u32::from_le_bytes(sum.try_into().expect("a checksum has four bytes"))),
            None => (start == self.whole.len()).then_some(self.last),
        }
    }

    /// For how many bytes they are.
    pub(crate) fn bytes(&self) -> i64 {
        self.bytes
    }
}

/// How many bytes the checksums of whole pieces take, of so many bytes.
pub(crate) fn whole_bytes(bytes: i64) -> Option<usize> {
    Some(usize::try_from(bytes).ok()? / PIECE_BYTES * SUM_BYTES)
}

/// A part of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SumsPart {
    /// Where it begins.
    pub start: usize,
    /// What stands there.
    pub bytes: Vec<u8>,
}

/// Checksums as they are made. Those of whole pieces are held until they are taken away to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summing {
    whole: Vec<u8>,
    /// Of those of whole pieces, also of those that were taken away.
    pub(crate) check: u32,
    /// Of the bytes after the last whole piece.
    pub(crate) last: u32,
    bytes: i64,
}

impl Summing {
    /// Goes on after so many bytes, of which those of whole pieces were written.
    pub(crate) fn after(bytes: i64, check: u32, last: u32) -> Self {
        Self { whole: Vec::new(), check, last, bytes }
    }

    /// Those that go on after these, with none of those that are held.
    pub(crate) fn next(&self) -> Self {
        Self { whole: Vec::new(), ..*self }
    }

    /// Adds those of [`Summing::next`].
    pub(crate) fn take(&mut self, next: Self) {
        let Self { whole, check, last, bytes } = next;
        self.whole.extend_from_slice(&whole);
        (self.check, self.last, self.bytes) = (check, last, bytes);
    }

    pub(crate) fn add(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let filled = usize::try_from(self.bytes).expect("a size is not negative") % PIECE_BYTES;
            let (now, later) = bytes.split_at(bytes.len().min(PIECE_BYTES - filled));
            self.last = crc32c::append(self.last, now);
            self.bytes += length(now);
            if filled + now.len() == PIECE_BYTES {
                let sum = self.last.to_le_bytes();
                self.whole.extend_from_slice(&sum);
                self.check = crc32c::append(self.check, &sum);
                self.last = 0;
            }
            bytes = later;
        }
    }

    /// Takes away those that are held.
    pub(crate) fn drain(&mut self) -> SumsPart {
        let end = whole_bytes(self.bytes).expect("a size is not negative");
        SumsPart { start: end - self.whole.len(), bytes: std::mem::take(&mut self.whole) }
    }

    /// The same, with the end of the file.
    pub(crate) fn finish(&mut self) -> SumsPart {
        let mut part = self.drain();
        let end = [self.last.to_le_bytes().as_slice(), &self.bytes.to_le_bytes()].concat();
        part.bytes.extend_from_slice(&end);
        part.bytes.extend_from_slice(&crc32c::append(self.check, &end).to_le_bytes());
        part
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn pattern(bytes: usize) -> Vec<u8> {
        (0..bytes).map(|n| (n / 3 % 251).to_le_bytes()[0]).collect()
    }

    /// The file of these bytes.
    fn file(bytes: &[u8]) -> Vec<u8> {
        let mut summing = Summing::default();
        summing.add(bytes);
        summing.finish().bytes
    }

    pub(crate) fn sums(bytes: &[u8]) -> Sums {
        Sums::decode(file(bytes)).unwrap()
    }

    #[test]
    fn checksums_are_read_as_they_were_written_and_not_when_damaged() {
        for size in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES * 2 + 1] {
            let bytes = pattern(size);
            let sums = sums(&bytes);
            assert_eq!(sums.bytes(), length(&bytes));
            for (number, piece) in bytes.chunks(PIECE_BYTES).enumerate() {
                assert_eq!(sums.get(number), Some(crc32c::crc32c(piece)));
            }
            let text = file(&bytes);
            for at in 0..text.len() {
                let mut damaged = text.clone();
                damaged[at] ^= 1;
                assert_eq!(Sums::decode(damaged), None);
                assert_eq!(Sums::decode(text[..at].to_vec()), None);
            }
        }
    }

    #[test]
    fn the_parts_of_the_file_follow_each_other_however_it_is_cut() {
        let bytes = pattern(PIECE_BYTES * 7 + 5);
        for chunk in [1000, PIECE_BYTES / 3, PIECE_BYTES, PIECE_BYTES * 3, bytes.len()] {
            let (mut summing, mut written) = (Summing::default(), Vec::new());
            for (number, chunk) in bytes.chunks(chunk).enumerate() {
                let mut next = summing.next();
                next.add(chunk);
                summing.take(next);
                if number % 3 == 1 {
                    let part = summing.drain();
                    assert_eq!(part.start, written.len());
                    written.extend(part.bytes);
                    summing = Summing::after(summing.bytes, summing.check, summing.last);
                }
            }
            let last = summing.finish();
            assert_eq!(last.start, written.len());
            written.extend(last.bytes);
            assert_eq!(written, file(&bytes), "{chunk}");
        }
    }
}
