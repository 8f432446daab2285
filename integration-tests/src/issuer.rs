//! A CI system that signs ID tokens.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::routing::get;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{KeyPair, PublicKeyData as _};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// An OIDC issuer on the loopback interface, with one key. It ends with the runtime of the test.
pub struct Issuer {
    /// Its address, as claim `iss` has it.
    pub address: String,
    key: EncodingKey,
}

impl Issuer {
    /// An issuer that answers.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = format!("http://{}", listener.local_addr().expect("a listener has an address"));
        let pair = KeyPair::generate().expect("a key can be made");
        // An uncompressed point: a byte, and the coordinates (SEC 1, section 2.3.3).
        let (x, y) = pair.der_bytes()[1..].split_at(32);
        let [x, y] = [x, y].map(|coordinate| BASE64_URL_SAFE_NO_PAD.encode(coordinate));
        let keys = json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "one", "use": "sig", "x": x, "y": y}]}).to_string();
        let configuration = json!({"issuer": address, "jwks_uri": format!("{address}/keys")}).to_string();
        let app = Router::new().route("/.well-known/openid-configuration", get(async || configuration)).route("/keys", get(async || keys));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, key: EncodingKey::from_ec_der(&pair.serialize_der()) }
    }

    /// An ID token for the audience `consign` that counts for five minutes, with these claims besides.
    pub fn sign(&self, claims: &Value) -> String {
        let now = now();
        let mut all = json!({"iss": self.address, "aud": "consign", "sub": "job", "iat": now, "exp": now + 300});
        for (name, value) in claims.as_object().into_iter().flatten() {
            all[name] = value.clone();
        }
        let header = Header { kid: Some("one".to_owned()), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, &all, &self.key).expect("claims can be signed")
    }
}

#[expect(clippy::disallowed_methods, reason = "the service under test goes by the system's clock")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs()
}
