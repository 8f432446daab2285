//! The bytes that requests and transfers may hold in memory, all together.
//!
//! Bodies of calls and transfers have budgets of their own: a queue of transfers must not keep a finished one from being published.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use consign_proto::status;
use consign_types::Reason;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;

/// The unit of a budget: a permit stands for this many bytes.
const UNIT: u64 = 1024;

/// How long a transfer waits for its share.
const PATIENCE: Duration = Duration::from_secs(30);

/// A number of bytes that is shared by all requests. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Semaphore>);

/// A share of a budget, until it is dropped.
pub(crate) type Share = OwnedSemaphorePermit;

impl Budget {
    pub(crate) fn new(bytes: u64) -> Self {
        let units = usize::try_from(bytes / UNIT).unwrap_or(Semaphore::MAX_PERMITS).min(Semaphore::MAX_PERMITS);
        Self(Arc::new(Semaphore::new(units)))
    }

    /// Takes a share, for which transfers wait in order.
    pub(crate) async fn reserve(&self, bytes: u32) -> Result<Share, Status> {
        let share = Arc::clone(&self.0).acquire_many_owned(units(bytes.into()));
        match tokio::time::timeout(PATIENCE, share).await {
            Ok(share) => Ok(share.expect("the semaphore is never closed")),
            Err(_) => Err(overloaded()),
        }
    }

    fn take(&self, bytes: usize) -> Option<Share> {
        Arc::clone(&self.0).try_acquire_many_owned(units(bytes as u64)).ok()
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

fn overloaded() -> Status {
    status::refused(Reason::Overloaded, "the service holds as many bytes as it may: try again soon")
}

/// Charges the budget with the body of a call until the call is answered. A body for which nothing is left is refused.
pub(crate) async fn charge(State(budget): State<Budget>, request: Request, next: Next) -> Response {
    let held = Held::default();
    let response = next.run(request.map(|body| Body::new(Charged { body, budget, held: Held::clone(&held) }))).await;
    drop(held);
    response
}

/// What a call holds: shared by its body, which is read and dropped early, and the call itself.
type Held = Arc<Mutex<Vec<Share>>>;

struct Charged {
    body: Body,
    budget: Budget,
    held: Held,
}

impl HttpBody for Charged {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            let Some(share) = self.budget.take(data.len()) else {
                return Poll::Ready(Some(Err(axum::Error::new(overloaded()))));
            };
            self.held.lock().unwrap_or_else(PoisonError::into_inner).push(share);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    #[tokio::test]
    async fn a_body_is_charged_until_its_call_is_answered_and_refused_beyond_the_budget() {
        let budget = Budget::new(4096);
        let charged = |held: &Held| Charged { body: Body::from(vec![0; 3000]), budget: budget.clone(), held: Held::clone(held) };

        let call = Held::default();
        assert!(charged(&call).collect().await.is_ok());
        let error = charged(&Held::default()).collect().await.unwrap_err();
        assert!(error.to_string().contains("as many bytes as it may"), "{error}");
        drop(call);
        assert!(charged(&Held::default()).collect().await.is_ok());
    }

    #[tokio::test]
    async fn a_share_is_given_back_when_it_is_dropped() {
        let budget = Budget::new(2048);
        let share = budget.reserve(2048).await.unwrap();
        assert_eq!(budget.0.available_permits(), 0);
        drop(share);
        assert_eq!(budget.0.available_permits(), 2);
    }
}
