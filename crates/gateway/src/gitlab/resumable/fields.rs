//! The fields by which resumable uploads are told of: structured ones, of which only the plainest kinds are needed. One that can't be read
//! counts as missing, as the draft wants.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;

use crate::gitlab::refusal::{Refusal, Result};

pub(super) const COMPLETE: &str = "upload-complete";
pub(super) const OFFSET: &str = "upload-offset";
pub(super) const LENGTH: &str = "upload-length";
pub(super) const LIMIT: &str = "upload-limit";

/// What a request says of the upload that it brings something of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fields {
    /// Whether it brings the last bytes.
    pub(super) complete: Option<bool>,
    /// Where its bytes begin.
    pub(super) offset: Option<i64>,
    /// How many bytes the whole file has.
    length: Option<i64>,
    /// How many bytes the request has.
    pub(super) content: Option<i64>,
}

impl Fields {
    /// Of a request, whose body may be known to be empty though it does not say so.
    pub(super) fn of(headers: &HeaderMap, is_empty: bool) -> Self {
        let content = if is_empty { Some(0) } else { headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok()) };
        Self { complete: complete(headers), offset: integer(headers, OFFSET), length: integer(headers, LENGTH), content }
    }

    /// How many bytes the whole file has, as far as this request tells, whose bytes begin at `offset`; `known` is what was told before.
    pub(super) fn length(&self, offset: i64, known: Option<i64>) -> Result<Option<i64>> {
        let end = self.content.map(|content| offset.saturating_add(content));
        let last = end.filter(|_| self.complete == Some(true));
        let told: Vec<i64> = [known, self.length, last].into_iter().flatten().collect();
        let length = told.first().copied();
        let is_consistent = told.iter().all(|other| Some(*other) == length) && end.zip(length).is_none_or(|(end, length)| end <= length);
        if is_consistent { Ok(length) } else { Err(Refusal::length()) }
    }
}

/// Whether a request that has to do with an upload brings the last bytes.
pub(super) fn complete(headers: &HeaderMap) -> Option<bool> {
    match item(headers, COMPLETE)? {
        "?1" => Some(true),
        "?0" => Some(false),
        _ => None,
    }
}

fn integer(headers: &HeaderMap, name: &str) -> Option<i64> {
    let text = item(headers, name)?;
    let is_integer = (1..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_integer { text.parse().ok() } else { None }
}

/// The one value of a field, without its parameters.
fn item<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    Some(value.to_str().ok()?.split(';').next().unwrap_or_default().trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(headers: &[(&'static str, &str)]) -> Fields {
        Fields::of(&headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect(), false)
    }

    #[test]
    fn fields_are_read_and_what_is_none_is_passed_over() {
        let told = fields(&[(COMPLETE, "?1"), (OFFSET, "12;a=b"), (LENGTH, "20"), ("content-length", "8")]);
        assert_eq!(told, Fields { complete: Some(true), offset: Some(12), length: Some(20), content: Some(8) });
        let told = fields(&[(COMPLETE, "true"), (OFFSET, "-1"), (LENGTH, "1234567890123456")]);
        assert_eq!(told, Fields { complete: None, offset: None, length: None, content: None });
        let mut twice = HeaderMap::new();
        twice.append(OFFSET, 1.into());
        twice.append(OFFSET, 2.into());
        assert_eq!(Fields::of(&twice, true), Fields { complete: None, offset: None, length: None, content: Some(0) });
    }

    #[test]
    fn lengths_that_contradict_each_other_are_refused() {
        let length = |headers: &[(&'static str, &str)], offset, known| fields(headers).length(offset, known).ok();
        assert_eq!(length(&[(COMPLETE, "?1"), ("content-length", "8")], 2, None), Some(Some(10)));
        assert_eq!(length(&[(COMPLETE, "?1"), ("content-length", "8"), (LENGTH, "10")], 2, Some(10)), Some(Some(10)));
        assert_eq!(length(&[(COMPLETE, "?0"), ("content-length", "8")], 2, Some(20)), Some(Some(20)));
        assert_eq!(length(&[(COMPLETE, "?0"), ("content-length", "8")], 2, None), Some(None));
        assert_eq!(length(&[(COMPLETE, "?1"), ("content-length", "8")], 2, Some(11)), None);
        assert_eq!(length(&[(COMPLETE, "?1"), ("content-length", "8"), (LENGTH, "9")], 2, None), None);
        assert_eq!(length(&[(COMPLETE, "?0"), (LENGTH, "9")], 2, Some(10)), None);
        assert_eq!(length(&[(COMPLETE, "?0"), ("content-length", "8")], 3, Some(10)), None);
    }
}
