//! Attestations: signed statements about content, and whose signatures count.
//!
//! A [`Bundle`] is what a signer hands over: an [in-toto statement](https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md)
//! that says something of the digests it names, in a [DSSE envelope](https://github.com/secure-systems-lab/dsse) with the signatures,
//! alone or in a [Sigstore bundle](https://docs.sigstore.dev/about/bundle/) with the certificate. [`verify`] tells whether a
//! [`Signer`] who is trusted signed it.
//!
//! # What is vouched for, and what is not
//!
//! Everything is decided from the bundle, the signer and the time at which the service took the bundle. Nothing is fetched, so the
//! answer for a bundle is the same on every replica, without a network and years later. Entries of transparency logs and signed
//! timestamps are neither needed nor read: a certificate counts that leads to a root which the project has pinned itself, and that was
//! valid when the bundle was received. See [`verify`] on why that time.
//!
//! # Bounds
//!
//! A bundle has at most [`MAX_BUNDLE_BYTES`], [`MAX_SIGNATURES`] and [`MAX_SUBJECTS`], and its certificate at most
//! [`MAX_CERTIFICATE_BYTES`]. What is read of its JSON is at most four levels deep, and what is passed over is skipped without recursion.
//! A field that is read may be given once; fields that nobody knows are passed over.

mod bundle;
mod certificate;
mod envelope;
mod identity;
mod json;
mod key;
mod statement;
mod subject;
#[cfg(test)]
mod tests;
mod verify;

pub use bundle::{Bundle, ParseBundleError, Part};
pub use identity::{MAX_ROOTS, TrustedIdentity};
pub use key::{KeyKind, ParseSignerError, SignerKey};
pub use subject::{Subject, SubjectKind};
pub use verify::{Outcome, Signer, VerifyError, verify};

pub(crate) use envelope::{Envelope, pae};

use crate::name::name_type;
use crate::promotion::is_short;
use crate::word::word_enum;

/// The longest bundle, in bytes.
pub const MAX_BUNDLE_BYTES: usize = 1 << 20;

/// The most signatures of an envelope.
pub const MAX_SIGNATURES: usize = 20;

/// The most subjects of a statement.
pub const MAX_SUBJECTS: usize = 1000;

/// The longest certificate, in bytes of its DER form. Those that Fulcio issues have about 2 KiB.
pub const MAX_CERTIFICATE_BYTES: usize = 16 << 10;

/// The longest key id, issuer or subject, in bytes.
pub const MAX_SIGNER_BYTES: usize = 1024;

word_enum! {
    /// How a bundle is encoded.
    Format {
        /// A DSSE envelope in JSON.
        Dsse = "dsse",
        /// A Sigstore bundle in JSON, version 0.3.
        Sigstore = "sigstore",
    }
}

name_type!(
    /// The name of a trusted key or identity within a project, such as `release-builds`.
    KeyName,
    "trusted key",
    "1 to 63 lower-case letters, digits and `-`",
    is_short
);

/// Whether a foreign text can be kept and shown as the name of a signer: 1 to [`MAX_SIGNER_BYTES`] bytes without control characters.
fn is_signer(text: &str) -> bool {
    (1..=MAX_SIGNER_BYTES).contains(&text.len()) && !text.chars().any(char::is_control)
}
