//! How far an upload has come, as it is kept; and the checksums of what is hashed.

use consign_types::crc32c;
use prost::Message;
use sha2::Sha256;
use sha2::digest::common::hazmat::{SerializableState as _, SerializedState};

use crate::hashing::Hashing;
use crate::runs::Runs;
use crate::session::length;
use crate::store::PIECE_BYTES;

/// How far an upload has come, as it is kept beside its spool.
#[derive(Clone, PartialEq, Message)]
pub struct Progress {
    /// Bytes from the start that are hashed.
    #[prost(int64, tag = "1")]
    pub hashed: i64,
    /// SHA-256 as it stands after them.
    #[prost(bytes = "vec", tag = "2")]
    midstate: Vec<u8>,
    /// CRC-32C of each whole piece of them, four bytes each.
    #[prost(bytes = "vec", tag = "3")]
    sums: Vec<u8>,
    /// CRC-32C of the bytes after the last whole piece.
    #[prost(uint32, tag = "4")]
    last_sum: u32,
    /// Runs of bytes further on that are written.
    #[prost(message, repeated, tag = "5")]
    ahead: Vec<Run>,
}

/// A run of bytes.
#[derive(Clone, Copy, PartialEq, Message)]
struct Run {
    #[prost(int64, tag = "1")]
    start: i64,
    #[prost(int64, tag = "2")]
    end: i64,
}

impl Progress {
    /// As it is.
    pub(crate) fn of(hashing: &Hashing, ahead: &Runs) -> Self {
        Self {
            hashed: hashing.end,
            midstate: hashing.hash.serialize().to_vec(),
            sums: hashing.sums.whole.clone(),
            last_sum: hashing.sums.last,
            ahead: ahead.iter().map(|run| Run { start: run.start, end: run.end }).collect(),
        }
    }

    /// Whether nothing has come.
    pub(crate) fn is_nothing(&self) -> bool {
        self.hashed == 0 && self.ahead.is_empty()
    }

    /// Where the last of the bytes end that have come.
    pub(crate) fn end(&self) -> i64 {
        self.ahead.iter().map(|run| run.end).fold(self.hashed, i64::max)
    }

    /// Takes it up again; `None` where it can't have been kept by this program.
    pub(crate) fn resume(&self) -> Option<(Hashing, Runs)> {
        let midstate = SerializedState::<Sha256>::try_from(self.midstate.as_slice()).ok()?;
        let hash = Sha256::deserialize(&midstate).ok()?;
        let pieces = usize::try_from(self.hashed).ok()? / PIECE_BYTES;
        let is_sound =
            self.sums.len() == pieces * SUM_BYTES && self.ahead.iter().all(|run| self.hashed <= run.start && run.start < run.end);
        let sums = Sums { whole: self.sums.clone(), last: self.last_sum, bytes: self.hashed };
        let mut ahead = Runs::default();
        self.ahead.iter().for_each(|run| ahead.insert(run.start..run.end));
        is_sound.then_some((Hashing { hash, sums, end: self.hashed }, ahead))
    }
}

/// The bytes of one checksum.
const SUM_BYTES: usize = 4;

/// The CRC-32C of each piece of a blob, by which a part of it can be checked without reading the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    whole: Vec<u8>,
    last: u32,
    bytes: i64,
}

impl Sums {
    /// Those that go on after these, with none of the pieces that are whole already.
    pub(crate) fn next(&self) -> Self {
        Self { whole: Vec::new(), ..*self }
    }

    /// Adds those of [`Sums::next`].
    pub(crate) fn take(&mut self, next: Self) {
        let Self { whole, last, bytes } = next;
        self.whole.extend_from_slice(&whole);
        (self.last, self.bytes) = (last, bytes);
    }

