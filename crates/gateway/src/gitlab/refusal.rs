//! How GitLab says no: the only place that knows its error bodies. What resumable uploads add to them is in `resumable::problem`.
//!
//! Errors of the API have a `message`, errors of a parameter an `error`.

use std::collections::HashMap;
use std::time::{Duration, UNIX_EPOCH};

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use consign_client::Error;
use consign_types::Reason;
use serde_json::{Value, json};

use super::words::translated;

pub(crate) type Result<T, E = Refusal> = std::result::Result<T, E>;

/// An answer that says no.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) body: Value,
    pub(super) headers: Vec<(HeaderName, String)>,
    /// What a plane said, if one did.
    pub(super) reason: Option<Reason>,
}

impl Refusal {
    fn message(status: StatusCode, message: impl Into<Value>) -> Self {
        Self { status, body: json!({ "message": message.into() }), headers: Vec::new(), reason: None }
    }

    fn bad_request(text: &str) -> Self {
        Self::message(StatusCode::BAD_REQUEST, format!("400 Bad request - {text}"))
    }

    pub(super) fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// A parameter is wrong, such as `status does not have a valid value`.
    pub(crate) fn parameter(text: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, body: json!({ "error": text.into() }), headers: Vec::new(), reason: None }
    }

    /// Several parameters are wrong: what is said of each, in one.
    pub(crate) fn parameters(texts: impl IntoIterator<Item = String>) -> Self {
        Self::parameter(texts.into_iter().collect::<Vec<_>>().join(", "))
    }

    /// There is no such thing.
    pub(crate) fn not_found() -> Self {
        Self::message(StatusCode::NOT_FOUND, "404 Not found")
    }

    /// There is no such route.
    pub(crate) fn no_route() -> Self {
        Self { status: StatusCode::NOT_FOUND, body: json!({ "error": "404 Not Found" }), headers: Vec::new(), reason: None }
    }

    /// A parameter has a value that it can't have.
    pub(crate) fn no_valid_value(name: &str) -> Self {
        Self::parameter(no_valid_value(name))
    }

    /// There is no such token.
    pub(crate) fn token_not_found() -> Self {
        Self::message(StatusCode::NOT_FOUND, "404 Token Not Found")
    }

    /// There is no such project.
    pub(crate) fn project_not_found() -> Self {
        Self::message(StatusCode::NOT_FOUND, "404 Project Not Found")
    }

    /// There is no such group.
    pub(crate) fn group_not_found() -> Self {
        Self::message(StatusCode::NOT_FOUND, "404 Group Not Found")
    }

    /// There is no such user.
    pub(crate) fn user_not_found() -> Self {
        Self::message(StatusCode::NOT_FOUND, "404 User Not Found")
    }

    /// The name by which a deploy token is to sign in is none.
    pub(crate) fn username_invalid() -> Self {
        let rule = "can contain only letters, digits, '_', '-', '+', and '.'";
        Self::message(StatusCode::BAD_REQUEST, json!({ "username": [rule] }))
    }

    /// Why something is not done that is about the personal tokens of users: those of others are for administrators, and nobody else learns
    /// whether they are there.
    pub(crate) fn of_others(error: impl Into<Self>) -> Self {
        let refusal = error.into();
        let is_others = matches!(refusal.reason, Some(Reason::RoleInsufficient | Reason::UserNotFound));
        if is_others { Self::unauthorized() } else { refusal }
    }

    /// Why a user has not become a member.
    pub(crate) fn member_taken(error: Error) -> Self {
        match error {
            Error::Refused { reason: Reason::NameTaken, .. } => Self::conflict("Member already exists"),
            error => error.into(),
        }
    }

    /// Why a user was not made.
    pub(crate) fn user_taken(error: Error) -> Self {
        match error {
            Error::Refused { reason: Reason::NameTaken, .. } => Self::conflict("Username has already been taken"),
            error => error.into(),
        }
    }

    /// There is such a package, and it is not shown.
    pub(crate) fn package_not_found() -> Self {
        Self::message(StatusCode::NOT_FOUND, "Package not found")
    }

    /// Something of this name is there.
    pub(crate) fn conflict(message: &str) -> Self {
        Self::message(StatusCode::CONFLICT, message)
    }

    /// The caller may not do this.
    pub(crate) fn forbidden() -> Self {
        Self::message(StatusCode::FORBIDDEN, "403 Forbidden")
    }

    /// The project is there, and not for the job whose token this is.
    pub(crate) fn job_forbidden() -> Self {
        Self::message(StatusCode::FORBIDDEN, "403 Forbidden - Authentication by CI/CD job token not allowed")
    }

    /// A protection rule keeps the package from being deleted.
    pub(crate) fn deletion_protected() -> Self {
        Self::message(StatusCode::FORBIDDEN, "403 Forbidden - Package is deletion protected.")
    }

    /// It was changed since the time that the request names.
    pub(crate) fn precondition_failed() -> Self {
        Self::message(StatusCode::PRECONDITION_FAILED, "412 Precondition Failed")
    }

    /// The page is further into the list than page numbers reach.
    pub(crate) fn offset_too_large(most: i64) -> Self {
        let text = format!("Offset pagination has a maximum allowed offset of {most} for requests that return objects of this type");
        Self { status: StatusCode::METHOD_NOT_ALLOWED, body: json!({ "error": text }), headers: Vec::new(), reason: None }
    }

    /// The list is not one that GitLab reads by keys.
    pub(crate) fn no_keyset() -> Self {
        let text = "Keyset pagination is not yet available for this type of request";
        Self { status: StatusCode::METHOD_NOT_ALLOWED, body: json!({ "error": text }), headers: Vec::new(), reason: None }
    }

    /// A name, an address or a path of a release's link is in use: which field has it, or several of one request have.
    pub(crate) fn link_taken(field: Option<&str>, value: &str) -> Self {
        match field {
            Some(field) => Self::message(StatusCode::BAD_REQUEST, json!({ field: ["has already been taken"] })),
            None => Self::message(StatusCode::BAD_REQUEST, format!("Validation failed: Links have duplicate values ({value})")),
        }
    }

    /// Whether it asks for a valid token.
    pub(crate) fn asks_for_token(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
    }

    /// There is another protection rule of this pattern.
    pub(crate) fn rule_taken() -> Self {
        Self::message(StatusCode::UNPROCESSABLE_ENTITY, json!(["Package name pattern has already been taken"]))
    }

    /// The route does not have this method.
    pub(crate) fn method_not_allowed() -> Self {
        Self::message(StatusCode::METHOD_NOT_ALLOWED, "405 Method Not Allowed")
    }

    /// There is no valid token. wget and Ansible send theirs only after this challenge.
    pub(crate) fn unauthorized() -> Self {
        let challenge = r#"Basic realm="GitLab Packages Registry""#;
        Self::message(StatusCode::UNAUTHORIZED, "401 Unauthorized").with(WWW_AUTHENTICATE, challenge)
    }

    /// The range lies outside of the file, which has this size.
    pub(crate) fn range(size: u64) -> Self {
        let status = StatusCode::RANGE_NOT_SATISFIABLE;
        Self::message(status, "416 Range Not Satisfiable").with(axum::http::header::CONTENT_RANGE, format!("bytes */{size}"))
    }

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

/// What is said of a parameter that has a value that it can't have.
pub(crate) fn no_valid_value(name: &str) -> String {
    format!("{name} does not have a valid value")
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

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let headers = AppendHeaders(self.headers);
        match self.body {
            Value::String(text) => (self.status, headers, text).into_response(),
            problem if problem.get("type").is_some() => {
                let media_type = [(CONTENT_TYPE, "application/problem+json")];
                (self.status, headers, media_type, problem.to_string()).into_response()
            }
            body => (self.status, headers, Json(body)).into_response(),
        }
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
