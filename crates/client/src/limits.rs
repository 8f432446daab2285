//! Limits that apply to a caller, as the planes tell of them in the headers of their answers.

use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderMap;

/// The limit that was told last of a caller, or the one of which least is left. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Limits(Arc<Mutex<Option<Limit>>>);

/// A limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What it is called.
    pub name: String,
    /// How many calls are allowed.
    pub limit: u64,
    /// How many of them are left.
    pub remaining: u64,
    /// When all are there again, in seconds since the epoch.
    pub reset: u64,
}

impl Limits {
    /// The limit that applies, if one does.
    pub fn applying(&self) -> Option<Limit> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn note(&self, headers: &HeaderMap) {
        let Some(told) = read(headers) else { return };
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.as_ref().is_none_or(|noted| told.remaining <= noted.remaining) {
            *noted = Some(told);
        }
    }
}

fn read(headers: &HeaderMap) -> Option<Limit> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let number = |name: &str| text(name)?.parse().ok();
    Some(Limit {
        name: text("ratelimit-name")?.to_owned(),
        limit: number("ratelimit-limit")?,
        remaining: number("ratelimit-remaining")?,
        reset: number("ratelimit-reset")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &str, remaining: &str) -> HeaderMap {
        let fields = [("ratelimit-name", name), ("ratelimit-limit", "5"), ("ratelimit-remaining", remaining), ("ratelimit-reset", "7")];
        fields.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn of_several_limits_the_one_of_which_least_is_left_counts() {
        let limits = Limits::default();
        limits.note(&HeaderMap::new());
        limits.note(&headers("a", "nonsense"));
        assert_eq!(limits.applying(), None);
        for (name, remaining, expected) in [("a", "3", "a"), ("b", "4", "a"), ("c", "3", "c"), ("d", "0", "d")] {
            limits.note(&headers(name, remaining));
            assert_eq!(limits.clone().applying().unwrap().name, expected);
        }
    }
}
