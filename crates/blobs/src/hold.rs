//! The hold of a stream on its upload: a seat at its session, and a claim on a range of its bytes.

use std::ops::Range;
use std::sync::Arc;

use consign_types::ticket::UploadTicket;
use tokio::runtime::Handle;

use crate::Blobs;
use crate::error::{Error, Result};
use crate::session::{Claim, Session};
use crate::sessions::Seat;
use crate::terms;

/// A hold on an upload, until it is dropped. A stream that brings few bytes, and all of them, never needs one.
#[derive(Debug)]
pub(crate) struct Hold {
    pub(crate) session: Arc<Session>,
    pub(crate) claim: Arc<Claim>,
    /// Kept a little longer than the hold where what has come of the upload is being removed.
    seat: Arc<Seat>,
}

impl Hold {
    /// Takes a hold on a range of an upload. Who held a part of it holds it no more. `Alignment` where a part does not keep to the grain.
    pub(crate) async fn take(blobs: Blobs, ticket: UploadTicket, range: Range<i64>, is_part: bool) -> Result<Self> {
        let seat = blobs.sessions.enter(ticket.upload);
        loop {
            let session = seat.session(&*blobs.store, terms::plan(&ticket)).await?;
            let grain = session.grain();
            let is_aligned = |at: i64| at % grain == 0 || Some(at) == ticket.size;
            if is_part && !(is_aligned(range.start) && is_aligned(range.end)) {
                return Err(Error::Alignment { grain });
            }
            if let Some(claim) = session.claim(range.clone()).await {
                return Ok(Self { session, claim, seat: Arc::new(seat) });
            }
        }
    }

    /// Drops what has come of an upload that can't succeed, unless a newer stream has it now.
    pub(crate) async fn abandon(&self, blobs: &Blobs) -> Result<()> {
        self.seat.abandon(&*blobs.store, &self.session, &self.claim).await
    }

    /// Does the last thing to the upload. Whoever takes it up now waits until that is done.
    pub(crate) async fn alone<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.seat.alone(work).await
    }
}

impl Drop for Hold {
    /// Where nothing has come, nothing is to stay. The seat is kept until that is done, and until nothing is being kept any more: whoever takes
    /// the upload up anew waits.
    fn drop(&mut self) {
        self.session.release(&self.claim);
        let (session, claim, seat) = (Arc::clone(&self.session), Arc::clone(&self.claim), Arc::clone(&self.seat));
        if let Ok(runtime) = Handle::try_current()
            && !session.is_closed()
        {
            runtime.spawn(async move {
                if let Err(error) = session.leave(&claim).await {
                    tracing::warn!(error = &error as &dyn std::error::Error, "an empty upload stays until it is over");
                }
                drop(seat);
            });
        }
    }
}
