//! Fields of requests to words.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Display;
use std::str::FromStr;

use consign_proto::metadata as wire;
use consign_proto::status::invalid;
use consign_proto::to_time;
use consign_types::access::{Role, Scope};
use consign_types::filter::Filter;
use consign_types::label::Labels;
use consign_types::pattern::NamePattern;
use consign_types::text::{Etag, RequestId};
use consign_types::time::Span;
use consign_types::{Reason, Timestamp};
use prost_types::FieldMask;
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

/// Globs over names.
pub(super) fn globs(field: &str, texts: &[String]) -> Result<Vec<NamePattern>, Status> {
    texts.iter().map(|text| NamePattern::glob(text).map_err(|error| invalid(field, Reason::ArgumentInvalid, error))).collect()
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

/// A part of a request that must be there.
pub(super) fn present<T>(field: &str, part: Option<T>) -> Result<T, Status> {
    part.ok_or_else(|| invalid(field, Reason::ArgumentInvalid, "must be set"))
}

/// The id that makes a request safe to repeat.
pub(super) fn request_id(text: &str) -> Result<Option<RequestId>, Status> {
    optional("request_id", text, self::text)
}

/// An etag as it was last read; none where there is to be no check.
pub(super) fn etag(text: &str) -> Result<Option<Etag>, Status> {
    optional("etag", text, self::text)
}

/// A revision of a file; 0 stands for none in particular.
pub(super) fn revision(number: i32) -> Result<Option<i32>, Status> {
    match number {
        0 => Ok(None),
        1.. => Ok(Some(number)),
        _ => Err(invalid("revision", Reason::ArgumentInvalid, "must not be negative")),
    }
}

/// The filter of a list.
pub(super) fn filter(text: &str) -> Result<Option<Filter>, Status> {
    Filter::parse(text).map_err(|error| invalid("filter", Reason::FilterInvalid, error))
}

/// The order of a list: one of the words, the first where none is given, and whether it is falling.
pub(super) fn order<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<(T, bool), Status> {
    let mut parts = text.split_ascii_whitespace();
    let (name, direction) = (parts.next(), parts.next());
    let descending = match (direction, parts.next()) {
        (None | Some("asc"), None) => false,
        (Some("desc"), None) => true,
        _ => return Err(unordered(words)),
    };
    match name {
        None => Ok((words[0].1, false)),
        Some(name) => words.iter().find(|(word, _)| *word == name).map(|(_, order)| (*order, descending)).ok_or_else(|| unordered(words)),
    }
}

fn unordered<T>(words: &[(&str, T)]) -> Status {
    let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    invalid("order_by", Reason::ArgumentInvalid, format!("one of {}, with ` desc` behind it for falling order", words.join(", ")))
}

/// Labels.
pub(super) fn labels(field: &str, labels: HashMap<String, String>) -> Result<Labels, Status> {
    Labels::new(labels).map_err(|error| invalid(field, Reason::ArgumentInvalid, error))
}

/// Which fields an update changes.
pub(super) struct Mask(Vec<String>);

/// The mask of an update, which may name these fields.
pub(super) fn mask(mask: Option<FieldMask>, fields: &[&str]) -> Result<Mask, Status> {
    let paths = mask.unwrap_or_default().paths;
    if let Some(path) = paths.iter().find(|path| !fields.contains(&path.as_str())) {
        let shown: String = path.chars().take(80).flat_map(char::escape_default).collect();
        return Err(invalid("update_mask", Reason::ArgumentInvalid, format!("`{shown}` is none of {}", fields.join(", "))));
    }
    Ok(Mask(paths))
}

impl Mask {
    /// Whether a field is to be changed: it is named, or nothing is and the field is set.
    pub(super) fn names(&self, field: &str, is_set: bool) -> bool {
        if self.0.is_empty() { is_set } else { self.0.iter().any(|path| path == field) }
    }

    /// The new value of a field that is to be changed.
    pub(super) fn changed<T>(&self, field: &str, is_set: bool, value: impl FnOnce() -> Result<T, Status>) -> Result<Option<T>, Status> {
        if self.names(field, is_set) { value().map(Some) } else { Ok(None) }
    }
}

/// The largest answer that a stock client reads, less a margin.
const MAX_ANSWER_BYTES: usize = 3_500_000;

/// Refuses a request whose answer would be too large to be read: before anything is done, since the caller would never learn of it.
/// The answer has a record for each of these paths, all in the version of this name.
pub(super) fn answerable<'a>(field: &str, version: &str, paths: impl IntoIterator<Item = &'a str>) -> Result<(), Status> {
    // A record has the path twice and the name of the version, beside a digest, a ticket, a creator and times.
    let answer: usize = paths.into_iter().map(|path| 2 * path.len() + version.len() + 320).sum();
    if answer <= MAX_ANSWER_BYTES {
        return Ok(());
    }
    Err(invalid(field, Reason::ArgumentInvalid, "the answer would be larger than a message may be: send fewer files at once"))
}

