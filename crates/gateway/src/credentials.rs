//! The token of a request, in whichever form it comes.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// Headers that carry a bare token.
const HEADERS: &[(&str, Place)] = &[("deploy-token", Place::Deploy), ("private-token", Place::Private), ("job-token", Place::Job)];

/// Parameters behind the `?` that carry one.
const PARAMETERS: &[(&str, Place)] = &[("access_token", Place::Bearer), ("private_token", Place::Private), ("job_token", Place::Job)];

/// Where a token is, in the order in which GitLab looks for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Deploy,
    Bearer,
    Private,
    Job,
    Basic,
}

/// What shows who makes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) token: String,
    /// Whether it came as the password of basic authentication.
    pub(crate) is_basic: bool,
}

/// The token that comes with a request: in one of GitLab's headers, as a bearer token, as the password of basic authentication, whose user
/// name means nothing, or as a parameter. Without any, the caller is nobody that is known.
///
/// Of two different ones none counts, unless `first` says so: then it is the one that GitLab finds first.
pub(crate) fn find(headers: &HeaderMap, query: &str, first: bool) -> Result<Option<Credential>, Contradiction> {
    let plain = |token: String| Credential { token, is_basic: false };
    let values = HEADERS.iter().flat_map(|(name, place)| headers.get_all(*name).iter().map(move |value| (*place, value)));
    let bare = values.map(|(place, value)| (place, value.to_str().ok().map(str::to_owned).map(plain)));
    let authorization = headers.get_all(AUTHORIZATION).iter().map(|value| value.to_str().ok().and_then(from_authorization));
    let authorization = authorization.map(|found| {
        let is_basic = found.as_ref().is_some_and(|credential| credential.is_basic);
        (if is_basic { Place::Basic } else { Place::Bearer }, found)
    });
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
    let place = |name: &str| PARAMETERS.iter().find(|(known, _)| *known == name).map(|(_, place)| *place);
    let parameters = pairs.into_iter().filter_map(|(name, token)| Some((place(&name)?, Some(plain(token)))));
    let mut found: Vec<(Place, Option<Credential>)> = bare.chain(authorization).chain(parameters).collect();
    found.sort_by_key(|(place, _)| *place);
    let Some(found) = found.into_iter().map(|(_, credential)| credential).collect::<Option<Vec<Credential>>>() else {
        return Err(Contradiction);
    };
    let Some(chosen) = found.first() else { return Ok(None) };
    if found.iter().any(|credential| credential.token.is_empty()) {
        return Err(Contradiction);
    }
    if first || found.iter().all(|other| other.token == chosen.token) { Ok(Some(chosen.clone())) } else { Err(Contradiction) }
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
        Ok(find(&headers, query, false)?.map(|credential| credential.token))
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
            find(
                &[header].into_iter().map(|(name, value): (&str, &str)| (name.parse().unwrap(), value.parse().unwrap())).collect(),
                "",
                false,
            )
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

    #[test]
    fn of_several_tokens_the_first_in_gitlabs_order_may_count() {
        let all = [("authorization", "Bearer b"), ("job-token", "j"), ("private-token", "p"), ("deploy-token", "d")];
        let basic = ("authorization", "Basic YW55Ym9keTpzZWNyZXQ=");
        for (headers, query, chosen) in [
            (&all[..], "", "d"),
            (&all[..3], "private_token=q", "b"),
            (&all[1..3], "access_token=a", "a"),
            (&all[1..3], "", "p"),
            (&[basic, ("job-token", "j")], "", "j"),
            (&[basic], "", "secret"),
        ] {
            let read = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
            assert_eq!(find(&read, query, true).unwrap().unwrap().token, chosen, "{headers:?} {query}");
        }
        let broken = [("private-token", "a"), ("authorization", "Digest x")];
        let broken = broken.iter().map(|(name, value)| (name.parse::<axum::http::HeaderName>().unwrap(), value.parse().unwrap())).collect();
        assert_eq!(find(&broken, "", true), Err(Contradiction), "what is no token is not passed over");
    }
}
