//! How resumable uploads say no, by the problem types of the draft, in the shape of RFC 9457. What is not about the upload itself is refused
//! as GitLab refuses it.

use axum::http::StatusCode;
use axum::http::header::HeaderName;
use consign_client::Error;
use consign_types::Reason;
use serde_json::{Value, json};

use super::fields::{COMPLETE, OFFSET};
use crate::gitlab::refusal::Refusal;

impl Refusal {
    fn problem(status: StatusCode, kind: &str, title: &str, facts: &[(&str, i64)]) -> Self {
        let mut body = json!({ "type": format!("https://iana.org/assignments/http-problem-types#{kind}"), "title": title });
        for (name, value) in facts {
            body[*name] = Value::from(*value);
        }
        Self { status, body, headers: Vec::new(), reason: None }
    }

    /// What is appended does not begin where the upload goes on.
    pub(super) fn offset_mismatch(expected: i64, provided: i64) -> Self {
        let facts = [("expected-offset", expected), ("provided-offset", provided)];
        let title = "offset from request does not match offset of resource";
        let refusal = Self::problem(StatusCode::CONFLICT, "mismatching-upload-offset", title, &facts);
        refusal.with(HeaderName::from_static(OFFSET), expected.to_string()).with(HeaderName::from_static(COMPLETE), "?0")
    }

    /// All bytes came before.
    pub(super) fn completed() -> Self {
        Self::problem(StatusCode::BAD_REQUEST, "completed-upload", "upload is already completed", &[])
    }

    /// What is said of the length contradicts itself, what was said before, or what came.
    pub(super) fn length() -> Self {
        Self::problem(StatusCode::BAD_REQUEST, "inconsistent-upload-length", "inconsistent length values for upload", &[])
    }

    /// The body is none that can be appended.
    pub(super) fn no_partial_upload() -> Self {
        Self { status: StatusCode::UNSUPPORTED_MEDIA_TYPE, ..Self::parameter("Content-Type must be application/partial-upload") }
    }

    /// Why bytes that begin at `offset` are not taken. Where they were to complete the upload, and what came is refused for good, that is told:
    /// it is no use to send them again.
    pub(super) fn of_bytes(error: Error, offset: i64, complete: bool) -> Self {
        let Error::Refused { reason, details, .. } = &error else { return error.into() };
        let committed = details.get("committed_size").and_then(|size| size.parse().ok());
        match (*reason, committed) {
            (Reason::OffsetMismatch, Some(expected)) => Self::offset_mismatch(expected, offset),
            (Reason::UploadIncomplete, Some(_)) | (Reason::SizeMismatch, _) => Self::length(),
            (Reason::UploadSuperseded, _) => error.into(),
            // Another request writes to it, again and again.
            (Reason::OffsetMismatch, None) => Self::conflict("409 Conflict - Another request goes on with the upload"),
            // The address is not the one that the upload was begun with.
            (Reason::RequestIdReused, _) => Self::not_found(),
            _ => {
                let refusal = Self::from(error);
                let is_final = matches!(refusal.status, StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND);
                if complete && is_final { refusal.with(HeaderName::from_static(COMPLETE), "?1") } else { refusal }
            }
        }
    }
}
