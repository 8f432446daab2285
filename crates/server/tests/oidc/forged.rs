//! Tokens that their issuer did not make.

use aws_lc_rs::hmac;
use consign_server::oidc::VerifyError;
use serde_json::{Value, json};

use crate::issuer::{Issuer, Key, encode, header, verifier};

fn hmac_token(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", encode(tag))
}

#[tokio::test]
async fn a_token_that_is_not_signed_is_none() {
    let (issuer, key) = Issuer::with_key().await;
    let signed = issuer.token(&key, "1");
    let (signed, signature) = signed.rsplit_once('.').unwrap();
    for algorithm in ["none", "None", "NONE", ""] {
        let header = encode(json!({"alg": algorithm, "kid": "1"}).to_string());
        let claims = encode(issuer.claims().to_string());
        for token in [format!("{header}.{claims}."), format!("{header}.{claims}.{signature}")] {
            assert_eq!(issuer.verify(&verifier(), &token).await.unwrap_err(), VerifyError::Algorithm, "{algorithm}");
        }
    }
    assert_eq!(issuer.verify(&verifier(), &format!("{signed}.")).await.unwrap_err(), VerifyError::Signature);
}

#[tokio::test]
async fn a_public_key_is_no_secret() {
    let key = Key::rsa();
    let public = key.public("1");
    // A key that claims to be for HMAC is none either.
    let issuer = Issuer::with_keys(&[public.clone(), json!({"kty": "oct", "kid": "2", "k": encode("secret"), "alg": "HS256"})]).await;
    let modulus = public["n"].as_str().unwrap();
    for (id, secret) in [("1", public.to_string()), ("1", modulus.to_owned()), ("2", "secret".to_owned())] {
        for algorithm in ["HS256", "RS256"] {
            let token = hmac_token(&json!({"alg": algorithm, "kid": id}), &issuer.claims(), secret.as_bytes());
            let expected = match (algorithm, id) {
                ("HS256", _) => VerifyError::Algorithm,
                (_, "1") => VerifyError::Signature,
                _ => VerifyError::UnknownKey,
            };
            assert_eq!(issuer.verify(&verifier(), &token).await.unwrap_err(), expected, "{algorithm} {id}");
        }
    }
}

#[tokio::test]
async fn another_algorithm_than_that_of_the_key_is_refused() {
    let (rsa, p256, ed) = (Key::rsa(), Key::p256(), Key::ed());
    let mut only_rs256 = rsa.public("r");
    only_rs256["alg"] = json!("RS256");
    let issuer = Issuer::with_keys(&[only_rs256, p256.public("2"), ed.public("e")]).await;
    let verifier = verifier();
    for (key, id, algorithm) in [
        (&rsa, "r", "RS512"),
        (&rsa, "r", "PS256"),
        (&rsa, "2", "RS256"),
        (&p256, "2", "ES384"),
        (&ed, "r", "EdDSA"),
        (&p256, "e", "ES256"),
    ] {
        let token = key.sign(&json!({"alg": algorithm, "kid": id}), &issuer.claims());
        assert_eq!(issuer.verify(&verifier, &token).await.unwrap_err(), VerifyError::Algorithm, "{id} {algorithm}");
    }
    // What was signed by one and says another.
    let token = rsa.sign(&json!({"alg": "RS256", "kid": "r"}), &issuer.claims());
    let signature = token.rsplit_once('.').unwrap().1;
    let swapped =
        format!("{}.{}.{signature}", encode(json!({"alg": "ES256", "kid": "2"}).to_string()), encode(issuer.claims().to_string()));
    assert_eq!(issuer.verify(&verifier, &swapped).await.unwrap_err(), VerifyError::Signature);
}

#[tokio::test]
async fn a_changed_token_is_refused() {
    let (issuer, key) = Issuer::with_key().await;
    let token = issuer.token(&key, "1");
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut claims = issuer.claims();
    claims["sub"] = json!("job:8");
    let payload = format!("{}.{}.{signature}", signed.split_once('.').unwrap().0, encode(claims.to_string()));
    assert_eq!(issuer.verify(&verifier(), &payload).await.unwrap_err(), VerifyError::Signature);
    let mut header = header(&key, "1");
    header["x"] = json!(1);
    let header = format!("{}.{}.{signature}", encode(header.to_string()), signed.split_once('.').unwrap().1);
    assert_eq!(issuer.verify(&verifier(), &header).await.unwrap_err(), VerifyError::Signature);
}

#[tokio::test]
async fn a_key_of_a_stranger_is_refused_wherever_it_comes_from() {
    let (issuer, _) = Issuer::with_key().await;
    let (stranger, key) = Issuer::with_key().await;
    let at = format!("{}/keys", stranger.address);
    for header in [
        json!({"alg": "EdDSA", "kid": "1"}),
        json!({"alg": "EdDSA"}),
        json!({"alg": "EdDSA", "kid": "1", "jwk": key.public("1")}),
        json!({"alg": "EdDSA", "kid": "1", "jku": at}),
        json!({"alg": "EdDSA", "kid": "1", "x5u": at}),
    ] {
        let token = key.sign(&header, &issuer.claims());
        assert_eq!(issuer.verify(&verifier(), &token).await.unwrap_err(), VerifyError::Signature, "{header}");
    }
    let named = key.sign(&json!({"alg": "EdDSA", "kid": at}), &issuer.claims());
    assert_eq!(issuer.verify(&verifier(), &named).await.unwrap_err(), VerifyError::UnknownKey);
    assert_eq!(stranger.asked(), (0, 0));
}
