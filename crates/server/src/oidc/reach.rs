//! Which addresses may be asked for keys. Issuers are named by whoever runs the service; where their keys are is what they say themselves, and
//! that must not lead into what this machine alone can reach. Private networks may be asked: a GitLab or a cluster of one's own lives there.

use std::io;
use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Whether issuers on this very machine may be asked, over plain HTTP too: for development and tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loopback {
    /// They are not asked.
    Refused,
    /// They are.
    Allowed,
}

impl Loopback {
    /// Whether this address may be asked as far as it shows; what its name stands for is seen when it is resolved.
    pub(super) fn may_ask(self, url: &Url) -> bool {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            _ => None,
        };
        let is_own = url.host_str() == Some("localhost") || address.is_some_and(|address| address.is_loopback());
        let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_own);
        let is_bare = url.username().is_empty() && url.password().is_none();
        is_safe && is_bare && (!is_own || self == Self::Allowed) && address.is_none_or(|address| self.may_connect(address))
    }

    fn may_connect(self, address: IpAddr) -> bool {
        let is_nowhere = address.is_unspecified() || address.is_multicast();
        let is_link_local = match address.to_canonical() {
            IpAddr::V4(address) => address.is_link_local() || address.is_broadcast() || address.octets()[0] == 0,
            IpAddr::V6(address) => address.is_unicast_link_local(),
        };
        !is_nowhere && !is_link_local && (self == Self::Allowed || !address.to_canonical().is_loopback())
    }
}

/// Resolves names to the addresses that may be asked: what was judged is what is connected to.
pub(super) struct Resolver(pub(super) Loopback);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let loopback = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| loopback.may_connect(address.ip())).collect();
            if allowed.is_empty() {
                return Err(io::Error::other("the name stands for no address that may be asked").into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_machine_alone_can_reach_is_not_asked() {
        for (url, expected) in [
            ("https://gitlab.com/x", true),
            ("https://10.0.0.1/", true),
            ("https://[fd00::1]/", true),
            ("http://gitlab.com/", false),
            ("http://10.0.0.1/", false),
            ("https://user:x@gitlab.com/", false),
            ("https://169.254.169.254/", false),
            ("https://[::ffff:169.254.169.254]/", false),
            ("https://[fe80::1]/", false),
            ("https://0.0.0.0/", false),
            ("https://0.1.2.3/", false),
            ("https://[::]/", false),
            ("https://224.0.0.1/", false),
            ("https://255.255.255.255/", false),
            ("https://2852039166/", false),
            ("https://0xa9.0xfe.0xa9.0xfe/", false),
            ("ftp://gitlab.com/", false),
            ("file:///etc/passwd", false),
            ("data:application/json,{}", false),
        ] {
            let url: Url = url.parse().unwrap();
            assert_eq!(Loopback::Refused.may_ask(&url), expected, "{url}");
            assert_eq!(Loopback::Allowed.may_ask(&url), expected, "{url}");
        }
        for url in [
            "https://127.0.0.1/",
            "https://127.8.8.8/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://localhost/",
            "http://127.0.0.1/",
            "http://localhost:1/",
        ] {
            let url: Url = url.parse().unwrap();
            assert!(!Loopback::Refused.may_ask(&url) && Loopback::Allowed.may_ask(&url), "{url}");
        }
    }

    #[tokio::test]
    async fn a_name_of_this_machine_is_not_resolved() {
        assert!(Resolver(Loopback::Refused).resolve("localhost".parse().unwrap()).await.is_err());
        assert!(Resolver(Loopback::Allowed).resolve("localhost".parse().unwrap()).await.is_ok());
    }
}
