//! What is published, from a seed alone: names and bytes are computed again to be compared, so that many need not be kept.

use std::collections::HashMap;
use std::ops::{Range, RangeInclusive};
use std::sync::{Arc, Mutex};

use integration_tests::rest::file;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};

/// How many files in a row belong together: one group in four is a version that comes as a whole, with its bytes in one batch.
const GROUP: u64 = 16;

const SMALL: RangeInclusive<usize> = 1 << 10..=64 << 10;

/// Three blocks of an upload, so that it can end between two of them.
const LARGE: usize = 3 << 20;

/// All files of a seed, by their numbers. Clones share what they have found out.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    seed: u64,
    /// The ends of contents that fall on few shelves, where that is wanted.
    ends: Option<Arc<Mutex<HashMap<u64, u64>>>>,
}

/// Files that are published at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// One, over REST.
    One(u64),
    /// A version, over gRPC.
    Batch(Range<u64>),
}

impl Plan {
    /// Files whose digests are as they come.
    pub(crate) fn of(seed: u64) -> Self {
        Self { seed, ends: None }
    }

    /// Most files have digests that fall on 16 of the 65,536 shelves of a store. They are all there soon, as with a service that has run
    /// for long: a new directory brings syncs that hide whether the name in it has one of its own.
    pub(crate) fn on_few_shelves(seed: u64) -> Self {
        Self { seed, ends: Some(Arc::default()) }
    }

    /// The file whose bytes this one has: itself, or an earlier one.
    pub(crate) fn content(&self, number: u64) -> u64 {
        let mut random = self.random(number, 0);
        if number == 0 || is_in_batch(number) || random.random_ratio(3, 4) {
            return number;
        }
        // Half of them repeat what may still be on its way, so that uploads of the same bytes meet.
        let earliest = if random.random() { number.saturating_sub(8) } else { 0 };
        self.content(random.random_range(earliest..number))
    }

    /// The bytes of a file.
    pub(crate) fn bytes(&self, number: u64) -> Vec<u8> {
        let (size, mut random) = self.sized(number);
        let mut bytes = vec![0; size];
        random.fill(&mut bytes[..]);
        if let Some(ends) = &self.ends
            && random.random_ratio(7, 8)
        {
            let (content, (start, end)) = (self.content(number), bytes.split_at_mut(size - 8));
            let known = ends.lock().unwrap().get(&content).copied();
            let found = known.unwrap_or_else(|| end_for_few_shelves(start));
            ends.lock().unwrap().insert(content, found);
            end.copy_from_slice(&found.to_le_bytes());
        }
        bytes
    }

    /// How many bytes a file has.
    pub(crate) fn size(&self, number: u64) -> usize {
        self.sized(number).0
    }

    fn sized(&self, number: u64) -> (usize, StdRng) {
        let content = self.content(number);
        let mut random = self.random(content, 1);
        let is_large = random.random_ratio(1, 48) && !is_in_batch(content);
        let size = if is_large { LARGE } else { random.random_range(SMALL) };
        (size, random)
    }

    fn random(&self, number: u64, purpose: u64) -> StdRng {
        StdRng::seed_from_u64(self.seed.wrapping_add((2 * number + purpose).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }
}

impl Work {
    /// The files.
    pub(crate) fn numbers(&self) -> Range<u64> {
        match self {
            Self::One(number) => *number..number + 1,
            Self::Batch(numbers) => numbers.clone(),
        }
    }
}

/// What is published from a number on.
pub(crate) fn work(number: u64) -> Work {
    if is_in_batch(number) { Work::Batch(number..(number / GROUP + 1) * GROUP) } else { Work::One(number) }
}

/// The version that comes as a whole, with this file.
pub(crate) fn batch_of(number: u64) -> Option<u64> {
    is_in_batch(number).then_some(number / GROUP)
}

fn is_in_batch(number: u64) -> bool {
    number / GROUP % 4 == 3
}

/// The package, version and path of a file. Of a group that does not come as a whole, half are files of one version.
pub(crate) fn names(number: u64) -> [String; 3] {
    let (group, place) = (number / GROUP, number % GROUP);
    let patch = if is_in_batch(number) { 0 } else { place.saturating_sub(GROUP / 2 - 1) };
    [format!("tool-{}", group % 3), format!("1.{group}.{patch}"), format!("bin/file-{number}")]
}

/// Where a file is over REST.
pub(crate) fn url(number: u64) -> String {
    let [package, version, path] = names(number);
    file(&package, &version, &path)
}

fn end_for_few_shelves(start: &[u8]) -> u64 {
    let hash = Sha256::new_with_prefix(start);
    let is_wanted = |end: &u64| {
        let digest = hash.clone().chain_update(end.to_le_bytes()).finalize();
        digest[0] == 0 && digest[1] < 16
    };
    (0..u64::MAX).find(is_wanted).unwrap()
}
