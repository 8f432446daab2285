use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use consign_types::ticket::UploadTicket;
use consign_types::{CopyName, Timestamp};
use tokio::sync::{Notify, Semaphore};
use tokio::time::{sleep, timeout};

use super::*;
use crate::block::Block;
use crate::feed::{Blocks, QueuedBlock};
use crate::hold::Hold;
use crate::store::Hashed;
use crate::sums::whole_bytes;
use crate::{Blobs, Local};

/// A spool that keeps nothing, as fast as it goes.
#[derive(Debug, Default)]
struct Nowhere {
    saved: AtomicI64,
    /// Where the checksums end that came with it.
    sums_end: AtomicUsize,
}

#[async_trait]
impl Spool for Nowhere {
    fn grain(&self) -> i64 {
        1
    }

    async fn write(&self, _: i64, _: Block, _: Hashed) -> Result<()> {
        Ok(())
    }

    async fn read_back(&self, _: i64, length: usize) -> Result<Bytes> {
        Ok(vec![0; length].into())
    }

    async fn sync(&self) -> Result<()> {
        Ok(())
    }

    async fn save(&self, progress: &Progress, sums: SumsPart) -> Result<()> {
        let end = sums.start + sums.bytes.len();
        assert_eq!(self.sums_end.swap(end, Ordering::AcqRel), sums.start, "they go on where the last ones ended");
        assert_eq!(Some(end), whole_bytes(progress.hashed));
        assert!(progress.resume().is_some(), "it can be taken up again");
        self.saved.store(progress.hashed, Ordering::Release);
        Ok(())
    }

    async fn place(&self, _: CopyName, _: i64, _: i64, _: SumsPart) -> Result<i64> {
        Ok(1)
    }

    async fn remove(&self) -> Result<()> {
        Ok(())
    }
}

/// Sends blocks to a session, as long as is told, with some of them always on their way.
async fn flood(session: &Arc<Session>, goes_on: impl Fn() -> bool) {
    let (room, bytes) = (Arc::new(Semaphore::new(6)), Bytes::from(vec![7; 256 << 10]));
    let (claim, mut offset) = (session.claim(0..i64::MAX).await.unwrap(), 0);
    while goes_on() {
        let (sender, blocks) = Blocks::channel();
        let (session, claim) = (Arc::clone(session), Arc::clone(&claim));
        let writing = tokio::spawn(async move { session.write(&claim, blocks).await });
        // Until the machine makes a pause.
        while goes_on() {
            let room = Arc::clone(&room).acquire_owned().await.unwrap();
            let Ok(place) = sender.try_reserve() else { break };
            place.send(QueuedBlock::new(offset, bytes.clone().into(), room));
            offset += 256 << 10;
        }
        drop(sender);
        writing.await.unwrap().unwrap();
    }
}

