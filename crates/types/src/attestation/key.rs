//! Public keys whose signatures count.

use std::fmt;

use aws_lc_rs::digest::{self, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use x509_cert::der::asn1::{AnyRef, ObjectIdentifier, UintRef};
use x509_cert::der::{self, Decode as _};
use x509_cert::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use crate::Digest;
use crate::name::shown;
use crate::word::word_enum;

/// The longest PEM text of a key, in bytes. One of RSA with 8192 bits has about 1.5 KiB.
const MAX_PEM_BYTES: usize = 16 << 10;

/// The sizes that an RSA key may have, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// What signs with Ed25519, by RFC 8410.
const ID_ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// What signs with ECDSA, and the curves, by RFC 5480.
const ID_EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ID_P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const ID_P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// What signs with RSA, by RFC 3279.
const ID_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// The text is not a key or an identity that can be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is invalid: {reason}")]
pub struct ParseSignerError {
    /// What is wrong: the public key, the issuer, the subject or the list of root certificates.
    pub what: &'static str,
    /// Why.
    pub reason: String,
}

word_enum! {
    /// The kinds of keys.
    KeyKind {
        /// Ed25519, RFC 8032.
        Ed25519 = "ed25519",
        /// ECDSA on the curve P-256, with SHA-256.
        P256 = "ecdsa_p256",
        /// ECDSA on the curve P-384, with SHA-384.
        P384 = "ecdsa_p384",
        /// RSA of 2048 to 8192 bits, with SHA-256.
        Rsa = "rsa",
    }
}

/// A public key: Ed25519, ECDSA on P-256 with SHA-256 or on P-384 with SHA-384, or RSA of 2048 to 8192 bits with SHA-256.
///
/// ECDSA signatures are read in both forms that programs write: as ASN.1 (`cosign`, `openssl`) and as the two numbers side by side
/// (IEEE P1363, as in DSSE's own example and on Java's and the web's platforms). RSA signatures are read by PKCS #1 v1.5 and by PSS with
/// a salt as long as the digest. No signature is valid in two of these ways for different messages.
#[derive(Clone)]
pub struct SignerKey {
    kind: KeyKind,
    der: Vec<u8>,
    /// The key for each form that its signatures may have.
    forms: Vec<ParsedPublicKey>,
}

impl SignerKey {
    /// Reads one PEM block `PUBLIC KEY`, which holds a `SubjectPublicKeyInfo` (RFC 7468, section 13). Text around it is passed over.
    pub fn from_pem(text: &str) -> Result<Self, ParseSignerError> {
        if text.len() > MAX_PEM_BYTES {
            return Err(invalid(format!("longer than {MAX_PEM_BYTES} bytes")));
        }
        let mut blocks = pem::parse_many(text).map_err(|error| invalid(format!("not PEM ({error})")))?;
        let block = match (blocks.pop(), blocks.is_empty()) {
            (Some(block), true) => block,
            (None, _) => return Err(invalid("there is no PEM block `PUBLIC KEY`")),
            (Some(_), false) => return Err(invalid("there is more than one PEM block")),
        };
        match block.tag() {
            "PUBLIC KEY" => Self::from_der(block.into_contents()),
            "RSA PUBLIC KEY" => Err(invalid("a block `RSA PUBLIC KEY` is of another form: it must be `PUBLIC KEY` (SubjectPublicKeyInfo)")),
            "CERTIFICATE" => Err(invalid("a certificate is no key: give its public key, or trust an identity")),
            tag if tag.ends_with("PRIVATE KEY") => Err(invalid("this is a private key, which nobody else should have")),
            tag => Err(invalid(format!("a PEM block `{}` is no `PUBLIC KEY`", shown(tag)))),
        }
    }

    /// Reads a `SubjectPublicKeyInfo` in DER form.
    pub(super) fn from_der(der: Vec<u8>) -> Result<Self, ParseSignerError> {
        let info = SubjectPublicKeyInfoRef::from_der(&der).map_err(|_| invalid("not a SubjectPublicKeyInfo in DER form"))?;
        let kind = kind(&info.algorithm)?;
        if kind == KeyKind::Rsa {
            let bits = info.subject_public_key.as_bytes().and_then(|key| rsa_bits(key).ok());
            let bits = bits.ok_or_else(|| invalid("not an RSA key"))?;
            if !RSA_BITS.contains(&bits) {
                return Err(invalid(format!("an RSA key must have {} to {} bits, not {bits}", RSA_BITS.start(), RSA_BITS.end())));
            }
        }
        let forms: Result<Vec<_>, _> = kind.forms().iter().map(|form| ParsedPublicKey::new(*form, &der)).collect();
        Ok(Self { kind, forms: forms.map_err(|error| invalid(format!("the bytes are no `{kind}` key ({error})")))?, der })
    }

    /// Which kind of key it is.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// By which signatures name the key: SHA-256 of its `SubjectPublicKeyInfo`, as 64 lower-case hexadecimal digits.
    pub fn id(&self) -> String {
        Digest::of(&self.der).to_string()
    }

    /// Whether a key id of an envelope or the hint of a Sigstore bundle names this key: by [`id`](Self::id), or by the same digest in
    /// base64, as Sigstore's clients write it.
    pub(super) fn is_named(&self, name: &str) -> bool {
        let digest = Digest::of(&self.der);
        name == digest.to_string() || name == BASE64_STANDARD.encode(digest.as_bytes())
    }

    /// Whether this key made one of the signatures of the message. The message is hashed once, where the algorithm allows it.
    pub(super) fn made_one_of<'a>(&self, message: &[u8], mut signatures: impl Iterator<Item = &'a [u8]>) -> bool {
        let digest = self.kind.hash().map(|hash| digest(hash, message));
        signatures.any(|signature| {
            self.forms.iter().any(|form| match &digest {
                Some(digest) => form.verify_digest_sig(digest, signature).is_ok(),
                None => form.verify_sig(message, signature).is_ok(),
            })
        })
    }
}

