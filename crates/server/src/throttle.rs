//! How often one may fail to sign in, and publish.
//!
//! Both are off unless they are set: where one builds for oneself, nobody is to be held up. Who is meant by an address is told by the
//! connection, or by proxies that are trusted, the gateway among them.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use consign_proto::status::limited;
use consign_types::{Digest, Slug};
use governor::clock::{Clock as _, DefaultClock, Reference as _};
use governor::middleware::{StateInformationMiddleware, StateSnapshot};
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use ipnet::IpNet;
use moka::sync::Cache;
use tonic::Status;

use crate::clock;
use crate::config::ThrottleSettings;

/// The header by which proxies tell for whom they ask, each behind the ones before.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// What the limits are called.
const FAILURES: &str = "login_failures";
const PUBLISHES: &str = "publishes";

/// Of how many addresses and tokens something is remembered.
const MAX_REMEMBERED: u64 = 100_000;

/// The methods by which one publishes. Each of them is counted by itself.
const PUBLISHING: [&str; 3] = [
    "consign.metadata.v1.FileService/PrepareUploads",
    "consign.metadata.v1.FileService/CommitFiles",
    "consign.metadata.v1.PackageService/PublishVersion",
];

/// The limits. Clones share what they have counted.
#[derive(Clone)]
pub(crate) struct Throttle(Arc<Limits>);

struct Limits {
    failures: Option<Failures>,
    publishes: Option<Bucket<(Slug, &'static str)>>,
    trusted: Vec<IpNet>,
}

/// So many a minute, at once or one after the other.
struct Bucket<K: std::hash::Hash + Eq + Clone> {
    limiter: RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock, StateInformationMiddleware>,
    per_minute: NonZeroU32,
}

struct Failures {
    bucket: Bucket<IpAddr>,
    /// Until when an address is not listened to.
    shut: Cache<IpAddr, Wait>,
    /// Tokens that were valid lately, by their digests: whoever has one does not guess, whatever others do at the same address.
    known: Cache<Digest, ()>,
}

/// Until when there is to be waited, by the clock of the limiter.
#[derive(Clone, Copy)]
struct Wait(<DefaultClock as governor::clock::Clock>::Instant);

impl Throttle {
    pub(crate) fn new(settings: &ThrottleSettings) -> Self {
        let failures = NonZeroU32::new(settings.login_failures_per_minute).map(|per_minute| Failures {
            bucket: Bucket::new(per_minute),
            shut: Cache::builder().max_capacity(MAX_REMEMBERED).time_to_live(Duration::from_mins(1)).build(),
            known: Cache::builder().max_capacity(MAX_REMEMBERED).time_to_idle(Duration::from_hours(1)).build(),
        });
        let publishes = NonZeroU32::new(settings.publishes_per_minute).map(Bucket::new);
        Self(Arc::new(Limits { failures, publishes, trusted: settings.trusted_proxies.clone() }))
    }

    /// Who asks, as far as it can be told: whoever is not a trusted proxy, or asked one. `None` where nothing is counted by it.
    pub(crate) fn address(&self, request: &Request) -> Option<IpAddr> {
        self.0.failures.as_ref()?;
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        client(peer, request.headers(), &self.0.trusted)
    }

    /// Refuses an address from which too many failed to sign in, unless the token was valid lately.
    pub(crate) fn check_address(&self, address: Option<IpAddr>, token: &str) -> Result<(), Status> {
        let Some((failures, address)) = self.0.failures.as_ref().zip(address) else { return Ok(()) };
        let Some(Wait(until)) = failures.shut.get(&network(address)) else { return Ok(()) };
        let now = failures.bucket.limiter.clock().now();
        if until <= now || failures.known.contains_key(&Digest::of(token.as_bytes())) {
            return Ok(());
        }
        Err(refusal("too many attempts to sign in failed", FAILURES, failures.bucket.per_minute, until.duration_since(now).into()))
    }

