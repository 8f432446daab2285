//! Certificates and keys as files have them, and the one provider of cryptography for TLS.

use std::sync::Arc;

use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::tls::TlsError;

/// What TLS is computed with. It is named wherever TLS is set up: what a process has by default depends on all that is built into it.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// The certificates in a text, of which there is one at least.
pub fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    all.ok().filter(|all| !all.is_empty()).ok_or(TlsError::Pem("certificate"))
}

/// The first private key in a text.
pub fn key(text: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(text).map_err(|_| TlsError::Pem("private key"))
}

/// The authorities whose certificates are in a text, of which there is one at least.
pub fn authorities(text: &[u8]) -> Result<RootCertStore, TlsError> {
    let broken = || TlsError::Pem("certificate of an authority");
    let mut roots = RootCertStore::empty();
    for certificate in certificates(text).map_err(|_| broken())? {
        roots.add(certificate).map_err(|_| broken())?;
    }
    Ok(roots)
}
