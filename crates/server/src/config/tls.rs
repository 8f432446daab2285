//! TLS, and what may cross a network without it.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use consign_client::transport::is_exposed;

use super::{Role, Settings};
use crate::error::{Error, Result};

/// TLS on the listeners of a process, and towards other planes. The files are read again when they change.
#[derive(Clone, Debug, Default, Args)]
pub struct TlsSettings {
    /// Certificate of this process in PEM form, with those that lead to its authority: all listeners then speak TLS, but for that
    /// of the metrics. It is also shown to planes that ask for one.
    #[arg(long, help_heading = "TLS", env = "CONSIGN_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// Private key of that certificate, in PEM form.
    #[arg(long, help_heading = "TLS", env = "CONSIGN_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Authority, in PEM form, by which whoever connects to `--internal-listen` must have a certificate [default: none is asked for]
    #[arg(long, help_heading = "TLS", env = "CONSIGN_TLS_CLIENT_CA", value_name = "FILE", requires = "tls_cert")]
    pub tls_client_ca: Option<PathBuf>,

    /// Authority, in PEM form, of the planes that are reached by `https` endpoints [default: those that the system trusts]
    #[arg(long, help_heading = "TLS", env = "CONSIGN_TLS_CA", value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,

    /// Let tokens and bytes cross networks in the clear: listen beyond loopback without TLS, and use `http` endpoints on other hosts.
    #[arg(long, help_heading = "TLS", env = "CONSIGN_ALLOW_PLAINTEXT")]
    pub allow_plaintext: bool,
}

impl TlsSettings {
    /// The scheme of the URLs by which the listeners are reached.
    pub fn scheme(&self) -> &'static str {
        if self.tls_cert.is_some() { "https" } else { "http" }
    }
}

impl Settings {
    /// What crosses a network in the clear, in words.
    pub(crate) fn in_the_clear(&self) -> Vec<String> {
        let is_encrypted = self.tls.tls_cert.is_some();
        let listeners = self.listeners().filter(|(_, address)| !is_encrypted && !is_loopback(*address));
        let listeners = listeners.map(|(option, address)| format!("`{option} {address}` is reached from other hosts without TLS"));
        let endpoints = self.endpoints().filter(|(_, endpoint)| is_exposed(endpoint));
        let endpoints = endpoints.map(|(option, endpoint)| format!("`{option} {endpoint}` leads to another host without TLS"));
        listeners.chain(endpoints).collect()
    }

    /// Refuses what crosses a network in the clear, unless that is wished for.
    pub(super) fn check_plaintext(&self) -> Result<()> {
        let Some(clear) = self.in_the_clear().into_iter().next().filter(|_| !self.tls.allow_plaintext) else { return Ok(()) };
        let way_out = if clear.ends_with("leads to another host without TLS") {
            "give it an `https` address"
        } else {
            "give a certificate by `--tls-cert` and `--tls-key`"
        };
        Err(Error::Settings(format!("{clear}: {way_out}, or let tokens and bytes be read on the way by `--allow-plaintext`")))
    }

    /// The addresses that this role listens on, but for that of the metrics: what is told there is no secret.
    fn listeners(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        let http = self.role.has_gateway().then_some(("--http-listen", self.http_listen));
        let grpc = self.role.has_planes().then_some(("--grpc-listen", self.grpc_listen));
        let internal = self.internal_listen.filter(|_| self.role.has_blobs()).map(|address| ("--internal-listen", address));
        [http, grpc, internal].into_iter().flatten()
    }

    /// The planes elsewhere that this role connects to, or sends its callers to.
    fn endpoints(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let metadata = self.metadata_endpoint.as_deref().filter(|_| self.role == Role::Gateway);
        let blob = self.blob_endpoint.as_deref().filter(|_| self.role != Role::Blob);
        let internal = self.blob_internal_endpoint.as_deref().filter(|_| self.role == Role::Metadata);
        let named = [("--metadata-endpoint", metadata), ("--blob-endpoint", blob), ("--blob-internal-endpoint", internal)];
        named.into_iter().filter_map(|(option, endpoint)| Some((option, endpoint?)))
    }
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Serve {
        #[command(flatten)]
        settings: Settings,
    }

    fn settings(options: &str) -> Settings {
        Serve::try_parse_from(format!("serve {options}").split_whitespace()).unwrap().settings
    }

    #[test]
    fn what_crosses_a_network_in_the_clear_is_refused_unless_it_is_wished_for() {
        for (options, named) in [
            ("--http-listen 0.0.0.0:0", "`--http-listen 0.0.0.0:0`"),
            ("--grpc-listen [::]:0", "`--grpc-listen [::]:0`"),
            ("blob --internal-listen 10.0.0.1:0", "`--internal-listen 10.0.0.1:0`"),
            ("gateway --blob-endpoint https://b:1 --metadata-endpoint http://m:1", "`--metadata-endpoint http://m:1`"),
            ("gateway --metadata-endpoint https://m:1 --blob-endpoint http://b:1", "`--blob-endpoint http://b:1`"),
            ("metadata --blob-internal-endpoint http://b:1", "`--blob-internal-endpoint http://b:1`"),
            ("metadata --blob-endpoint http://b:1", "`--blob-endpoint http://b:1`"),
            ("metadata --blob-endpoint http://b:1 --tls-cert c --tls-key k", "`--blob-endpoint http://b:1`"),
        ] {
            let refusal = settings(options).check().unwrap_err().to_string();
            assert!(refusal.starts_with(named) && refusal.ends_with("`--allow-plaintext`"), "{refusal}");
            assert!(settings(&format!("{options} --allow-plaintext")).check().is_ok(), "{options}");
        }
    }

    #[test]
    fn what_stays_on_this_host_or_is_encrypted_or_not_used_is_allowed() {
        for options in [
            "",
            "--http-listen [::1]:0 --grpc-listen 127.0.0.2:0",
            "--http-listen 0.0.0.0:0 --tls-cert c --tls-key k",
            "gateway --grpc-listen 0.0.0.0:0 --metadata-endpoint http://localhost:1 --blob-endpoint https://b:1",
            "metadata --http-listen 0.0.0.0:0 --internal-listen 0.0.0.0:0 --metadata-endpoint http://m:1",
            "blob --blob-endpoint http://b:1 --blob-internal-endpoint http://b:1",
        ] {
            assert!(settings(options).check().is_ok(), "{options}");
        }
    }

    #[test]
    fn metrics_may_be_read_from_other_hosts() {
        assert!(settings("--metrics-listen 0.0.0.0:0").check().is_ok());
    }

    #[test]
    fn half_a_pair_of_files_is_refused() {
        for options in ["--tls-cert c", "--tls-key k", "--tls-client-ca a"] {
            assert!(Serve::try_parse_from(format!("serve {options}").split_whitespace()).is_err(), "{options}");
        }
    }
}
