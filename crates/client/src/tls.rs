//! Connections to `https` endpoints: whom they trust, and as whom they show themselves.

use std::fmt;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ClientConfig, InconsistentKeys};
use tower::Service;

use crate::pem;
use crate::transport::TransportError;

/// The one protocol that planes speak with their clients.
const H2: &[u8] = b"h2";

/// What `https` endpoints are reached with. Clones share it: what [`Tls::replace`] sets holds for each of them, and for every transport
/// made with one, from its next connection on.
///
/// By default it trusts whom the system trusts, and shows no certificate.
#[derive(Clone, Default)]
pub struct Tls(Arc<RwLock<State>>);

#[derive(Default)]
struct State {
    certificates: Certificates,
    /// Made when it is first needed: what the system trusts is read then, and may not be there.
    config: Option<Arc<ClientConfig>>,
}

/// Certificates, as files have them: in PEM form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificates {
    /// The authorities by which the planes' certificates are signed; `None`: those that the system trusts.
    pub ca: Option<Vec<u8>>,
    /// What is shown to planes that ask for a certificate.
    pub identity: Option<Identity>,
}

/// A certificate and its key, in PEM form.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// The certificate, followed by those that lead from it to its authority.
    pub chain: Vec<u8>,
    /// The private key.
    pub key: Vec<u8>,
}

/// Why certificates are not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A text has nothing of the kind that was looked for, or it is broken.
    #[error("there is no {0} in PEM form, or it is damaged")]
    Pem(&'static str),
    /// Certificate and key are of different pairs.
    #[error("the private key does not belong to the certificate")]
    Mismatch,
    /// The certificates can't be used for TLS.
    #[error("{0}")]
    Unusable(tokio_rustls::rustls::Error),
    /// No certificate can name this host.
    #[error("`{0}` is not a name of a host")]
    Host(String),
}

impl From<tokio_rustls::rustls::Error> for TlsError {
    fn from(error: tokio_rustls::rustls::Error) -> Self {
        match error {
            tokio_rustls::rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => Self::Mismatch,
            error => Self::Unusable(error),
        }
    }
}

impl Tls {
    /// With these certificates.
    pub fn new(certificates: Certificates) -> Result<Self, TlsError> {
        let tls = Self::default();
        tls.replace(certificates)?;
        Ok(tls)
    }

    /// Uses these certificates for all connections that are made from now on. Those that exist go on. If they can't be used, nothing changes.
    pub fn replace(&self, certificates: Certificates) -> Result<(), TlsError> {
        certificates.check()?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = State { certificates, config: None };
        Ok(())
    }

    /// What the next connection is made with.
    fn current(&self) -> Result<Arc<ClientConfig>, TlsError> {
        if let Some(config) = &self.0.read().unwrap_or_else(PoisonError::into_inner).config {
            return Ok(Arc::clone(config));
        }
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let config = Arc::new(state.certificates.config()?);
        Ok(Arc::clone(state.config.insert(config)))
    }
}

impl Certificates {
    fn check(&self) -> Result<(), TlsError> {
        self.ca.as_deref().map(pem::authorities).transpose()?;
        if let Some(Identity { chain, key }) = &self.identity {
            CertifiedKey::from_der(pem::certificates(chain)?, pem::key(key)?, &pem::provider())?;
        }
        Ok(())
    }

    fn config(&self) -> Result<ClientConfig, TlsError> {
        let builder = ClientConfig::builder_with_provider(pem::provider()).with_safe_default_protocol_versions()?;
        let builder = match &self.ca {
            Some(ca) => builder.with_root_certificates(pem::authorities(ca)?),
            None => builder.with_platform_verifier()?,
        };
        let mut config = match &self.identity {
            Some(Identity { chain, key }) => builder.with_client_auth_cert(pem::certificates(chain)?, pem::key(key)?)?,
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![H2.to_vec()];
        Ok(config)
    }
}

/// Makes connections to one host.
#[derive(Clone)]
pub(crate) struct Secured {
    tcp: HttpConnector,
    tls: Tls,
    host: ServerName<'static>,
}

impl Secured {
    /// Fails if there is nothing to tell by whether it is this host that answers.
    pub(crate) fn new(uri: &Uri, tls: Tls) -> Result<Self, TlsError> {
        tls.current()?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let host = ServerName::try_from(host.clone()).map_err(|_| TlsError::Host(host))?;
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        Ok(Self { tcp, tls, host })
    }
}

impl Service<Uri> for Secured {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = TransportError;
    type Future = BoxFuture<'static, Result<Self::Response, TransportError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, address: Uri) -> Self::Future {
        let (tcp, tls, host) = (self.tcp.call(address), self.tls.clone(), self.host.clone());
        Box::pin(async move {
            let stream = tcp.await?.into_inner();
            let stream = TlsConnector::from(tls.current()?).connect(host, stream).await?;
            if stream.get_ref().1.alpn_protocol() != Some(H2) {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the server does not speak HTTP/2 over TLS").into());
            }
            Ok(TokioIo::new(stream))
        })
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// Keys are not shown.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_that_are_none_are_refused_and_change_nothing() {
        let tls = Tls::default();
        for ca in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let certificates = Certificates { ca: Some(ca.as_bytes().to_vec()), identity: None };
            let error = tls.replace(certificates).unwrap_err();
            assert!(matches!(error, TlsError::Pem("certificate of an authority")), "{ca}: {error}");
        }
        assert_eq!(tls.0.read().unwrap().certificates, Certificates::default());
    }
}
