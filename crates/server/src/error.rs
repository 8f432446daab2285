//! Why Consign does not start, in one line that says what to do.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use consign_client::tls::TlsError;
use consign_client::transport::EndpointError;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why Consign does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process has the port, or it is not ours to open.
    #[error("cannot listen on `{address}`: {source} (choose another with `{option}`)")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The option that sets it.
        option: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The data directory can't be used.
    #[error("cannot use the data directory `{}`: {source} (choose another with `--data-dir`)", path.display())]
    DataDirectory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another Consign uses the data directory.
    #[error("the data directory `{}` is in use by another process", .0.display())]
    InUse(PathBuf),
    /// The key file can't be used.
    #[error("cannot use the key file `{}`: {reason}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The file of signing keys is not there, and this instance has had one.
    #[error(
        "the file of signing keys `{}` is missing: take it from another metadata plane of this instance or from a backup; if it is lost, \
         put a new key there (`openssl genpkey -algorithm ed25519`), and behind it the public keys that you kept (`consign+…`)",
        .0.display()
    )]
    NoSigningKeys(PathBuf),
    /// The file of signing keys is not that of this instance.
    #[error(
        "the file of signing keys `{}` lacks `{key}`, which was in it before: take the file of another metadata plane of this instance, or \
         from a backup, or add this key as a line to it",
        path.display()
    )]
    SigningKeys {
        /// The file.
        path: PathBuf,
        /// The public key.
        key: String,
    },
    /// A file for TLS can't be read.
    #[error("cannot read `{}`: {reason} (the files for TLS are those of `--tls-cert`, `--tls-key`, `--tls-client-ca` and `--tls-ca`)", path.display())]
    CertificateFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The files for TLS don't have what is needed.
    #[error("cannot use the files for TLS: {0}")]
    Certificates(#[source] TlsError),
    /// A setting is missing or contradicts another.
    #[error("{0}")]
    Settings(String),
    /// The metadata plane does not start.
    #[error("cannot use the metadata database: {}", innermost(.0))]
    Metadata(#[from] consign_metadata::Error),
    /// The blob plane does not start.
    #[error("cannot use the blob store: {}", innermost(.0))]
    Blobs(#[from] consign_blobs::Error),
    /// An address of a plane can't be used.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The reflection service could not be made.
    #[error("cannot describe the services")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// The cause at the bottom, which says most, on one line.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = if cause.to_string() == error.to_string() { error.to_string() } else { format!("{error}: {cause}") };
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}
