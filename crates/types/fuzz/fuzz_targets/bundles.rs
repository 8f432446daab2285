//! No bytes are taken for a bundle that somebody signed, and what is signed reads back as it was.
#![no_main]

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use consign_types::Timestamp;
use consign_types::attestation::{Bundle, Format, MAX_SIGNATURES, MAX_SUBJECTS, Outcome, Signer, SignerKey, TrustedIdentity, verify};
use consign_types::signature::{SigningKeys, open_envelope};
use libfuzzer_sys::fuzz_target;

const KEYS: &str =
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n";

const IN_TOTO: &str = "application/vnd.in-toto+json";

const STATEMENT: &str = r#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"}}],"predicateType":"a"}"#;

/// Whether this key signed the bundle, about the first thing that it speaks of.
fn is_signed(bundle: &Bundle, signer: &Signer) -> bool {
    assert!((1..=MAX_SUBJECTS).contains(&bundle.subjects().len()) && bundle.claimed_signers().len() <= MAX_SIGNATURES + 12);
    let verified = verify(bundle, &bundle.subjects()[0], signer, Timestamp::from_micros(0));
    verified.map_or_else(|error| error.outcome(), |_| Outcome::Verified) == Outcome::Verified
}

fuzz_target!(|input: (&[u8], &str, u16, u8)| {
    let (bytes, text, position, flip) = input;
    let keys: SigningKeys = KEYS.parse().expect("this is a file of signing keys");
    let public = keys.public_keys();
    let signer = Signer::Key(SignerKey::from_pem(&public[0].to_pem()).expect("this is a key"));
    let contents = BASE64_STANDARD.encode(bytes);

    let certificate = format!(r#"{{"certificate":{{"rawBytes":"{contents}"}}}}"#);
    let envelope = keys.sign_envelope(IN_TOTO, STATEMENT.as_bytes());
    let bundle = format!(
        r#"{{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{certificate},"dsseEnvelope":{envelope}}}"#
    );
    for (format, bytes) in [(Format::Dsse, bytes), (Format::Sigstore, bytes), (Format::Sigstore, bundle.as_bytes())] {
        if let Ok(bundle) = Bundle::parse(format, bytes) {
            assert!(bundle.payload() == STATEMENT.as_bytes() || !is_signed(&bundle, &signer));
        }
    }

    for pem in [text, &format!("-----BEGIN PUBLIC KEY-----\n{contents}\n-----END PUBLIC KEY-----\n")] {
        if let Ok(key) = SignerKey::from_pem(pem) {
            assert!(key.id().len() == 64 && key == SignerKey::from_pem(pem).expect("it was read before"));
        }
    }
    for pem in [text, &format!("-----BEGIN CERTIFICATE-----\n{contents}\n-----END CERTIFICATE-----\n")] {
        let _ = TrustedIdentity::new("https://issuer", text, pem);
    }

    let statement = keys.sign_envelope(IN_TOTO, bytes);
    assert_eq!(open_envelope(&statement, IN_TOTO, &public).as_deref(), Ok(bytes));
    if let Ok(bundle) = Bundle::parse(Format::Dsse, statement.as_bytes()) {
        assert!(bundle.payload() == bytes && is_signed(&bundle, &signer));
    }
    let mut damaged = envelope.into_bytes();
    let position = usize::from(position) % damaged.len();
    damaged[position] ^= flip;
    if let Ok(bundle) = Bundle::parse(Format::Dsse, &damaged) {
        assert!(bundle.payload() == STATEMENT.as_bytes() || !is_signed(&bundle, &signer), "byte {position} was changed");
    }
});
