//! Payloads that anybody can check: under an Ed25519 signature, in a [DSSE envelope](https://github.com/secure-systems-lab/dsse), as
//! `cosign`, `in-toto` and the like read them.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pem::{EncodeConfig, LineEnding, Pem};
use serde::Serialize;

use super::{PUBLIC_KEY_BYTES, PublicKey, SignatureError, SigningKeys};
use crate::Digest;
use crate::attestation::{Envelope, pae};

/// What stands before the bytes of an Ed25519 key in its `SubjectPublicKeyInfo` (RFC 8410, section 4).
const INFO_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// An envelope as it is written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    payload: String,
    payload_type: &'a str,
    signatures: [WrittenSignature; 1],
}

#[derive(Serialize)]
struct WrittenSignature {
    keyid: Digest,
    sig: String,
}

impl SigningKeys {
    /// A DSSE envelope of this payload, as JSON. It names the key by its [fingerprint](PublicKey::fingerprint).
    pub fn sign_envelope(&self, payload_type: &str, payload: &[u8]) -> String {
        let signature = BASE64_STANDARD.encode(self.signing.sign(&pae(payload_type, payload)));
        let signatures = [WrittenSignature { keyid: PublicKey::of(&self.signing).fingerprint(), sig: signature }];
        let written = Written { payload: BASE64_STANDARD.encode(payload), payload_type, signatures };
        serde_json::to_string(&written).expect("texts are JSON")
    }
}

impl PublicKey {
    /// The key as other programs read it: a PEM block `PUBLIC KEY` with its `SubjectPublicKeyInfo`.
    pub fn to_pem(&self) -> String {
        let config = EncodeConfig::new().set_line_ending(LineEnding::LF);
        pem::encode_config(&Pem::new("PUBLIC KEY", self.to_der()), config)
    }

    /// By which envelopes name the key: SHA-256 of its `SubjectPublicKeyInfo`.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(&self.to_der())
    }

    fn to_der(&self) -> Vec<u8> {
        const _: () = assert!(INFO_PREFIX[11] == 0 && INFO_PREFIX[10] as usize == PUBLIC_KEY_BYTES + 1);
        [INFO_PREFIX.as_slice(), &self.key].concat()
    }
}

/// The longest envelope that is opened: more than the record of a thousand versions with the evidence of its gates.
pub const MAX_ENVELOPE_BYTES: usize = 8 << 20;

