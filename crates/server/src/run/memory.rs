//! How the process keeps memory.

use std::hint::black_box;

/// More than an upload to a disk holds.
const FREED_BYTES: usize = 4 << 20;

/// Lets the allocator of glibc use the memory of buffers again.
///
/// It gives freed memory back to the system, unless a larger piece was freed before: then each of its arenas keeps up to twice as
/// much as that (`mallopt(3)`, `M_MMAP_THRESHOLD`). New memory comes filled with zeros, page by page, which costs an upload as much
/// as to copy its bytes. The piece that is freed here is never touched. Other allocators do nothing special.
pub(super) fn keep_buffers() {
    drop(black_box(Vec::<u8>::with_capacity(FREED_BYTES)));
}

#[cfg(all(test, target_env = "gnu"))]
mod tests {
    use std::fs;

    use super::*;

    const BUFFER: usize = 400 << 10;
    const ROUNDS: usize = 100;

    #[test]
    fn the_memory_of_buffers_is_used_again() {
        // The pages that this thread was given: `proc_pid_stat(5)`, field 10, counted from behind the name.
        let pages = || {
            let stat = fs::read_to_string("/proc/thread-self/stat").unwrap();
            stat.rsplit(") ").next().unwrap().split(' ').nth(7).unwrap().parse::<usize>().unwrap()
        };
        keep_buffers();
        let before = pages();
        for _ in 0..ROUNDS {
            black_box((0..4).map(|_| vec![1_u8; BUFFER]).collect::<Vec<_>>());
        }
        let new = pages() - before;
        assert!(new < ROUNDS * 4 * BUFFER / 4096 / 10, "{new} pages are new");
    }
}
