//! How GitLab's GraphQL says no: errors in an answer that is 200 otherwise, and few that are not.

use std::fmt;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use consign_client::Error;
use consign_types::Reason;
use serde_json::{Value, json};

use super::super::words::translated_for_graphql;
use super::limits::MAX_QUESTIONS;

pub(super) type Result<T, E = Refusal> = std::result::Result<T, E>;

/// What is not there, or not for this caller, in GitLab's words.
const HIDDEN: &str = "The resource that you are attempting to access does not exist or you don't have permission to perform this action";

/// Why a field has no answer.
#[derive(Debug)]
pub(super) enum Refusal {
    /// What is asked for is not there, or the caller may not do this with it: which of both is not told.
    Hidden,
    /// It takes too many questions to the planes.
    TooCostly,
    /// An argument is wrong.
    Argument(String),
    /// A plane refused, or gave no answer.
    Plane(Error),
}

impl Refusal {
    /// What a plane said.
    pub(super) fn of(error: Error) -> Self {
        match &error {
            Error::Refused { reason, .. } if is_hidden(*reason) => Self::Hidden,
            Error::Refused { .. } => Self::Plane(error),
            _ => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a question of GraphQL has no answer");
                Self::Plane(error)
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hidden => f.write_str(HIDDEN),
            Self::TooCostly => write!(f, "query is too costly: it takes more than {MAX_QUESTIONS} questions to the planes"),
            Self::Argument(text) => f.write_str(text),
            Self::Plane(Error::Refused { reason: Reason::RateLimited, .. }) => {
                f.write_str("This endpoint has been requested too many times. Try again later.")
            }
            Self::Plane(Error::Refused { reason, message, .. }) if is_told(*reason) => f.write_str(&translated_for_graphql(message)),
            Self::Plane(_) => f.write_str("the service has no answer now: try again later"),
        }
    }
}

/// What a caller may not know of is nothing; another refusal stays one.
pub(super) fn known<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Refusal::Hidden) => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

/// What a mutation tells of a change: nothing if it was made, and why not if that is about the thing and not about the caller.
pub(super) fn told<T>(changed: Result<T>) -> Result<(Option<T>, Vec<String>)> {
    match changed {
        Ok(changed) => Ok((Some(changed), Vec::new())),
        Err(Refusal::Plane(Error::Refused { reason: Reason::PackageProtected, .. })) => {
            Ok((None, vec!["Package is deletion protected.".to_owned()]))
        }
        Err(Refusal::Plane(Error::Refused { reason, message, .. })) if is_told(reason) => {
            Ok((None, vec![translated_for_graphql(&message)]))
        }
        Err(refusal) => Err(refusal),
    }
}

fn is_hidden(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::TokenInvalid
            | Reason::TokenExpired
            | Reason::TokenRevoked
            | Reason::RoleInsufficient
            | Reason::ScopeInsufficient
            | Reason::NamespaceNotFound
            | Reason::ProjectNotFound
            | Reason::PackageNotFound
            | Reason::VersionNotFound
            | Reason::FileNotFound
            | Reason::UserNotFound
    )
}

/// Whether a plane's words are for the caller: they are about what it sent or about the thing that it names.
fn is_told(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::ArgumentInvalid
            | Reason::NameInvalid
            | Reason::FilterInvalid
            | Reason::PageTokenInvalid
            | Reason::EtagMismatch
            | Reason::PackageProtected
            | Reason::VersionInUse
            | Reason::VersionSealed
            | Reason::VersionStateConflict
    )
}

/// Errors without data.
pub(super) fn errors(message: &str) -> Value {
    json!({ "errors": [{ "message": message }] })
}

/// An answer that is no success.
pub(super) fn answer(status: StatusCode, message: &str) -> Response {
    (status, Json(errors(message))).into_response()
}

/// The token is not valid.
pub(super) fn invalid_token() -> Response {
    answer(StatusCode::UNAUTHORIZED, "Invalid token")
}
