use std::sync::Arc;

use consign_types::{Reason, Timestamp};
use futures::FutureExt as _;
use tempfile::TempDir;
use tokio::time::{Duration, sleep};

use super::*;
use crate::Local;

const PIECE: usize = 64 << 10;

const NOW: Timestamp = Timestamp::from_micros(0);

async fn blobs() -> (TempDir, Blobs) {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(Local::open(directory.path().to_owned(), 0).await.unwrap());
    (directory, Blobs::over(store, || NOW))
}

fn ticket(upload: i64) -> UploadTicket {
    UploadTicket { upload, project: 1, max_bytes: 4 << 30, digest: None, size: None, min_generation: 0, expires: NOW }
}

/// On one thread: nothing is written while the stream does not wait.
#[tokio::test]
async fn a_block_grows_behind_those_that_are_written_where_the_upload_is_quick() {
    let (_directory, blobs) = blobs().await;
    for (number, is_quick, fed, largest) in [(1, false, 512 << 10, 512 << 10), (2, true, 1 << 20, 768 << 10)] {
        let mut upload = Upload::open(blobs.clone(), ticket(number), 0, Share::Rest).await.unwrap();
        assert_eq!(upload.hurry_bytes(), None, "it has no session yet");
        upload.take().await.unwrap();
        assert_eq!(upload.hurry_bytes(), Some((1 << 20) + (256 << 10)), "a block more, and larger ones");
        if is_quick {
            upload.hurry();
        }
        while let Some(written) = upload.write(upload.position, vec![1; PIECE].into()).now_or_never() {
            written.unwrap();
        }
        assert_eq!(upload.block.len(), largest, "it waits for those before it");
        // What came is written, however it was cut.
        assert_eq!(upload.pause().await.unwrap(), fed + i64::try_from(largest).unwrap());
    }
}

#[tokio::test]
async fn what_others_brought_of_an_upload_is_known_to_be_possible() {
    let (_directory, blobs) = blobs().await;
    for (size, brought, share, is_finished, is_paused) in [
        (None, 0, Share::Rest, false, false),
        (None, 3, Share::Rest, false, true),
        (Some(3), 3, Share::Rest, false, true),
        (Some(4), 3, Share::Rest, true, true),
        (Some(4), 0, Share::Rest, true, false),
        (None, 3, Share::Part { offset: 0, size: 5 }, true, true),
    ] {
        let mut upload = Upload::open(blobs.clone(), UploadTicket { size, ..ticket(1) }, 0, share).await.unwrap();
        upload.write(0, vec![1; brought].into()).await.unwrap();
        assert_eq!([true, false].map(|is_finished| upload.may_read_back(is_finished)), [is_finished, is_paused], "{size:?} {share:?}");
        assert!(!upload.fleeting().may_read_back(false), "it is dropped");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_told_that_the_store_failed_beside_it() {
    let (directory, blobs) = blobs().await;
    let mut upload = Upload::open(blobs, ticket(1), 0, Share::Rest).await.unwrap();
    let chunk = Bytes::from(vec![7; 1 << 20]);
    upload.write(0, chunk.clone()).await.unwrap();
    // The open file takes bytes as before; how far they have come can't be kept.
    std::fs::remove_dir_all(directory.path().join("spool")).unwrap();
    let failure = loop {
        assert!(upload.position < 256 << 20, "nobody was told");
        if let Err(error) = upload.write(upload.position, chunk.clone()).await {
            break error;
        }
        // It is kept in a pause.
        sleep(Duration::from_millis(if upload.position < 64 << 20 { 0 } else { 20 })).await;
    };
    assert!(matches!(failure, Error::Failed(Reason::Internal)), "{failure:?}");
}
