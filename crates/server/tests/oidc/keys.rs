//! When an issuer is asked for its keys, and what it may answer.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use consign_server::oidc::{Verifier, VerifyError};
use futures::FutureExt as _;
use futures::future::join_all;
use serde_json::json;

use crate::issuer::{Answer, Issuer, Key, advance, verifier};

const HOUR: i64 = 60 * 60;

#[tokio::test]
async fn callers_at_the_same_time_share_a_fetch() {
    let (issuer, key) = Issuer::with_key().await;
    let (verifier, token) = (verifier(), issuer.token(&key, "1"));
    let answers = join_all((0..20).map(|_| issuer.verify(&verifier, &token))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(issuer.asked(), (1, 1));
}

#[tokio::test]
async fn a_fetch_goes_on_when_its_caller_is_gone() {
    let (issuer, key) = Issuer::with_key().await;
    let (verifier, token) = (verifier(), issuer.token(&key, "1"));
    assert!(issuer.verify(&verifier, &token).now_or_never().is_none());
    assert!(issuer.verify(&verifier, &token).await.is_ok());
    assert_eq!(issuer.asked(), (1, 1));
}

#[tokio::test]
async fn keys_are_fetched_anew_after_an_hour() {
    let (issuer, key) = Issuer::with_key().await;
    let verifier = verifier();
    for (wait, fetches) in [(0, 1), (HOUR - 1, 1), (1, 2), (HOUR - 1, 2)] {
        advance(wait);
        assert!(issuer.verify(&verifier, &issuer.token(&key, "1")).await.is_ok());
        assert_eq!(issuer.asked(), (fetches, fetches));
    }
}

#[tokio::test]
async fn unknown_keys_are_asked_for_once_a_minute() {
    let (issuer, key) = Issuer::with_key().await;
    let verifier = verifier();
    for (wait, fetches) in [(0, 1), (1, 1), (58, 1), (1, 2), (59, 2), (1, 3)] {
        advance(wait);
        for id in ["2", "3", "4"] {
            assert_eq!(issuer.verify(&verifier, &issuer.token(&key, id)).await.unwrap_err(), VerifyError::UnknownKey);
        }
        assert!(issuer.verify(&verifier, &issuer.token(&key, "1")).await.is_ok());
        assert_eq!(issuer.asked(), (fetches, fetches));
    }
}

#[tokio::test]
async fn a_new_key_is_found_and_an_old_one_is_forgotten() {
    let (issuer, old) = Issuer::with_key().await;
    let (verifier, new) = (verifier(), Key::p256());
    assert!(issuer.verify(&verifier, &issuer.token(&old, "1")).await.is_ok());
    issuer.publish(&[new.public("2")]);
    advance(60);
    assert!(issuer.verify(&verifier, &issuer.token(&old, "1")).await.is_ok());
    assert!(issuer.verify(&verifier, &issuer.token(&new, "2")).await.is_ok());
    assert_eq!(issuer.asked(), (2, 2));
    assert_eq!(issuer.verify(&verifier, &issuer.token(&old, "1")).await.unwrap_err(), VerifyError::UnknownKey);
    assert_eq!(issuer.asked(), (2, 2));
}

#[tokio::test]
async fn known_keys_count_for_a_day_while_the_issuer_is_down() {
    let (issuer, key) = Issuer::with_key().await;
    let verifier = verifier();
    let verify = async || issuer.verify(&verifier, &issuer.token(&key, "1")).await.map(drop);
    assert_eq!(verify().await, Ok(()));
    issuer.answer_keys(Answer::Status(StatusCode::INTERNAL_SERVER_ERROR));
    for (wait, expected, fetches) in [
        (HOUR, Ok(()), 2),
        (9, Ok(()), 2),
        (1, Ok(()), 3),
        (23 * HOUR - 11, Ok(()), 4),
        (1, Err(VerifyError::KeysUnavailable), 4),
        (9, Err(VerifyError::KeysUnavailable), 5),
    ] {
        advance(wait);
        assert_eq!(verify().await, expected, "after {wait} s");
        assert_eq!(issuer.asked(), (fetches, fetches));
    }
    issuer.publish(&[key.public("1")]);
    advance(10);
    assert_eq!(verify().await, Ok(()));
}

#[tokio::test]
async fn an_unknown_key_may_be_a_new_one_of_an_issuer_that_is_down() {
    let (issuer, key) = Issuer::with_key().await;
    let verifier = verifier();
    assert!(issuer.verify(&verifier, &issuer.token(&key, "1")).await.is_ok());
    issuer.answer_keys(Answer::Status(StatusCode::INTERNAL_SERVER_ERROR));
    for (wait, expected, fetches) in [
        (59, VerifyError::UnknownKey, 1),
        (1, VerifyError::KeysUnavailable, 2),
        (59, VerifyError::KeysUnavailable, 2),
        (1, VerifyError::KeysUnavailable, 3),
    ] {
        advance(wait);
        assert_eq!(issuer.verify(&verifier, &issuer.token(&key, "2")).await.unwrap_err(), expected);
        assert!(issuer.verify(&verifier, &issuer.token(&key, "1")).await.is_ok());
        assert_eq!(issuer.asked(), (fetches, fetches));
    }
}

#[tokio::test]
async fn an_issuer_that_is_gone_is_left_alone_for_a_while() {
    let (issuer, key) = Issuer::with_key().await;
    let verifier = verifier();
    issuer.answer_configuration(Answer::Status(StatusCode::NOT_FOUND));
    for (wait, fetches) in [(0, 1), (9, 1), (1, 2)] {
        advance(wait);
        assert_eq!(issuer.verify(&verifier, &issuer.token(&key, "1")).await.unwrap_err(), VerifyError::KeysUnavailable);
        assert_eq!(issuer.asked(), (fetches, 0));
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_keeps_no_key_alive() {
    let (issuer, key) = Issuer::with_key().await;
    let verifier = verifier();
    assert!(issuer.verify(&verifier, &issuer.token(&key, "1")).await.is_ok());
    advance(-48 * HOUR);
    issuer.publish(&[]);
    assert_eq!(issuer.verify(&verifier, &issuer.token(&key, "1")).await.unwrap_err(), VerifyError::UnknownKey);
}

/// What is said when the issuer answers in this way, which leads nowhere.
async fn misled(mislead: impl FnOnce(&Issuer, &Issuer)) {
    let ((issuer, key), (other, _)) = (Issuer::with_key().await, Issuer::with_key().await);
    other.publish(&[key.public("1")]);
    mislead(&issuer, &other);
    let refused = issuer.verify(&verifier(), &issuer.token(&key, "1")).await;
    assert_eq!(refused.unwrap_err(), VerifyError::KeysUnavailable);
    assert_eq!(other.asked(), (0, 0), "the other was asked");
}

#[tokio::test]
async fn an_issuer_speaks_for_itself_alone() {
    misled(|issuer, other| issuer.configure(&other.address, &format!("{}/keys", issuer.address))).await;
    misled(|issuer, _| issuer.configure(&format!("{}/", issuer.address), &format!("{}/keys", issuer.address))).await;
    misled(|issuer, other| issuer.answer_keys(Answer::Redirect(format!("{}/keys", other.address)))).await;
    misled(|issuer, other| issuer.answer_configuration(Answer::Redirect(format!("{}/.well-known/openid-configuration", other.address))))
        .await;
    for keys in ["http://example.com/keys", "https://169.254.169.254/keys", "file:///etc/passwd", "/keys", ""] {
        misled(|issuer, _| issuer.configure(&issuer.address, keys)).await;
    }
}

#[tokio::test]
async fn an_answer_has_its_bounds() {
    misled(|issuer, _| issuer.answer_keys(Answer::Text(format!("{{\"keys\":[{}]}}", " ".repeat(256 << 10))))).await;
    misled(|issuer, _| issuer.answer_configuration(Answer::Text(" ".repeat(10 << 20)))).await;
    misled(|issuer, _| issuer.publish(&vec![json!({}); 51])).await;
    misled(|issuer, _| issuer.answer_keys(Answer::Text("<html>".to_owned()))).await;
    misled(|issuer, _| issuer.answer_configuration(Answer::Json(json!({"issuer": issuer.address})))).await;
}

#[tokio::test]
async fn an_issuer_that_hangs_holds_up_nobody_else() {
    let ((hanging, hanging_key), (good, key)) = (Issuer::with_key().await, Issuer::with_key().await);
    let verifier = verifier();
    hanging.answer_keys(Answer::Nothing);
    let begun = Instant::now();
    let token = hanging.token(&hanging_key, "1");
    let stuck = join_all((0..20).map(|_| hanging.verify(&verifier, &token)));
    let (stuck, quick) = tokio::join!(stuck, quick(&good, &key, &verifier));
    assert!(stuck.iter().all(|refused| matches!(refused, Err(VerifyError::KeysUnavailable))));
    assert!(quick < Duration::from_secs(4) && begun.elapsed() < Duration::from_secs(30), "{quick:?} {:?}", begun.elapsed());
    assert_eq!(hanging.asked(), (1, 1));
}

async fn quick(issuer: &Issuer, key: &Key, verifier: &Verifier) -> Duration {
    let begun = Instant::now();
    assert!(issuer.verify(verifier, &issuer.token(key, "1")).await.is_ok());
    begun.elapsed()
}

#[tokio::test]
async fn more_issuers_than_are_remembered_are_all_served() {
    let verifier = verifier();
    for _ in 0..110 {
        let (issuer, key) = Issuer::with_key().await;
        assert!(issuer.verify(&verifier, &issuer.token(&key, "1")).await.is_ok());
    }
}
