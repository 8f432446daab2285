//! `If-Match` and `If-None-Match`.

use axum::http::HeaderMap;
use axum::http::header::{IF_MATCH, IF_NONE_MATCH};

use super::objects::Object;
use super::refusal::{Refusal, Result};

/// What must hold of an object for a request to go on.
#[derive(Clone, Debug, Default)]
pub(super) struct Conditions {
    matches: Option<String>,
    none_matches: Option<String>,
}

impl Conditions {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Self { matches: text(IF_MATCH), none_matches: text(IF_NONE_MATCH) }
    }

    /// Whether there is any.
    pub(super) fn any(&self) -> bool {
        self.matches.is_some() || self.none_matches.is_some()
    }

    /// They hold for who reads this object.
    pub(super) fn read(&self, object: &Object) -> Result<()> {
        let lists = |list: &Option<String>| list.as_ref().map(|list| is_among(&object.tag, list));
        if lists(&self.matches) == Some(false) {
            return Err(Refusal::PreconditionFailed);
        }
        if lists(&self.none_matches) == Some(true) { Err(Refusal::NotModified) } else { Ok(()) }
    }

    /// They hold for who writes where this object is, or none. For writers S3 knows `If-None-Match: *` alone.
    pub(super) fn write(&self, present: Option<&Object>) -> Result<()> {
        match self.none_matches.as_deref() {
            Some("*") if present.is_some() => return Err(Refusal::PreconditionFailed),
            Some("*") | None => {}
            Some(_) => return Err(Refusal::NotImplemented),
        }
        let Some(matches) = &self.matches else { return Ok(()) };
        let object = present.ok_or(Refusal::NoSuchKey)?;
        if is_among(&object.tag, matches) { Ok(()) } else { Err(Refusal::PreconditionFailed) }
    }
}

fn is_among(tag: &str, list: &str) -> bool {
    list == "*" || list.split(',').any(|one| is_same_tag(one.trim(), tag))
}

/// S3 takes ETags with their quotes and without.
pub(super) fn is_same_tag(one: &str, other: &str) -> bool {
    one.trim_matches('"') == other.trim_matches('"')
}
