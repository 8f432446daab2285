//! An issuer on this machine, and the clock that both sides go by.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding,
};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use consign_server::oidc::{Loopback, Verified, Verifier, VerifyError};
use consign_types::Timestamp;
use serde_json::{Value, json};

const BEGINNING: i64 = 1_800_000_000;

thread_local! {
    /// Each test runs on a thread of its own, with all its tasks.
    static SECONDS: Cell<i64> = const { Cell::new(BEGINNING) };
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_micros(0).plus_seconds(seconds())
}

pub(crate) fn seconds() -> i64 {
    SECONDS.get()
}

pub(crate) fn advance(seconds: i64) {
    SECONDS.set(SECONDS.get() + seconds);
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// A private key.
#[derive(Clone)]
pub(crate) enum Key {
    Rsa(Arc<RsaKeyPair>),
    Ec(Arc<EcdsaKeyPair>, &'static str),
    Ed(Arc<Ed25519KeyPair>),
}

impl Key {
    /// RSA keys take long to make, so all tests share one.
    pub(crate) fn rsa() -> Self {
        static KEY: OnceLock<Arc<RsaKeyPair>> = OnceLock::new();
        Self::Rsa(Arc::clone(KEY.get_or_init(|| Arc::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()))))
    }

    pub(crate) fn p256() -> Self {
        Self::ec(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256")
    }

    pub(crate) fn p384() -> Self {
        Self::ec(&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384")
    }

    fn ec(algorithm: &'static EcdsaSigningAlgorithm, curve: &'static str) -> Self {
        Self::Ec(Arc::new(EcdsaKeyPair::generate(algorithm).unwrap()), curve)
    }

    pub(crate) fn ed() -> Self {
        Self::Ed(Arc::new(Ed25519KeyPair::generate().unwrap()))
    }

    pub(crate) fn public(&self, id: &str) -> Value {
        match self {
            Self::Rsa(key) => {
                let public = key.public_key();
                let (n, e) = (public.modulus().big_endian_without_leading_zero(), public.exponent().big_endian_without_leading_zero());
                json!({"kty": "RSA", "kid": id, "use": "sig", "n": encode(n), "e": encode(e)})
            }
            Self::Ec(key, curve) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(key.public_key().as_ref().len() / 2);
                json!({"kty": "EC", "kid": id, "crv": curve, "x": encode(x), "y": encode(y)})
            }
            Self::Ed(key) => json!({"kty": "OKP", "kid": id, "crv": "Ed25519", "x": encode(key.public_key())}),
        }
    }

    /// A token under this key, whatever its header says. An RSA key signs by the algorithm of the header, or by RS256.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(rsa_encoding(header), &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
                signature
            }
            Self::Ec(key, _) => key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap().as_ref().to_vec(),
            Self::Ed(key) => key.sign(signed.as_bytes()).as_ref().to_vec(),
        };
        format!("{signed}.{}", encode(signature))
    }
}

fn rsa_encoding(header: &Value) -> &'static dyn RsaEncoding {
    match header["alg"].as_str() {
        Some("RS384") => &RSA_PKCS1_SHA384,
        Some("RS512") => &RSA_PKCS1_SHA512,
        Some("PS256") => &RSA_PSS_SHA256,
        Some("PS384") => &RSA_PSS_SHA384,
        Some("PS512") => &RSA_PSS_SHA512,
        _ => &RSA_PKCS1_SHA256,
    }
}

/// What an issuer answers.
#[derive(Clone)]
pub(crate) enum Answer {
    Json(Value),
    Text(String),
    Redirect(String),
    Status(StatusCode),
    /// Never.
    Nothing,
}

#[derive(Default)]
struct Pages {
    answers: Mutex<BTreeMap<String, Answer>>,
    configurations: AtomicUsize,
    keys: AtomicUsize,
}

/// An issuer that can be told to be wrong.
pub(crate) struct Issuer {
    pub(crate) address: String,
    pages: Arc<Pages>,
}

const CONFIGURATION: &str = "/.well-known/openid-configuration";
const KEYS: &str = "/keys";

impl Issuer {
    pub(crate) async fn with_keys(keys: &[Value]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let pages = Arc::new(Pages::default());
        let router = Router::new().fallback(page).with_state(Arc::clone(&pages));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let issuer = Self { address, pages };
        issuer.configure(&issuer.address, &format!("{}{KEYS}", issuer.address));
        issuer.publish(keys);
        issuer
    }

    /// One with an Ed25519 key of the id `1`, which is quick to make.
    pub(crate) async fn with_key() -> (Self, Key) {
        let key = Key::ed();
        (Self::with_keys(&[key.public("1")]).await, key)
    }

    pub(crate) fn configure(&self, issuer: &str, keys: &str) {
        self.answer(CONFIGURATION, Answer::Json(json!({"issuer": issuer, "jwks_uri": keys, "response_types_supported": ["id_token"]})));
    }

    pub(crate) fn publish(&self, keys: &[Value]) {
        self.answer(KEYS, Answer::Json(json!({ "keys": keys })));
    }

    pub(crate) fn answer_configuration(&self, answer: Answer) {
        self.answer(CONFIGURATION, answer);
    }

    pub(crate) fn answer_keys(&self, answer: Answer) {
        self.answer(KEYS, answer);
    }

    pub(crate) fn answer(&self, path: &str, answer: Answer) {
        self.pages.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    /// How often the configuration and the keys were asked for.
    pub(crate) fn asked(&self) -> (usize, usize) {
        (self.pages.configurations.load(Ordering::SeqCst), self.pages.keys.load(Ordering::SeqCst))
    }

    pub(crate) fn claims(&self) -> Value {
        let now = seconds();
        json!({"iss": self.address, "aud": "consign", "sub": "job:7", "iat": now, "nbf": now, "exp": now + 300})
    }

    pub(crate) fn token(&self, key: &Key, id: &str) -> String {
        key.sign(&header(key, id), &self.claims())
    }

    pub(crate) async fn verify(&self, verifier: &Verifier, token: &str) -> Result<Verified, VerifyError> {
        verifier.verify(token, &[self.address.parse().unwrap()]).await
    }
}

/// The header that fits a key.
pub(crate) fn header(key: &Key, id: &str) -> Value {
    let algorithm = match key {
        Key::Rsa(_) => "RS256",
        Key::Ec(_, "P-256") => "ES256",
        Key::Ec(..) => "ES384",
        Key::Ed(_) => "EdDSA",
    };
    json!({"alg": algorithm, "kid": id, "typ": "JWT"})
}

pub(crate) fn verifier() -> Verifier {
    Verifier::new(Loopback::Allowed, now).unwrap()
}

async fn page(State(pages): State<Arc<Pages>>, uri: Uri, _: Request) -> Response {
    let counter = if uri.path() == CONFIGURATION { &pages.configurations } else { &pages.keys };
    counter.fetch_add(1, Ordering::SeqCst);
    let answer = pages.answers.lock().unwrap().get(uri.path()).cloned();
    match answer {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(Answer::Json(value)) => value.to_string().into_response(),
        Some(Answer::Text(text)) => text.into_response(),
        Some(Answer::Redirect(to)) => axum::response::Redirect::temporary(&to).into_response(),
        Some(Answer::Status(status)) => status.into_response(),
        Some(Answer::Nothing) => std::future::pending().await,
    }
}
