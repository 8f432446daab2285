//! GitLab's GraphQL, as far as it speaks of packages: what they are, how a group keeps them, and how they are removed.
//!
//! - `request`: what a request asks, in its address or its body; `session`: who asks, and how many questions that may take
//! - `limits`: how large a query may be; `connection`: the parts of lists; `scalar`: words and numbers; `refusal`: how it says no
//! - `query`, `mutation`: where queries begin; `viewer`, `namespace`, `project`, `package`, `details`, `file`, `settings`, `cleanup`: what they find
//! - `removal`: what mutations remove

mod cleanup;
mod connection;
mod details;
mod file;
mod limits;
mod mutation;
mod namespace;
mod package;
mod project;
mod query;
mod refusal;
mod removal;
mod request;
mod scalar;
mod session;
mod settings;
mod viewer;

use std::sync::{Arc, LazyLock};

use async_graphql::{EmptySubscription, Request, Schema};
use axum::Json;
use axum::body::Body;
use axum::http::Method;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::Value;

use super::call::Call;
use crate::leftover::discard;

use mutation::Mutation;
use query::Query;
use request::Asked;
use session::Session;

static SCHEMA: LazyLock<Schema<Query, Mutation, EmptySubscription>> = LazyLock::new(|| {
    Schema::build(Query, Mutation, EmptySubscription)
        .limit_depth(limits::MAX_DEPTH)
        .limit_recursive_depth(limits::MAX_RECURSION)
        .limit_directives(limits::MAX_DIRECTIVES)
        .limit_complexity(limits::MAX_COMPLEXITY)
        .disable_suggestions()
        .extension(limits::Bill)
        .finish()
});

/// `POST /api/graphql`. Who asks is known before the body is read.
pub(crate) async fn post(call: Call, body: Body) -> Response {
    let call = call.of_packages();
    let session = match Session::begin(&call).await {
        Ok(session) => Arc::new(session),
        Err(refusal) => {
            discard(&call.headers, Some(body)).await;
            return refusal;
        }
    };
    match request::read(&call.headers, body).await {
        Ok(asked) => answer(&session, asked).await,
        Err(unasked) => unasked.into_response(),
    }
}

/// `GET /api/graphql`: one query, in the address.
pub(crate) async fn get(call: Call, method: Method) -> Response {
    let call = call.of_packages();
    let session = match Session::begin(&call).await {
        Ok(session) => Arc::new(session),
        Err(refusal) => return refusal,
    };
    match request::of_address(call.uri.query().unwrap_or_default(), method.as_str()) {
        Ok(asked) => answer(&session, asked).await,
        Err(unasked) => unasked.into_response(),
    }
}

async fn answer(session: &Arc<Session>, asked: Asked) -> Response {
    let mut answers = answer_all(session, asked.requests).await;
    if asked.is_batch { Json(answers).into_response() } else { Json(answers.pop()).into_response() }
}

/// What a query is answered.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    /// What it asks for, in its order.
    Given(async_graphql::Response),
    /// Why it was not looked at.
    Refused(Value),
}

/// Answers queries one after the other, which keep within the limits of one request together.
async fn answer_all(session: &Arc<Session>, mut requests: Vec<Request>) -> Vec<Answer> {
    let (mut unread, mut size, mut refused) = (Vec::with_capacity(requests.len()), limits::Size::default(), None);
    for request in &mut requests {
        match request.parsed_query() {
            Ok(document) => {
                refused = refused.or(size.add(document).err());
                unread.push(None);
            }
            // What can't be read is told in its own answer, and not read a second time.
            Err(error) => unread.push(Some(error.message)),
        }
    }
    if let Some(error) = refused {
        return requests.iter().map(|_| Answer::Refused(refusal::errors(&error))).collect();
    }
    let mut answers = Vec::with_capacity(requests.len());
    for (request, unread) in requests.into_iter().zip(unread) {
        answers.push(match unread {
            Some(error) => Answer::Refused(refusal::errors(&error)),
            None => Answer::Given(SCHEMA.execute(request.data(Arc::clone(session))).await),
        });
    }
    answers
}
