//! From a request to its answer, past the faults.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, ETAG};
use axum::http::{HeaderValue, Method};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _, stream};

use super::effects::{self, xml};
use super::faults::{Fault, Plan};
use super::objects::Bucket;
use super::payload::Payload;
use super::question::{Operation, Question};
use super::refusal::Refusal;

/// What all connections share.
#[derive(Debug, Default)]
pub(super) struct Server {
    bucket: Mutex<Bucket>,
    plan: Mutex<Plan>,
    requests: Mutex<BTreeMap<Operation, usize>>,
    dealt: Mutex<BTreeMap<(Operation, Fault), usize>>,
}

/// An extension of a response that is not to be sent, and the error of the connection that is cut in its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the fake cuts the connection")
    }
}

impl std::error::Error for Cut {}

impl From<Infallible> for Cut {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

fn cut() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(Cut);
    response
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no holder of the lock panics")
}

impl Server {
    pub(super) fn bucket(&self) -> MutexGuard<'_, Bucket> {
        locked(&self.bucket)
    }

    pub(super) fn plan(&self) -> MutexGuard<'_, Plan> {
        locked(&self.plan)
    }

    /// How many there were, those that went wrong among them.
    pub(super) fn requests(&self) -> MutexGuard<'_, BTreeMap<Operation, usize>> {
        locked(&self.requests)
    }

    /// How often it did what to which requests.
    pub(super) fn dealt(&self) -> MutexGuard<'_, BTreeMap<(Operation, Fault), usize>> {
        locked(&self.dealt)
    }

    /// Answers a request.
    pub(super) async fn answer(&self, request: Request) -> Response {
        let (head, body) = request.into_parts();
        let is_head = head.method == Method::HEAD;
        let mut response = match Question::read(head) {
            Ok(question) => self.decide(&question, body).await,
            Err(refusal) => drained(body).await.map_or_else(cut, |_| refusal.into_response()),
        };
        if is_head {
            *response.body_mut() = Body::empty();
        }
        response
    }

    async fn decide(&self, question: &Question, body: Body) -> Response {
        let fault = self.draw(question);
        if fault == Some(Fault::Cut) {
            return cut();
        }
        let Some(bytes) = drained(body).await else { return cut() };
        if let Some(Fault::Delay(delay)) = fault {
            tokio::time::sleep(delay).await;
        }
        if let Some(refusal) = fault.and_then(|fault| fault.refusal(question.conditions().any())) {
            return refusal.into_response();
        }
        if fault == Some(Fault::ErrorBody) {
            return xml(Refusal::InternalError.document());
        }
        self.effect(question, bytes, fault)
    }

    /// Says what becomes of a request, and counts it.
    fn draw(&self, question: &Question) -> Option<Fault> {
        let operation = question.operation;
        *self.requests().entry(operation).or_default() += 1;
        let fault = self.plan().draw(operation, question.conditions().any())?;
        *self.dealt().entry((operation, fault)).or_default() += 1;
        Some(fault)
    }

    /// Does what is asked, and then answers as the fault wants it.
    fn effect(&self, question: &Question, bytes: Bytes, fault: Option<Fault>) -> Response {
        let payload = Payload::new(bytes);
        let is_rival = fault == Some(Fault::Precondition);
        let answer = payload.check(&question.headers).and_then(|()| effects::of(&mut self.bucket(), question, payload, is_rival));
        match (answer, fault) {
            (_, Some(Fault::AnswerLost)) => cut(),
            (Ok(_), Some(Fault::Precondition)) => Refusal::PreconditionFailed.into_response(),
            (Ok(response), Some(Fault::BodyCut)) => broken(response),
            (Ok(response), Some(Fault::WrongTag)) => mistagged(response),
            (Ok(response), _) => response,
            (Err(refusal), _) => refusal.into_response(),
        }
    }
}

/// The whole body, unless it breaks off.
async fn drained(body: Body) -> Option<Bytes> {
    to_bytes(body, usize::MAX).await.ok()
}

/// Half of the body comes, and the connection ends.
fn broken(mut response: Response) -> Response {
    // What was sent must reach the client before the error ends the connection.
    const REST: Duration = Duration::from_millis(20);

    let length = response.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok()).unwrap_or_default();
    let body = std::mem::take(response.body_mut());
    let half = to_bytes(body, usize::MAX).map(move |whole| whole.map(|bytes| bytes.slice(..length / 2)));
    let end = tokio::time::sleep(REST).map(|()| Err(axum::Error::new(std::io::Error::other("the fake breaks the body off"))));
    *response.body_mut() = Body::from_stream(stream::once(half).chain(stream::once(end)));
    response
}

fn mistagged(mut response: Response) -> Response {
    response.headers_mut().insert(ETAG, HeaderValue::from_static("\"00000000000000000000000000000000\""));
    response
}
