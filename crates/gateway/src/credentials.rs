//! The token of a request, in whichever form it comes.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// Headers that carry a bare token.
const HEADERS: &[&str] = &["private-token", "job-token", "deploy-token"];

/// The token that comes with a request: in one of GitLab's headers, as a bearer token, or as the password of basic
/// authentication, whose user name means nothing. Without any, the caller is nobody that is known.
pub(crate) fn token(headers: &HeaderMap) -> Result<Option<String>, Contradiction> {
    let bare = HEADERS.iter().flat_map(|name| headers.get_all(*name)).map(|value| value.to_str().ok().map(str::to_owned));
    let authorization = headers.get_all(AUTHORIZATION).iter().map(|value| value.to_str().ok().and_then(from_authorization));
    let mut tokens: Vec<Option<String>> = bare.chain(authorization).collect();
    tokens.dedup();
    match tokens.as_slice() {
        [] => Ok(None),
        [Some(token)] if !token.is_empty() => Ok(Some(token.clone())),
        _ => Err(Contradiction),
    }
}

/// A request came with something in the place of a token that is none, or with two different ones: what was meant is not guessed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Contradiction;

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

    fn found(headers: &[(&'static str, &'static str)]) -> Result<Option<String>, Contradiction> {
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
            assert_eq!(found(&[header]), Ok(Some("secret".to_owned())), "{header:?}");
        }
        assert_eq!(found(&[("private-token", "secret"), basic]), Ok(Some("secret".to_owned())));
        assert_eq!(found(&[]), Ok(None));
    }

    #[test]
    fn contradicting_tokens_and_what_is_no_token_are_not_taken_for_none() {
        for headers in [
            &[("private-token", "")][..],
            &[("authorization", "Digest x")],
            &[("authorization", "Basic !")],
            &[("authorization", "Basic bm9jb2xvbg==")],
            &[("private-token", "a"), ("job-token", "b")],
        ] {
            assert_eq!(found(headers), Err(Contradiction), "{headers:?}");
        }
    }
}
