//! The body of a request.

use async_graphql::Request;
use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use tokio_stream::StreamExt as _;

use super::refusal;
use crate::leftover::discard;

/// The largest body that is read.
const MAX_BODY_BYTES: usize = 64 << 10;

/// One query, as JSON: there is one way in, so that no form of another site comes through it.
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Request, Response> {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_json = kind.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"));
    if !is_json {
        discard(headers, Some(body)).await;
        return Err(refusal::answer(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send the query as application/json"));
    }
    let bytes = collect(headers, body).await?;
    let invalid = |text| refusal::answer(StatusCode::BAD_REQUEST, text);
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[') => Err(invalid("batches of queries are not answered: send one")),
        _ => serde_json::from_slice(&bytes).map_err(|_| invalid("body is not a query as JSON: {\"query\": \"…\", \"variables\": {…}}")),
    }
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
