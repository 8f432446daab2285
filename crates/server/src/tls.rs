//! The certificates of this process, as they are on disk, and what follows when they change.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use consign_client::tls::TlsError;
use consign_client::{Certificates, Identity, pem};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::server::WebPkiClientVerifier;

use crate::config::TlsSettings;
use crate::error::{Error, Result};
use crate::net::handshake::Handshake;

/// TLS in all its places: on the listeners, and towards other planes. Clones share what [`Tls::look`] changes.
#[derive(Clone)]
pub(crate) struct Tls {
    files: TlsSettings,
    /// For listeners that everybody may reach; `None` where there is no TLS.
    pub(crate) open: Option<Handshake>,
    /// For the one that the metadata plane alone reaches.
    pub(crate) internal: Option<Handshake>,
    /// For connections to other planes.
    pub(crate) outgoing: consign_client::Tls,
    seen: Seen,
}

/// What was found on disk: contents, since a file that is swapped by a symbolic link may be older than the one before.
type Seen = std::result::Result<Contents, Unreadable>;

#[derive(Clone, PartialEq, Eq)]
struct Contents {
    identity: Option<Identity>,
    client_ca: Option<Vec<u8>>,
    ca: Option<Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Unreadable {
    path: PathBuf,
    reason: String,
}

/// What the open listeners and the internal one speak TLS with. They share no sessions: one that was begun without a certificate of the
/// client must not go on where one is asked for.
struct Listeners {
    open: Arc<ServerConfig>,
    internal: Arc<ServerConfig>,
}

/// What a look at the files has shown.
#[derive(Debug)]
pub(crate) enum Look {
    /// What it showed the last time.
    Same,
    /// Other certificates, which are in use from now on.
    Replaced,
    /// Something that can't be used: what was in use before still is.
    Kept(Error),
}

impl Tls {
    /// Reads the files for the first time.
    pub(crate) fn open(settings: &TlsSettings) -> Result<Self> {
        let contents = Contents::read(settings).map_err(unreadable)?;
        let listeners = contents.listeners().map_err(Error::Certificates)?;
        let (open, internal) = listeners.map(|Listeners { open, internal }| (open, internal)).unzip();
        let outgoing = consign_client::Tls::new(contents.outgoing()).map_err(Error::Certificates)?;
        let [open, internal] = [open, internal].map(|config| config.map(Handshake::new));
        Ok(Self { files: settings.clone(), open, internal, outgoing, seen: Ok(contents) })
    }

    /// Whether there are files to look at.
    pub(crate) fn has_files(&self) -> bool {
        self.files.tls_cert.is_some() || self.files.tls_ca.is_some()
    }

    /// Looks at the files once more. What is broken is told once: the next look compares with it.
    pub(crate) fn look(&mut self) -> Look {
        let found = Contents::read(&self.files);
        if found == self.seen {
            return Look::Same;
        }
        self.seen.clone_from(&found);
        let replaced = found.map_err(unreadable).and_then(|contents| self.replace(&contents).map_err(Error::Certificates));
        replaced.map_or_else(Look::Kept, |()| Look::Replaced)
    }

    /// All of it or nothing.
    fn replace(&self, contents: &Contents) -> Result<(), TlsError> {
        let listeners = contents.listeners()?;
        self.outgoing.replace(contents.outgoing())?;
        if let Some(Listeners { open, internal }) = listeners {
            self.open.iter().for_each(|handshake| handshake.replace(Arc::clone(&open)));
            self.internal.iter().for_each(|handshake| handshake.replace(Arc::clone(&internal)));
        }
        Ok(())
    }
}

impl Contents {
    fn read(files: &TlsSettings) -> Seen {
        let identity = match (&files.tls_cert, &files.tls_key) {
            (Some(chain), Some(key)) => Some(Identity { chain: read(chain)?, key: read(key)? }),
            _ => None,
        };
        let client_ca = files.tls_client_ca.as_deref().map(read).transpose()?;
        Ok(Self { identity, client_ca, ca: files.tls_ca.as_deref().map(read).transpose()? })
    }