/// The longest that a test waits.
const LONG: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_without_a_pause_is_kept_at_times() {
    let spool = Arc::new(Nowhere::default());
    let session = Arc::new(Session::new(Arc::clone(&spool) as Arc<dyn Spool>));
    timeout(LONG, flood(&session, || spool.saved.load(Ordering::Acquire) == 0)).await.expect("it is kept in the end");
    assert!(session.committed() >= 64 << 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_keeps_an_upload_does_not_wait_until_another_stream_pauses() {
    let session = Arc::new(Session::new(Arc::new(Nowhere::default())));
    let kept = AtomicBool::new(false);
    let keep = async {
        sleep(Duration::from_millis(50)).await;
        session.save().await.unwrap();
        kept.store(true, Ordering::Release);
    };
    let both = async { tokio::join!(flood(&session, || !kept.load(Ordering::Acquire)), keep) };
    timeout(LONG, both).await.expect("it is kept in the end");
}

#[tokio::test]
async fn who_writes_is_told_why_a_session_is_closed() {
    for (failure, expected) in [
        (Error::Full, Reason::StorageFull),
        (Error::Unfinished("write"), Reason::BlobPlaneUnavailable),
        (Error::Unanswered, Reason::Internal),
        (Error::Superseded, Reason::UploadSuperseded),
    ] {
        let session = Session::new(Arc::new(Nowhere::default()));
        let claim = session.claim(0..9).await.unwrap();
        let other = session.claim(9..19).await.unwrap();
        assert!(session.check(&other).is_ok());
        session.closed_by::<()>(Err(failure)).unwrap_err();
        assert_eq!(session.check(&other).unwrap_err().reason(), expected);
        take_away(vec![Arc::clone(&claim)]).await;
        assert_eq!(session.check(&claim).unwrap_err().reason(), Reason::UploadSuperseded);
    }
}

/// A spool that waits where it is synced or read, and then fails to sync if it is to; and to which nothing more is written, if so.
#[derive(Debug, Default)]
struct Broken {
    is_reached: Notify,
    goes_on: Notify,
    loses_bytes: bool,
    takes_none: AtomicBool,
}

#[async_trait]
impl Spool for Broken {
    fn grain(&self) -> i64 {
        1
    }

    async fn write(&self, _: i64, _: Block, _: Hashed) -> Result<()> {
        if self.takes_none.load(Ordering::Acquire) { Err(Error::Unfinished("write")) } else { Ok(()) }
    }

    async fn read_back(&self, _: i64, length: usize) -> Result<Bytes> {
        self.is_reached.notify_one();
        self.goes_on.notified().await;
        Ok(vec![0; length].into())
    }

    async fn sync(&self) -> Result<()> {
        self.is_reached.notify_one();
        self.goes_on.notified().await;
        if self.loses_bytes { Err(Error::Unfinished("sync")) } else { Ok(()) }
    }

    async fn save(&self, _: &Progress, _: SumsPart) -> Result<()> {
        Ok(())
    }

    async fn place(&self, _: CopyName, _: i64, _: i64, _: SumsPart) -> Result<i64> {
        Ok(1)
    }

    async fn remove(&self) -> Result<()> {
        Ok(())
    }
}

/// Gives one block to a session.
async fn write(session: &Arc<Session>, claim: &Claim, offset: i64) -> Result<()> {
    let room = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
    let (sender, blocks) = Blocks::channel();
    sender.send(QueuedBlock::new(offset, Bytes::from_static(b"hello").into(), room)).await.unwrap();
    drop(sender);
    session.write(claim, blocks).await
}

/// A session to which a block came that is being kept, its claim, and what becomes of the keeping.
async fn kept(spool: &Arc<Broken>) -> (Arc<Session>, Arc<Claim>, tokio::task::JoinHandle<Result<i64>>) {
    let session = Arc::new(Session::new(Arc::clone(spool) as Arc<dyn Spool>));
    let claim = session.claim(0..i64::MAX).await.unwrap();
    write(&session, &claim, 0).await.unwrap();
    let keeping = Arc::clone(&session);
    let keeping = tokio::spawn(async move { keeping.save().await });
    spool.is_reached.notified().await;
    (session, claim, keeping)
}

/// How long a test looks on where nothing is to happen.
const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn an_upload_of_which_a_sync_failed_is_not_finished() {
    let spool = Arc::new(Broken { loses_bytes: true, ..Broken::default() });
    let (session, claim, keeping) = kept(&spool).await;
    let sealing = tokio::spawn({
        let session = Arc::clone(&session);
        async move { session.seal(&claim, End::Here(5)).await }
    });
    sleep(SHORT).await;
    assert!(!sealing.is_finished(), "it waits for what is being kept");
    spool.goes_on.notify_one();
    keeping.await.unwrap().unwrap_err();
    let refusal = sealing.await.unwrap().unwrap_err();
    assert!(matches!(refusal, Error::Failed(Reason::BlobPlaneUnavailable)), "{refusal:?}");
}

#[tokio::test]
async fn no_stream_is_told_that_it_is_kept_by_a_sync_that_failed() {
    let spool = Arc::new(Broken { loses_bytes: true, ..Broken::default() });
    let (session, _claim, keeping) = kept(&spool).await;
    let second = tokio::spawn({
        let session = Arc::clone(&session);
        async move { session.save().await }
    });
    sleep(SHORT).await;
    assert!(!second.is_finished(), "it waits for what is being kept");
    spool.goes_on.notify_one();
    keeping.await.unwrap().unwrap_err();
    second.await.unwrap().unwrap_err();
}

#[tokio::test]
async fn nothing_is_kept_after_a_stream_was_told_that_it_failed() {
    let spool = Arc::new(Broken::default());
    let (session, claim, keeping) = kept(&spool).await;
    spool.takes_none.store(true, Ordering::Release);
    let writing = tokio::spawn({
        let session = Arc::clone(&session);
        async move { write(&session, &claim, 5).await }
    });
    sleep(SHORT).await;
    assert!(session.is_closed() && !writing.is_finished(), "it waits for what is being kept");
    spool.goes_on.notify_one();
    writing.await.unwrap().unwrap_err();
    assert_eq!(keeping.await.unwrap().unwrap(), 5);
}

#[tokio::test]
async fn who_waits_for_a_stream_that_fails_has_no_claim_on_what_it_left() {
    let session = Arc::new(Session::new(Arc::new(Nowhere::default())));
    let claim = session.claim(0..9).await.unwrap();
    let turn = claim.turn.lock().await;
    let second = tokio::spawn({
        let session = Arc::clone(&session);
        async move { session.claim(0..9).await.is_some() }
    });
    sleep(SHORT).await;
    assert!(claim.is_lost() && !second.is_finished());
    session.closed_by::<()>(Err(Error::Full)).unwrap_err();
    drop(turn);
    assert!(!second.await.unwrap());
}

#[tokio::test]
async fn while_bytes_are_read_back_no_block_takes_their_room() {
    let spool = Arc::new(Broken::default());
    let session = Arc::new(Session::new(Arc::clone(&spool) as Arc<dyn Spool>));
    let ahead = session.claim(5..10).await.unwrap();
    write(&session, &ahead, 5).await.unwrap();
    let room = Arc::new(Semaphore::new(1));
    let block = QueuedBlock::new(0, Bytes::from_static(b"hello").into(), Arc::clone(&room).acquire_owned().await.unwrap());
    let (sender, blocks) = Blocks::channel();
    sender.send(block).await.unwrap();
    let claim = session.claim(0..5).await.unwrap();
    let writing = tokio::spawn({
        let session = Arc::clone(&session);
        async move { session.write(&claim, blocks).await }
    });
    spool.is_reached.notified().await;
    assert_eq!((session.hashed(), room.available_permits()), (5, 0));
    spool.goes_on.notify_one();
    writing.await.unwrap().unwrap();
    assert_eq!((session.hashed(), room.available_permits()), (10, 1));
    drop(sender);
}

/// What an upload in a directory has left.
fn left(directory: &tempfile::TempDir) -> usize {
    std::fs::read_dir(directory.path().join("spool")).unwrap().count()
}

#[tokio::test]
async fn an_upload_that_is_cancelled_or_refused_is_removed_though_a_failure_was_faster() {
    let directory = tempfile::tempdir().unwrap();
    let blobs = Blobs::over(Arc::new(Local::open(directory.path().to_owned(), 0).await.unwrap()), || Timestamp::from_micros(0));
    for is_cancelled in [true, false] {
        let expires = Timestamp::from_micros(0);
        let ticket = UploadTicket { upload: 1, project: 1, max_bytes: 10, digest: None, size: None, min_generation: 0, expires };
        let hold = Arc::new(Hold::take(blobs.clone(), ticket.clone(), 0..i64::MAX, false).await.unwrap());
        write(&hold.session, &hold.claim, 0).await.unwrap();
        hold.session.save().await.unwrap();
        assert_eq!(left(&directory), 2);
        let turn = hold.claim.turn.lock().await;
        let (blobs, its_hold) = (blobs.clone(), Arc::clone(&hold));
        let ending =
            tokio::spawn(async move { if is_cancelled { blobs.cancel_upload(&ticket).await } else { its_hold.abandon(&blobs).await } });
        sleep(SHORT).await;
        assert!(!ending.is_finished(), "it waits for the turn");
        hold.session.closed_by::<()>(Err(Error::Full)).unwrap_err();
        drop(turn);
        ending.await.unwrap().unwrap();
        assert_eq!(left(&directory), 0);
    }
}
