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
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tonic::Status;

/// The unit of a budget: a permit stands for this many bytes.
const UNIT: u64 = 1024;

/// How long a transfer waits for its share.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a transfer may stand still while others wait for its share.
const STANDSTILL: Duration = Duration::from_secs(2);

/// A number of bytes that is shared by all requests. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    units: Arc<Semaphore>,
    /// How many wait for a share.
    waiting: Arc<watch::Sender<usize>>,
}

/// A share of a budget, until it is dropped.
pub(crate) type Share = OwnedSemaphorePermit;

impl Budget {
    pub(crate) fn new(bytes: u64) -> Self {
        let units = usize::try_from(bytes / UNIT).unwrap_or(Semaphore::MAX_PERMITS).min(Semaphore::MAX_PERMITS);
        Self { units: Arc::new(Semaphore::new(units)), waiting: Arc::new(watch::Sender::new(0)) }
    }

    /// Takes a share, for which transfers wait in order.
    pub(crate) async fn reserve(&self, bytes: u32) -> Result<Share, Status> {
        if let Some(share) = self.take(bytes as usize) {
            return Ok(share);
        }
        let _waiting = Waiting::new(&self.waiting);
        let share = Arc::clone(&self.units).acquire_many_owned(units(bytes.into()));
        match tokio::time::timeout(PATIENCE, share).await {
            Ok(share) => Ok(share.expect("the semaphore is never closed")),
            Err(_) => Err(overloaded()),
        }
    }

    /// Waits as long as a transfer may stand still: for `patience`, or a few seconds where others wait for a share all that time.
    pub(crate) async fn standstill(&self, patience: Duration) {
        let mut waiting = self.waiting.subscribe();
        let pressed = async {
            loop {
                // The sender is ours, so it is there.
                let _ = waiting.wait_for(|waiting| *waiting > 0).await;
                if tokio::time::timeout(STANDSTILL, waiting.wait_for(|waiting| *waiting == 0)).await.is_err() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(patience, pressed).await;
    }

    /// Takes a share if there is one right now.
    pub(crate) fn take(&self, bytes: usize) -> Option<Share> {
        Arc::clone(&self.units).try_acquire_many_owned(units(bytes as u64)).ok()
    }
}

/// Tells that somebody waits, until it is dropped.
struct Waiting<'a>(&'a watch::Sender<usize>);

impl<'a> Waiting<'a> {
    fn new(waiting: &'a watch::Sender<usize>) -> Self {
        waiting.send_modify(|waiting| *waiting += 1);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting -= 1);
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
        assert_eq!(budget.units.available_permits(), 0);
        drop(share);
        assert_eq!(budget.units.available_permits(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_transfer_may_stand_still_for_long_unless_others_wait_all_the_time() {
        let (budget, patience) = (Budget::new(2048), Duration::from_mins(1));
        let elapsed = async || {
            let started = tokio::time::Instant::now();
            budget.standstill(patience).await;
            started.elapsed()
        };
        assert_eq!(elapsed().await, patience);

        let share = budget.reserve(2048).await.unwrap();
        let waiting = tokio::spawn({
            let budget = budget.clone();
            async move { budget.reserve(1024).await.is_ok() }
        });
        tokio::task::yield_now().await;
        assert_eq!(elapsed().await, STANDSTILL);
        drop(share);
        assert!(waiting.await.unwrap());
        assert_eq!(elapsed().await, patience);
    }
}