    /// Notes that somebody failed to sign in from an address. Tells how those at this address stand, where that is counted.
    pub(crate) fn note_failure(&self, address: Option<IpAddr>) -> Option<Standing> {
        let (failures, address) = self.0.failures.as_ref().zip(address)?;
        let network = network(address);
        let counted = failures.bucket.limiter.check_key(&network);
        if let Err(until) = &counted {
            tracing::warn!(%network, "too many attempts to sign in failed: nothing unknown is listened to from there for a while");
            failures.shut.insert(network, Wait(until.earliest_possible()));
        }
        let none_left = |_| Standing { name: FAILURES, limit: failures.bucket.per_minute.get(), remaining: 0, reset: reset_in(60) };
        Some(counted.map_or_else(none_left, |state| failures.bucket.standing(FAILURES, &state)))
    }

    /// Notes that a token is valid.
    pub(crate) fn note_success(&self, token: &str) {
        if let Some(failures) = &self.0.failures {
            failures.known.insert(Digest::of(token.as_bytes()), ());
        }
    }

    /// Counts a call by which somebody publishes, and refuses it if there were too many. Tells how that one stands, where that is counted.
    pub(crate) fn check_publish(&self, method: &str, principal: &Slug) -> Result<Option<Standing>, Status> {
        let Some(publishes) = &self.0.publishes else { return Ok(None) };
        let Some(method) = PUBLISHING.iter().find(|publishing| **publishing == method) else { return Ok(None) };
        let counted = publishes.limiter.check_key(&(principal.clone(), *method)).map_err(|until| {
            let wait = until.wait_time_from(publishes.limiter.clock().now());
            refusal("too much is published at once", PUBLISHES, publishes.per_minute, wait)
        });
        counted.map(|state| Some(publishes.standing(PUBLISHES, &state)))
    }

    /// Forgets those whom nothing holds up any more.
    pub(crate) fn forget(&self) {
        if let Some(failures) = &self.0.failures {
            failures.bucket.limiter.retain_recent();
            failures.bucket.limiter.shrink_to_fit();
        }
        if let Some(publishes) = &self.0.publishes {
            publishes.limiter.retain_recent();
            publishes.limiter.shrink_to_fit();
        }
    }
}

impl<K: std::hash::Hash + Eq + Clone> Bucket<K> {
    fn new(per_minute: NonZeroU32) -> Self {
        Self { limiter: RateLimiter::keyed(Quota::per_minute(per_minute)).with_middleware(), per_minute }
    }

    /// How a caller stands who was just counted.
    fn standing(&self, name: &'static str, state: &StateSnapshot) -> Standing {
        let (limit, remaining) = (self.per_minute.get(), state.remaining_burst_capacity().min(self.per_minute.get()));
        // As many as were used come back one after the other.
        let seconds = (u64::from(limit - remaining) * 60).div_ceil(u64::from(limit));
        Standing { name, limit, remaining, reset: reset_in(seconds) }
    }
}

/// In so many seconds, in seconds since the epoch.
fn reset_in(seconds: u64) -> i64 {
    clock::now().plus_seconds(i64::try_from(seconds).unwrap_or(i64::MAX)).as_micros() / 1_000_000
}

/// How somebody stands whom a limit applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    name: &'static str,
    limit: u32,
    remaining: u32,
    /// When all of the limit is there again, in seconds since the epoch.
    reset: i64,
}

impl Standing {
    /// Tells it in headers, as GitLab does.
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        let Self { name, limit, remaining, reset } = self;
        headers.insert(HeaderName::from_static("ratelimit-name"), HeaderValue::from_static(name));
        for (name, value) in [
            ("ratelimit-limit", i64::from(limit)),
            ("ratelimit-observed", i64::from(limit - remaining)),
            ("ratelimit-remaining", i64::from(remaining)),
            ("ratelimit-reset", reset),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        }
    }
}

fn refusal(words: &str, name: &str, per_minute: NonZeroU32, wait: Duration) -> Status {
    // Whole seconds, and one of them at least: sooner would be too soon.
    let seconds = wait.as_secs() + 1;
    let reset = reset_in(seconds);
    let details =
        [("limit", per_minute.to_string()), ("name", name.to_owned()), ("wait", seconds.to_string()), ("reset", reset.to_string())];
    limited(format!("{words}: wait for {seconds} seconds"), Duration::from_secs(seconds), details)
}

