//! Pages of lists: sizes and tokens.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use consign_proto::status::invalid;
use consign_types::{Digest, Reason};
use tonic::Status;

const DEFAULT_SIZE: i32 = 50;
const MAX_SIZE: i32 = 1000;

/// How many items a page has: 50 where nothing is said, 1000 at most.
pub(super) fn size(requested: i32) -> Result<i64, Status> {
    match requested {
        0 => Ok(DEFAULT_SIZE.into()),
        1.. => Ok(requested.min(MAX_SIZE).into()),
        _ => Err(invalid("page_size", Reason::ArgumentInvalid, "must not be negative")),
    }
}

/// The arguments that a page token belongs to.
pub(super) struct Listing(Digest);

impl Listing {
    /// The list of `method` with these arguments.
    pub(super) fn of(method: &str, arguments: &[&str]) -> Self {
        let parts = std::iter::once(&method).chain(arguments);
        let text: Vec<String> = parts.map(|part| format!("{}:{part}", part.len())).collect();
        Self(Digest::of(text.concat().as_bytes()))
    }

    /// The token of the page behind the item `last`.
    pub(super) fn token(&self, last: &str) -> String {
        BASE64_URL_SAFE_NO_PAD.encode([&self.0.as_bytes()[..8], last.as_bytes()].concat())
    }

    /// Where the page of a token starts: behind this item. `None` for the first page.
    pub(super) fn start(&self, token: &str) -> Result<Option<String>, Status> {
        if token.is_empty() {
            return Ok(None);
        }
        let refused = || invalid("page_token", Reason::PageTokenInvalid, "not a token of this list with these arguments");
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).map_err(|_| refused())?;
        let (listing, last) = bytes.split_at_checked(8).ok_or_else(refused)?;
        if listing != &self.0.as_bytes()[..8] {
            return Err(refused());
        }
        String::from_utf8(last.to_vec()).map(Some).map_err(|_| refused())
    }

    /// The same, for a list in the order of ids.
    pub(super) fn start_id(&self, token: &str) -> Result<i64, Status> {
        let refused = |_| invalid("page_token", Reason::PageTokenInvalid, "not a token of this list");
        self.start(token)?.map_or(Ok(0), |id| id.parse().map_err(refused))
    }

    /// Cuts what was read, one item more than a page, to a page; and the token of the next page, empty if there is none.
    pub(super) fn cut<T>(&self, mut items: Vec<T>, size: i64, key: impl Fn(&T) -> String) -> (Vec<T>, String) {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if items.len() <= size {
            return (items, String::new());
        }
        items.truncate(size);
        let token = items.last().map(|last| self.token(&key(last))).unwrap_or_default();
        (items, token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_starts_the_next_page_of_the_same_list_only() {
        let listing = Listing::of("ListFiles", &["a", "b"]);
        let (items, token) = listing.cut(vec![1, 2, 3], 2, ToString::to_string);

        assert_eq!(items, [1, 2]);
        assert_eq!(listing.start_id(&token).unwrap(), 2);
        assert_eq!(listing.cut(vec![3], 2, ToString::to_string), (vec![3], String::new()));
        assert!(Listing::of("ListFiles", &["ab", ""]).start_id(&token).is_err());
        for token in ["x", "AAAA", "!", &Listing::of("ListFiles", &["a", "b"]).token("x")] {
            assert!(listing.start_id(token).is_err(), "{token}");
        }
    }

    #[test]
    fn sizes_are_brought_within_their_limits() {
        assert_eq!((size(0).unwrap(), size(7).unwrap(), size(5000).unwrap()), (50, 7, 1000));
        assert!(size(-1).is_err());
    }
}