impl PartialEq for SignerKey {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for SignerKey {}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignerKey").field("kind", &self.kind).field("id", &self.id()).finish_non_exhaustive()
    }
}

impl KeyKind {
    /// The forms that signatures of such a key may have.
    fn forms(self) -> &'static [&'static dyn VerificationAlgorithm] {
        match self {
            Self::Ed25519 => &[&ED25519],
            Self::P256 => &[&ECDSA_P256_SHA256_ASN1, &ECDSA_P256_SHA256_FIXED],
            Self::P384 => &[&ECDSA_P384_SHA384_ASN1, &ECDSA_P384_SHA384_FIXED],
            Self::Rsa => &[&RSA_PKCS1_2048_8192_SHA256, &RSA_PSS_2048_8192_SHA256],
        }
    }

    /// What is signed instead of the message. Ed25519 signs the message itself.
    fn hash(self) -> Option<&'static digest::Algorithm> {
        match self {
            Self::Ed25519 => None,
            Self::P256 | Self::Rsa => Some(&digest::SHA256),
            Self::P384 => Some(&digest::SHA384),
        }
    }
}

fn kind(algorithm: &AlgorithmIdentifierRef<'_>) -> Result<KeyKind, ParseSignerError> {
    match algorithm.oid {
        ID_ED25519 => Ok(KeyKind::Ed25519),
        ID_RSA => Ok(KeyKind::Rsa),
        ID_EC => match algorithm.parameters_oid() {
            Ok(ID_P256) => Ok(KeyKind::P256),
            Ok(ID_P384) => Ok(KeyKind::P384),
            _ => Err(invalid("an ECDSA key must be on the curve P-256 or P-384, by its name")),
        },
        other => Err(invalid(format!("a key of algorithm {other} is none of Ed25519, ECDSA P-256, ECDSA P-384 and RSA"))),
    }
}

/// The length of the modulus of an `RSAPublicKey` (RFC 8017, appendix A.1.1).
fn rsa_bits(key: &[u8]) -> Result<usize, der::Error> {
    let (modulus, _) =
        AnyRef::from_der(key)?.sequence(|fields| Ok::<_, der::Error>((UintRef::decode(fields)?, UintRef::decode(fields)?)))?;
    let bytes = modulus.as_bytes();
    Ok(bytes.len() * 8 - bytes.first().map_or(0, |first| first.leading_zeros() as usize))
}

fn invalid(reason: impl Into<String>) -> ParseSignerError {
    ParseSignerError { what: "public key", reason: reason.into() }
}
