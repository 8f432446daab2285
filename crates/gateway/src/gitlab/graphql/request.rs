//! What a request asks: one query or several, in its address, as a form or as JSON.

use async_graphql::parser::types::OperationType;
use async_graphql::{Name, Request, Variables};
use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use multer::{Constraints, Multipart, SizeLimit};
use serde::Deserialize;
use serde_json::Value;
use tokio_stream::StreamExt as _;

use super::limits::MAX_BATCH;
use super::refusal;
use crate::leftover::discard;

/// The largest body that is read.
const MAX_BODY_BYTES: usize = 64 << 10;

/// What is asked: one query, which is answered by itself, or several, which are answered in a list.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) requests: Vec<Request>,
    pub(super) is_batch: bool,
}

impl Asked {
    fn one(request: Request) -> Self {
        Self { requests: vec![request], is_batch: false }
    }
}

/// Why a request asks nothing.
#[derive(Debug)]
pub(super) struct Unasked(StatusCode, String);

impl IntoResponse for Unasked {
    fn into_response(self) -> Response {
        refusal::answer(self.0, &self.1)
    }
}

type Result<T, E = Unasked> = std::result::Result<T, E>;

fn invalid(told: &str) -> Unasked {
    Unasked(StatusCode::BAD_REQUEST, told.to_owned())
}

fn unprocessable(told: impl Into<String>) -> Unasked {
    Unasked(StatusCode::UNPROCESSABLE_ENTITY, told.into())
}

/// A query, as clients write it. What else is beside it is passed over.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Query {
    #[serde(rename = "query")]
    text: Option<String>,
    operation_name: Option<String>,
    #[serde(default)]
    variables: Value,
}

impl Query {
    /// A query of fields by their names, as forms and addresses have them.
    fn of(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        pairs.into_iter().fold(Self::default(), |query, (name, value)| match name.as_str() {
            "query" => Self { text: Some(value), ..query },
            "operationName" => Self { operation_name: Some(value).filter(|name| !name.is_empty()), ..query },
            "variables" => Self { variables: Value::String(value), ..query },
            _ => query,
        })
    }

    fn request(self) -> Result<Request> {
        let request = Request::new(self.text.unwrap_or_default()).variables(variables(self.variables)?);
        Ok(match self.operation_name {
            Some(name) => request.operation_name(name),
            None => request,
        })
    }
}

/// Variables are an object, or a text that is one in JSON.
fn variables(given: Value) -> Result<Variables> {
    let read = match given {
        Value::String(text) if text.trim().is_empty() => Value::Null,
        Value::String(text) => serde_json::from_str(&text).map_err(|error| unprocessable(format!("`variables` are no JSON: {error}")))?,
        given => given,
    };
    match read {
        Value::Null => Ok(Variables::default()),
        Value::Object(_) => Ok(Variables::from_json(read)),
        _ => Err(unprocessable("Unexpected parameter: `variables` are no object")),
    }
}

/// The query in an address: nothing is changed so, since whoever follows a link did not ask for it.
pub(super) fn of_address(query: &str, method: &str) -> Result<Asked> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
    let mut request = Query::of(pairs).request()?;
    let name = request.operation_name.clone();
    let document = request.parsed_query().map_err(|error| Unasked(StatusCode::OK, error.message))?;
    // Where several are there and none is named, none is done.
    let is_single = document.operations.iter().count() == 1;
    let is_meant = |named: Option<&Name>| name.as_ref().map_or(is_single, |name| named.is_some_and(|named| named.as_str() == name));
    if document.operations.iter().any(|(named, operation)| is_meant(named) && operation.node.ty == OperationType::Mutation) {
        return Err(unprocessable(format!("Mutations are forbidden in {method} requests")));
    }
    Ok(Asked::one(request))
}

/// The queries in a body.
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Asked> {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/json" => of_json(&collect(headers, body).await?),
        "application/x-www-form-urlencoded" => {
            let bytes = collect(headers, body).await?;
            let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(&bytes).map_err(|_| invalid("body is not a valid form"))?;
            Query::of(pairs).request().map(Asked::one)
        }
        "multipart/form-data" => {
            let boundary = multer::parse_boundary(kind).map_err(|_| invalid("body is not a valid form"));
            let bytes = collect(headers, body).await?;
            let pairs = parts(bytes, boundary?).await.map_err(|_| invalid("body is not a valid form"))?;
            Query::of(pairs).request().map(Asked::one)
        }
        _ => {
            discard(headers, Some(body)).await;
            let told = "send the query as application/json, as a form, or by GET";
            Err(Unasked(StatusCode::UNSUPPORTED_MEDIA_TYPE, told.to_owned()))
        }
    }
}

fn of_json(bytes: &[u8]) -> Result<Asked> {
    let unread = |_| invalid("body is not a query as JSON: {\"query\": \"…\", \"variables\": {…}}");
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'[') {
        return serde_json::from_slice::<Query>(bytes).map_err(unread)?.request().map(Asked::one);
    }
    let queries: Vec<Query> = serde_json::from_slice(bytes).map_err(unread)?;
    if queries.len() > MAX_BATCH {
        return Err(unprocessable(format!("batch is too large: at most {MAX_BATCH} queries")));
    }
    let requests = queries.into_iter().map(Query::request).collect::<Result<_>>()?;
    Ok(Asked { requests, is_batch: true })
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

async fn collect(headers: &HeaderMap, body: Body) -> Result<Vec<u8>> {
    let too_large = || Unasked(StatusCode::PAYLOAD_TOO_LARGE, format!("body is too large: at most {MAX_BODY_BYTES} bytes"));
    let told = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if told.is_some_and(|told| told > MAX_BODY_BYTES) {
        discard(headers, Some(body)).await;
        return Err(too_large());
    }
    let (mut bytes, mut chunks) = (Vec::new(), body.into_data_stream());
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| invalid("the body broke off"))?;
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_BODY_BYTES {
            discard(headers, Some(Body::from_stream(chunks))).await;
            return Err(too_large());
        }
    }
    Ok(bytes)
}
