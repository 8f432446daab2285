//! The token of a request, in whichever form it comes.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// Headers that carry a bare token.
const HEADERS: &[&str] = &["private-token", "job-token", "deploy-token"];

/// Parameters behind the `?` that carry one.
const PARAMETERS: &[&str] = &["private_token", "job_token", "access_token"];

/// What shows who makes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) token: String,
    /// Whether it came as the password of basic authentication.
    pub(crate) is_basic: bool,
}

/// The token that comes with a request: in one of GitLab's headers, as a bearer token, as the password of basic authentication, whose user
/// name means nothing, or as a parameter. Without any, the caller is nobody that is known.
pub(crate) fn find(headers: &HeaderMap, query: &str) -> Result<Option<Credential>, Contradiction> {
    let plain = |token: String| Credential { token, is_basic: false };
    let bare = HEADERS.iter().flat_map(|name| headers.get_all(*name)).map(|value| value.to_str().ok().map(str::to_owned).map(plain));
    let authorization = headers.get_all(AUTHORIZATION).iter().map(|value| value.to_str().ok().and_then(from_authorization));
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
    let parameters = pairs.into_iter().filter(|(name, _)| PARAMETERS.contains(&name.as_str())).map(|(_, token)| Some(plain(token)));
    let found: Vec<Option<Credential>> = bare.chain(authorization).chain(parameters).collect();
    let Some(first) = found.first() else { return Ok(None) };
    let token = |credential: &Option<Credential>| credential.as_ref().map(|credential| credential.token.clone());
    match first {
        Some(credential) if !credential.token.is_empty() && found.iter().all(|other| token(other) == token(first)) => {
            Ok(Some(credential.clone()))
        }
        _ => Err(Contradiction),
    }
}

/// A request came with something in the place of a token that is none, or with two different ones: what was meant is not guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contradiction;

fn from_authorization(value: &str) -> Option<Credential> {
    let (scheme, rest) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Credential { token: rest.trim().to_owned(), is_basic: false });
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = BASE64_STANDARD.decode(rest.trim()).ok()?;
    let (_, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some(Credential { token: password.to_owned(), is_basic: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found_in(headers: &[(&'static str, &'static str)], query: &str) -> Result<Option<String>, Contradiction> {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        Ok(find(&headers, query)?.map(|credential| credential.token))
    }

    fn found(headers: &[(&'static str, &'static str)]) -> Result<Option<String>, Contradiction> {
        found_in(headers, "")
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
        for query in ["private_token=secret", "a=b&job_token=secret", "access_token=s%65cret&page=2"] {
            assert_eq!(found_in(&[], query), Ok(Some("secret".to_owned())), "{query}");
            assert_eq!(found_in(&[basic], query), Ok(Some("secret".to_owned())), "{query}");
        }
        assert_eq!(found_in(&[], "page=2&token=secret"), Ok(None));
        let is_basic = |header| {
            find(&[header].into_iter().map(|(name, value): (&str, &str)| (name.parse().unwrap(), value.parse().unwrap())).collect(), "")
        };
        assert!(is_basic(basic).unwrap().unwrap().is_basic && !is_basic(("private-token", "secret")).unwrap().unwrap().is_basic);
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
        assert_eq!(found_in(&[("private-token", "a")], "private_token=b"), Err(Contradiction));
        assert_eq!(found_in(&[], "private_token="), Err(Contradiction));
    }
}
