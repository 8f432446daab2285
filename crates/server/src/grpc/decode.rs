//! Fields of requests to words.

use std::fmt::Display;
use std::str::FromStr;

use consign_proto::status::invalid;
use consign_types::{ContentDigest, Digest, Reason};
use tonic::Status;
use uuid::Uuid;

/// A resource name, or one of its parts.
pub(super) fn name<T>(field: &str, text: &str) -> Result<T, Status>
where
    T: FromStr<Err: Display>,
{
    text.parse().map_err(|error| invalid(field, Reason::NameInvalid, error))
}

/// The path of a file.
pub(super) fn path<T>(field: &str, text: &str) -> Result<T, Status>
where
    T: FromStr<Err: Display>,
{
    text.parse().map_err(|error| invalid(field, Reason::PathInvalid, error))
}

/// A digest that may be missing.
pub(super) fn digest(field: &str, bytes: &[u8]) -> Result<Option<Digest>, Status> {
    optional(field, bytes)
}

/// A content digest that may be missing.
pub(super) fn content_digest(field: &str, bytes: &[u8]) -> Result<Option<ContentDigest>, Status> {
    optional(field, bytes)
}

fn optional<'a, T>(field: &str, bytes: &'a [u8]) -> Result<Option<T>, Status>
where
    T: TryFrom<&'a [u8], Error: Display>,
{
    if bytes.is_empty() {
        return Ok(None);
    }
    T::try_from(bytes).map(Some).map_err(|error| invalid(field, Reason::ArgumentInvalid, error))
}

/// The id that makes a repeated request safe: a UUID, or nothing.
pub(super) fn request_id(text: &str) -> Result<Option<String>, Status> {
    if text.is_empty() {
        return Ok(None);
    }
    let id = Uuid::from_str(text).map_err(|_| invalid("request_id", Reason::ArgumentInvalid, "must be a UUID"))?;
    Ok(Some(id.to_string()))
}

/// A text of bounded length without control characters.
pub(super) fn text(field: &str, text: String, max_bytes: usize) -> Result<String, Status> {
    if text.len() > max_bytes {
        return Err(invalid(field, Reason::ArgumentInvalid, format!("at most {max_bytes} bytes")));
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(invalid(field, Reason::ArgumentInvalid, "must not contain control characters"));
    }
    Ok(text)
}

/// A field that this server does not understand yet must be left out: ignoring it would do something else than was asked.
pub(super) fn absent(field: &str, is_absent: bool) -> Result<(), Status> {
    if is_absent { Ok(()) } else { Err(invalid(field, Reason::ArgumentInvalid, "not supported by this server")) }
}
