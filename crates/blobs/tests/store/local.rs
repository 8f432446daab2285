//! The local disk.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use consign_blobs::{Blobs, Error, Local, Share, Store};
use consign_types::CopyName;
use integration_tests::service::files;
use tempfile::TempDir;

use crate::fixture::{EARLY, Fixture, begin, blobs, bytes, pattern, read, ticket, upload};

pub(crate) struct LocalFixture {
    directory: TempDir,
}

impl LocalFixture {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn copy(&self, name: CopyName) -> PathBuf {
        let digest = name.digest.to_string();
        self.directory.path().join("blobs").join(&digest[..2]).join(&digest[2..4]).join(name.to_string())
    }
}

#[async_trait]
impl Fixture for LocalFixture {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(Local::open(self.directory.path().to_owned(), 0).await.unwrap())
    }

    async fn damage(&self, name: CopyName, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => fs::write(self.copy(name), bytes).unwrap(),
            None => fs::remove_file(self.copy(name)).unwrap(),
        }
    }

    async fn leftovers(&self) -> Vec<String> {
        let is_copy = |path: &PathBuf| CopyName::parse(path.file_name().unwrap().to_str().unwrap()).is_some();
        let has_copy = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "sums") && path.with_extension("").exists();
        let left = files(self.directory.path()).into_iter().filter(|path| !is_copy(path) && !has_copy(path));
        left.map(|path| path.display().to_string()).collect()
    }
}

mod battery {
    use super::*;

    crate::run_battery!(async { LocalFixture::new() });
}

#[tokio::test]
async fn a_start_removes_what_nobody_can_go_on_with_and_nothing_else() {
    let fixture = LocalFixture::new();
    let first = blobs(&fixture).await;
    let spool = fixture.directory.path().join("spool");
    let mut paused = begin(&first, ticket(2), 0, Share::Rest).await.unwrap();
    paused.write(0, bytes(b"kept")).await.unwrap();
    paused.pause().await.unwrap();
    for name in ["1", "77", "78.progress", "79-small-1", "79.sums"] {
        fs::write(spool.join(name), "half").unwrap();
    }

    let second = blobs(&fixture).await;

    let mut names: Vec<_> = files(&spool).iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    assert_eq!(names, ["2", "2.progress"]);
    assert_eq!(second.query_upload(&ticket(2)).await.unwrap().committed, 4);
}

#[tokio::test]
async fn an_upload_that_has_lost_bytes_starts_over() {
    let fixture = LocalFixture::new();
    for (upload, is_part) in [(1, false), (2, true)] {
        let first = blobs(&fixture).await;
        let share = if is_part { Share::Part { offset: 100, size: 1000 } } else { Share::Rest };
        let offset = if is_part { 100 } else { 0 };
        let mut paused = begin(&first, ticket(upload), offset, share).await.unwrap();
        paused.write(offset, bytes(&pattern(1000))).await.unwrap();
        paused.pause().await.unwrap();
        assert_eq!(first.query_upload(&ticket(upload)).await.unwrap().ahead.len(), usize::from(is_part));
        let path = fixture.directory.path().join("spool").join(upload.to_string());
        let end = fs::metadata(&path).unwrap().len();
        fs::OpenOptions::new().write(true).open(path).unwrap().set_len(end - 1).unwrap();

        let second = blobs(&fixture).await;

        let state = second.query_upload(&ticket(upload)).await.unwrap();
        assert_eq!((state.committed, state.ahead.len()), (0, 0));
    }
}

#[tokio::test]
async fn what_came_after_an_upload_was_kept_is_no_part_of_it() {
    let fixture = LocalFixture::new();
    let first = blobs(&fixture).await;
    let mut paused = begin(&first, ticket(1), 0, Share::Rest).await.unwrap();
    paused.write(0, bytes(&pattern(1000))).await.unwrap();
    paused.pause().await.unwrap();
    let path = fixture.directory.path().join("spool/1");
    fs::OpenOptions::new().append(true).open(path).unwrap().write_all(&pattern(5000)).unwrap();

    let second = blobs(&fixture).await;
    let mut next = begin(&second, ticket(1), 1000, Share::Rest).await.unwrap();
    next.write(1000, bytes(b"the end")).await.unwrap();
    let receipt = next.finish().await.unwrap();

    assert_eq!(receipt.size, 1007);
    assert!(read(&second, &receipt, 0, None).await.unwrap() == [pattern(1000), b"the end".to_vec()].concat());
}