/// A role; none where it is left open.
pub(super) fn role(field: &str, number: i32) -> Result<Option<Role>, Status> {
    let role = wire::Role::try_from(number).map_err(|_| invalid(field, Reason::ArgumentInvalid, "no such role"))?;
    Ok(role.known())
}

/// Scopes.
pub(super) fn scopes(numbers: &[i32]) -> Result<BTreeSet<Scope>, Status> {
    let scope = |number: &i32| wire::Scope::try_from(*number).ok().and_then(wire::Scope::known);
    let scopes: Option<_> = numbers.iter().map(scope).collect();
    scopes.ok_or_else(|| invalid("scopes", Reason::ArgumentInvalid, "no such scope"))
}

/// An instant that may be missing.
pub(super) fn time(field: &str, time: Option<prost_types::Timestamp>) -> Result<Option<Timestamp>, Status> {
    let is_valid = |time: &prost_types::Timestamp| {
        (-62_135_596_800..=253_402_300_799).contains(&time.seconds) && (0..1_000_000_000).contains(&time.nanos)
    };
    match time {
        Some(time) if !is_valid(&time) => Err(invalid(field, Reason::ArgumentInvalid, "no such time")),
        time => Ok(time.map(to_time)),
    }
}

/// The longest span that is taken, in seconds: 36500 days.
const MAX_SPAN_SECONDS: i64 = 36_500 * 24 * 60 * 60;

/// A length of time that may be missing. What is smaller than a microsecond is cut off, and something must be left.
pub(super) fn span(field: &str, duration: Option<prost_types::Duration>) -> Result<Option<Span>, Status> {
    let Some(prost_types::Duration { seconds, nanos }) = duration else { return Ok(None) };
    let is_valid = (0..=MAX_SPAN_SECONDS).contains(&seconds) && (0..1_000_000_000).contains(&nanos);
    let span = if is_valid { Span::from_micros(seconds * 1_000_000 + i64::from(nanos / 1000)) } else { None };
    let rule = || invalid(field, Reason::ArgumentInvalid, "must be more than nothing, a microsecond at least, and at most 36500 days");
    span.map(Some).ok_or_else(rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_positive_and_cut_to_microseconds() {
        let micros = |seconds, nanos| {
            let span = span("ttl", Some(prost_types::Duration { seconds, nanos }));
            span.ok().flatten().map(Span::as_micros)
        };
        assert_eq!((micros(0, 1999), micros(90, 0), micros(1, 5000)), (Some(1), Some(90_000_000), Some(1_000_005)));
        assert_eq!(micros(MAX_SPAN_SECONDS, 0), Some(MAX_SPAN_SECONDS * 1_000_000));
        for (seconds, nanos) in [(0, 0), (0, 999), (-1, 0), (1, -1), (0, 1_000_000_000), (MAX_SPAN_SECONDS + 1, 0), (i64::MAX, 0)] {
            assert_eq!(micros(seconds, nanos), None, "{seconds} {nanos}");
        }
        assert_eq!(span("ttl", None).unwrap(), None);
    }
}
