//! How S3 says no: a status, a code, and a body that tells the code again.

use axum::body::Body;
use axum::http::header::{CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::xml::element;

pub(super) type Result<T, E = Refusal> = std::result::Result<T, E>;

/// An answer that says no. The codes are those of the S3 API reference, "Error responses".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    AccessDenied,
    BadDigest,
    /// Another request on the same key is under way: nothing was done.
    ConditionalRequestConflict,
    EntityTooSmall,
    ExpiredToken,
    InternalError,
    InvalidAccessKeyId,
    InvalidArgument,
    InvalidPart,
    InvalidPartOrder,
    /// The range lies outside of the object, which has this size.
    InvalidRange {
        size: usize,
    },
    /// An object was to be copied onto itself as it is.
    InvalidRequest,
    KeyTooLong,
    MalformedXml,
    NoSuchBucket,
    NoSuchKey,
    NoSuchUpload,
    /// Also where the request would change what it does by something that is not built here.
    NotImplemented,
    NotModified,
    OperationAborted,
    PreconditionFailed,
    SlowDown,
    /// AWS does not answer so; other servers do, and proxies.
    TooManyRequests,
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::BadDigest
            | Self::EntityTooSmall
            | Self::InvalidArgument
            | Self::InvalidPart
            | Self::InvalidPartOrder
            | Self::InvalidRequest
            | Self::KeyTooLong
            | Self::MalformedXml => StatusCode::BAD_REQUEST,
            Self::AccessDenied | Self::ExpiredToken | Self::InvalidAccessKeyId => StatusCode::FORBIDDEN,
            Self::NoSuchBucket | Self::NoSuchKey | Self::NoSuchUpload => StatusCode::NOT_FOUND,
            Self::ConditionalRequestConflict | Self::OperationAborted => StatusCode::CONFLICT,
            Self::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::InvalidRange { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::NotImplemented => StatusCode::NOT_IMPLEMENTED,
            Self::NotModified => StatusCode::NOT_MODIFIED,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::SlowDown => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::AccessDenied => "AccessDenied",
            Self::BadDigest => "BadDigest",
            Self::ConditionalRequestConflict => "ConditionalRequestConflict",
            Self::EntityTooSmall => "EntityTooSmall",
            Self::ExpiredToken => "ExpiredToken",
            Self::InternalError => "InternalError",
            Self::InvalidAccessKeyId => "InvalidAccessKeyId",
            Self::InvalidArgument => "InvalidArgument",
            Self::InvalidPart => "InvalidPart",
            Self::InvalidPartOrder => "InvalidPartOrder",
            Self::InvalidRange { .. } => "InvalidRange",
            Self::InvalidRequest => "InvalidRequest",
            Self::KeyTooLong => "KeyTooLongError",
            Self::MalformedXml => "MalformedXML",
            Self::NoSuchBucket => "NoSuchBucket",
            Self::NoSuchKey => "NoSuchKey",
            Self::NoSuchUpload => "NoSuchUpload",
            Self::NotImplemented => "NotImplemented",
            Self::NotModified => "NotModified",
            Self::OperationAborted => "OperationAborted",
            Self::PreconditionFailed => "PreconditionFailed",
            Self::SlowDown => "SlowDown",
            Self::TooManyRequests => "TooManyRequests",
        }
    }

    fn header(self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::TooManyRequests => Some((RETRY_AFTER, HeaderValue::from_static("1"))),
            Self::InvalidRange { size } => {
                let value = HeaderValue::try_from(format!("bytes */{size}")).expect("digits make a header");
                Some((CONTENT_RANGE, value))
            }
            _ => None,
        }
    }

    /// The document that tells it. It has no namespace, unlike all others.
    pub(super) fn document(self) -> String {
        let content = element("Code", self.code()) + &element("Message", self.code()) + &element("RequestId", "FAKE");
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>{content}</Error>")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.document()));
        if self == Self::NotModified {
            *response.body_mut() = Body::empty();
        }
        *response.status_mut() = self.status();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        response.headers_mut().extend(self.header());
        response
    }
}
