//! Certificates, the files in which processes find them, and a look at which one a server shows.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// An authority that signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM form.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The certificate.
    pub chain: String,
    /// The key.
    pub key: String,
    /// What a server shows that has it.
    pub shown: CertificateDer<'static>,
}

impl Authority {
    /// An authority of this name.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate can be made"))
    }

    /// Its own certificate, in PEM form.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A new certificate for this machine.
    pub fn issue(&self) -> Pair {
        let params = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()]).expect("the names are valid");
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate can be signed");
        Pair { chain: certificate.pem(), key: key.serialize_pem(), shown: certificate.der().clone() }
    }

    /// A connection to a server that has a certificate of this authority.
    pub async fn connect(&self, address: SocketAddr) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).expect("it is an authority");
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().expect("the provider knows them");
        let config = builder.with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(address).await.expect("the server listens");
        let host = ServerName::from(address.ip());
        TlsConnector::from(Arc::new(config)).connect(host, stream).await.expect("the server has a certificate of this authority")
    }

    /// The certificate that a server shows to new connections.
    pub async fn shown(&self, address: SocketAddr) -> CertificateDer<'static> {
        let stream = self.connect(address).await;
        stream.get_ref().1.peer_certificates().expect("a server has a certificate")[0].clone()
    }
}

/// A directory with the files of a process, which Kubernetes would have mounted: they are swapped by one symbolic link.
#[derive(Debug)]
pub struct Files {
    directory: TempDir,
    generation: AtomicUsize,
}

impl Files {
    /// With this pair, and this authority.
    pub fn new(pair: &Pair, authority: &Authority) -> Self {
        let files = Self { directory: tempfile::tempdir().expect("a temporary directory can be made"), generation: AtomicUsize::new(0) };
        files.put(&pair.chain, &pair.key);
        for name in ["tls.crt", "tls.key"] {
            symlink(format!("..data/{name}"), files.path(name)).expect("a link can be made");
        }
        fs::write(files.ca(), authority.pem()).expect("a file can be written");
        files
    }

    /// Puts others in the place of certificate and key, in one step.
    pub fn put(&self, chain: &str, key: &str) {
        let name = format!("..{}", self.generation.fetch_add(1, Ordering::Relaxed));
        let directory = self.path(&name);
        let written = fs::create_dir(&directory)
            .and_then(|()| fs::write(directory.join("tls.crt"), chain))
            .and_then(|()| fs::write(directory.join("tls.key"), key))
            .and_then(|()| symlink(&name, self.path("..new")))
            .and_then(|()| fs::rename(self.path("..new"), self.path("..data")));
        written.expect("files can be written and swapped");
    }

    /// The file of the authority.
    pub fn ca(&self) -> PathBuf {
        self.path("ca.crt")
    }

    /// The options by which a process has TLS, and trusts the authority.
    pub fn options(&self) -> [(&'static str, String); 3] {
        let option = |option, path: PathBuf| (option, path.display().to_string());
        [option("--tls-cert", self.path("tls.crt")), option("--tls-key", self.path("tls.key")), option("--tls-ca", self.ca())]
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}