/// The payload of an envelope of at most [`MAX_ENVELOPE_BYTES`] that one of these keys signed as this type. Signatures that name none of
/// the keys are passed over.
pub fn open_envelope(envelope: &str, payload_type: &str, keys: &[PublicKey]) -> Result<Vec<u8>, SignatureError> {
    if envelope.len() > MAX_ENVELOPE_BYTES {
        return Err(SignatureError::Malformed);
    }
    let envelope = Envelope::read(envelope.as_bytes()).map_err(|_| SignatureError::Malformed)?;
    let message = envelope.signed_bytes();
    let mut is_signed = false;
    for signature in &envelope.signatures {
        let is_named = |key: &&PublicKey| signature.key_id == Some(key.fingerprint().to_string());
        if let Some(key) = keys.iter().find(is_named) {
            let key = UnparsedPublicKey::new(&ED25519, key.key);
            key.verify(&message, &signature.bytes).map_err(|_| SignatureError::Forged)?;
            is_signed = true;
        }
    }
    match (is_signed, envelope.payload_type == payload_type) {
        (true, true) => Ok(envelope.payload),
        (true, false) => Err(SignatureError::OtherType),
        (false, _) => Err(SignatureError::UnknownKey),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attestation::{Bundle, Format, Signer, SignerKey, verify};
    use crate::{Digest, Timestamp};

    const IN_TOTO: &str = "application/vnd.in-toto+json";

    /// A key whose private half is the bytes 0 to 31.
    const KEYS: &str =
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n";

    const STATEMENT: &str = r#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"}}],"predicateType":"https://slsa.dev/verification_summary/v1","predicate":{}}"#;

    const PEM: &str =
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n-----END PUBLIC KEY-----\n";

    const KEY_ID: &str = "a050837d85070582ccf7394b0988847cc312cb88259b894899f6f239cf1791a5";

    /// OpenSSL 3.0 says `Signature Verified Successfully` of this, the bytes that `pae` makes, and the PEM above (`openssl pkeyutl -verify
    /// -rawin`), has that key id (`openssl pkey -pubin -outform DER | sha256sum`), and so does Python's `securesystemslib` 1.6.
    const SIGNATURE: &str = "ABrhlRgLHyuOgf5zIkNn41z5z98HBGpMcOF8dXyO0iALsdaXxqxY1BfvcWlyz1o0nO2FyHDmxHL6YuwReYgIBg==";

    #[test]
    fn what_other_programs_verify_is_signed() {
        let keys: SigningKeys = KEYS.parse().unwrap();
        let key = &keys.public_keys()[0];
        assert_eq!((key.to_pem().as_str(), key.fingerprint().to_string().as_str()), (PEM, KEY_ID));
        let envelope: serde_json::Value = serde_json::from_str(&keys.sign_envelope(IN_TOTO, STATEMENT.as_bytes())).unwrap();
        let signatures = serde_json::json!([{"keyid": KEY_ID, "sig": SIGNATURE}]);
        assert_eq!((&envelope["payloadType"], &envelope["signatures"]), (&IN_TOTO.into(), &signatures));
    }

    #[test]
    fn what_is_signed_here_is_an_attestation_by_a_key_that_can_be_trusted() {
        let keys = SigningKeys::generate();
        let bundle = Bundle::parse(Format::Dsse, keys.sign_envelope(IN_TOTO, STATEMENT.as_bytes()).as_bytes()).unwrap();
        let key = SignerKey::from_pem(&keys.public_keys()[0].to_pem()).unwrap();
        let (id, content) = (key.id(), Digest::of(b"hello world"));
        assert_eq!(bundle.claimed_signers(), std::slice::from_ref(&id));
        assert_eq!(verify(&bundle, &content, &Signer::Key(key), Timestamp::from_micros(0)), Ok(id));
    }

    #[test]
    fn an_envelope_that_one_of_the_keys_signed_as_this_type_is_opened_and_no_other() {
        let (old, new) = (SigningKeys::generate(), SigningKeys::generate());
        let both: SigningKeys = format!("{}{}", new.to_text(), old.to_text()).parse().unwrap();
        let open = |envelope: &str, keys: &SigningKeys| open_envelope(envelope, "text/plain", &keys.public_keys());
        for payload in [b"".as_slice(), b"a\n", &[0xff; 1000]] {
            let envelope = old.sign_envelope("text/plain", payload);
            assert_eq!(open(&envelope, &both).as_deref(), Ok(payload));
            assert_eq!(open(&envelope, &new), Err(SignatureError::UnknownKey));
            assert_eq!(open_envelope(&envelope, "text/html", &old.public_keys()), Err(SignatureError::OtherType));
            let pretended = envelope.replace("text/plain", "text/html");
            assert_eq!(open_envelope(&pretended, "text/html", &old.public_keys()), Err(SignatureError::Forged));
            for broken in ["", "{}", &envelope[1..], &format!("{envelope}{}", " ".repeat(MAX_ENVELOPE_BYTES)), &old.sign("a\n")] {
                assert_eq!(open(broken, &both), Err(SignatureError::Malformed), "{broken}");
            }
            let stolen = envelope.replace(&old.public_keys()[0].fingerprint().to_string(), &new.public_keys()[0].fingerprint().to_string());
            assert_eq!(open(&stolen, &both), Err(SignatureError::Forged));
        }
    }

    #[test]
    fn an_envelope_with_any_character_changed_says_the_same_or_is_not_opened() {
        let keys: SigningKeys = KEYS.parse().unwrap();
        let envelope = keys.sign_envelope("text/plain", b"hello world");
        for (position, character) in envelope.char_indices() {
            for other in ['A', 'B', '_', '"', ' ', '\\'].into_iter().filter(|other| *other != character) {
                let mut changed = envelope.clone();
                changed.replace_range(position..=position, &other.to_string());
                let opened = open_envelope(&changed, "text/plain", &keys.public_keys());
                assert!(opened.is_err() || opened.as_deref() == Ok(b"hello world"), "{changed}");
            }
        }
    }
}
