use std::future::pending;

use consign_types::Timestamp;
use futures::FutureExt as _;

use super::*;
use crate::Local;

const PIECE: usize = 64 << 10;

const NOW: Timestamp = Timestamp::from_micros(0);

#[tokio::test(flavor = "multi_thread")]
async fn a_block_grows_while_one_is_written_where_the_upload_is_quick() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(Local::open(directory.path().to_owned(), 0).await.unwrap());
    let blobs = Blobs::over(store, || NOW);
    for (number, is_quick, largest) in [(1, false, 512 << 10), (2, true, 1 << 20)] {
        let ticket =
            UploadTicket { upload: number, project: 1, max_bytes: 4 << 20, digest: None, size: None, min_generation: 0, expires: NOW };
        let mut upload = Upload::open(blobs.clone(), ticket, 0, Share::Rest).await.unwrap();
        assert_eq!(upload.hurry_bytes(), None, "it has no session yet");
        upload.take().await.unwrap();
        assert_eq!(upload.hurry_bytes(), Some(1 << 20), "two blocks grow");
        if is_quick {
            upload.hurry();
        }
        upload.writing = Some(tokio::spawn(pending()));
        while let Some(written) = upload.write(upload.position, vec![1; PIECE].into()).now_or_never() {
            written.unwrap();
        }
        assert_eq!(upload.block.len(), largest, "it waits for the one that is written");
        // What came is written, however it was cut.
        assert_eq!(upload.pause().await.unwrap(), i64::try_from(largest).unwrap());
    }
}
