//! What a URL says behind the `?`, and what a list asks of the metadata plane for it: its order and its filter.

use std::convert::Infallible;
use std::marker::PhantomData;

use aide::generate::GenContext;
use aide::openapi::{Operation, Parameter, ParameterSchemaOrContent};
use aide::operation::{OperationInput, ParamLocation, add_parameters, parameters_from_schema};
use axum::extract::FromRequestParts;
use axum::http::Uri;
use axum::http::request::Parts;
use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::refusal::{Refusal, Result};

/// The parameters behind the `?`, read once the caller is known. Those that nobody knows are passed over, as GitLab does.
#[derive(Debug)]
pub(crate) struct Query<T>(String, PhantomData<T>);

impl<T> Query<T> {
    pub(crate) fn of(uri: &Uri) -> Self {
        Self(uri.query().unwrap_or_default().to_owned(), PhantomData)
    }
}

impl<T: DeserializeOwned> Query<T> {
    pub(crate) fn read(&self) -> Result<T> {
        serde_urlencoded::from_str(&self.0).map_err(|_| Refusal::parameter("query is invalid"))
    }
}

impl<S: Sync, T: Send> FromRequestParts<S> for Query<T> {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.uri))
    }
}

impl<T: JsonSchema> OperationInput for Query<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        describe::<T>(ctx, operation, ParamLocation::Query);
    }
}

/// Headers that a route reads, for the document.
#[derive(Debug)]
pub(crate) struct Headers<T>(PhantomData<T>);

impl<T: JsonSchema> OperationInput for Headers<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        describe::<T>(ctx, operation, ParamLocation::Header);
    }
}

fn describe<T: JsonSchema>(ctx: &mut GenContext, operation: &mut Operation, location: ParamLocation) {
    let schema = ctx.schema.subschema_for::<T>();
    let mut parameters = parameters_from_schema(ctx, schema, location);
    for parameter in &mut parameters {
        let (Parameter::Query { parameter_data, .. } | Parameter::Header { parameter_data, .. }) = parameter else { continue };
        parameter_data.required &= location == ParamLocation::Header;
        if let ParameterSchemaOrContent::Schema(schema) = &mut parameter_data.format {
            without_null(&mut schema.json_schema);
        }
    }
    add_parameters(ctx, operation, parameters);
}

/// A parameter is left out, and never `null`.
fn without_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    for kinds in ["type", "anyOf"] {
        let Some(Value::Array(among)) = object.get_mut(kinds) else { continue };
        among.retain(|kind| *kind != "null" && *kind != json!({ "type": "null" }));
        if kinds == "type" && among.len() == 1 {
            let only = among.remove(0);
            object.insert(kinds.to_owned(), only);
        }
    }
}

/// A number in a parameter.
pub(crate) fn number(name: &str, text: Option<&str>) -> Result<Option<i64>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| Refusal::parameter(format!("{name} is invalid")))
}

/// Whether a parameter says yes, in one of the spellings that clients have for that.
pub(crate) fn is_set(flag: Option<&str>) -> bool {
    flag.is_some_and(|flag| matches!(flag.to_ascii_lowercase().as_str(), "true" | "1" | "t" | "on"))
}

/// Which way a list goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Ascending,
    Descending,
}

/// The order of a list in the plane's words. `orders` has the names that the route knows and what they are there; the first one counts
/// where none is asked for, and `direction` where `sort` is not there.
pub(crate) fn order(orders: &[(&str, &str)], order_by: Option<&str>, sort: Option<&str>, direction: Direction) -> Result<String> {
    let known = orders.iter().find(|(name, _)| order_by.is_none_or(|asked| asked == *name));
    let (_, column) = known.ok_or_else(|| Refusal::no_valid_value("order_by"))?;
    let direction = match sort {
        None => direction,
        Some("asc") => Direction::Ascending,
        Some("desc") => Direction::Descending,
        Some(_) => return Err(Refusal::no_valid_value("sort")),
    };
    Ok(format!("{column}{}", if direction == Direction::Descending { " desc" } else { "" }))
}

/// The names of orders, as the document lists them.
pub(crate) fn names(orders: &[(&'static str, &str)]) -> Vec<&'static str> {
    orders.iter().map(|(name, _)| *name).collect()
}

/// A text as a filter has it.
pub(crate) fn quoted(text: &str) -> String {
    let plain: String = text.chars().filter(|c| !c.is_control()).collect();
    format!("\"{}\"", plain.replace('\\', "\\\\").replace('"', "\\\""))
}
