//! Texts that anybody can check: under an Ed25519 signature, in the form of a [signed note](https://c2sp.org/signed-note).
//!
//! A [note](crate::note) is believed by those alone who have the keys of the planes. These are believed by whoever knows the public key, and read by any
//! program that knows the form, such as Go's `golang.org/x/mod/sumdb/note`. What is not text is signed in an [envelope](open_envelope).

mod envelope;

pub use envelope::{MAX_ENVELOPE_BYTES, open_envelope};

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pem::{EncodeConfig, LineEnding, Pem};
use sha2::{Digest as _, Sha256};

/// The name that keys of Consign have in notes. Instances differ by their keys.
const NAME: &str = "consign";

/// The kind of PEM block that holds a private key by PKCS #8.
const PRIVATE_KEY: &str = "PRIVATE KEY";

/// The lines around such a block.
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// The form's number for Ed25519.
const ED25519_KIND: u8 = 1;

/// The bytes of a public key.
const PUBLIC_KEY_BYTES: usize = 32;

/// The longest note that is read.
const MAX_NOTE_BYTES: usize = 16 << 10;

/// Before each signature of a note.
const SIGNATURE_LINE: &str = "— ";

/// The key that signs, and the public halves of those that signed before it.
pub struct SigningKeys {
    signing: Ed25519KeyPair,
    retired: Vec<PublicKey>,
}

/// What is needed to check a signature. Its text is that of a verifier key: `consign+1a2b3c4d+<base64>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    key: [u8; PUBLIC_KEY_BYTES],
}

/// The text is not a file of signing keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a file of signing keys has PEM blocks `PRIVATE KEY`, each with an Ed25519 key, the one that signs first, and lines \
     `consign+1a2b3c4d+AZ…` for those that do not sign any more"
)]
pub struct ParseSigningKeysError;

/// The text is not a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a public key looks like `consign+1a2b3c4d+AZ…`")]
pub struct ParsePublicKeyError;

/// A note or an envelope is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It is no signed note, or no signed envelope.
    #[error("it is not in the form of a signed note or envelope")]
    Malformed,
    /// None of the keys signed it.
    #[error("it is signed by none of the keys")]
    UnknownKey,
    /// It is not what was signed.
    #[error("its signature is not valid")]
    Forged,
    /// It was signed as something else than what is asked for.
    #[error("its payload is of another type")]
    OtherType,
}

impl SigningKeys {
    /// One new random key.
    pub fn generate() -> Self {
        Self { signing: Ed25519KeyPair::generate().expect("the system has random bytes"), retired: Vec::new() }
    }

    /// The keys as the text of a file.
    pub fn to_text(&self) -> String {
        let der = self.signing.to_pkcs8v1().expect("an Ed25519 key has this form");
        let block = pem::encode_config(&Pem::new(PRIVATE_KEY, der.as_ref()), EncodeConfig::new().set_line_ending(LineEnding::LF));
        self.retired.iter().fold(block, |text, key| format!("{text}{key}\n"))
    }

    /// The public keys, that of the key that signs first.
    pub fn public_keys(&self) -> Vec<PublicKey> {
        std::iter::once(PublicKey::of(&self.signing)).chain(self.retired.iter().cloned()).collect()
    }

    /// A note of this text. The text ends with a line end, and has no control characters besides.
    pub fn sign(&self, text: &str) -> String {
        let id = PublicKey::of(&self.signing).id();
        let signature = [id.as_slice(), self.signing.sign(text.as_bytes()).as_ref()].concat();
        format!("{text}\n{SIGNATURE_LINE}{NAME} {}\n", BASE64_STANDARD.encode(signature))
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKeys").field("signing", &PublicKey::of(&self.signing)).finish_non_exhaustive()
    }
}

impl FromStr for SigningKeys {
    type Err = ParseSigningKeysError;

    /// Reads blocks and lines. What is neither is refused, so that no damaged key is passed over.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (mut signing, mut retired) = (None, Vec::new());
        let mut lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
        while let Some(line) = lines.next() {
            if line != BEGIN {
                retired.push(line.parse().map_err(|_| ParseSigningKeysError)?);
                continue;
            }
            let rest = lines.by_ref().take_while(|line| *line != END);
            let block = rest.fold(BEGIN.to_owned(), |block, line| format!("{block}\n{line}"));
            let block = pem::parse(format!("{block}\n{END}\n")).map_err(|_| ParseSigningKeysError)?;
            let key = Ed25519KeyPair::from_pkcs8(block.contents()).map_err(|_| ParseSigningKeysError)?;
            match signing {
                None => signing = Some(key),
                Some(_) => retired.push(PublicKey::of(&key)),
            }
        }
        Ok(Self { signing: signing.ok_or(ParseSigningKeysError)?, retired })
    }
}

impl PublicKey {
    fn of(key: &Ed25519KeyPair) -> Self {
        let key = key.public_key().as_ref().try_into().expect("an Ed25519 key has 32 bytes");
        Self { name: NAME.to_owned(), key }
    }

    /// The key behind its kind.
    fn kinded(&self) -> Vec<u8> {
        [&[ED25519_KIND], self.key.as_slice()].concat()
    }

    /// By which a signature tells that it is this key's.
    fn id(&self) -> [u8; 4] {
        let mut hash = Sha256::new();
        hash.update(self.name.as_bytes());
        hash.update(b"\n");
        hash.update(self.kinded());
        let hash: [u8; 32] = hash.finalize().into();
        [hash[0], hash[1], hash[2], hash[3]]
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = u32::from_be_bytes(self.id());
        write!(f, "{}+{id:08x}+{}", self.name, BASE64_STANDARD.encode(self.kinded()))
    }
}

