//! Bundles: statements as their signers hand them over.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::certificate::Certificate;
use super::envelope::{self, Envelope};
use super::json::{self, Base64, Object};
use super::statement::Statement;
use super::{Format, MAX_BUNDLE_BYTES, MAX_SIGNER_BYTES};
use crate::Digest;
use crate::name::{ParseNameError, shown};
use crate::promotion::PredicateType;
use crate::promotion::statement::PAYLOAD_TYPE;
use crate::word::word_enum;

/// The media types of version 0.3, as they are written now and as they were first.
const SIGSTORE_MEDIA_TYPES: [&str; 2] =
    ["application/vnd.dev.sigstore.bundle.v0.3+json", "application/vnd.dev.sigstore.bundle+json;version=0.3"];

word_enum! {
    /// A part of a bundle.
    Part {
        /// The DSSE envelope.
        Envelope = "envelope",
        /// The Sigstore bundle around it.
        Bundle = "bundle",
        /// The in-toto statement inside.
        Statement = "statement",
    }
}

/// The bytes are not a bundle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseBundleError {
    /// It is too long to be looked at.
    #[error("the bundle has {bytes} bytes: at most {MAX_BUNDLE_BYTES} are read")]
    TooLarge {
        /// How long it is.
        bytes: usize,
    },
    /// A part is not JSON, or not of its form.
    #[error("the {part} is not the JSON that it should be: {reason}")]
    Json {
        /// The part.
        part: Part,
        /// What is wrong, and where.
        reason: String,
    },
    /// There is too much of something.
    #[error("there are more than {most} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        most: usize,
    },
    /// Nobody signed it.
    #[error("the envelope has no signature")]
    Unsigned,
    /// A key id can't be kept or shown.
    #[error("key id `{0}` is invalid: at most {MAX_SIGNER_BYTES} bytes without control characters")]
    KeyId(String),
    /// The payload is something else than a statement.
    #[error("payload type `{0}` is not `{PAYLOAD_TYPE}`")]
    PayloadType(String),
    /// The payload is a statement of an unknown version, or none.
    #[error("statement type `{0}` is neither `https://in-toto.io/Statement/v1` nor `https://in-toto.io/Statement/v0.1`")]
    StatementType(String),
    /// The statement speaks of nothing that is named by its SHA-256.
    #[error("the statement has no subject with a SHA-256 digest")]
    NoSubject,
    /// What it says has no valid name.
    #[error(transparent)]
    PredicateType(#[from] ParseNameError),
    /// It is no Sigstore bundle of version 0.3.
    #[error("media type `{0}` is not `application/vnd.dev.sigstore.bundle.v0.3+json`: only Sigstore bundles of version 0.3 are read")]
    MediaType(String),
    /// A Sigstore bundle has something that is not read, or lacks what it must have.
    #[error("the Sigstore bundle {0}")]
    Material(&'static str),
    /// The certificate can't be used.
    #[error("the certificate is invalid: {0}")]
    Certificate(String),
}

/// A statement and its signatures, in the form that they must have. Neither signatures nor certificates were judged.
#[derive(Clone, Debug)]
pub struct Bundle {
    format: Format,
    envelope: Envelope,
    material: Material,
    statement: Statement,
}

/// What a bundle has beside its envelope, by which its signature is judged.
#[derive(Clone, Debug)]
pub(super) enum Material {
    /// Nothing: the signatures name their keys.
    Keys,
    /// The hint of a key.
    Hint(Option<String>),
    /// The certificate of the key.
    Certificate(Box<Certificate>),
}

/// A Sigstore bundle as it is sent. Entries of logs and timestamps are passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    media_type: String,
    verification_material: Object<SentMaterial>,
    dsse_envelope: Option<Object<envelope::Sent>>,
    message_signature: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SentMaterial {
    certificate: Option<Object<SentCertificate>>,
    public_key: Option<Object<SentKey>>,
    x509_certificate_chain: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SentCertificate {
    raw_bytes: Base64,
}

#[derive(Deserialize)]
struct SentKey {
    hint: Option<String>,
}

impl Bundle {
    /// Reads a bundle of at most [`MAX_BUNDLE_BYTES`] bytes.
    pub fn parse(format: Format, bytes: &[u8]) -> Result<Self, ParseBundleError> {
        if bytes.len() > MAX_BUNDLE_BYTES {
            return Err(ParseBundleError::TooLarge { bytes: bytes.len() });
        }
        let (envelope, material) = match format {
            Format::Dsse => (Envelope::read(bytes)?, Material::Keys),
            Format::Sigstore => json::read::<Sent>(Part::Bundle, bytes)?.open()?,
        };
        if envelope.payload_type != PAYLOAD_TYPE {
            return Err(ParseBundleError::PayloadType(shown(&envelope.payload_type)));
        }
        let statement = Statement::read(&envelope.payload)?;
        Ok(Self { format, envelope, material, statement })
    }

    /// How it was encoded.
    pub fn format(&self) -> Format {
        self.format
    }

    /// What its statement says of its subjects.
    pub fn predicate_type(&self) -> &PredicateType {
        &self.statement.predicate_type
    }

    /// The SHA-256 digests that its statement speaks of, as they stand there: 1 to [`MAX_SUBJECTS`](super::MAX_SUBJECTS).
    pub fn subjects(&self) -> &[Digest] {
        &self.statement.subjects
    }

    /// Whether its statement speaks of this content.
    pub fn speaks_of(&self, subject: &Digest) -> bool {
        self.statement.subjects.contains(subject)
    }

    /// Who the bundle says signed it, each once: key ids and hints of keys as they stand there; of a certificate the URIs and email
    /// addresses that it is for, and then the issuer who vouches for them. None of it was verified.
    pub fn claimed_signers(&self) -> Vec<String> {
        let keys = self.envelope.signatures.iter().filter_map(|signature| signature.key_id.as_ref());
        let (hint, certificate) = match &self.material {
            Material::Keys => (None, None),
            Material::Hint(hint) => (hint.as_ref(), None),
            Material::Certificate(certificate) => (None, Some(certificate)),
        };
        let identities = certificate.into_iter().flat_map(|certificate| certificate.subjects().iter().chain(certificate.issuer()));
        let mut signers: Vec<String> = Vec::new();
        for signer in keys.chain(hint).chain(identities) {
            if !signers.contains(signer) {
                signers.push(signer.clone());
            }
        }
        signers
    }

    /// How many signatures it has: 1 to [`MAX_SIGNATURES`](super::MAX_SIGNATURES).
    pub fn signature_count(&self) -> usize {
        self.envelope.signatures.len()
    }

    /// The statement, byte for byte as it was signed.
    pub fn payload(&self) -> &[u8] {
        &self.envelope.payload
    }

    pub(super) fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    pub(super) fn material(&self) -> &Material {
        &self.material
    }
}

impl Sent {
    fn open(self) -> Result<(Envelope, Material), ParseBundleError> {
        if !SIGSTORE_MEDIA_TYPES.contains(&self.media_type.as_str()) {
            return Err(ParseBundleError::MediaType(shown(&self.media_type)));
        }
        if self.message_signature.is_some() {
            return Err(ParseBundleError::Material("signs a file (`messageSignature`), and states nothing of it: `dsseEnvelope` does"));
        }
        let Object(envelope) = self.dsse_envelope.ok_or(ParseBundleError::Material("has no `dsseEnvelope`"))?;
        let envelope = Envelope::try_from(envelope)?;
        if envelope.signatures.len() != 1 {
            return Err(ParseBundleError::Material("must have one signature, which is that of its certificate or key"));
        }
        Ok((envelope, self.verification_material.0.open()?))
    }
}

impl SentMaterial {
    fn open(self) -> Result<Material, ParseBundleError> {
        if self.x509_certificate_chain.is_some() {
            return Err(ParseBundleError::Material(
                "has an `x509CertificateChain`, as before version 0.3: it must have the `certificate` alone",
            ));
        }
        match (self.certificate, self.public_key) {
            (Some(Object(sent)), None) => Ok(Material::Certificate(Box::new(Certificate::read(sent.raw_bytes.0)?))),
            (None, Some(Object(sent))) => Ok(Material::Hint(envelope::key_id(sent.hint)?)),
            _ => Err(ParseBundleError::Material("must have either a `certificate` or a `publicKey`")),
        }
    }
}
