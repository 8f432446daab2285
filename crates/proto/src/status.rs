//! Errors to gRPC statuses and back: the only place that makes a [`Status`].
#![expect(clippy::disallowed_methods, reason = "this is where statuses are made")]

use std::collections::HashMap;
use std::fmt::Display;
use std::time::Duration;

use consign_types::{ErrorKind, Reason, Refusal};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// `ErrorInfo.domain` of every error of Consign.
pub const DOMAIN: &str = "consign";

/// How long a message may be, in bytes.
const MAX_MESSAGE_BYTES: usize = 512;

/// What a caller who should try again is told to wait.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The status for an error. Faults of the service are logged here, and nothing of them is told.
pub fn status<E: Refusal>(error: E) -> Status {
    let reason = error.reason();
    let message = match reason.kind() {
        ErrorKind::Internal => {
            tracing::error!(error = &error as &dyn std::error::Error, "request failed");
            "internal error".to_owned()
        }
        ErrorKind::Unavailable | ErrorKind::DataLoss => {
            tracing::warn!(error = &error as &dyn std::error::Error, "request failed");
            error.to_string()
        }
        _ => error.to_string(),
    };
    let details = error.details().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    make(reason, message, error.field(), details)
}

/// The status for a field that can't be read.
pub fn invalid(field: &str, reason: Reason, error: impl Display) -> Status {
    make(reason, format!("`{field}`: {error}"), Some(field), HashMap::new())
}

/// The status for a refusal that needs no more words than its reason has.
pub fn refused(reason: Reason, message: impl Into<String>) -> Status {
    make(reason, message.into(), None, HashMap::new())
}

/// The status for a caller who is to come again later.
pub fn limited(message: impl Into<String>, wait: Duration, details: impl IntoIterator<Item = (&'static str, String)>) -> Status {
    let details = details.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    make_with(Reason::RateLimited, message.into(), None, details, Some(wait))
}

fn make(reason: Reason, message: String, field: Option<&str>, metadata: HashMap<String, String>) -> Status {
    let is_soon = matches!(reason.kind(), ErrorKind::Unavailable) || reason == Reason::Overloaded;
    make_with(reason, message, field, metadata, is_soon.then_some(RETRY_AFTER))
}

fn make_with(
    reason: Reason,
    message: String,
    field: Option<&str>,
    metadata: HashMap<String, String>,
    retry_after: Option<Duration>,
) -> Status {
    let message = shortened(message);
    if !is_fault(reason.kind()) {
        tracing::info!(%reason, message, "refused");
    }
    let mut details = ErrorDetails::new();
    details.set_error_info(reason.as_str(), DOMAIN, metadata);
    if let Some(field) = field {
        details.add_bad_request_violation(field, &message);
    }
    if retry_after.is_some() {
        details.set_retry_info(retry_after);
    }
    Status::with_error_details(code(reason.kind()), message, details)
}

/// Whether the service is at fault, not the caller. Faults are logged with their causes where they become statuses.
fn is_fault(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Internal | ErrorKind::Unavailable | ErrorKind::DataLoss)
}

/// A status travels in headers, of which clients take 8 KiB: long names are cut.
fn shortened(mut message: String) -> String {
    if message.len() > MAX_MESSAGE_BYTES {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES));
        message.push('…');
    }
    message
}

fn code(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::InvalidArgument => Code::InvalidArgument,
        ErrorKind::OutOfRange => Code::OutOfRange,
        ErrorKind::Unauthenticated => Code::Unauthenticated,
        ErrorKind::PermissionDenied => Code::PermissionDenied,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::AlreadyExists => Code::AlreadyExists,
        ErrorKind::FailedPrecondition => Code::FailedPrecondition,
        ErrorKind::Aborted => Code::Aborted,
        ErrorKind::ResourceExhausted => Code::ResourceExhausted,
        ErrorKind::Unavailable => Code::Unavailable,
        ErrorKind::DataLoss => Code::DataLoss,
        ErrorKind::Internal => Code::Internal,
    }
}

/// What a status says, on the caller's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Why the request was refused; `None` for a status that no plane of Consign made, such as a broken connection.
    pub reason: Option<Reason>,
    /// Facts for programs.
    pub details: HashMap<String, String>,
}

/// Reads what a status says.
pub fn told(status: &Status) -> Told {
    let info = status.get_details_error_info().filter(|info| info.domain == DOMAIN);
    match info {
        Some(info) => Told { reason: Reason::from_name(&info.reason), details: info.metadata },
        None => Told { reason: None, details: HashMap::new() },
    }
}

/// The status for a call whose deadline is over.
pub fn deadline_exceeded() -> Status {
    Status::new(Code::DeadlineExceeded, "the deadline of the call is over")
}

/// The status for messages that are compressed, which is not supported: the gRPC specification of compression.
pub fn compressed() -> Status {
    let mut status = Status::new(Code::Unimplemented, "messages are compressed, which is not supported");
    status.metadata_mut().insert("grpc-accept-encoding", tonic::metadata::MetadataValue::from_static("identity"));
    status
}

/// The status for a call that could not be carried, or whose answer could not.
pub fn not_carried(error: Box<dyn std::error::Error + Send + Sync>) -> Status {
    Status::from_error(error)
}

/// The status for an answer that did not come whole: the caller may try again.
pub fn broken_off(how: &str) -> Status {
    Status::new(Code::Unavailable, format!("the answer broke off: {how}"))
}

/// The status for a method that this server does not have.
pub fn unimplemented() -> Status {
    Status::new(Code::Unimplemented, "this server does not have this method")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("secret detail")]
    struct Failure(Reason);

    impl Refusal for Failure {
        fn reason(&self) -> Reason {
            self.0
        }

        fn details(&self) -> Vec<(&'static str, String)> {
            vec![("size", "7".to_owned())]
        }
    }

    #[test]
    fn every_reason_reaches_the_caller_with_its_details() {
        for &reason in Reason::ALL {
            let told = told(&status(Failure(reason)));
            assert_eq!(told.reason, Some(reason));
            assert_eq!(told.details["size"], "7");
        }
    }

    #[test]
    fn a_fault_of_the_service_is_told_to_nobody() {
        assert_eq!(status(Failure(Reason::Internal)).message(), "internal error");
        assert_eq!(status(Failure(Reason::FileTooLarge)).message(), "secret detail");
    }
}
