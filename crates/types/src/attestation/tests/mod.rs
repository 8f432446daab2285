//! Bundles of keys and authorities that are made for the tests.

mod bundles;
mod signers;
mod tampering;
mod vectors;
mod verification;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256, SigningKey as _};
use serde_json::{Value, json};

use super::*;
use crate::{Digest, Timestamp};

const SIGSTORE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// What the statements of the tests speak of.
fn content() -> Digest {
    Digest::of(b"hello world")
}

fn statement() -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "other", "digest": {"gitCommit": "abc"}}, {"name": "hello", "digest": {"sha256": content()}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {"buildType": "https://example.com"},
    })
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_STANDARD.encode(bytes)
}

fn envelope(payload: &str, signatures: &[(&str, &[u8])]) -> Value {
    let signatures: Vec<Value> = signatures.iter().map(|(id, signature)| json!({"keyid": id, "sig": base64(signature)})).collect();
    json!({"payload": base64(payload), "payloadType": IN_TOTO, "signatures": signatures})
}

const IN_TOTO: &str = "application/vnd.in-toto+json";

/// An envelope of the statement that nobody signed.
fn unsigned() -> Value {
    envelope(&statement().to_string(), &[("", b"no signature")])
}

fn sigstore(material: &Value, envelope: &Value) -> Value {
    json!({"mediaType": SIGSTORE, "verificationMaterial": material, "dsseEnvelope": envelope})
}

fn parse(format: Format, bundle: &Value) -> Result<Bundle, ParseBundleError> {
    Bundle::parse(format, bundle.to_string().as_bytes())
}

/// A key of each kind.
fn keys() -> Vec<KeyPair> {
    let kinds = [&PKCS_ED25519, &PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_RSA_SHA256];
    kinds.map(|kind| KeyPair::generate_for(kind).unwrap()).into()
}

fn signer(key: &KeyPair) -> SignerKey {
    SignerKey::from_pem(&key.public_key_pem()).unwrap()
}

fn sign(key: &KeyPair, payload: &str) -> Vec<u8> {
    key.sign(&pae(IN_TOTO, payload.as_bytes())).unwrap()
}

/// The statement, signed by this key, which its signature names so.
fn signed(key: &KeyPair, id: &str) -> Value {
    let payload = statement().to_string();
    envelope(&payload, &[(id, &sign(key, &payload))])
}

fn outcome(bundle: &Bundle, signer: &Signer) -> Outcome {
    verify(bundle, &content(), signer, received()).map_or_else(|error| error.outcome(), |_| Outcome::Verified)
}

/// When the service took the bundles: noon of the day on which the certificates of the tests are valid.
fn received() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().unwrap()
}
