//! What clients send to say what is to be made or changed: as JSON, or as a form.

use axum::body::{Body, to_bytes};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::refusal::{Refusal, Result};

/// The largest body that is read.
const MAX_BODY_BYTES: usize = 64 << 10;

/// The largest body that is read where somebody has much to say.
const MAX_LARGE_BODY_BYTES: usize = 1 << 20;

/// The fields of a body. Those that nobody knows are passed over, as GitLab does.
pub(crate) async fn read<T: DeserializeOwned>(headers: &HeaderMap, body: Body) -> Result<T> {
    read_up_to(headers, body, MAX_BODY_BYTES).await
}

/// The same, of a body with a long text in it.
pub(crate) async fn read_large<T: DeserializeOwned>(headers: &HeaderMap, body: Body) -> Result<T> {
    read_up_to(headers, body, MAX_LARGE_BODY_BYTES).await
}

async fn read_up_to<T: DeserializeOwned>(headers: &HeaderMap, body: Body, most: usize) -> Result<T> {
    let body = to_bytes(body, most).await.map_err(|_| Refusal::parameter("body is too large"))?;
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if content_type.starts_with("application/json") {
        return serde_json::from_slice(&body).map_err(|_| Refusal::parameter("body is not valid JSON"));
    }
    if content_type.starts_with("multipart/") {
        return Err(Refusal::parameter("send the fields as application/json or application/x-www-form-urlencoded"));
    }
    let invalid = || Refusal::parameter("body is not a valid form");
    let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(&body).map_err(|_| invalid())?;
    serde_json::from_value(object(pairs)).map_err(|_| invalid())
}

/// A form as an object: what is called `name[]` is a list of all that are called so.
fn object(pairs: Vec<(String, String)>) -> Value {
    let mut fields = Map::new();
    for (name, text) in pairs {
        match name.strip_suffix("[]") {
            Some(name) => match fields.entry(name).or_insert_with(|| Value::Array(Vec::new())) {
                Value::Array(list) => list.push(text.into()),
                other => *other = text.into(),
            },
            None => drop(fields.insert(name, text.into())),
        }
    }
    Value::Object(fields)
}

/// A number, which JSON clients send as one and forms as text.
pub(crate) fn number(name: &str, value: &Value) -> Result<i64> {
    let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
    number.ok_or_else(|| Refusal::parameter(format!("{name} is invalid")))
}

/// A field that may be left out, and may be `null`, which means something else.
pub(crate) fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_form_is_read_as_an_object_with_lists() {
        let pairs = |text: &str| serde_urlencoded::from_str(text).unwrap();
        assert_eq!(object(pairs("a=1&b[]=x&b[]=y&c=")), json!({ "a": "1", "b": ["x", "y"], "c": "" }));
        assert_eq!(object(pairs("a=1&a=2&b=x&b[]=y")), json!({ "a": "2", "b": "y" }));
    }
}
