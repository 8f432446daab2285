use bytes::Bytes;
use consign_types::Timestamp;
use consign_types::ticket::UploadTicket;
use tokio::time::sleep;

use super::*;
use crate::{Blobs, Local};

const NOW: Timestamp = Timestamp::from_micros(0);

fn queued(room: &Arc<Semaphore>, offset: i64) -> QueuedBlock {
    let room = Arc::clone(room).try_acquire_owned().unwrap();
    QueuedBlock::new(offset, Bytes::from_static(b"abcde").into(), room)
}

#[tokio::test]
async fn a_block_that_comes_as_the_patience_ends_is_not_lost() {
    let room = Arc::new(Semaphore::new(2));
    let (sender, mut blocks) = Blocks::channel();
    let place = sender.try_reserve().unwrap();
    let next = tokio::spawn(async move {
        let first = blocks.next_soon().await;
        (first.map(|queued| queued.offset), blocks.next_soon().await.is_none())
    });
    sleep(PATIENCE * 4).await;
    assert!(sender.is_closed(), "nobody waits any more");
    place.send(queued(&room, 7));
    assert_eq!(next.await.unwrap(), (Some(7), true));
}

#[test]
fn what_was_hashed_of_a_block_is_skipped() {
    let room = Arc::new(Semaphore::new(1));
    for (start, expected) in [(7, b"abcde".as_slice()), (10, b"abcde"), (12, b"cde"), (14, b"e")] {
        let rest = queued(&room, 10).skip_to(start);
        assert_eq!((rest.offset, rest.end()), (start.max(10), 15));
        assert_eq!(rest.block.clone().into_bytes(), expected);
        drop(rest);
        assert_eq!(room.available_permits(), 1, "its room is free with it");
    }
    let kept = queued(&room, 10).room();
    assert_eq!(room.available_permits(), 0, "it may be kept for longer");
    drop(kept);
    assert_eq!(room.available_permits(), 1);
}

#[tokio::test]
async fn a_stream_does_not_wait_for_room_behind_what_nobody_takes() {
    let directory = tempfile::tempdir().unwrap();
    let blobs = Blobs::over(Arc::new(Local::open(directory.path().to_owned(), 0).await.unwrap()), || NOW);
    let ticket = UploadTicket { upload: 1, project: 1, max_bytes: 10, digest: None, size: None, min_generation: 0, expires: NOW };
    let hold = Arc::new(Hold::take(blobs, ticket, 0..i64::MAX, false).await.unwrap());
    let mut feed = Feed::new();
    // It was sent just as the other end failed.
    let (sender, blocks) = Blocks::channel();
    let place = sender.try_reserve().unwrap();
    drop(blocks);
    place.send(queued(&feed.room, 0));
    feed.open = Some(Open { blocks: sender, writing: tokio::spawn(async { Err(Error::Full) }) });
    assert!(!feed.has_room());

    let mut block = Block::from(Bytes::from_static(b"abc"));
    let pushed = feed.push(&hold, 5, &mut block).await;
    assert!(matches!(pushed, Err(Error::Full)), "{pushed:?}");
    assert!(feed.has_room() && block.len() == 3);
}
