//! Answers that are watched until they are over.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

/// Who learns how an answer ends. That it is over, or that nobody takes it any more, is learnt by being dropped.
pub(super) trait Watch: Unpin + Send + 'static {
    /// The trailers.
    fn trailers(&mut self, _trailers: &HeaderMap) {}

    /// The answer ended; `is_whole` if it did not break off.
    fn ended(&mut self, _is_whole: bool) {}
}

/// The same answer, watched.
pub(super) fn watched(response: Response, watch: impl Watch) -> Response {
    response.map(|body| Body::new(Watched { body, watch }))
}

struct Watched<W> {
    body: Body,
    watch: W,
}

impl<W: Watch> HttpBody for Watched<W> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => frame.trailers_ref().into_iter().for_each(|trailers| self.watch.trailers(trailers)),
            Some(Err(_)) => self.watch.ended(false),
            None => self.watch.ended(true),
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