impl FromStr for PublicKey {
    type Err = ParsePublicKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else { return Err(ParsePublicKeyError) };
        let key = BASE64_STANDARD.decode(key).map_err(|_| ParsePublicKeyError)?;
        let Some((&ED25519_KIND, key)) = key.split_first() else { return Err(ParsePublicKeyError) };
        let read = Self { name: name.to_owned(), key: key.try_into().map_err(|_| ParsePublicKeyError)? };
        let is_whole = !name.is_empty() && !name.contains(char::is_whitespace) && id == format!("{:08x}", u32::from_be_bytes(read.id()));
        if is_whole { Ok(read) } else { Err(ParsePublicKeyError) }
    }
}

/// The text of a note that one of these keys signed, with its last line end. Signatures of others are passed over.
pub fn open<'a>(note: &'a str, keys: &[PublicKey]) -> Result<&'a str, SignatureError> {
    let is_plain = !note.bytes().any(|byte| byte < b' ' && byte != b'\n');
    let split = if is_plain && note.len() <= MAX_NOTE_BYTES { note.rfind("\n\n") } else { None };
    let (text, signatures) = note.split_at(split.ok_or(SignatureError::Malformed)? + 1);
    let signatures = signatures.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n')).ok_or(SignatureError::Malformed)?;
    let mut is_signed = false;
    for line in signatures.split('\n') {
        let parts = line.strip_prefix(SIGNATURE_LINE).and_then(|line| line.split_once(' '));
        let (name, signature) = parts.ok_or(SignatureError::Malformed)?;
        let signature = BASE64_STANDARD.decode(signature).map_err(|_| SignatureError::Malformed)?;
        let (id, signature) = signature.split_first_chunk::<4>().ok_or(SignatureError::Malformed)?;
        if let Some(key) = keys.iter().find(|key| key.name == name && key.id() == *id) {
            let key = UnparsedPublicKey::new(&ED25519, key.key);
            key.verify(text.as_bytes(), signature).map_err(|_| SignatureError::Forged)?;
            is_signed = true;
        }
    }
    if is_signed { Ok(text) } else { Err(SignatureError::UnknownKey) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the documentation of Go's package `note`.
    const EXAMPLE_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const EXAMPLE_TEXT: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    const EXAMPLE_SIGNATURE: &str =
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn a_note_of_another_program_is_read() {
        let key: PublicKey = EXAMPLE_KEY.parse().unwrap();
        assert_eq!(key.to_string(), EXAMPLE_KEY);
        assert_eq!(open(&format!("{EXAMPLE_TEXT}\n{EXAMPLE_SIGNATURE}"), &[key]), Ok(EXAMPLE_TEXT));
    }

    #[test]
    fn what_one_of_the_keys_signed_is_believed_and_nothing_else() {
        let (old, new) = (SigningKeys::generate(), SigningKeys::generate());
        let both: SigningKeys = format!("{}{}", new.to_text(), old.to_text()).parse().unwrap();
        let text = "a\n\nb\n";
        assert_eq!(open(&old.sign(text), &both.public_keys()), Ok(text));
        assert_eq!(open(&both.sign(text), &new.public_keys()), Ok(text));
        assert_eq!(open(&both.sign(text), &old.public_keys()), Err(SignatureError::UnknownKey));
        let witnessed = format!("{}{EXAMPLE_SIGNATURE}", new.sign(text));
        assert_eq!(open(&witnessed, &new.public_keys()), Ok(text));
        assert_eq!(open(&new.sign(text).replacen("\nb\n", "\nc\n", 1), &new.public_keys()), Err(SignatureError::Forged));
        let note = new.sign(text);
        for broken in ["", "\n\n", text, note.trim_end(), &note.replace("— ", "- "), &format!("{note}\n"), &note.replacen('a', "\r", 1)] {
            assert_eq!(open(broken, &new.public_keys()), Err(SignatureError::Malformed), "{broken:?}");
        }
        assert_eq!(open(&new.sign(&"x".repeat(MAX_NOTE_BYTES)), &new.public_keys()), Err(SignatureError::Malformed));
    }

    #[test]
    fn keys_read_back_as_they_are_written_and_secrets_are_not_shown() {
        let (keys, other) = (SigningKeys::generate(), SigningKeys::generate());
        let text = keys.to_text();
        assert_eq!(text.parse::<SigningKeys>().unwrap().public_keys(), keys.public_keys());
        assert_eq!(keys.public_keys()[0].to_string().parse(), Ok(keys.public_keys()[0].clone()));
        // What was given with both halves is kept by the public one.
        for given in [other.to_text(), format!("{}\n", other.public_keys()[0])] {
            let both: SigningKeys = format!("{text}{given}").parse().unwrap();
            assert_eq!(both.public_keys(), [keys.public_keys(), other.public_keys()].concat());
            assert_eq!(both.to_text(), format!("{text}{}\n", other.public_keys()[0]));
        }
        let damaged = text.replacen("BEGIN", "BEGUN", 1) + &other.to_text();
        let cut = format!("{text}{}", &other.to_text()[..60]);
        let public = text.replace("PRIVATE", "PUBLIC");
        for broken in ["", "consign", &damaged, &cut, &public, &text.replace("MC", "MD"), &keys.public_keys()[0].to_string()] {
            assert!(broken.parse::<SigningKeys>().is_err(), "{broken}");
        }
        for broken in ["", "consign+00000000+", &EXAMPLE_KEY.replace("c7", "c8"), &EXAMPLE_KEY.replace("Peter", "Paul")] {
            assert_eq!(broken.parse::<PublicKey>(), Err(ParsePublicKeyError), "{broken}");
        }
        let secret = text.lines().nth(1).unwrap().to_owned();
        assert!(!format!("{keys:?}").contains(&secret));
    }
}
