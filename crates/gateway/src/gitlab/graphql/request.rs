//! What a request asks: one query or several, in its address, as a form or as JSON.

use async_graphql::parser::types::OperationType;
use async_graphql::{Name, Request, Variables};
use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use multer::{Constraints, Multipart, SizeLimit};
use serde::Deserialize;
use serde_json::Value;
use tokio_stream::StreamExt as _;

use super::limits::MAX_BATCH;
use super::refusal;
use crate::leftover::discard;

/// The largest body that is read.
const MAX_BODY_BYTES: usize = 64 << 10;

/// What is asked.
#[derive(Debug)]
pub(super) enum Asked {
    /// One query, which is answered by itself.
    One(Request),
    /// Several, which are answered in a list.
    Batch(Vec<Request>),
}

/// A query, as clients write it. What else is beside it is passed over.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Query {
    query: Option<String>,
    operation_name: Option<String>,
    #[serde(default)]
    variables: Value,
}

impl Query {
    /// A query of fields by their names, as forms and addresses have them.
    fn of(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        pairs.into_iter().fold(Self::default(), |query, (name, value)| match name.as_str() {
            "query" => Self { query: Some(value), ..query },
            "operationName" => Self { operation_name: Some(value).filter(|name| !name.is_empty()), ..query },
            "variables" => Self { variables: Value::String(value), ..query },
            _ => query,
        })
    }

    fn request(self) -> Result<Request, Response> {
        let request = Request::new(self.query.unwrap_or_default()).variables(variables(self.variables)?);
        Ok(match self.operation_name {
            Some(name) => request.operation_name(name),
            None => request,
        })
    }
}

/// Variables are an object, or a text that is one in JSON.
fn variables(given: Value) -> Result<Variables, Response> {
    let refused = |told: &str| refusal::answer(StatusCode::UNPROCESSABLE_ENTITY, told);
    let read = match given {
        Value::String(text) if text.trim().is_empty() => Value::Null,
        Value::String(text) => serde_json::from_str(&text).map_err(|error| refused(&format!("`variables` are no JSON: {error}")))?,
        given => given,
    };
    match read {
        Value::Null => Ok(Variables::default()),
        Value::Object(_) => Ok(Variables::from_json(read)),
        _ => Err(refused("Unexpected parameter: `variables` are no object")),
    }
}

/// The query in an address: nothing is changed so, since whoever follows a link did not ask for it.
pub(super) fn of_address(query: &str, method: &str) -> Result<Request, Response> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
    let mut request = Query::of(pairs).request()?;
    let name = request.operation_name.clone();
    let document = request.parsed_query().map_err(|error| refusal::answer(StatusCode::OK, &error.message))?;
    // Where several are there and none is named, none is done.
    let is_single = document.operations.iter().count() == 1;
    let is_meant = |named: Option<&Name>| name.as_ref().map_or(is_single, |name| named.is_some_and(|named| named.as_str() == name));
    if document.operations.iter().any(|(named, operation)| is_meant(named) && operation.node.ty == OperationType::Mutation) {
        let told = format!("Mutations are forbidden in {method} requests");
        return Err(refusal::answer(StatusCode::UNPROCESSABLE_ENTITY, &told));
    }
    Ok(request)
}

/// The queries in a body.
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Asked, Response> {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let invalid = |text: &str| refusal::answer(StatusCode::BAD_REQUEST, text);
    match essence.as_str() {
        "application/json" => of_json(&collect(headers, body).await?),
        "application/x-www-form-urlencoded" => {
            let bytes = collect(headers, body).await?;
            let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(&bytes).map_err(|_| invalid("body is not a valid form"))?;
            Query::of(pairs).request().map(Asked::One)
        }
        "multipart/form-data" => {
            let boundary = multer::parse_boundary(kind).map_err(|_| invalid("body is not a valid form"));
            let bytes = collect(headers, body).await?;
            let pairs = parts(bytes, boundary?).await.map_err(|_| invalid("body is not a valid form"))?;
            Query::of(pairs).request().map(Asked::One)
        }
        _ => {
            discard(headers, Some(body)).await;
            let told = "send the query as application/json, as a form, or by GET";
            Err(refusal::answer(StatusCode::UNSUPPORTED_MEDIA_TYPE, told))
        }
    }
}

fn of_json(bytes: &[u8]) -> Result<Asked, Response> {
    let invalid = |_| refusal::answer(StatusCode::BAD_REQUEST, "body is not a query as JSON: {\"query\": \"…\", \"variables\": {…}}");
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'[') {
        return serde_json::from_slice::<Query>(bytes).map_err(invalid)?.request().map(Asked::One);
    }
    let queries: Vec<Query> = serde_json::from_slice(bytes).map_err(invalid)?;
    if queries.len() > MAX_BATCH {
        let told = format!("batch is too large: at most {MAX_BATCH} queries");
        return Err(refusal::answer(StatusCode::UNPROCESSABLE_ENTITY, &told));
    }
    queries.into_iter().map(Query::request).collect::<Result<_, _>>().map(Asked::Batch)
}

/// The fields of a form of parts. What is in it was collected before, so it is no longer than that.
async fn parts(bytes: Vec<u8>, boundary: String) -> multer::Result<Vec<(String, String)>> {
    let bytes = Bytes::from(bytes);
    let limit = u64::try_from(MAX_BODY_BYTES).unwrap_or(u64::MAX);
    let constraints = Constraints::new().size_limit(SizeLimit::new().whole_stream(limit));
    let stream = tokio_stream::once(Ok::<_, std::io::Error>(bytes));
    let mut form = Multipart::with_constraints(stream, boundary, constraints);
    let mut pairs = Vec::new();
    while let Some(field) = form.next_field().await? {
        let name = field.name().unwrap_or_default().to_owned();
        pairs.push((name, field.text().await?));
    }
    Ok(pairs)
}

async fn collect(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Response> {
    let too_large = || refusal::answer(StatusCode::PAYLOAD_TOO_LARGE, &format!("body is too large: at most {MAX_BODY_BYTES} bytes"));
    let told = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if told.is_some_and(|told| told > MAX_BODY_BYTES) {
        discard(headers, Some(body)).await;
        return Err(too_large());
    }
    let (mut bytes, mut chunks) = (Vec::new(), body.into_data_stream());
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| refusal::answer(StatusCode::BAD_REQUEST, "the body broke off"))?;
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_BODY_BYTES {
            discard(headers, Some(Body::from_stream(chunks))).await;
            return Err(too_large());
        }
    }
    Ok(bytes)
}
