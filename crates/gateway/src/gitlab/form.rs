//! What clients send to say what is to be made or changed: as JSON, or as a form.

use std::convert::Infallible;
use std::marker::PhantomData;

use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, ReferenceOr, SchemaObject};
use aide::operation::OperationInput;
use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use consign_types::Timestamp;
use consign_types::access::Role;
use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::query::is_set;
use super::refusal::{Refusal, Result};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// The largest body that is read.
const MAX_BODY_BYTES: usize = 64 << 10;

/// The largest body that is read where somebody has much to say.
pub(crate) const MAX_LARGE_BODY_BYTES: usize = 3 << 20;

/// The fields of a body of no more than so many bytes, and those behind the `?` that it does not have, read once the caller is known. Those
/// that nobody knows are passed over, as GitLab does.
#[derive(Debug)]
pub(crate) struct Form<T, const MOST: usize = MAX_BODY_BYTES> {
    body: Body,
    content_type: String,
    query: String,
    fields: PhantomData<T>,
}

impl<T: DeserializeOwned, const MOST: usize> Form<T, MOST> {
    pub(crate) async fn read(self) -> Result<T> {
        let body = to_bytes(self.body, MOST).await.map_err(|_| Refusal::parameter("body is too large"))?;
        if self.content_type.starts_with("multipart/") {
            return Err(Refusal::parameter("send the fields as application/json or application/x-www-form-urlencoded"));
        }
        let query = pairs(self.query.as_bytes()).ok_or_else(|| Refusal::parameter("query is invalid"))?;
        if self.content_type.starts_with(JSON) {
            let invalid = |_| Refusal::parameter("body is not valid JSON");
            let fields = if body.is_empty() { Value::Object(Map::new()) } else { serde_json::from_slice(&body).map_err(invalid)? };
            return serde_json::from_value(beside(fields, query)).map_err(|_| Refusal::parameter("body has a field of the wrong type"));
        }
        let fields = pairs(&body).ok_or_else(|| Refusal::parameter("body is not a valid form"))?;
        serde_json::from_value(beside(object(fields), query))
            .map_err(|_| Refusal::parameter("body has a field of the wrong type: lists are sent as `name[]`"))
    }
}

impl<S: Sync, T, const MOST: usize> FromRequest<S> for Form<T, MOST> {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Infallible> {
        let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let query = request.uri().query().unwrap_or_default().to_owned();
        Ok(Self { body: request.into_body(), content_type, query, fields: PhantomData })
    }
}

impl<T: JsonSchema, const MOST: usize> OperationInput for Form<T, MOST> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        Json::<T>::operation_input(ctx, operation);
        let Some(ReferenceOr::Item(body)) = &mut operation.request_body else { return };
        let Some(json) = body.content.get(JSON).and_then(|json| json.schema.clone()) else { return };
        let schema = as_form(ctx.resolve_schema(&json.json_schema).clone());
        let form = MediaType { schema: Some(SchemaObject { json_schema: schema, ..json }), ..MediaType::default() };
        body.content.insert(FORM.to_owned(), form);
    }
}

/// The fields as a form has them: a list is called `name[]`, and what has fields of its own can't be said.
fn as_form(mut schema: Schema) -> Schema {
    let properties = schema.as_object_mut().and_then(|object| object.get_mut("properties"));
    let Some(Value::Object(fields)) = properties else { return schema };
    *fields = std::mem::take(fields)
        .into_iter()
        .filter(|(_, field)| field.get("anyOf").is_none() && field.get("$ref").is_none())
        .map(|(name, field)| if field["type"] == "array" { (format!("{name}[]"), field) } else { (name, field) })
        .collect();
    schema
}

fn pairs(form: &[u8]) -> Option<Vec<(String, String)>> {
    serde_urlencoded::from_bytes(form).ok()
}

/// The fields of a body, and those of a query that it does not have.
fn beside(mut fields: Value, query: Vec<(String, String)>) -> Value {
    if let (Value::Object(fields), Value::Object(more)) = (&mut fields, object(query)) {
        for (name, value) in more {
            fields.entry(name).or_insert(value);
        }
    }
    fields
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

/// The role of one of GitLab's numbers.
pub(crate) fn access_level(level: &Value) -> Result<Role> {
    role("access_level", level)
}

/// The same, in a field of this name.
pub(crate) fn role(name: &str, level: &Value) -> Result<Role> {
    Ok(match number(name, level)? {
        10 => Role::Guest,
        15 => Role::Planner,
        20 => Role::Reporter,
        30 => Role::Developer,
        40 => Role::Maintainer,
        50 => Role::Owner,
        _ => return Err(Refusal::no_valid_value(name)),
    })
}

/// The end of something: a day, which begins at midnight, or an instant. Nothing is no end.
pub(crate) fn end(expires_at: Option<&str>) -> Result<Option<prost_types::Timestamp>> {
    Ok(instant("expires_at", expires_at)?.map(consign_proto::timestamp))
}

/// An instant, or a day, which stands for its beginning. Nothing is none.
pub(crate) fn instant(name: &str, text: Option<&str>) -> Result<Option<Timestamp>> {
    instant_or(name, text, "T00:00:00Z")
}

/// An instant, or a day, which stands for its end: the last microsecond of it. Nothing is none.
pub(crate) fn instant_or_end(name: &str, text: Option<&str>) -> Result<Option<Timestamp>> {
    instant_or(name, text, "T23:59:59.999999Z")
}

/// An instant, or a day, which stands for this time of it.
fn instant_or(name: &str, text: Option<&str>, time: &str) -> Result<Option<Timestamp>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let instant = if text.len() == "2026-01-31".len() { format!("{text}{time}") } else { text.to_owned() };
    instant.parse().map(Some).map_err(|_| Refusal::parameter(format!("{name} is invalid")))
}

/// Yes or no, which JSON clients send as such and forms as text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flag(bool);

impl From<Flag> for bool {
    fn from(Flag(flag): Flag) -> Self {
        flag
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Ok(Self(value.as_bool().unwrap_or_else(|| is_set(value.as_str()))))
    }
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
