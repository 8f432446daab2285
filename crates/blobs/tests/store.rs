//! What every store promises, on the local disk.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use consign_blobs::{Blobs, Config, Error};
use consign_types::receipt::Receipt;
use consign_types::ticket::{DownloadTicket, UploadTicket};
use consign_types::{Digest, Timestamp};
use integration_tests::service::files;
use tempfile::TempDir;

const NOW: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);

async fn opened(directory: &Path) -> Blobs {
    Blobs::open(Config { directory: directory.to_owned(), reserve_bytes: 0, clock: || NOW }).await.unwrap()
}

async fn store() -> (TempDir, Blobs) {
    let directory = tempfile::tempdir().unwrap();
    let blobs = opened(directory.path()).await;
    (directory, blobs)
}

fn ticket(upload: i64) -> UploadTicket {
    UploadTicket { upload, project: 1, max_bytes: 1 << 40, digest: None, size: None, min_generation: 0, expires: NOW }
}

async fn upload(blobs: &Blobs, ticket: UploadTicket, chunks: &[&[u8]]) -> Result<Receipt, Error> {
    let mut upload = blobs.upload(ticket);
    let mut offset = 0;
    for chunk in chunks {
        upload.write(offset, chunk).await?;
        offset += i64::try_from(chunk.len()).unwrap();
    }
    upload.finish().await
}

fn reading(receipt: &Receipt) -> DownloadTicket {
    let Receipt { project, digest, size, generation, expires, .. } = *receipt;
    DownloadTicket { project, digest, generation, size, expires }
}

async fn read(blobs: &Blobs, ticket: DownloadTicket, offset: i64, limit: Option<i64>) -> Result<Vec<u8>, Error> {
    let mut download = blobs.download(ticket).await?.range(offset, limit)?;
    let mut content = Vec::new();
    while let Some(bytes) = download.next().await? {
        content.extend_from_slice(&bytes);
    }
    Ok(content)
}

fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|n| (n / 3 % 251).to_le_bytes()[0]).collect()
}

#[tokio::test]
async fn bytes_come_back_whatever_their_number_and_their_chunks() {
    let (_directory, blobs) = store().await;
    let sizes = [0, 1, 1000, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5_000_000];
    for (size, number) in sizes.into_iter().zip(1..) {
        let content = pattern(size);
        let chunks: Vec<&[u8]> = content.chunks(70_001).collect();

        let receipt = upload(&blobs, ticket(number), &chunks).await.unwrap();

        assert_eq!((receipt.digest, receipt.size), (Digest::of(&content), i64::try_from(size).unwrap()));
        assert_eq!((receipt.upload, receipt.project), (number, 1));
        assert!(receipt.expires > NOW);
        assert!(read(&blobs, reading(&receipt), 0, None).await.unwrap() == content, "{size}");
    }
}

#[tokio::test]
async fn a_range_is_read_alone() {
    let (_directory, blobs) = store().await;
    let content = pattern(3_000_000);
    let receipt = upload(&blobs, ticket(1), &[&content]).await.unwrap();

    for (offset, limit) in [(0, Some(1)), (1_048_575, Some(2)), (2_999_999, None), (3_000_000, None), (5, Some(1 << 40)), (7, Some(0))] {
        let found = read(&blobs, reading(&receipt), offset, limit).await.unwrap();
        let rest = &content[usize::try_from(offset).unwrap()..];
        let expected = limit.map_or(rest, |limit| &rest[..rest.len().min(usize::try_from(limit).unwrap())]);
        assert!(found == expected, "{offset} {limit:?}");
    }
    for offset in [-1, 3_000_001, i64::MAX] {
        assert!(matches!(read(&blobs, reading(&receipt), offset, None).await, Err(Error::Range { size: 3_000_000, .. })));
    }
}

#[tokio::test]
async fn what_was_not_declared_is_refused_and_leaves_nothing() {
    let (directory, blobs) = store().await;
    let declared = UploadTicket { digest: Some(Digest::of(b"hello")), size: Some(5), ..ticket(1) };

    let result = upload(&blobs, declared.clone(), &[b"hullo"]).await;
    assert!(matches!(result, Err(Error::DigestMismatch { expected, .. }) if expected == Digest::of(b"hello")));
    assert!(matches!(upload(&blobs, declared.clone(), &[b"hell"]).await, Err(Error::SizeMismatch { expected: 5, actual: 4 })));
    assert!(matches!(upload(&blobs, declared, &[b"hello", b"!"]).await, Err(Error::SizeMismatch { expected: 5, actual: 6 })));
    let limited = UploadTicket { max_bytes: 2_000_000, ..ticket(1) };
    let large = pattern(2_000_001);
    assert!(matches!(upload(&blobs, limited.clone(), &[&large]).await, Err(Error::TooLarge { limit: 2_000_000 })));
    assert_eq!(files(directory.path()), Vec::<PathBuf>::new());
    assert!(upload(&blobs, limited, &[&large[..2_000_000]]).await.is_ok());
}

