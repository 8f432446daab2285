//! TLS with those who connect.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

/// How long a handshake may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What handshakes are made with. Clones share it.
#[derive(Clone)]
pub(crate) struct Handshake(Arc<RwLock<Arc<ServerConfig>>>);

impl Handshake {
    pub(crate) fn new(config: Arc<ServerConfig>) -> Self {
        Self(Arc::new(RwLock::new(config)))
    }

    /// Makes all handshakes from now on with `config`. Connections that exist go on.
    pub(crate) fn replace(&self, config: Arc<ServerConfig>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// The connection that comes of a handshake. It fails if the peer does not keep to the protocol, or takes too long.
    pub(super) async fn perform<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> io::Result<TlsStream<S>> {
        let config = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        let accepted = tokio::time::timeout(PATIENCE, TlsAcceptor::from(config).accept(stream)).await;
        accepted.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "the handshake takes too long")))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt as _, duplex};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_handshake_that_does_not_end_is_broken_off_after_ten_seconds() {
        let key = rcgen::generate_simple_self_signed(["here".to_owned()]).unwrap();
        let builder = ServerConfig::builder_with_provider(consign_client::pem::provider()).with_safe_default_protocol_versions().unwrap();
        let chain = vec![key.cert.der().clone()];
        let private = consign_client::pem::key(key.signing_key.serialize_pem().as_bytes()).unwrap();
        let config = builder.with_no_client_auth().with_single_cert(chain, private).unwrap();
        let (mut peer, stream) = duplex(64);
        peer.write_all(b"\x16\x03\x01").await.unwrap();
        let started = Instant::now();

        let error = Handshake::new(Arc::new(config)).perform(stream).await.unwrap_err();

        assert_eq!((error.kind(), started.elapsed()), (io::ErrorKind::TimedOut, PATIENCE));
    }
}