    pub(crate) fn add(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let filled = usize::try_from(self.bytes).expect("a size is not negative") % PIECE_BYTES;
            let (now, later) = bytes.split_at(bytes.len().min(PIECE_BYTES - filled));
            self.last = crc32c::append(self.last, now);
            self.bytes += length(now);
            if filled + now.len() == PIECE_BYTES {
                self.whole.extend_from_slice(&self.last.to_le_bytes());
                self.last = 0;
            }
            bytes = later;
        }
    }

    /// Those of bytes that are all at hand.
    pub fn of(bytes: &[u8]) -> Self {
        let mut sums = Self::default();
        sums.add(bytes);
        sums
    }

    /// The checksum of a piece, by its number.
    pub fn get(&self, piece: usize) -> Option<u32> {
        let start = piece * SUM_BYTES;
        match self.whole.get(start..start + SUM_BYTES) {
            Some(sum) => Some(u32::from_le_bytes(sum.try_into().expect("a checksum has four bytes"))),
            None => (start == self.whole.len()).then_some(self.last),
        }
    }

    /// For how many bytes they are.
    pub fn bytes(&self) -> i64 {
        self.bytes
    }

    /// As they are kept: with a checksum of their own.
    pub fn encode(&self) -> Vec<u8> {
        let mut text = self.bytes.to_le_bytes().to_vec();
        text.extend_from_slice(&self.whole);
        text.extend_from_slice(&self.last.to_le_bytes());
        text.extend_from_slice(&crc32c::crc32c(&text).to_le_bytes());
        text
    }

    /// Reads what [`Sums::encode`] wrote; `None` where it is damaged.
    pub fn decode(text: &[u8]) -> Option<Self> {
        let (text, sum) = text.split_last_chunk()?;
        let (bytes, sums) = text.split_first_chunk()?;
        let (whole, last) = sums.split_last_chunk()?;
        let bytes = i64::from_le_bytes(*bytes);
        let is_sound = crc32c::crc32c(text) == u32::from_le_bytes(*sum)
            && usize::try_from(bytes).is_ok_and(|bytes| bytes / PIECE_BYTES * SUM_BYTES == whole.len());
        is_sound.then(|| Self { whole: whole.to_vec(), last: u32::from_le_bytes(*last), bytes })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use consign_types::Digest;

    use super::*;

    fn pattern(bytes: usize) -> Vec<u8> {
        (0..bytes).map(|n| (n / 3 % 251).to_le_bytes()[0]).collect()
    }

    fn add(hashing: &mut Hashing, bytes: &[u8]) {
        let mut step = hashing.begin();
        step.add(&Bytes::copy_from_slice(bytes).into());
        hashing.take(step);
    }

    #[test]
    fn a_hash_goes_on_where_it_was_kept() {
        let bytes = pattern(700_001);
        for cut in [0, 1, 63, 64, PIECE_BYTES, PIECE_BYTES + 5, bytes.len()] {
            let mut first = Hashing::default();
            add(&mut first, &bytes[..cut]);
            let kept = Progress::of(&first, &Runs::default()).encode_to_vec();

            let (mut second, _) = Progress::decode(kept.as_slice()).unwrap().resume().unwrap();
            add(&mut second, &bytes[cut..]);

            assert_eq!(second.finish(), (Digest::of(&bytes), Sums::of(&bytes)), "{cut}");
        }
    }

    #[test]
    fn progress_that_is_not_ours_is_not_taken_up() {
        let mut hashing = Hashing::default();
        add(&mut hashing, b"hello");
        let good = Progress::of(&hashing, &Runs::default());
        assert!(good.resume().is_some());
        for bad in [
            Progress::default(),
            Progress { hashed: -1, ..good.clone() },
            Progress { hashed: 1 << 30, ..good.clone() },
            Progress { midstate: vec![0; 7], ..good.clone() },
            Progress { ahead: vec![Run { start: 1, end: 9 }], ..good.clone() },
            Progress { ahead: vec![Run { start: 9, end: 9 }], ..good },
        ] {
            assert!(bad.resume().is_none(), "{bad:?}");
        }
    }

    #[test]
    fn checksums_are_read_as_they_were_written_and_not_when_damaged() {
        for size in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES * 2 + 1] {
            let bytes = pattern(size);
            let sums = Sums::of(&bytes);
            for (number, piece) in bytes.chunks(PIECE_BYTES).enumerate() {
                assert_eq!(sums.get(number), Some(crc32c::crc32c(piece)));
            }
            let text = sums.encode();
            assert_eq!(Sums::decode(&text), Some(sums));
            for at in 0..text.len() {
                let mut damaged = text.clone();
                damaged[at] ^= 1;
                assert_eq!(Sums::decode(&damaged), None);
                assert_eq!(Sums::decode(&text[..at]), None);
            }
        }
    }
}
