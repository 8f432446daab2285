//! The keys of an issuer, over HTTP (OpenID Connect Discovery 1.0, section 4).

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use consign_types::trust::Issuer;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;
use url::Url;

use super::keys::{KeySet, MAX_KEYS};
use super::reach::{Loopback, Resolver};

const CONNECT_TIME: Duration = Duration::from_secs(3);

/// How long the fetch of keys may take in all.
const FETCH_TIME: Duration = Duration::from_secs(5);

/// The most bytes of an answer.
const MAX_BYTES: usize = 256 << 10;

/// Fetches keys.
#[derive(Debug)]
pub(super) struct Source {
    client: Client,
    loopback: Loopback,
}

/// The keys of an issuer could not be fetched. For the operator: a caller is told nothing of what the network looks like from here.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("the request failed")]
    Request(#[from] reqwest::Error),
    #[error("it took longer than {} seconds", FETCH_TIME.as_secs())]
    Slow,
    #[error("it answered with status {0}")]
    Status(StatusCode),
    #[error("it answered with more than {MAX_BYTES} bytes")]
    TooLarge,
    #[error("what it answered is no OpenID configuration")]
    Configuration,
    #[error("its configuration is of another issuer")]
    OtherIssuer,
    #[error("its address, or that of its keys, is not one that may be asked")]
    Address,
    #[error("what it answered is no set of at most {MAX_KEYS} keys")]
    Keys,
}

#[derive(Deserialize)]
struct Configuration {
    issuer: String,
    jwks_uri: String,
}

impl Source {
    pub(super) fn new(loopback: Loopback) -> reqwest::Result<Self> {
        let client = Client::builder()
            .connect_timeout(CONNECT_TIME)
            .dns_resolver(Arc::new(Resolver(loopback)))
            // Nobody but the issuer itself says where its keys are.
            .redirect(Policy::none())
            .referer(false)
            .https_only(loopback == Loopback::Refused)
            .pool_max_idle_per_host(0)
            .build()?;
        Ok(Self { client, loopback })
    }

    pub(super) async fn keys(&self, issuer: &Issuer) -> Result<KeySet, FetchError> {
        tokio::time::timeout(FETCH_TIME, self.keys_at_leisure(issuer)).await.map_err(|_| FetchError::Slow)?
    }

    async fn keys_at_leisure(&self, issuer: &Issuer) -> Result<KeySet, FetchError> {
        let configuration = format!("{}/.well-known/openid-configuration", issuer.as_str().trim_end_matches('/'));
        let configuration = self.get(&configuration).await?;
        let configuration: Configuration = serde_json::from_slice(&configuration).map_err(|_| FetchError::Configuration)?;
        if configuration.issuer != issuer.as_str() {
            return Err(FetchError::OtherIssuer);
        }
        KeySet::parse(&self.get(&configuration.jwks_uri).await?).ok_or(FetchError::Keys)
    }

    async fn get(&self, address: &str) -> Result<Bytes, FetchError> {
        let url = Url::parse(address).ok().filter(|url| self.loopback.may_ask(url)).ok_or(FetchError::Address)?;
        let response = self.client.get(url).send().await?;
        match response.status() {
            StatusCode::OK => bounded(response).await,
            other => Err(FetchError::Status(other)),
        }
    }
}

async fn bounded(mut response: Response) -> Result<Bytes, FetchError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(FetchError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