    /// What the listeners speak TLS with; `None`: they don't.
    fn listeners(&self) -> Result<Option<Listeners>, TlsError> {
        let Some(identity) = &self.identity else { return Ok(None) };
        let internal = listener(identity, self.client_ca.as_deref())?;
        Ok(Some(Listeners { open: listener(identity, None)?, internal }))
    }

    fn outgoing(&self) -> Certificates {
        Certificates { ca: self.ca.clone(), identity: self.identity.clone() }
    }
}

fn read(path: &Path) -> std::result::Result<Vec<u8>, Unreadable> {
    std::fs::read(path).map_err(|error: io::Error| Unreadable { path: path.to_owned(), reason: error.to_string() })
}

fn unreadable(Unreadable { path, reason }: Unreadable) -> Error {
    Error::CertificateFile { path, reason }
}

/// TLS 1.2 and 1.3, for HTTP/2 and HTTP/1.1.
fn listener(identity: &Identity, client_ca: Option<&[u8]>) -> Result<Arc<ServerConfig>, TlsError> {
    let builder = ServerConfig::builder_with_provider(pem::provider()).with_safe_default_protocol_versions()?;
    let builder = match client_ca {
        Some(ca) => {
            let authorities = Arc::new(pem::authorities(ca)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(authorities, pem::provider()).build();
            builder.with_client_cert_verifier(verifier.map_err(|_| TlsError::Pem("certificate of an authority"))?)
        }
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(pem::certificates(&identity.chain)?, pem::key(&identity.key)?)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A directory with a certificate and its key.
    fn files() -> (tempfile::TempDir, TlsSettings) {
        let directory = tempfile::tempdir().unwrap();
        let (cert, key) = (directory.path().join("cert"), directory.path().join("key"));
        write(&cert, &key);
        let settings = TlsSettings { tls_cert: Some(cert), tls_key: Some(key), ..TlsSettings::default() };
        (directory, settings)
    }

    fn write(cert: &Path, key: &Path) {
        let made = rcgen::generate_simple_self_signed(["here".to_owned()]).unwrap();
        fs::write(cert, made.cert.pem()).unwrap();
        fs::write(key, made.signing_key.serialize_pem()).unwrap();
    }

    #[test]
    fn files_are_used_when_their_contents_change_and_what_is_broken_is_told_once() {
        let (directory, settings) = files();
        let (cert, key) = (directory.path().join("cert"), directory.path().join("key"));
        let mut tls = Tls::open(&settings).unwrap();
        assert!(matches!(tls.look(), Look::Same));

        fs::write(&cert, fs::read(&cert).unwrap()).unwrap();
        assert!(matches!(tls.look(), Look::Same), "the same bytes once more are nothing new");

        write(&cert, &directory.path().join("other"));
        assert!(matches!(tls.look(), Look::Kept(Error::Certificates(TlsError::Mismatch))));
        assert!(matches!(tls.look(), Look::Same), "it was told");
        fs::remove_file(&cert).unwrap();
        assert!(matches!(tls.look(), Look::Kept(Error::CertificateFile { .. })));
        assert!(matches!(tls.look(), Look::Same), "it was told");

        write(&cert, &key);
        assert!(matches!(tls.look(), Look::Replaced));
    }

    #[test]
    fn broken_files_are_refused_at_the_start() {
        let (_directory, settings) = files();
        for broken in [
            TlsSettings { tls_key: settings.tls_cert.clone(), ..settings.clone() },
            TlsSettings { tls_cert: settings.tls_key.clone(), ..settings.clone() },
            TlsSettings { tls_client_ca: settings.tls_key.clone(), ..settings.clone() },
            TlsSettings { tls_ca: settings.tls_key.clone(), ..TlsSettings::default() },
        ] {
            assert!(matches!(Tls::open(&broken), Err(Error::Certificates(TlsError::Pem(_)))), "{broken:?}");
        }
    }
}
