//! GitLab's REST API, as far as its clients need it to publish and fetch generic packages.

mod download;
mod entity;
mod form;
mod path;
mod projects;
mod publish;
mod range;
mod refusal;
mod rules;

use std::any::Any;

use axum::Router;
use axum::http::{HeaderMap, Uri};
use axum::response::IntoResponse as _;
use axum::routing::{get, patch};
use consign_client::Client;
use serde::de::DeserializeOwned;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{FORWARDED_FOR, credentials};
use refusal::{Refusal, Result};

pub(crate) fn router(client: Client) -> Router {
    let generic = get(download::get).head(download::head).put(publish::put);
    Router::new()
        .route("/api/v4/projects", get(projects::list).post(projects::create))
        .route("/api/v4/projects/{id}", get(projects::find))
        .route("/api/v4/projects/{id}/packages/generic/{*path}", generic)
        .route("/api/v4/projects/{id}/packages/protection/rules", get(rules::list).post(rules::create))
        .route("/api/v4/projects/{id}/packages/protection/rules/{rule}", patch(rules::update).delete(rules::delete))
        .fallback(|| async { Refusal::not_found() })
        .method_not_allowed_fallback(|| async { Refusal::method_not_allowed() })
        .with_state(client)
        .layer(CatchPanicLayer::custom(|_: Box<dyn Any + Send>| Refusal::panicked().into_response()))
}

/// The parameters behind the `?`. Those that nobody knows are passed over, as GitLab does.
fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T> {
    serde_urlencoded::from_str(uri.query().unwrap_or_default()).map_err(|_| Refusal::parameter("query is invalid"))
}

/// The client for whoever makes the request.
fn authenticated(client: &Client, headers: &HeaderMap) -> Result<Client> {
    let client = asking(client, headers);
    let token = credentials::token(headers).map_err(|_| Refusal::unauthorized())?;
    Ok(match token {
        Some(token) => client.with_token(&token),
        None => client,
    })
}

/// The same for what nobody may do without a token: GitLab asks for it before it looks at anything else.
fn signed_in(client: &Client, headers: &HeaderMap) -> Result<Client> {
    match credentials::token(headers) {
        Ok(Some(token)) => Ok(asking(client, headers).with_token(&token)),
        _ => Err(Refusal::unauthorized()),
    }
}

fn asking(client: &Client, headers: &HeaderMap) -> Client {
    let addresses = headers.get(FORWARDED_FOR).and_then(|value| value.to_str().ok());
    addresses.map_or_else(|| client.clone(), |addresses| client.asking_for(addresses))
}
