//! How GitLab says no: the only place that knows its error bodies. What resumable uploads add to them is in `resumable::problem`.
//!
//! - `reasons`: what is said where a plane refused, or gave no answer
//!
//! Errors of the API have a `message`, errors of a parameter an `error`.

mod reasons;

use axum::Json;
use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use consign_client::Error;
use consign_types::Reason;
use serde_json::{Value, json};

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

    /// The caller may not do this, and why.
    pub(crate) fn forbidden(why: &str) -> Self {
        Self::message(StatusCode::FORBIDDEN, format!("403 Forbidden - {why}"))
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
}

/// What is said of a parameter that has a value that it can't have.
pub(crate) fn no_valid_value(name: &str) -> String {
    format!("{name} does not have a valid value")
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