/// The last address on the way that is not a trusted proxy. What those behind it say of others may be invented.
fn client(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(&address.to_canonical()));
    // What comes by no connection comes from this process.
    let mut last = match peer {
        Some(peer) if !is_trusted(&peer) => return Some(peer),
        peer => peer,
    };
    let given = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    for text in given.collect::<Vec<_>>().into_iter().rev() {
        let Ok(address) = text.trim().parse::<IpAddr>() else { return last };
        last = Some(address);
        if !is_trusted(&address) {
            break;
        }
    }
    last
}

/// Whoever has one address of version 6 has a network of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        address @ IpAddr::V4(_) => address,
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Throttle")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn who_asks_is_the_last_on_the_way_that_is_no_trusted_proxy() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        let cases: &[(Option<&str>, &[&str], Option<&str>)] = &[
            (Some("1.2.3.4"), &[], Some("1.2.3.4")),
            (Some("1.2.3.4"), &["9.9.9.9"], Some("1.2.3.4")),
            (Some("10.0.0.1"), &["9.9.9.9"], Some("9.9.9.9")),
            (Some("10.0.0.1"), &["6.6.6.6, 9.9.9.9, 10.0.0.2"], Some("9.9.9.9")),
            (Some("10.0.0.1"), &["6.6.6.6", "9.9.9.9"], Some("9.9.9.9")),
            (Some("10.0.0.1"), &["nonsense, 10.0.0.2"], Some("10.0.0.2")),
            (Some("10.0.0.1"), &["nonsense"], Some("10.0.0.1")),
            (Some("::ffff:10.0.0.1"), &["9.9.9.9"], Some("9.9.9.9")),
            (None, &["9.9.9.9"], Some("9.9.9.9")),
            (None, &["6.6.6.6, 9.9.9.9"], Some("9.9.9.9")),
            (None, &[], None),
        ];
        for (peer, given, expected) in cases {
            let headers = given.iter().map(|value| (FORWARDED_FOR.parse().unwrap(), value.parse().unwrap())).collect();
            assert_eq!(client(peer.map(address), &headers, &trusted), expected.map(address), "{peer:?} {given:?}");
        }
    }

    #[test]
    fn an_address_is_shut_out_after_its_failures_and_others_are_not() {
        let throttle = Throttle::new(&ThrottleSettings { login_failures_per_minute: 3, ..ThrottleSettings::default() });
        let (one, neighbour, other) = (Some(address("2001:db8::1")), Some(address("2001:db8::2")), Some(address("9.9.9.9")));
        for _ in 0..3 {
            throttle.note_failure(one);
            assert!(throttle.check_address(one, "guess").is_ok());
        }
        throttle.note_success("good");
        throttle.note_failure(one);
        for shut in [one, neighbour] {
            assert!(throttle.check_address(shut, "good").is_ok());
            assert!(
                throttle.check_address(shut, "guess").unwrap_err().message().starts_with("too many attempts to sign in failed: wait for ")
            );
        }
        assert!(throttle.check_address(other, "guess").is_ok() && throttle.check_address(None, "guess").is_ok());
        throttle.forget();
        assert!(throttle.check_address(one, "guess").is_err());
    }

    #[test]
    fn each_publisher_has_its_own_measure() {
        let throttle = Throttle::new(&ThrottleSettings { publishes_per_minute: 2, ..ThrottleSettings::default() });
        let (alice, bob): (Slug, Slug) = ("alice".parse().unwrap(), "bob".parse().unwrap());
        for remaining in [1, 0] {
            let standing = throttle.check_publish(PUBLISHING[0], &alice).unwrap().unwrap();
            assert_eq!((standing.name, standing.limit, standing.remaining), ("publishes", 2, remaining));
        }
        assert!(throttle.check_publish(PUBLISHING[0], &alice).is_err());
        assert!(throttle.check_publish(PUBLISHING[2], &alice).is_ok() && throttle.check_publish(PUBLISHING[0], &bob).is_ok());
        for _ in 0..10 {
            assert!(throttle.check_publish("consign.metadata.v1.TagService/GetTag", &alice).is_ok());
        }
        let off = Throttle::new(&ThrottleSettings::default());
        assert!((0..1000).all(|_| off.check_publish(PUBLISHING[0], &alice).is_ok()));
    }
}
