//! Where the bytes of a stream are cut into blocks.

/// How many bytes a block has, where the store does not ask for more and it begins where one may end.
const LEAST_BYTES: usize = 512 << 10;

/// How far a block of a quick upload grows while there is no room for it behind those that are hashed and written.
const QUICK_BYTES: usize = 768 << 10;

/// A block ends at a multiple of this, if it can: pages of memory are then written whole, and many in one go.
const END_BYTES: usize = 256 << 10;

/// How many bytes more a quick upload holds: it has three blocks, two of them on their way to the store, and another one two.
pub(super) const HURRY_BYTES: usize = 3 * QUICK_BYTES - 2 * LEAST_BYTES;

/// How large blocks are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    least: usize,
    most: usize,
}

impl Cut {
    /// For a store of this grain. One that has a grain gets blocks of it, also from a quick upload.
    pub(super) fn new(grain: i64, is_quick: bool) -> Self {
        let grain = usize::try_from(grain).expect("a block is smaller than memory");
        let least = grain.max(LEAST_BYTES);
        Self { least, most: if is_quick && grain == 1 { QUICK_BYTES } else { least } }
    }

    /// How many bytes a block that has `length` and ends at `position` takes before it is asked again whether it is whole.
    pub(super) fn room(&self, position: i64, length: usize) -> usize {
        (END_BYTES - past_end(position)).min(self.most - length)
    }

    /// Whether a block is whole. One that need not be grows while there is no room for it behind those before it.
    pub(super) fn is_whole(&self, position: i64, length: usize, has_room: bool) -> bool {
        let ends_well = |bytes: usize| past_end(position) == 0 && length + END_BYTES > bytes;
        length == self.most || ends_well(self.most) || (has_room && ends_well(self.least))
    }
}

/// How far a position lies behind one at which a block may end.
fn past_end(position: i64) -> usize {
    usize::try_from(position).expect("a position is not negative") % END_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: i64 = 1024;

    /// The ends of the first blocks of a stream that begins at a position, in KiB.
    fn ends(cut: Cut, start: i64, has_room: bool) -> Vec<i64> {
        let (mut ends, mut position, mut length) = (Vec::new(), start * KIB, 0);
        while ends.len() < 3 {
            let more = cut.room(position, length);
            position += i64::try_from(more).unwrap();
            length += more;
            if cut.is_whole(position, length, has_room) {
                ends.push(position / KIB);
                length = 0;
            }
        }
        ends
    }

    #[test]
    fn blocks_end_where_pages_do_and_grow_where_the_upload_is_quick() {
        for (grain, is_quick, start, has_room, expected) in [
            (1, false, 0, true, [512, 1024, 1536]),
            (1, false, 0, false, [512, 1024, 1536]),
            (1, true, 0, true, [512, 1024, 1536]),
            (1, true, 0, false, [768, 1536, 2304]),
            // After a break at an odd place.
            (1, false, 100, true, [512, 1024, 1536]),
            (1, true, 100, false, [768, 1536, 2304]),
            (1, true, 300, true, [768, 1280, 1792]),
            // Parts of an object in a bucket.
            (8 << 20, false, 0, true, [8192, 16_384, 24_576]),
            (8 << 20, true, 8192, false, [16_384, 24_576, 32_768]),
        ] {
            assert_eq!(ends(Cut::new(grain, is_quick), start, has_room), expected, "{grain} {is_quick} {start} {has_room}");
        }
    }
}
