//! A token that was changed in any way is none.

use consign_server::oidc::VerifyError;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::issuer::{Issuer, Key, verifier};

/// The text with one thing changed.
fn mutate(text: &str, kind: u8, at: usize, other: usize, bit: u8) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let (at, other) = (at % bytes.len(), other % bytes.len());
    match kind {
        0 => bytes[at] ^= 1 << bit,
        1 => bytes.truncate(at),
        2 => bytes.swap(at, other),
        3 => drop(bytes.remove(at)),
        4 => bytes.insert(at, b"A_-.="[bit as usize % 5]),
        5 => bytes.rotate_left(at),
        _ => bytes[at] = b"Az09-_.=+/"[bit as usize],
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn no_mutation_of_a_token_is_accepted() {
    let keys = [Key::rsa(), Key::p256(), Key::ed()];
    let public: Vec<_> = keys.iter().enumerate().map(|(i, key)| key.public(&i.to_string())).collect();
    let issuer = Issuer::with_keys(&public).await;
    let tokens: Vec<_> = keys.iter().enumerate().map(|(i, key)| issuer.token(key, &i.to_string())).collect();
    let verifier = verifier();
    for token in &tokens {
        assert!(issuer.verify(&verifier, token).await.is_ok());
    }
    let mutation = (0..tokens.len(), 0_u8..7, any::<usize>(), any::<usize>(), 0_u8..8);
    let mut runner = TestRunner::default();
    for _ in 0..2_000 {
        let (token, kind, at, other, bit) = mutation.new_tree(&mut runner).unwrap().current();
        let mutated = mutate(&tokens[token], kind, at, other, bit);
        let answer = issuer.verify(&verifier, &mutated).await;
        assert!(answer.is_err() || mutated == tokens[token], "{mutated}");
        assert!(!matches!(answer, Err(VerifyError::KeysUnavailable)), "no other issuer was asked");
    }
    assert_eq!(issuer.asked(), (1, 1));
}
