//! The bytes that requests and transfers may hold in memory, all together.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
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

/// The unit of the budget: a permit stands for this many bytes.
const UNIT: u64 = 1024;

/// How long a transfer waits for its share.
const PATIENCE: Duration = Duration::from_secs(30);

/// A number of bytes that is shared by all requests. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Semaphore>);

impl Budget {
    pub(crate) fn new(bytes: u64) -> Self {
        let units = usize::try_from(bytes / UNIT).unwrap_or(Semaphore::MAX_PERMITS).min(Semaphore::MAX_PERMITS);
        Self(Arc::new(Semaphore::new(units)))
    }

    /// Takes `bytes` until what is returned is dropped. Transfers wait for their share in order.
    pub(crate) async fn reserve(&self, bytes: u32) -> Result<OwnedSemaphorePermit, Status> {
        let share = Arc::clone(&self.0).acquire_many_owned(units(bytes.into()));
        match tokio::time::timeout(PATIENCE, share).await {
            Ok(permit) => Ok(permit.expect("the semaphore is never closed")),
            Err(_) => Err(overloaded()),
        }
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

fn overloaded() -> Status {
    status::refused(Reason::Overloaded, "the service holds as many bytes as it may")
}

/// Charges the budget with the body of a request while the request lasts. A body for which nothing is left is refused.
pub(crate) async fn charge(State(budget): State<Budget>, request: Request, next: Next) -> Response {
    next.run(request.map(|body| Body::new(Charged { body, budget, held: None }))).await
}

struct Charged {
    body: Body,
    budget: Budget,
    held: Option<OwnedSemaphorePermit>,
}

impl HttpBody for Charged {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            let share = Arc::clone(&self.budget.0).try_acquire_many_owned(units(data.len() as u64));
            let Ok(share) = share else {
                return Poll::Ready(Some(Err(axum::Error::new(overloaded()))));
            };
            match &mut self.held {
                Some(held) => held.merge(share),
                None => self.held = Some(share),
            }
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
    async fn a_body_is_charged_until_it_is_dropped_and_refused_beyond_the_budget() {
        let budget = Budget::new(4096);
        let charged = |bytes: usize| Charged { body: Body::from(vec![0; bytes]), budget: budget.clone(), held: None };

        let mut first = charged(3000);
        assert!(first.frame().await.unwrap().is_ok());
        let error = charged(3000).collect().await.unwrap_err();
        assert!(error.to_string().contains("as many bytes as it may"), "{error}");
        drop(first);
        assert!(charged(3000).collect().await.is_ok());
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
