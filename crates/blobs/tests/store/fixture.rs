//! A store to be tested, and the short words of the tests.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use consign_blobs::{Blobs, Error, Opened, Share, Store, Upload};
use consign_types::receipt::Receipt;
use consign_types::ticket::{DownloadTicket, UploadTicket};
use consign_types::{CopyName, crc32c};
use consign_types::{Digest, Timestamp};

/// A store with what it needs to live.
#[async_trait]
pub(crate) trait Fixture: Sync {
    /// The store as another process would open it.
    async fn open(&self) -> Arc<dyn Store>;

    /// Puts other bytes behind a name, or takes the name away.
    async fn damage(&self, name: CopyName, bytes: Option<&[u8]>);

    /// What is stored beyond copies and what belongs to them.
    async fn leftovers(&self) -> Vec<String>;
}

/// Now, in tests: late enough that whatever they store is older than a day.
pub(crate) const NOW: Timestamp = Timestamp::from_micros(4_000_000_000_000_000);

/// Now, in tests for which nothing is old.
pub(crate) const EARLY: Timestamp = Timestamp::from_micros(1_000_000_000_000_000);

/// The plane over a store, opened anew.
pub(crate) async fn blobs(fixture: &impl Fixture) -> Blobs {
    Blobs::over(fixture.open().await, || EARLY)
}

pub(crate) fn ticket(upload: i64) -> UploadTicket {
    UploadTicket { upload, project: 1, max_bytes: 1 << 32, digest: None, size: None, min_generation: 0, expires: NOW }
}

/// The ticket of who told what comes.
pub(crate) fn declared(upload: i64, content: &[u8]) -> UploadTicket {
    UploadTicket { digest: Some(Digest::of(content)), size: Some(i64::try_from(content.len()).unwrap()), ..ticket(upload) }
}

pub(crate) fn bytes(content: &[u8]) -> Bytes {
    Bytes::copy_from_slice(content)
}

pub(crate) async fn begin(blobs: &Blobs, ticket: UploadTicket, offset: i64, share: Share) -> Result<Upload, Error> {
    match blobs.upload(ticket, offset, share).await? {
        Opened::Stream(upload) => Ok(upload),
        Opened::Finished(receipt) => panic!("finished already: {receipt:?}"),
    }
}

pub(crate) async fn upload(blobs: &Blobs, ticket: UploadTicket, chunks: &[&[u8]]) -> Result<Receipt, Error> {
    let mut upload = begin(blobs, ticket, 0, Share::Rest).await?;
    let mut offset = 0;
    for chunk in chunks {
        upload.write(offset, bytes(chunk)).await?;
        offset += i64::try_from(chunk.len()).unwrap();
    }
    upload.finish().await
}

/// Sends a part and ends its stream.
pub(crate) async fn part(blobs: &Blobs, ticket: &UploadTicket, content: &[u8], offset: usize, size: usize) -> Result<i64, Error> {
    let share = Share::Part { offset: i64::try_from(offset).unwrap(), size: i64::try_from(size).unwrap() };
    let mut upload = begin(blobs, ticket.clone(), i64::try_from(offset).unwrap(), share).await?;
    for (number, chunk) in content[offset..offset + size].chunks(200_000).enumerate() {
        upload.write(i64::try_from(offset + number * 200_000).unwrap(), bytes(chunk)).await?;
    }
    upload.pause().await
}

pub(crate) fn reading(receipt: &Receipt) -> DownloadTicket {
    let Receipt { project, digest, size, generation, expires, .. } = *receipt;
    DownloadTicket { project, digest, generation, size, expires }
}

pub(crate) fn copy_of(receipt: &Receipt) -> CopyName {
    CopyName { digest: receipt.digest, generation: receipt.generation }
}

pub(crate) async fn read(blobs: &Blobs, receipt: &Receipt, offset: i64, limit: Option<i64>) -> Result<Vec<u8>, Error> {
    let mut reading = blobs.download(&reading(receipt)).await?.range(offset, limit).await?;
    let mut content = Vec::new();
    while let Some(piece) = reading.next(1).await? {
        assert!(piece.crc32c.is_none_or(|sum| sum == crc32c::crc32c(&piece.bytes)));
        content.extend_from_slice(&piece.bytes);
    }
    Ok(content)
}

/// Bytes that differ at every place where they could be cut.
pub(crate) fn pattern(bytes: usize) -> Vec<u8> {
    (0..u64::try_from(bytes).unwrap()).map(|n| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56).to_le_bytes()[0]).collect()
}

/// The size at which parts may start and end.
pub(crate) async fn grain(blobs: &Blobs, ticket: &UploadTicket) -> usize {
    usize::try_from(blobs.query_upload(ticket).await.unwrap().grain).unwrap()
}
