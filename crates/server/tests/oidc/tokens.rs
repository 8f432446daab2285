//! What a good token has, and what is refused of one that its issuer did sign.

use std::collections::BTreeMap;

use consign_server::oidc::{Loopback, Verifier, VerifyError};
use consign_types::trust::TrustRule;
use serde_json::{Value, json};

use crate::issuer::{Issuer, Key, advance, header, now, seconds, verifier};

#[tokio::test]
async fn tokens_of_every_algorithm_are_accepted() {
    let (rsa, p256, p384, ed) = (Key::rsa(), Key::p256(), Key::p384(), Key::ed());
    let issuer = Issuer::with_keys(&[rsa.public("r"), p256.public("2"), p384.public("3"), ed.public("e")]).await;
    let verifier = verifier();
    for (key, id, algorithms) in [
        (&rsa, "r", &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"][..]),
        (&p256, "2", &["ES256"]),
        (&p384, "3", &["ES384"]),
        (&ed, "e", &["EdDSA"]),
    ] {
        for algorithm in algorithms {
            let token = key.sign(&json!({"alg": algorithm, "kid": id}), &issuer.claims());
            let answer = issuer.verify(&verifier, &token).await;
            assert_eq!(answer.map(|verified| verified.subject).as_deref(), Ok("job:7"), "{algorithm}");
        }
    }
    assert_eq!(issuer.asked(), (1, 1));
}

#[tokio::test]
async fn a_verified_token_says_what_a_rule_asks_for() {
    let (issuer, key) = Issuer::with_key().await;
    let verified = issuer.verify(&verifier(), &issuer.token(&key, "1")).await.unwrap();
    assert_eq!(verified.issuer.as_str(), issuer.address);
    assert_eq!(verified.expires_at, now().plus_seconds(300));
    assert_eq!(verified.replay_until(), now().plus_seconds(360));
    let rule = |audience: &str| {
        let claims = BTreeMap::from([("sub".parse().unwrap(), "job:*".parse().unwrap())]);
        TrustRule::new(issuer.address.parse().unwrap(), vec![audience.parse().unwrap()], claims).unwrap()
    };
    assert_eq!(rule("consign").matches(&verified.claims).unwrap()["sub"], "job:7");
    assert!(rule("other").matches(&verified.claims).is_err());
    assert!(!format!("{verified:?}").contains("job:7"));
}

#[tokio::test]
async fn a_token_without_a_key_id_is_by_the_only_key() {
    let (issuer, key) = Issuer::with_key().await;
    let token = key.sign(&json!({"alg": "EdDSA"}), &issuer.claims());
    assert!(issuer.verify(&verifier(), &token).await.is_ok());
}

async fn changed(name: &str, value: Value) -> Result<(), VerifyError> {
    let (issuer, key) = Issuer::with_key().await;
    let mut claims = issuer.claims();
    claims[name] = value;
    issuer.verify(&verifier(), &key.sign(&header(&key, "1"), &claims)).await.map(drop)
}

#[tokio::test]
async fn claims_of_a_signed_token_are_judged() {
    let now = seconds();
    for (name, value, expected) in [
        ("aud", json!(["x", "other"]), Ok(())),
        ("iss", json!("https://gitlab.com"), Err(VerifyError::Issuer)),
        ("iss", json!(7), Err(VerifyError::Issuer)),
        ("sub", json!(""), Err(VerifyError::Claim("sub"))),
        ("sub", json!(null), Err(VerifyError::Claim("sub"))),
        ("jti", json!(7), Err(VerifyError::Claim("jti"))),
        ("exp", json!(now - 60), Err(VerifyError::Expired)),
        ("exp", json!(now - 59), Ok(())),
        ("exp", json!(now + 86_401), Err(VerifyError::TooLong)),
        ("exp", json!(null), Err(VerifyError::Claim("exp"))),
        ("iat", json!(null), Err(VerifyError::Claim("iat"))),
        ("iat", json!(now + 61), Err(VerifyError::NotYet)),
        ("nbf", json!(now + 61), Err(VerifyError::NotYet)),
    ] {
        assert_eq!(changed(name, value.clone()).await, expected, "{name} {value}");
    }
}

#[tokio::test]
async fn an_issuer_is_compared_exactly() {
    let (issuer, key) = Issuer::with_key().await;
    for other in [format!("{}/", issuer.address), issuer.address.to_uppercase(), issuer.address.replace("127.0.0.1", "localhost")] {
        let mut claims = issuer.claims();
        claims["iss"] = json!(other);
        let refused = issuer.verify(&verifier(), &key.sign(&header(&key, "1"), &claims)).await;
        assert_eq!(refused.unwrap_err(), VerifyError::Issuer, "{other}");
    }
}

#[tokio::test]
async fn an_issuer_that_no_rule_names_is_never_asked() {
    let ((trusted, _), (stranger, key)) = (Issuer::with_key().await, Issuer::with_key().await);
    let token = stranger.token(&key, "1");
    assert_eq!(trusted.verify(&verifier(), &token).await.unwrap_err(), VerifyError::Issuer);
    assert_eq!(verifier().verify(&token, &[]).await.unwrap_err(), VerifyError::Issuer);
    assert_eq!((trusted.asked(), stranger.asked()), ((0, 0), (0, 0)));
}

#[tokio::test]
async fn an_issuer_on_this_machine_is_asked_only_where_that_is_allowed() {
    let (issuer, key) = Issuer::with_key().await;
    let verifier = Verifier::new(Loopback::Refused, now).unwrap();
    assert_eq!(issuer.verify(&verifier, &issuer.token(&key, "1")).await.unwrap_err(), VerifyError::KeysUnavailable);
    assert_eq!(issuer.asked(), (0, 0));
}

#[tokio::test]
async fn a_token_expires_while_its_keys_are_known() {
    let (issuer, key) = Issuer::with_key().await;
    let (verifier, token) = (verifier(), issuer.token(&key, "1"));
    advance(359);
    assert!(issuer.verify(&verifier, &token).await.is_ok());
    advance(1);
    assert_eq!(issuer.verify(&verifier, &token).await.unwrap_err(), VerifyError::Expired);
}

#[tokio::test]
async fn a_token_is_known_again_by_its_id_or_by_what_is_signed() {
    let key = Key::p256();
    let issuer = Issuer::with_keys(&[key.public("1")]).await;
    let verifier = verifier();
    let unique = async |jti: Value, sub: &str| {
        let mut claims = issuer.claims();
        (claims["jti"], claims["sub"]) = (jti, json!(sub));
        issuer.verify(&verifier, &key.sign(&header(&key, "1"), &claims)).await.unwrap().unique
    };
    assert_eq!(unique(json!("a"), "job:1").await, unique(json!("a"), "job:2").await);
    assert_ne!(unique(json!("a"), "job:1").await, unique(json!("b"), "job:1").await);
    // Each signature is another one, but it is the same token.
    assert_eq!(unique(json!(""), "job:1").await, unique(json!(""), "job:1").await);
    assert_ne!(unique(json!(""), "job:1").await, unique(json!(""), "job:2").await);
}
