//! What clients send to say what is to be made or changed: as JSON, or as a form.

use axum::body::{Body, to_bytes};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::refusal::{Refusal, Result};

/// The largest body that is read.
const MAX_BODY_BYTES: usize = 64 << 10;

/// The fields of a body. Those that nobody knows are passed over, as GitLab does.
pub(crate) async fn read<T: DeserializeOwned>(headers: &HeaderMap, body: Body) -> Result<T> {
    let body = to_bytes(body, MAX_BODY_BYTES).await.map_err(|_| Refusal::parameter("body is too large"))?;
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if content_type.starts_with("application/json") {
        return serde_json::from_slice(&body).map_err(|_| Refusal::parameter("body is not valid JSON"));
    }
    if content_type.starts_with("multipart/") {
        return Err(Refusal::parameter("send the fields as application/json or application/x-www-form-urlencoded"));
    }
    serde_urlencoded::from_bytes(&body).map_err(|_| Refusal::parameter("body is not a valid form"))
}

/// A field that may be left out, and may be `null`, which means something else.
pub(crate) fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}
