use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use consign_types::CopyName;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::*;
use crate::block::Block;
use crate::feed::{Blocks, QueuedBlock};
use crate::store::Hashed;

/// A spool that keeps nothing, as fast as it goes.
#[derive(Debug, Default)]
struct Nowhere {
    saved: AtomicI64,
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

    async fn save(&self, progress: &Progress) -> Result<()> {
        assert!(progress.resume().is_some(), "it can be taken up again");
        self.saved.store(progress.hashed, Ordering::Release);
        Ok(())
    }

    async fn place(&self, _: CopyName, _: i64, _: i64, _: Sums) -> Result<i64> {
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
