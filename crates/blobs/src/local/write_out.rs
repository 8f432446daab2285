//! Hints to the system, by which the bytes of a large file reach the disk while more of them come. All will be well without them, and
//! slower: what a system does not take is passed over.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::spawn_blocking;

use crate::disk;

/// So many bytes at once go to the disk.
const WRITE_OUT_BYTES: u64 = 8 << 20;

/// So many bytes at once get their place on the disk before they come: no more is held of an upload that breaks off.
const RESERVED_BYTES: u64 = 16 << 20;

/// Gives the bytes that will be written next their place, where a range that is written now begins with a stretch of them. `size` is where
/// the file is going to end.
pub(super) fn reserve(file: &File, written: &Range<u64>, size: u64) {
    let start = written.start.next_multiple_of(RESERVED_BYTES);
    let length = RESERVED_BYTES.min(size.saturating_sub(start));
    if start < written.end && written.end < size {
        note(disk::reserve(file, start, length));
    }
}

/// What is written out of one file: whether that is being begun at this moment. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct WriteOut {
    is_beginning: Arc<AtomicBool>,
}

impl WriteOut {
    /// Begins to write out what a range has completed, on a thread of its own: the system looks for places on the disk first, and nobody is to
    /// wait for that. Where it is still at that for an earlier range, this one is left to the sync: a slow disk is to hold no more than one
    /// thread of an upload.
    pub(super) fn begin(&self, file: &Arc<File>, written: &Range<u64>) {
        let [start, end] = [written.start, written.end].map(|at| at / WRITE_OUT_BYTES * WRITE_OUT_BYTES);
        if start < end && !self.is_beginning.swap(true, Ordering::Relaxed) {
            let (file, is_beginning) = (Arc::clone(file), Arc::clone(&self.is_beginning));
            drop(spawn_blocking(move || {
                note(disk::begin_writing_out(&file, start, end - start));
                is_beginning.store(false, Ordering::Relaxed);
            }));
        }
    }
}

fn note(taken: io::Result<()>) {
    if let Err(error) = taken {
        tracing::debug!(%error, "a hint about bytes to come is not taken");
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_slow_disk_holds_one_thread_of_a_file() {
        // The only thread that may wait waits.
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        let _entered = runtime.enter();
        let (end, ended) = channel::<()>();
        let busy = spawn_blocking(move || ended.recv());
        let (out, file) = (WriteOut::default(), Arc::new(tempfile::tempfile().unwrap()));
        let block = |number: u64| number * WRITE_OUT_BYTES..(number + 1) * WRITE_OUT_BYTES;
        for number in 0..5 {
            out.begin(&file, &block(number));
        }
        assert_eq!(Arc::strong_count(&file), 2, "one of them waits for its thread");
        drop(end);
        // What is behind it has its turn when it is done.
        runtime.block_on(async {
            busy.await.unwrap().unwrap_err();
            spawn_blocking(|| ()).await.unwrap();
        });
        assert_eq!((Arc::strong_count(&file), out.is_beginning.load(Ordering::Relaxed)), (1, false));
        out.begin(&file, &block(5));
        assert!(out.is_beginning.load(Ordering::Relaxed) || Arc::strong_count(&file) == 1);
        runtime.block_on(async { spawn_blocking(|| ()).await.unwrap() });
    }

    #[test]
    fn no_more_is_reserved_than_will_come_and_nothing_twice() {
        let mib = |mib: u64| mib << 20;
        for (written, size, reserved) in [
            (0..mib(1), mib(40), mib(16)),
            (mib(1)..mib(2), mib(40), 0),
            (mib(15)..mib(17), mib(40), mib(16)),
            (mib(32)..mib(33), mib(40), mib(8)),
            (0..mib(1), mib(1), 0),
        ] {
            let file = tempfile::tempfile().unwrap();
            reserve(&file, &written, size);
            let file = file.metadata().unwrap();
            assert_eq!(file.len(), 0, "it is as long as what was written");
            let held = file.blocks() * 512;
            assert!((reserved..=reserved + mib(1)).contains(&held), "{written:?} of {size}: {held} bytes are held");
        }
    }
}
