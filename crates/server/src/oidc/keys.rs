//! The keys of an issuer (RFC 7517), and which of them a token must be signed by.

use std::sync::Arc;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

use super::VerifyError;
use super::token::{Signer, Token};

/// The most keys that an issuer may have.
pub(super) const MAX_KEYS: usize = 50;

/// Public keys that sign.
#[derive(Debug)]
pub(super) struct KeySet(Vec<Arc<Key>>);

/// A public key, and what it signs by.
pub(super) struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    public: DecodingKey,
}

/// The keys as an issuer writes them. One that can't be read is as good as none: it may be of a kind that comes after us.
#[derive(Deserialize)]
struct Wire {
    keys: Vec<serde_json::Value>,
}

impl KeySet {
    /// The keys of a set that we can use; `None` if it is not a set of at most [`MAX_KEYS`].
    pub(super) fn parse(json: &[u8]) -> Option<Self> {
        let wire: Wire = serde_json::from_slice(json).ok()?;
        let is_bounded = wire.keys.len() <= MAX_KEYS;
        is_bounded.then(|| Self(wire.keys.into_iter().filter_map(Key::parse).map(Arc::new).collect()))
    }

    /// The key that a token says it is signed by. A token without a key id is signed by the only key that can.
    pub(super) fn find(&self, signer: &Signer) -> Result<Arc<Key>, VerifyError> {
        let is_named = |key: &&Arc<Key>| signer.key_id.is_none() || key.id == signer.key_id;
        let mut named = self.0.iter().filter(is_named).peekable();
        named.peek().ok_or(VerifyError::UnknownKey)?;
        let mut fitting = named.filter(|key| key.algorithms.contains(&signer.algorithm));
        let key = fitting.next().ok_or(VerifyError::Algorithm)?;
        let is_only = signer.key_id.is_some() || fitting.next().is_none();
        if is_only { Ok(Arc::clone(key)) } else { Err(VerifyError::UnknownKey) }
    }
}

impl Key {
    fn parse(wire: serde_json::Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(wire).ok()?;
        let algorithms = algorithms(&jwk);
        if algorithms.is_empty() || !is_for_signatures(&jwk) {
            return None;
        }
        Some(Self { public: DecodingKey::from_jwk(&jwk).ok()?, id: jwk.common.key_id, algorithms })
    }

    /// Whether the signature of a token, which was found to fit this key, holds.
    pub(super) fn has_signed(&self, token: &Token<'_>) -> bool {
        let is_signed = jsonwebtoken::crypto::verify(token.signature, token.signed.as_bytes(), &self.public, token.signer.algorithm);
        is_signed.unwrap_or(false)
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("id", &self.id).field("algorithms", &self.algorithms).finish_non_exhaustive()
    }
}

/// What a key of this kind signs by; if it says by what alone, that.
fn algorithms(jwk: &Jwk) -> Vec<Algorithm> {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    let of_kind: &[Algorithm] = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => &[RS256, RS384, RS512, PS256, PS384, PS512],
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => &[ES256],
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P384 => &[ES384],
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => &[EdDSA],
        _ => &[],
    };
    let is_said = |algorithm: &Algorithm| jwk.common.key_algorithm.is_none_or(|said| said == KeyAlgorithm::from(*algorithm));
    of_kind.iter().copied().filter(is_said).collect()
}

fn is_for_signatures(jwk: &Jwk) -> bool {
    let is_used = jwk.common.public_key_use.as_ref().is_none_or(|used| *used == PublicKeyUse::Signature);
    is_used && jwk.common.key_operations.as_ref().is_none_or(|operations| operations.contains(&KeyOperations::Verify))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn found(keys: &Value, key_id: Option<&str>, algorithm: Algorithm) -> Result<Option<String>, VerifyError> {
        let keys = KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap();
        keys.find(&Signer { algorithm, key_id: key_id.map(str::to_owned) }).map(|key| key.id.clone())
    }

    fn rsa(more: Value) -> Value {
        let mut key = json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"});
        key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        key
    }

    #[test]
    fn a_key_signs_by_what_its_kind_and_its_use_allow() {
        use Algorithm::{ES256, ES384, EdDSA, PS384, RS256};
        let all = [RS256, PS384, ES256, ES384, EdDSA];
        for (key, expected) in [
            (rsa(json!({})), &[RS256, PS384][..]),
            (rsa(json!({"alg": "RS256", "use": "sig"})), &[RS256]),
            (rsa(json!({"key_ops": ["verify"]})), &[RS256, PS384]),
            (rsa(json!({"use": "enc"})), &[]),
            (rsa(json!({"key_ops": ["encrypt"]})), &[]),
            (rsa(json!({"alg": "RSA-OAEP"})), &[]),
            (rsa(json!({"alg": "HS256"})), &[]),
            (rsa(json!({"n": "not base64!"})), &[]),
            (json!({"kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ"}), &[ES256]),
            (json!({"kty": "EC", "crv": "P-384", "x": "AQ", "y": "AQ"}), &[ES384]),
            (json!({"kty": "EC", "crv": "P-521", "x": "AQ", "y": "AQ"}), &[]),
            (json!({"kty": "EC", "crv": "secp256k1", "x": "AQ", "y": "AQ"}), &[]),
            (json!({"kty": "OKP", "crv": "Ed25519", "x": "AQ"}), &[EdDSA]),
            (json!({"kty": "OKP", "crv": "X25519", "x": "AQ"}), &[]),
            (json!({"kty": "oct", "k": "AQ", "alg": "HS256"}), &[]),
            (json!({"kty": "new"}), &[]),
            (json!(7), &[]),
        ] {
            let by: Vec<_> = all.into_iter().filter(|by| found(&json!([key.clone()]), None, *by).is_ok()).collect();
            assert_eq!(by, expected, "{key}");
        }
    }

    #[test]
    fn a_token_names_its_key_where_there_are_several() {
        let keys = json!([
            rsa(json!({"kid": "a"})),
            rsa(json!({"kid": "b", "alg": "RS512"})),
            {"kty": "OKP", "crv": "Ed25519", "x": "AQ", "kid": "a"},
        ]);
        for (key_id, algorithm, expected) in [
            (Some("a"), Algorithm::RS256, Ok(Some("a".to_owned()))),
            (Some("a"), Algorithm::EdDSA, Ok(Some("a".to_owned()))),
            (Some("b"), Algorithm::RS512, Ok(Some("b".to_owned()))),
            (Some("b"), Algorithm::RS256, Err(VerifyError::Algorithm)),
            (Some("c"), Algorithm::RS256, Err(VerifyError::UnknownKey)),
            (Some(""), Algorithm::RS256, Err(VerifyError::UnknownKey)),
            (None, Algorithm::RS256, Ok(Some("a".to_owned()))),
            (None, Algorithm::RS512, Err(VerifyError::UnknownKey)),
            (None, Algorithm::ES256, Err(VerifyError::Algorithm)),
        ] {
            assert_eq!(found(&keys, key_id, algorithm), expected, "{key_id:?} {algorithm:?}");
        }
    }

    #[test]
    fn a_set_has_its_bounds() {
        let set = |keys: usize| json!({ "keys": vec![rsa(json!({})); keys] }).to_string();
        assert!(KeySet::parse(set(MAX_KEYS).as_bytes()).is_some());
        assert!(KeySet::parse(set(MAX_KEYS + 1).as_bytes()).is_none());
        for text in ["", "[]", "{}", r#"{"keys":{}}"#, "<html>"] {
            assert!(KeySet::parse(text.as_bytes()).is_none(), "{text}");
        }
    }
}
