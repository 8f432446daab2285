//! Calls that are made again when a plane could not be reached.

use std::time::Duration;

use consign_proto::status::told;
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
