//! What an ID token says.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value};

/// The claims of an ID token. They do not show themselves.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub struct Claims(Map<String, Value>);

impl Claims {
    /// A claim as JSON has it.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A claim that is a string, an integer or a boolean, in the form that JSON writes it.
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        match self.0.get(name)? {
            Value::String(text) => Some(Cow::Borrowed(text)),
            Value::Number(number) if number.is_i64() || number.is_u64() => Some(Cow::Owned(number.to_string())),
            Value::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
            _ => None,
        }
    }

    /// For whom the token is made: claim `aud`, a string or a list of them (RFC 7519, section 4.1.3).
    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        let audiences = match self.0.get("aud") {
            Some(Value::Array(list)) => list.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        audiences.iter().filter_map(Value::as_str)
    }
}

impl From<Map<String, Value>> for Claims {
    fn from(claims: Map<String, Value>) -> Self {
        Self(claims)
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims(..)")
    }
}