#[tokio::test]
async fn the_checksums_of_an_upload_are_the_same_however_often_it_was_kept() {
    let content = pattern(5_000_001);
    let [mut whole, mut often] = [Vec::new(), Vec::new()];
    for (cuts, sums) in [(vec![], &mut whole), (vec![1000, 300_000, 300_001, 2 << 20, 4_999_999], &mut often)] {
        let fixture = LocalFixture::new();
        let mut start = 0;
        for cut in cuts {
            let blobs = blobs(&fixture).await;
            let mut stream = begin(&blobs, ticket(1), i64::try_from(start).unwrap(), Share::Rest).await.unwrap();
            stream.write(i64::try_from(start).unwrap(), bytes(&content[start..cut])).await.unwrap();
            stream.pause().await.unwrap();
            start = cut;
        }
        let blobs = blobs(&fixture).await;
        let mut stream = begin(&blobs, ticket(1), i64::try_from(start).unwrap(), Share::Rest).await.unwrap();
        stream.write(i64::try_from(start).unwrap(), bytes(&content[start..])).await.unwrap();
        let name = crate::fixture::copy_of(&stream.finish().await.unwrap());
        *sums = fs::read(fixture.copy(name).with_added_extension("sums")).unwrap();
        assert_eq!(fixture.leftovers().await, Vec::<String>::new());
    }
    assert_eq!(whole, often);
    assert_eq!(whole.len(), 5_000_001 / (256 << 10) * 4 + 16);
}

#[tokio::test]
async fn an_upload_that_lost_checksums_starts_over() {
    let fixture = LocalFixture::new();
    let first = blobs(&fixture).await;
    let mut paused = begin(&first, ticket(1), 0, Share::Rest).await.unwrap();
    paused.write(0, bytes(&pattern(1 << 20))).await.unwrap();
    assert_eq!(paused.pause().await.unwrap(), 1 << 20);
    fs::write(fixture.directory.path().join("spool/1.sums"), [0; 15]).unwrap();

    let second = blobs(&fixture).await;
    assert_eq!(second.query_upload(&ticket(1)).await.unwrap().committed, 0);
    let receipt = upload(&second, ticket(1), &[&pattern(3 << 20)]).await.unwrap();
    assert!(read(&second, &receipt, 0, None).await.unwrap() == pattern(3 << 20));
}

#[tokio::test]
async fn what_came_of_an_upload_and_was_never_kept_is_listed() {
    let fixture = LocalFixture::new();
    let store = fixture.open().await;
    for name in ["7", "8", "8.progress", "8.sums", "9.progress", "9.sums"] {
        fs::write(fixture.directory.path().join("spool").join(name), "half").unwrap();
    }
    let mut uploads: Vec<i64> = store.list_spools().await.unwrap().iter().map(|spool| spool.upload).collect();
    uploads.sort_unstable();
    assert_eq!(uploads, [7, 8]);
    let mut strays: Vec<String> = store.list_strays().await.unwrap().into_iter().map(|(name, _)| name).collect();
    strays.sort();
    assert_eq!(strays, ["spool/9.progress", "spool/9.sums"]);
    for upload in uploads {
        store.remove_spool(upload).await.unwrap();
    }
    assert_eq!(files(&fixture.directory.path().join("spool")).len(), 2);
}

#[tokio::test]
async fn uploads_leave_the_reserve_free() {
    let directory = tempfile::tempdir().unwrap();
    let full = Local::open(directory.path().to_owned(), u64::MAX).await.unwrap();
    let blobs = Blobs::over(Arc::new(full), || EARLY);

    assert!(matches!(upload(&blobs, ticket(1), &[b"hello"]).await, Err(Error::Full)));
    assert!(matches!(upload(&blobs, ticket(2), &[&pattern(3 << 20)]).await, Err(Error::Full)));
    assert_eq!(files(directory.path()), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_flipped_bit_is_found_by_whoever_reads_that_part_alone() {
    let fixture = LocalFixture::new();
    let blobs = blobs(&fixture).await;
    let content = pattern(2_500_000);
    let receipt = upload(&blobs, ticket(1), &[&content]).await.unwrap();
    let mut flipped = content.clone();
    flipped[1_234_567] ^= 1;
    fixture.damage(crate::fixture::copy_of(&receipt), Some(&flipped)).await;

    assert!(read(&blobs, &receipt, 0, Some(1_000_000)).await.unwrap() == content[..1_000_000], "the rest of it is good");
    assert!(matches!(read(&blobs, &receipt, 1_234_000, Some(1000)).await, Err(Error::Corrupt(_))));
    assert!(matches!(read(&blobs, &receipt, 1_200_000, Some(10)).await, Err(Error::Corrupt(_))), "the piece is checked whole");
}