#[tokio::test]
async fn a_dropped_upload_leaves_nothing_even_while_it_is_written() {
    let (directory, blobs) = store().await;
    let mut upload = blobs.upload(ticket(1));
    upload.write(0, &pattern(3 << 20)).await.unwrap();
    drop(upload);

    integration_tests::wait::until("the removal of the spool", async || files(directory.path()).is_empty().then_some(())).await;
}

#[tokio::test]
async fn the_same_bytes_are_stored_once_and_a_copy_on_its_way_out_is_not_used() {
    let (directory, blobs) = store().await;
    assert_eq!(upload(&blobs, ticket(3), &[b"hello"]).await.unwrap().generation, 3);
    assert_eq!(upload(&blobs, ticket(7), &[b"hello"]).await.unwrap().generation, 3);
    assert_eq!(files(directory.path()).len(), 1);

    let newer = UploadTicket { min_generation: 4, ..ticket(8) };
    let receipt = upload(&blobs, newer, &[b"hello"]).await.unwrap();
    assert_eq!(receipt.generation, 8);
    assert_eq!(files(directory.path()).len(), 2);

    fs::remove_file(files(directory.path()).iter().find(|path| path.extension().is_some_and(|generation| generation == "3")).unwrap())
        .unwrap();
    assert_eq!(read(&blobs, reading(&receipt), 0, None).await.unwrap(), b"hello", "the newer copy stands by itself");
}

#[tokio::test]
async fn uploads_of_the_same_bytes_at_once_all_succeed() {
    let (directory, blobs) = store().await;
    let content = pattern(2_000_000);
    let uploads = (0..8).map(|_| {
        let (blobs, content) = (blobs.clone(), content.clone());
        tokio::spawn(async move { upload(&blobs, ticket(5), &[&content]).await })
    });
    for upload in uploads.collect::<Vec<_>>() {
        assert_eq!(upload.await.unwrap().unwrap().generation, 5);
    }
    assert_eq!(files(directory.path()).len(), 1);
}

#[tokio::test]
async fn a_damaged_blob_ends_in_an_error_and_is_healed_by_the_next_upload_of_its_bytes() {
    let (directory, blobs) = store().await;
    let content = pattern(2_500_000);
    let receipt = upload(&blobs, ticket(1), &[&content]).await.unwrap();
    let path = files(directory.path()).remove(0);
    let mut flipped = content.clone();
    flipped[1_234_567] ^= 1;

    for damaged in [&flipped[..], &content[..2_499_999], &[]] {
        fs::write(&path, damaged).unwrap();
        assert!(matches!(read(&blobs, reading(&receipt), 0, None).await, Err(Error::Corrupt(_))));

        assert_eq!(upload(&blobs, ticket(7), &[&content]).await.unwrap().generation, 1, "those who refer to it have it again");
        assert!(read(&blobs, reading(&receipt), 0, None).await.unwrap() == content);
    }
    fs::remove_file(path).unwrap();
    assert!(matches!(read(&blobs, reading(&receipt), 0, None).await, Err(Error::Missing(_))));
}

#[tokio::test]
async fn bytes_that_come_twice_are_skipped_and_a_gap_is_refused() {
    let (_directory, blobs) = store().await;
    let mut upload = blobs.upload(ticket(1));
    upload.write(0, b"hel").await.unwrap();
    upload.write(1, b"el").await.unwrap();
    upload.write(2, b"ll").await.unwrap();
    for offset in [5, -1, i64::MIN, i64::MAX] {
        assert!(matches!(upload.write(offset, b"!").await, Err(Error::Offset { received: 4, .. })), "{offset}");
    }
    upload.write(4, b"o").await.unwrap();
    assert_eq!(upload.finish().await.unwrap().digest, Digest::of(b"hello"));
}

#[tokio::test]
async fn a_start_removes_the_spools_that_nobody_writes_and_no_others() {
    let (directory, blobs) = store().await;
    let mut upload = blobs.upload(ticket(1));
    upload.write(0, &pattern(2 << 20)).await.unwrap();
    let spool = directory.path().join("spool");
    integration_tests::wait::until("the spool", async || (!files(&spool).is_empty()).then_some(())).await;
    fs::write(spool.join("abandoned"), "half").unwrap();

    let second = opened(directory.path()).await;

    assert_eq!(files(&spool).len(), 1);
    let receipt = upload.finish().await.unwrap();
    assert_eq!(read(&second, reading(&receipt), 0, None).await.unwrap().len(), 2 << 20);
}

#[tokio::test]
async fn uploads_leave_the_reserve_free() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config { directory: directory.path().to_owned(), reserve_bytes: u64::MAX, clock: || NOW };
    let blobs = Blobs::open(config).await.unwrap();

    assert!(matches!(upload(&blobs, ticket(1), &[b"hello"]).await, Err(Error::Full)));
    assert_eq!(files(directory.path()), Vec::<PathBuf>::new());
}
