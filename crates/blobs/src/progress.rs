//! How far an upload has come, as it is kept.

use prost::Message;
use sha2::Sha256;
use sha2::digest::common::hazmat::{SerializableState as _, SerializedState};

use crate::hashing::Hashing;
use crate::runs::Runs;
use crate::sums::Summing;

/// How far an upload has come, as it is kept beside its spool.
#[derive(Clone, PartialEq, Message)]
pub struct Progress {
    /// Bytes from the start that are hashed.
    #[prost(int64, tag = "1")]
    pub hashed: i64,
    /// SHA-256 as it stands after them.
    #[prost(bytes = "vec", tag = "2")]
    midstate: Vec<u8>,
    /// CRC-32C of the checksums of whole pieces of them.
    #[prost(uint32, optional, tag = "6")]
    sums_check: Option<u32>,
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
            sums_check: Some(hashing.sums.check),
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
        let is_sound = 0 <= self.hashed && self.ahead.iter().all(|run| self.hashed <= run.start && run.start < run.end);
        let sums = Summing::after(self.hashed, self.sums_check?, self.last_sum);
        let mut ahead = Runs::default();
        self.ahead.iter().for_each(|run| ahead.insert(run.start..run.end));
        is_sound.then_some((Hashing { hash, sums, end: self.hashed }, ahead))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use consign_types::Digest;

    use super::*;
    use crate::store::PIECE_BYTES;
    use crate::sums::tests::{pattern, sums};
    use crate::sums::{Sums, SumsPart};

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
            let mut written = first.sums.drain().bytes;
            let kept = Progress::of(&first, &Runs::default()).encode_to_vec();

            let (mut second, _) = Progress::decode(kept.as_slice()).unwrap().resume().unwrap();
            add(&mut second, &bytes[cut..]);

            let (digest, SumsPart { start, bytes: rest }) = second.finish();
            assert_eq!((digest, start), (Digest::of(&bytes), written.len()), "{cut}");
            written.extend(rest);
            assert_eq!(Sums::decode(written), Some(sums(&bytes)), "{cut}");
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
            Progress { sums_check: None, ..good.clone() },
            Progress { midstate: vec![0; 7], ..good.clone() },
            Progress { ahead: vec![Run { start: 1, end: 9 }], ..good.clone() },
            Progress { ahead: vec![Run { start: 9, end: 9 }], ..good },
        ] {
            assert!(bad.resume().is_none(), "{bad:?}");
        }
    }
}
