//! What GitLab would say where a plane refused, or gave no answer.

use std::collections::HashMap;
use std::time::{Duration, UNIX_EPOCH};

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderName, StatusCode};
use consign_client::Error;
use consign_types::Reason;
use serde_json::{Value, json};

use super::Refusal;
use crate::gitlab::words::translated;

impl Refusal {
    /// Too many requests, with the headers that GitLab sends. Its body is the one that is no JSON.
    fn rate_limited(details: &HashMap<String, String>) -> Self {
        let told = |name: &str| details.get(name).cloned().unwrap_or_default();
        let reset = told("reset").parse().ok().and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
        let refusal = Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            body: Value::String("Retry later\n".to_owned()),
            headers: Vec::new(),
            reason: None,
        };
        let limit = told("limit");
        [
            ("ratelimit-limit", limit.clone()),
            ("ratelimit-name", told("name")),
            ("ratelimit-observed", limit),
            ("ratelimit-remaining", "0".to_owned()),
            ("ratelimit-reset", told("reset")),
            ("ratelimit-resettime", httpdate::fmt_http_date(reset.unwrap_or(UNIX_EPOCH))),
            ("retry-after", told("wait")),
        ]
        .into_iter()
        .fold(refusal, |refusal, (name, value)| refusal.with(HeaderName::from_static(name), value))
    }

    /// The token's time is over, or it was revoked.
    fn token_over(description: &str) -> Self {
        Self { body: json!({ "error": "invalid_token", "error_description": description }), ..Self::unauthorized() }
    }

    /// The token lacks a scope.
    fn insufficient_scope(message: &str) -> Self {
        let description = "The request requires higher privileges than provided by the access token.";
        let body = json!({ "error": "insufficient_scope", "error_description": format!("{description} ({message})"), "scope": "api" });
        Self { status: StatusCode::FORBIDDEN, body, headers: Vec::new(), reason: None }
    }

    fn unavailable() -> Self {
        Self::message(StatusCode::SERVICE_UNAVAILABLE, "503 Service Unavailable").with(RETRY_AFTER, "1")
    }

    fn internal() -> Self {
        Self::message(StatusCode::INTERNAL_SERVER_ERROR, "500 Internal Server Error")
    }

    fn refused(reason: Reason, message: &str) -> Self {
        match reason {
            Reason::TokenInvalid => Self::unauthorized(),
            Reason::TokenExpired => Self::token_over("Token is expired. You can either do re-authorization or token refresh."),
            Reason::TokenRevoked => Self::token_over("Token was revoked. You have to re-authorize from the user."),
            Reason::PackageProtected => Self::message(StatusCode::FORBIDDEN, "403 Forbidden - Package protected."),
            Reason::RoleInsufficient | Reason::VersionInUse => Self::message(StatusCode::FORBIDDEN, format!("403 Forbidden - {message}")),
            Reason::ScopeInsufficient => Self::insufficient_scope(message),
            Reason::NamespaceNotEmpty => Self::message(StatusCode::CONFLICT, format!("409 Conflict - {message}")),
            Reason::TokenNotFound => Self::token_not_found(),
            Reason::UserNotFound => Self::user_not_found(),
            Reason::ProjectNotFound => Self::project_not_found(),
            Reason::RuleNotFound => Self::message(StatusCode::NOT_FOUND, "404 Package protection rule Not Found"),
            Reason::NamespaceNotFound => Self::group_not_found(),
            Reason::PackageNotFound
            | Reason::VersionNotFound
            | Reason::FileNotFound
            | Reason::StageNotFound
            | Reason::ReleaseNotFound
            | Reason::MemberNotFound
            | Reason::UploadNotFound => Self::not_found(),
            Reason::VersionQuarantined => Self::message(StatusCode::FORBIDDEN, "403 Forbidden - Package version is quarantined"),
            Reason::QuotaExceeded => Self::message(StatusCode::FORBIDDEN, "403 Forbidden - Quota exceeded"),
            Reason::FileTooLarge => Self::bad_request("File is too large"),
            Reason::DuplicateFile => Self::bad_request("Duplicate package is not allowed"),
            Reason::VersionSealed | Reason::VersionContentMismatch => Self::bad_request("Package version is sealed"),
            Reason::VersionStateConflict => Self::bad_request("Package version takes no files"),
            Reason::NameTaken => Self::message(StatusCode::BAD_REQUEST, json!({ "path": ["has already been taken"] })),
            Reason::UploadIncomplete => Self::message(StatusCode::REQUEST_TIMEOUT, "408 Request Timeout"),
            Reason::UploadSuperseded => Self::message(StatusCode::CONFLICT, "409 Conflict - Another request goes on with the upload"),
            Reason::StorageFull => Self::message(StatusCode::INSUFFICIENT_STORAGE, "507 Insufficient Storage"),
            Reason::Overloaded | Reason::MetadataUnavailable | Reason::BlobPlaneUnavailable | Reason::BlobExpired => Self::unavailable(),
            Reason::NameInvalid
            | Reason::PathInvalid
            | Reason::ArgumentInvalid
            | Reason::FilterInvalid
            | Reason::PageTokenInvalid
            | Reason::DigestMismatch
            | Reason::SizeMismatch
            | Reason::RangeNotSatisfiable
            | Reason::TokenNotActive => Self::bad_request(message),
            // Faults, and what the gateway and the planes settle among themselves.
            _ => Self::internal(),
        }
    }

    /// A fault of the gateway itself.
    pub(crate) fn panicked() -> Self {
        Self::internal()
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let refusal = match &error {
            Error::Refused { reason: Reason::RateLimited, details, .. } => Self::rate_limited(details),
            Error::Refused { reason, message, .. } => Self::refused(*reason, &translated(message)),
            Error::Body(_) => Self::bad_request("The body broke off"),
            Error::Transport(_) => Self::unavailable(),
            _ => Self::internal(),
        };
        let reason = match &error {
            Error::Refused { reason, .. } => Some(*reason),
            _ => None,
        };
        let refusal = Self { reason, ..refusal };
        if refusal.status.is_server_error() {
            tracing::warn!(error = &error as &dyn std::error::Error, status = refusal.status.as_u16(), "request failed");
        }
        refusal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_status() {
        for reason in Reason::ALL {
            let expected = match reason {
                Reason::TokenInvalid | Reason::TokenExpired | Reason::TokenRevoked => 401,
                Reason::NamespaceNotFound
                | Reason::ProjectNotFound
                | Reason::PackageNotFound
                | Reason::VersionNotFound
                | Reason::FileNotFound
                | Reason::StageNotFound
                | Reason::UserNotFound
                | Reason::MemberNotFound
                | Reason::UploadNotFound
                | Reason::TokenNotFound
                | Reason::ReleaseNotFound
                | Reason::RuleNotFound => 404,
                Reason::NamespaceNotEmpty | Reason::UploadSuperseded => 409,
                Reason::VersionQuarantined
                | Reason::QuotaExceeded
                | Reason::RoleInsufficient
                | Reason::ScopeInsufficient
                | Reason::VersionInUse
                | Reason::PackageProtected => 403,
                Reason::NameInvalid
                | Reason::PathInvalid
                | Reason::ArgumentInvalid
                | Reason::FilterInvalid
                | Reason::NameTaken
                | Reason::DuplicateFile
                | Reason::VersionSealed
                | Reason::VersionContentMismatch
                | Reason::VersionStateConflict
                | Reason::PageTokenInvalid
                | Reason::FileTooLarge
                | Reason::DigestMismatch
                | Reason::SizeMismatch
                | Reason::RangeNotSatisfiable
                | Reason::TokenNotActive => 400,
                Reason::RateLimited => 429,
                Reason::UploadIncomplete => 408,
                Reason::StorageFull => 507,
                Reason::Overloaded | Reason::MetadataUnavailable | Reason::BlobPlaneUnavailable | Reason::BlobExpired => 503,
                _ => 500,
            };
            let refusal = match reason {
                Reason::RateLimited => Refusal::rate_limited(&HashMap::new()),
                reason => Refusal::refused(*reason, "words"),
            };
            assert_eq!(refusal.status.as_u16(), expected, "{reason}");
            let body = &refusal.body;
            let is_told = body.is_string() || body["message"].is_string() || body["message"].is_object() || body["error"].is_string();
            assert!(is_told, "{reason}");
        }
    }
}
