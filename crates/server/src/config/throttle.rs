//! How often one may fail to sign in, and publish.

use clap::Args;
use ipnet::IpNet;

/// How often one may fail to sign in, and publish.
#[derive(Clone, Debug, Default, Args)]
pub struct ThrottleSettings {
    /// Failed attempts to sign in that an address may make a minute, before it is not listened to for a while; 0 for any number.
    #[arg(long, help_heading = "Metadata plane", env = "CONSIGN_LOGIN_FAILURES_PER_MINUTE", default_value_t = 0)]
    pub login_failures_per_minute: u32,

    /// Publishes that one user or token may make a minute; 0 for any number.
    #[arg(long, help_heading = "Metadata plane", env = "CONSIGN_PUBLISHES_PER_MINUTE", default_value_t = 0)]
    pub publishes_per_minute: u32,

    /// Proxies that are believed for whom they ask (`X-Forwarded-For`), such as `10.0.0.0/8`: a gateway that runs alone, and what stands
    /// before it.
    #[arg(long, help_heading = "Metadata plane", env = "CONSIGN_TRUSTED_PROXIES", value_delimiter = ',', value_parser = net)]
    pub trusted_proxies: Vec<IpNet>,
}

/// A network, or one address.
fn net(text: &str) -> Result<IpNet, String> {
    let one = text.parse().map(|address: std::net::IpAddr| IpNet::from(address.to_canonical()));
    text.parse().or(one).map_err(|_| "must look like `10.0.0.0/8` or `10.0.0.1`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_a_network_or_an_address() {
        for (text, expected) in
            [("10.0.0.0/8", "10.0.0.0/8"), ("10.0.0.1", "10.0.0.1/32"), ("::1", "::1/128"), ("::ffff:10.0.0.1", "10.0.0.1/32")]
        {
            assert_eq!(net(text), Ok(expected.parse().unwrap()));
        }
        assert!(net("10.0.0.0/33").is_err() && net("proxy").is_err());
    }
}
