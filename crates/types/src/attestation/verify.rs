//! Whether a bundle was signed by one who is trusted.

use std::time::Duration;

use rustls_pki_types::UnixTime;
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, Error, KeyUsage};

use super::bundle::Material;
use super::certificate::Certificate;
use super::{Bundle, SignerKey, TrustedIdentity};
use crate::name::shown;
use crate::word::word_enum;
use crate::{Digest, Timestamp};

/// What a certificate must be for: code signing, `1.3.6.1.5.5.7.3.3` in DER form without tag and length (RFC 5280, section 4.2.1.12).
const CODE_SIGNING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 3];

word_enum! {
    /// What was found for an attestation.
    Outcome {
        /// A trusted signature fits the bundle and the bundle fits the subject.
        Verified = "verified",
        /// It is signed by others than those who are trusted.
        Untrusted = "untrusted",
        /// A signature, certificate or subject does not fit.
        Invalid = "invalid",
        /// The trusted key or the certificate was not valid at the time that counts.
        Expired = "expired",
    }
}

/// One whose signatures count.
#[derive(Clone, Debug)]
pub enum Signer {
    /// Whoever has the private half of this key.
    Key(SignerKey),
    /// Whoever has a certificate for this identity.
    Identity(TrustedIdentity),
}

/// A signer did not sign a bundle about this subject, as far as can be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Its statement is about something else.
    #[error("its statement does not speak of `sha256:{0}`")]
    OtherSubject(Digest),
    /// No signature is of the key, and none says so.
    #[error("none of its signatures is by the key `{0}`")]
    OtherKey(String),
    /// A signature says that it is of the key, and is not: of this payload, or at all.
    #[error("its signature by the key `{0}` is not valid")]
    KeyForged(String),
    /// It is signed by a key that nothing is said of.
    #[error("it has no certificate, so it is signed by no identity")]
    NoCertificate,
    /// The certificate is for somebody else, or known from elsewhere.
    #[error("its certificate is for `{subject}`, known from `{issuer}`")]
    OtherIdentity {
        /// Whom it is for, shortened to 80 characters.
        subject: String,
        /// Who knew the subject, shortened to 80 characters.
        issuer: String,
    },
    /// The signature was not made by the key of the certificate, or not for this payload.
    #[error("its signature does not fit its certificate")]
    CertificateForged,
    /// No root of the identity issued the certificate.
    #[error("its certificate does not lead to a root certificate of the identity (`{0}`)")]
    Unrooted(String),
    /// The certificate is for other purposes than signing code.
    #[error("its certificate is not for signing code")]
    OtherUsage,
    /// The certificate was not valid when the bundle was received.
    #[error("its certificate was valid from {start} to {end}, and it was received at {received}")]
    Expired {
        /// From this second on.
        start: Timestamp,
        /// Up to and with this second.
        end: Timestamp,
        /// When the service took the bundle.
        received: Timestamp,
    },
}

impl VerifyError {
    /// What this means for the attestation: who says to be the trusted one and is not makes it [`Invalid`](Outcome::Invalid); who says
    /// to be somebody else, or nothing, leaves it [`Untrusted`](Outcome::Untrusted).
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::OtherKey(_) | Self::NoCertificate | Self::OtherIdentity { .. } => Outcome::Untrusted,
            Self::OtherSubject(_) | Self::KeyForged(_) | Self::CertificateForged | Self::Unrooted(_) | Self::OtherUsage => Outcome::Invalid,
            Self::Expired { .. } => Outcome::Expired,
        }
    }
}

/// Whether this signer signed a bundle that speaks of the subject: answers the key id, or the subject of the certificate, that was
/// verified.
///
/// `received_at` is when the service took the bundle, and it is the time at which a certificate must have been valid. The certificates
/// of people and builds live for minutes, so "now" would turn every attestation invalid soon after; and the time at which somebody says
/// to have signed is worth nothing, since a key that leaks later could sign for any past. When it received the bundle is what the service
/// knows of itself, and never changes: whoever signs with such a certificate hands the bundle over while it is valid.
pub fn verify(bundle: &Bundle, subject: &Digest, signer: &Signer, received_at: Timestamp) -> Result<String, VerifyError> {
    if !bundle.speaks_of(subject) {
        return Err(VerifyError::OtherSubject(*subject));
    }
    match signer {
        Signer::Key(key) => by_key(bundle, key),
        Signer::Identity(identity) => by_identity(bundle, identity, received_at),
    }
}

/// Every signature is tried, since what it says of its key is only a hint: with another key id or without one it may still be of this
/// key.
fn by_key(bundle: &Bundle, key: &SignerKey) -> Result<String, VerifyError> {
    let id = key.id();
    if is_signed_by(bundle, key) {
        return Ok(id);
    }
    let hint = if let Material::Hint(hint) = bundle.material() { hint.as_deref() } else { None };
    let mut names = bundle.envelope().signatures.iter().filter_map(|signature| signature.key_id.as_deref()).chain(hint);
    Err(if names.any(|name| key.is_named(name)) { VerifyError::KeyForged(id) } else { VerifyError::OtherKey(id) })
}

fn by_identity(bundle: &Bundle, identity: &TrustedIdentity, received_at: Timestamp) -> Result<String, VerifyError> {
    let Material::Certificate(certificate) = bundle.material() else { return Err(VerifyError::NoCertificate) };
    if !is_signed_by(bundle, certificate.key()) {
        return Err(VerifyError::CertificateForged);
    }
    let issuer = certificate.issuer().map_or("", String::as_str);
    let Some(subject) = certificate.subjects().iter().find(|subject| identity.fits(issuer, subject)) else {
        let subject = certificate.subjects().first().map_or("", String::as_str);
        return Err(VerifyError::OtherIdentity { subject: shown(subject), issuer: shown(issuer) });
    };
    match chain(certificate, identity, seconds(received_at)) {
        Ok(()) => Ok(subject.clone()),
        // Dates are looked at first: those of a certificate from elsewhere are nobody's concern.
        Err(Error::CertExpired { .. } | Error::CertNotValidYet { .. }) => {
            chain(certificate, identity, certificate.start()).map_err(refusal)?;
            Err(VerifyError::Expired { start: instant(certificate.start()), end: instant(certificate.end()), received: received_at })
        }
        Err(error) => Err(refusal(error)),
    }
}

fn is_signed_by(bundle: &Bundle, key: &SignerKey) -> bool {
    let signatures = bundle.envelope().signatures.iter().map(|signature| signature.bytes.as_slice());
    key.made_one_of(&bundle.envelope().signed_bytes(), signatures)
}

fn chain(certificate: &Certificate, identity: &TrustedIdentity, time: UnixTime) -> Result<(), Error> {
    let leaf = EndEntityCert::try_from(certificate.der())?;
    let usage = KeyUsage::required(CODE_SIGNING);
    leaf.verify_for_usage(ALL_VERIFICATION_ALGS, identity.roots(), &[], time, usage, None, None).map(|_| ())
}

fn refusal(error: Error) -> VerifyError {
    match error {
        Error::RequiredEkuNotFoundContext(_) => VerifyError::OtherUsage,
        error => VerifyError::Unrooted(error.to_string()),
    }
}

/// What certificates count in: seconds since 1970, before which none is valid.
fn seconds(time: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(time.split().0).unwrap_or_default()))
}

fn instant(time: UnixTime) -> Timestamp {
    Timestamp::from_micros(0).plus_seconds(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}
