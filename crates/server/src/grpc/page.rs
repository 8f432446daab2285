//! Pages of lists on the wire: sizes and tokens.

use std::fmt::Display;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use consign_metadata::{Listed, Page};
use consign_proto::status::invalid;
use consign_types::{Digest, Reason};
use tonic::Status;

const DEFAULT_SIZE: usize = 50;
const MAX_SIZE: usize = 1000;

/// How much a page says at most; clients take messages of 4 MiB.
const MAX_PAGE_BYTES: usize = 3 << 20;

/// How many items a page may pass over.
const MAX_SKIP: i32 = 50_000;

/// A page that passes over so many items before it begins, and whose list is counted, if that is asked for.
pub(super) fn skipping<K>(page: Page<K>, skip: i32, count: bool) -> Result<Page<K>, Status> {
    if !(0..=MAX_SKIP).contains(&skip) {
        return Err(invalid("skip", Reason::ArgumentInvalid, format!("must be 0 to {MAX_SKIP}")));
    }
    Ok(Page { skip: i64::from(skip), count, ..page })
}

/// What a request says of a list that is read from either end.
pub(super) struct Ends<'a> {
    pub(super) before_token: &'a str,
    pub(super) backwards: bool,
    pub(super) with_entry_tokens: bool,
}

/// What a request says of them, by the fields of these names.
macro_rules! ends {
    ($request:expr) => {
        $crate::grpc::page::Ends {
            before_token: &$request.before_token,
            backwards: $request.backwards,
            with_entry_tokens: $request.with_entry_tokens,
        }
    };
}
pub(super) use ends;

/// The page between its ends.
pub(super) fn between<K>(page: Page<K>, listing: &Listing, ends: &Ends<'_>) -> Result<Page<K>, Status>
where
    K: FromStr<Err: Display>,
{
    let before = match ends.before_token {
        "" => None,
        token => Some(listing.place("before_token", token, |key| key.parse().ok())?),
    };
    Ok(Page { before, backwards: ends.backwards, ..page })
}

/// As many items of a page as fit into a message that every client takes, and one at least; the others are on the next page.
pub(super) fn fitting<T>(mut page: Listed<T>, bytes: impl Fn(&T) -> usize) -> Listed<T> {
    let mut sum = 0_usize;
    let fits = |item: &T| {
        sum = sum.saturating_add(bytes(item));
        sum <= MAX_PAGE_BYTES
    };
    let kept = page.items.iter().map(fits).take_while(|fits| *fits).count().max(1);
    page.more |= page.items.len() > kept;
    page.items.truncate(kept);
    page
}

/// A list: a method and its arguments, to which its page tokens belong.
pub(super) struct Listing(Digest);

impl Listing {
    /// The list of `method` with these arguments.
    pub(super) fn of(method: &str, arguments: &[&str]) -> Self {
        let parts = std::iter::once(&method).chain(arguments);
        let text: Vec<String> = parts.map(|part| format!("{}:{part}", part.len())).collect();
        Self(Digest::of(text.concat().as_bytes()))
    }

    /// The page that is asked for: 50 items where no size is given, 1000 at most, behind the item that the token names.
    pub(super) fn page<K>(&self, page_size: i32, page_token: &str) -> Result<Page<K>, Status>
    where
        K: FromStr<Err: Display>,
    {
        self.page_by(page_size, page_token, |key| key.parse().ok())
    }

    /// The same, for keys that are no single word.
    pub(super) fn page_by<K>(&self, page_size: i32, page_token: &str, read: impl Fn(&str) -> Option<K>) -> Result<Page<K>, Status> {
        let size = match usize::try_from(page_size) {
            Ok(0) => DEFAULT_SIZE,
            Ok(size) => size.min(MAX_SIZE),
            Err(_) => return Err(invalid("page_size", Reason::ArgumentInvalid, "must not be negative")),
        };
        if page_token.is_empty() {
            return Ok(Page::first(size));
        }
        Ok(Page { after: Some(self.place("page_token", page_token, read)?), ..Page::first(size) })
    }

    /// The place in the list that a token stands for.
    pub(super) fn place<K>(&self, field: &str, token: &str, read: impl Fn(&str) -> Option<K>) -> Result<K, Status> {
        let refused = || invalid(field, Reason::PageTokenInvalid, "not a token of this list with these arguments");
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).map_err(|_| refused())?;
        let key = bytes.strip_prefix(&self.0.as_bytes()[..8]).and_then(|key| std::str::from_utf8(key).ok());
        key.and_then(read).ok_or_else(refused)
    }

    /// What stands for a place in the list.
    pub(super) fn token(&self, key: &impl Display) -> String {
        BASE64_URL_SAFE_NO_PAD.encode([&self.0.as_bytes()[..8], key.to_string().as_bytes()].concat())
    }

    /// The token of the page behind this one; empty if there is none.
    pub(super) fn next<T>(&self, page: &Listed<T>, key: impl Fn(&T) -> String) -> String {
        let last = page.items.last().filter(|_| page.more);
        last.map_or(String::new(), |last| self.token(&key(last)))
    }

    /// The token of the page that follows in the direction in which the list is read, and those of all items, if they are asked for.
    pub(super) fn tokens<T>(&self, page: &Listed<T>, ends: &Ends<'_>, key: impl Fn(&T) -> String) -> (String, Vec<String>) {
        let edge = if ends.backwards { page.items.first() } else { page.items.last() };
        let next = edge.filter(|_| page.more).map_or(String::new(), |edge| self.token(&key(edge)));
        let asked = if ends.with_entry_tokens { page.items.as_slice() } else { &[] };
        (next, asked.iter().map(|item| self.token(&key(item))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_starts_the_next_page_of_the_same_list_only() {
        let listing = Listing::of("ListFiles", &["a", "b"]);
        let token = listing.next(&Listed { items: vec![1, 2], more: true, total: None }, ToString::to_string);

        assert_eq!(listing.page::<i64>(2, &token).unwrap().after, Some(2));
        assert_eq!(listing.next(&Listed { items: vec![3], more: false, total: None }, ToString::to_string), "");
        assert!(Listing::of("ListFiles", &["ab", ""]).page::<i64>(2, &token).is_err());
        let other = listing.next(&Listed { items: vec!["x"], more: true, total: None }, ToString::to_string);
        for token in ["x", "AAAA", "!", &other] {
            assert!(listing.page::<i64>(2, token).is_err(), "{token}");
        }
    }

    #[test]
    fn what_does_not_fit_into_a_message_is_on_the_next_page() {
        let cut = |items: &[usize]| {
            let page = fitting(Listed { items: items.to_vec(), more: false, total: None }, |bytes| *bytes);
            (page.items.len(), page.more)
        };
        assert_eq!((cut(&[]), cut(&[1, 2]), cut(&[MAX_PAGE_BYTES])), ((0, false), (2, false), (1, false)));
        assert_eq!(cut(&[MAX_PAGE_BYTES - 1, 1, 1]), (2, true));
        assert_eq!(cut(&[usize::MAX, 1]), (1, true), "one at least");
    }

    #[test]
    fn sizes_are_brought_within_their_limits() {
        let size = |requested| Listing::of("ListFiles", &[]).page::<i64>(requested, "").map(|page| page.size);
        assert_eq!((size(0).unwrap(), size(7).unwrap(), size(5000).unwrap()), (50, 7, 1000));
        assert!(size(-1).is_err());
    }
}
