//! The token of a request, in whichever form it comes.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// Headers that carry a bare token.
const HEADERS: &[&str] = &["private-token", "job-token", "deploy-token"];

/// The token that comes with a request: in one of GitLab's headers, as a bearer token, or as the password of basic
/// authentication, whose user name means nothing. Two different tokens in one request are as good as none.
pub(crate) fn token(headers: &HeaderMap) -> Option<String> {
    let bare = HEADERS.iter().filter_map(|name| Some(headers.get(*name)?.to_str().ok()?.to_owned()));
    let authorization = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(from_authorization);
    let mut tokens: Vec<String> = bare.chain(authorization).collect();
    tokens.dedup();
    match tokens.as_slice() {
        [token] if !token.is_empty() => Some(token.clone()),
        _ => None,
    }
}

fn from_authorization(value: &str) -> Option<String> {
    let (scheme, rest) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = BASE64_STANDARD.decode(rest.trim()).ok()?;
    let (_, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some(password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(headers: &[(&'static str, &'static str)]) -> Option<String> {
        token(&headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect())
    }

    #[test]
    fn a_token_is_found_in_every_form_that_clients_use() {
        let basic = ("authorization", "Basic YW55Ym9keTpzZWNyZXQ=");
        for header in [
            ("private-token", "secret"),
            ("job-token", "secret"),
            ("deploy-token", "secret"),
            ("authorization", "Bearer secret"),
            ("authorization", "bearer secret"),
            basic,
        ] {
            assert_eq!(found(&[header]).as_deref(), Some("secret"), "{header:?}");
        }
        assert_eq!(found(&[("private-token", "secret"), basic]).as_deref(), Some("secret"));
    }

    #[test]
    fn no_token_and_contradicting_tokens_are_none() {
        for headers in [
            &[][..],
            &[("private-token", "")],
            &[("authorization", "Digest x")],
            &[("authorization", "Basic !")],
            &[("authorization", "Basic bm9jb2xvbg==")],
            &[("private-token", "a"), ("job-token", "b")],
        ] {
            assert_eq!(found(headers), None, "{headers:?}");
        }
    }
}
