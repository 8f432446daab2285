//! Fields of requests to words.

use std::fmt::Display;
use std::str::FromStr;

use consign_proto::status::invalid;
use consign_types::Reason;
use tonic::Status;

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

/// Any other text.
pub(super) fn text<T>(field: &str, text: &str) -> Result<T, Status>
where
    T: FromStr<Err: Display>,
{
    text.parse().map_err(|error| invalid(field, Reason::ArgumentInvalid, error))
}

/// What parses by `parse`, or nothing where the text is empty.
pub(super) fn optional<T>(field: &str, text: &str, parse: impl Fn(&str, &str) -> Result<T, Status>) -> Result<Option<T>, Status> {
    if text.is_empty() { Ok(None) } else { parse(field, text).map(Some) }
}

/// A digest that may be missing.
pub(super) fn digest<'a, T>(field: &str, bytes: &'a [u8]) -> Result<Option<T>, Status>
where
    T: TryFrom<&'a [u8], Error: Display>,
{
    if bytes.is_empty() {
        return Ok(None);
    }
    T::try_from(bytes).map(Some).map_err(|error| invalid(field, Reason::ArgumentInvalid, error))
}

/// A field that this server does not understand yet must be left out: ignoring it would do something else than was asked.
pub(super) fn absent(field: &str, is_absent: bool) -> Result<(), Status> {
    if is_absent { Ok(()) } else { Err(invalid(field, Reason::ArgumentInvalid, "not supported by this server: leave it out")) }
}

/// The largest answer that a stock client reads, less a margin.
const MAX_ANSWER_BYTES: usize = 3_500_000;

/// Refuses a request whose answer, with a plan or a record for each of these paths, would be too large to be read: before anything
/// is done, since the caller would never learn of it.
pub(super) fn answerable<'a>(field: &str, paths: impl IntoIterator<Item = &'a str>) -> Result<(), Status> {
    // A record names the file twice, beside a digest, a ticket and times.
    let answer: usize = paths.into_iter().map(|path| 2 * path.len() + 256).sum();
    if answer <= MAX_ANSWER_BYTES {
        return Ok(());
    }
    Err(invalid(field, Reason::ArgumentInvalid, "the answer would be larger than a message may be: send fewer files at once"))
}
