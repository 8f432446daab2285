//! GitLab's GraphQL, as far as it speaks of packages: what they are, how a group keeps them, and how they are removed.
//!
//! - `request`: the body of a request, and whether it is one; `session`: who asks, and how many questions that may take
//! - `limits`: how large a query may be; `connection`: the parts of lists; `scalar`: words and numbers; `refusal`: how it says no
//! - `query`, `mutation`: where queries begin; `viewer`, `namespace`, `project`, `package`, `file`, `settings`: what they find
//! - `removal`: what mutations remove

mod connection;
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

use std::sync::LazyLock;

use async_graphql::{EmptySubscription, Schema};
use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};

use super::call::Call;
use crate::leftover::discard;

use mutation::Mutation;
use query::Query;
use session::Session;

static SCHEMA: LazyLock<Schema<Query, Mutation, EmptySubscription>> = LazyLock::new(|| {
    Schema::build(Query, Mutation, EmptySubscription)
        .limit_depth(limits::MAX_DEPTH)
        .limit_recursive_depth(limits::MAX_RECURSION)
        .limit_directives(limits::MAX_DIRECTIVES)
        .limit_complexity(limits::MAX_COMPLEXITY)
        .disable_suggestions()
        .finish()
});

/// `POST /api/graphql`. Who asks is known before the body is read.
pub(crate) async fn post(call: Call, body: Body) -> Response {
    let session = match Session::begin(&call).await {
        Ok(session) => session,
        Err(refusal) => {
            discard(&call.headers, Some(body)).await;
            return refusal;
        }
    };
    let mut request = match request::read(&call.headers, body).await {
        Ok(request) => request.data(session),
        Err(refusal) => return refusal,
    };
    if let Err(error) = request.parsed_query().map_err(|error| error.message.clone()).and_then(limits::check) {
        return refusal::body(&error).into_response();
    }
    Json(SCHEMA.execute(request).await).into_response()
}
