//! The REST edge: one module per protocol, each a translation of its URLs, headers and bodies into calls of the client.
//!
//! There is no rule here, no SQL, no file and no key. Bodies are streamed, never collected.
//!
//! - `credentials`: the token of a request, in whichever form it comes
//! - `leftover`: the rest of a body that nobody wants
//! - `gitlab`: GitLab's REST API and its GraphQL, as far as its clients need them to publish and fetch generic packages

mod credentials;
mod gitlab;
mod leftover;

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request};
use axum::http::header::{X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::{Next, from_fn, map_request, map_response};
use axum::response::Response;
use axum::{Extension, Router};
use consign_client::{Client, Limits};

/// The header by which proxies tell for whom they ask.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The routes of the gateway, over this client.
pub fn router(client: Client, manner: Manner) -> Router {
    gitlab::router(client).layer(map_request(forward)).layer(from_fn(tell_limits)).layer(map_response(harden)).layer(Extension(manner))
}

/// How the gateway is reached, and how it answers.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// The scheme of the URLs by which it is reached without a proxy: `http` or `https`.
    pub scheme: &'static str,
    /// Does as GitLab does where that is nobody's wish: a form that is sent for a file is stored as it came, and `latest` is no version.
    pub strict_gitlab: bool,
}

/// Tells the planes for whom they are asked: the address of the connection, behind those that a proxy before has told.
async fn forward(mut request: Request) -> Request {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied() {
        let told = request.headers().get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
        let told: Vec<String> = told.map(str::to_owned).chain([peer.ip().to_string()]).collect();
        if let Ok(value) = told.join(", ").parse() {
            request.headers_mut().insert(FORWARDED_FOR, value);
        }
    }
    request
}

/// Tells how the caller stands whom a limit applies to, as GitLab does. A refusal for coming too often tells it itself.
async fn tell_limits(mut request: Request, next: Next) -> Response {
    let limits = Limits::default();
    request.extensions_mut().insert(limits.clone());
    let mut response = next.run(request).await;
    let Some(limit) = limits.applying() else { return response };
    let headers = response.headers_mut();
    if let Ok(name) = HeaderValue::try_from(limit.name) {
        headers.entry("ratelimit-name").or_insert(name);
    }
    for (name, value) in [
        ("ratelimit-limit", limit.limit),
        ("ratelimit-observed", limit.limit.saturating_sub(limit.remaining)),
        ("ratelimit-remaining", limit.remaining),
        ("ratelimit-reset", limit.reset),
    ] {
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from(value));
    }
    response
}

/// Published files are strangers' bytes: no browser may guess what they are, nor show them inside another page.
async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    response
}
