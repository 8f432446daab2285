//! Calls that are made again when a plane could not be reached, and transfers that go on after a break.

use std::time::Duration;

use consign_proto::status::told;
use consign_types::Reason;
use tonic::{Code, Response, Status};

/// How often a call is made, and how long the pauses between are: doubled each time.
const ATTEMPTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Makes a call, again if the plane can't be reached. A plane that answers has waited for what it lacks as long as makes sense,
/// and its answer stands. Only for calls that are safe to repeat: those that read, and those
/// that carry a request id.
pub(crate) async fn repeat<T, F>(mut call: impl FnMut() -> F) -> Result<T, Status>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    let mut pause = FIRST_PAUSE;
    for _ in 1..ATTEMPTS {
        match call().await {
            Err(status) if status.code() == Code::Unavailable && told(&status).reason.is_none() => tokio::time::sleep(pause).await,
            result => return result.map(Response::into_inner),
        }
        pause *= 2;
    }
    call().await.map(Response::into_inner)
}

/// How often a transfer is taken up again without a byte coming through. The pauses are doubled each time up to the longest.
const BREAKS: u32 = 6;
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How often a transfer broke off since the last byte came through.
#[derive(Debug, Default)]
pub(crate) struct Breaks(u32);

impl Breaks {
    /// Bytes came through.
    pub(crate) fn forget(&mut self) {
        self.0 = 0;
    }

    /// Waits before the transfer is taken up again; `false` where it has failed.
    pub(crate) async fn wait(&mut self, status: &Status) -> bool {
        // What a plane refuses stands, unless it has lost its store for now, or the transfer stood still.
        let is_break = match told(status).reason {
            None => matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled),
            Some(reason) => matches!(reason, Reason::BlobPlaneUnavailable | Reason::Overloaded | Reason::UploadIncomplete),
        };
        if !is_break || self.0 == BREAKS {
            return false;
        }
        tokio::time::sleep((FIRST_PAUSE * 2_u32.pow(self.0)).min(LONGEST_PAUSE)).await;
        self.0 += 1;
        true
    }
}
