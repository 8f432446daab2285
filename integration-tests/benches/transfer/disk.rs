//! The page cache, the disk, and a large file.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use integration_tests::measure::free_memory;
use rustix::fs::{statvfs, syncfs};

/// Memory that is left free.
const SPARE_MEMORY: u64 = 512 << 20;

const CHUNK_BYTES: u64 = 256 << 10;

/// Clean pages in the page cache, which the kernel takes back without asking the host for memory. They are those of a file without
/// blocks: reading them costs no disk.
pub(crate) struct CleanPages {
    file: File,
    length: u64,
}

impl CleanPages {
    pub(crate) fn create(directory: &Path) -> Self {
        let path = directory.join("clean");
        let file = File::options().read(true).write(true).create_new(true).open(path).expect("a file can be made");
        Self { file, length: 0 }
    }

    /// Takes all memory that is free.
    pub(crate) async fn fill(&mut self) {
        let more = free_memory().saturating_sub(SPARE_MEMORY);
        self.file.set_len(self.length + more).expect("a file can grow");
        self.file.seek(SeekFrom::Start(self.length)).expect("a file can be read anywhere");
        let file = self.file.try_clone().expect("a file can be read twice");
        aside(move || read_all(&file)).await;
        self.length += more;
    }
}

/// Does what takes long on another thread. The thread of the client is never held up: a server that pings it would think it lost.
pub(crate) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("the work does not panic")
}

/// Reads to the end.
fn read_all(mut file: &File) {
    let mut buffer = vec![0; 1 << 20];
    while file.read(&mut buffer).expect("the file can be read") > 0 {}
}

/// Writes out what anybody has written to the file system of a directory, so that the next one does not pay for it.
pub(crate) async fn settle(directory: &Path) {
    let directory = File::open(directory).expect("the directory is there");
    aside(move || syncfs(directory)).await.expect("the file system can be synced");
}

pub(crate) fn free_bytes(directory: &Path) -> u64 {
    let system = statvfs(directory).expect("the file system tells");
    system.f_bavail * system.f_frsize
}

/// Removes a file, if it is there.
pub(crate) fn remove(path: &Path) {
    if path.exists() {
        fs::remove_file(path).expect("the file can be removed");
    }
}

/// A file of random bytes in the page cache.
pub(crate) struct Source {
    path: PathBuf,
    stamps: u64,
}

impl Source {
    pub(crate) fn create(directory: &Path, bytes: u64) -> Self {
        let path = directory.join("source");
        let mut file = File::create(&path).expect("a file can be made");
        let mut random = File::open("/dev/urandom").expect("there is randomness").take(bytes);
        std::io::copy(&mut random, &mut file).expect("the file can be written");
        Self { path, stamps: 0 }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Changes the first bytes, so that nobody has the file already.
    pub(crate) fn stamp(&mut self) {
        self.stamps += 1;
        let mut file = File::options().write(true).open(&self.path).expect("the file is there");
        file.write_all(&self.stamps.to_le_bytes()).expect("the file can be written");
    }

    /// Brings all of it into the page cache.
    pub(crate) async fn warm(&self) {
        let file = File::open(&self.path).expect("the file is there");
        aside(move || read_all(&file)).await;
    }

    /// Its bytes in chunks. They come from the page cache, so nothing waits for a disk.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = Bytes> + Send + 'static {
        let file = File::open(&self.path).expect("the file is there");
        std::iter::from_fn(move || {
            let mut chunk = Vec::with_capacity(usize::try_from(CHUNK_BYTES).expect("a chunk is smaller than memory"));
            let read = (&file).take(CHUNK_BYTES).read_to_end(&mut chunk).expect("the file can be read");
            (read > 0).then(|| chunk.into())
        })
    }
}

/// Zeros in chunks, all of them the same memory but the first, which has a stamp.
pub(crate) fn zeros(bytes: u64, stamp: u64) -> impl Iterator<Item = Bytes> + Send + 'static {
    let chunk = Bytes::from(vec![0; usize::try_from(CHUNK_BYTES).expect("a chunk is smaller than memory")]);
    let mut first = chunk.to_vec();
    first[..8].copy_from_slice(&stamp.to_le_bytes());
    std::iter::once(first.into()).chain(std::iter::repeat_n(chunk, usize::try_from(bytes / CHUNK_BYTES).expect("a count of chunks") - 1))
}
