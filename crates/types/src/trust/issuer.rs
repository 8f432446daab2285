//! Issuers.

use url::{Host, Url};

use crate::name::name_type;

name_type!(
    /// The address of an OpenID provider, exactly as in claim `iss`: `https`, without user, query and fragment, at most 1024 bytes.
    ///
    /// It is written in the normal form of URLs (lower-case host, no default port, no `..`), so that what is reached under it is what it
    /// says. On the own machine it may be `http`, for development and tests.
    Issuer,
    "issuer",
    "an `https` address in normal form without user, query and fragment, as in `https://gitlab.com`",
    is_issuer
);

impl Issuer {
    /// Whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        Url::parse(self.as_str()).ok().is_some_and(|url| url.host().is_some_and(|host| is_loopback(&host)))
    }
}

fn is_issuer(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    // The root path alone may be left out.
    let is_normal = url.as_str() == text || url.as_str().strip_suffix('/') == Some(text);
    let is_bare = url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    let is_safe = match url.scheme() {
        "https" => url.host().is_some(),
        "http" => url.host().is_some_and(|host| is_loopback(&host)),
        _ => false,
    };
    text.len() <= 1024 && is_normal && is_bare && is_safe
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}
