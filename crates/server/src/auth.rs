//! Who makes a request: asked before a byte of its body is read.

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use consign_metadata::{Metadata, Principal};
use consign_proto::status::{refused, status};
use consign_types::Reason;
use tonic::Status;

use crate::notes::Notes;
use crate::routes::into_response;

/// Lets a request through for the holder of a valid token, whom it notes in the request's extensions.
pub(crate) async fn authenticate(State(metadata): State<Metadata>, mut request: Request, next: Next) -> Response {
    let token = bearer(&request).map(str::to_owned);
    match principal(&metadata, token).await {
        Ok(principal) => {
            request.extensions_mut().insert(principal);
            next.run(request).await
        }
        Err(status) => into_response(status),
    }
}

/// Lets a request through that comes from the metadata plane.
pub(crate) async fn authenticate_plane(State(notes): State<Notes>, request: Request, next: Next) -> Response {
    let ticket = bearer(&request).ok_or_else(|| refused(Reason::TicketInvalid, "ticket is missing: only the metadata plane may call this"));
    match ticket.and_then(|ticket| notes.admin_ticket(ticket)) {
        Ok(_) => next.run(request).await,
        Err(status) => into_response(status),
    }
}

fn bearer(request: &Request) -> Option<&str> {
    let (scheme, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

async fn principal(metadata: &Metadata, token: Option<String>) -> Result<Principal, Status> {
    let token = token.ok_or_else(|| refused(Reason::TokenInvalid, "token is missing: send `authorization: Bearer <token>`"))?;
    metadata.authenticate(&token).await.map_err(status)
}

/// The principal that [`authenticate`] noted.
pub(crate) fn caller<T>(request: &tonic::Request<T>) -> Result<Principal, Status> {
    let principal = request.extensions().get::<Principal>().cloned();
    principal.ok_or_else(|| refused(Reason::TokenInvalid, "token is missing"))
}
