//! `PUT` of a generic package's file.

use axum::Json;
use axum::body::{Body, BodyDataStream};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use consign_client::{Publish, Published};
use consign_types::resource::VersionRef;
use consign_types::{Digest, FilePath};
use serde::Deserialize;
use serde_json::json;

use super::call::Call;
use super::entity;
use super::path::GenericPath;
use super::refusal::{Refusal, Result};
use crate::leftover;

/// The header in which clients may declare the SHA-256 of the body.
pub(super) const CHECKSUM: &str = "x-checksum-sha256";

/// The parameters, judged only once the caller is known.
#[derive(Debug, Deserialize)]
pub(crate) struct Parameters {
    status: Option<String>,
    select: Option<String>,
    path: Option<String>,
}

/// Publishes the raw body, whatever its content type claims.
///
/// Nothing is read of the body before the metadata plane agreed, so that a client that sent `Expect: 100-continue` is refused
/// without having sent a byte.
pub(crate) async fn put(call: Call, body: Body) -> Response {
    let mut chunks = Some(body.into_data_stream());
    let answer = publish(&call, &mut chunks).await;
    leftover::discard(&call.headers, chunks.map(Body::from_stream)).await;
    answer.into_response()
}

async fn publish(call: &Call, body: &mut Option<BodyDataStream>) -> Result<Response> {
    let client = call.signed_in()?;
    let parameters: Parameters = call.query()?;
    let path = GenericPath::parse(call.uri.path(), parameters.path.as_deref())?;
    let publish = match request(path.file, &parameters, &call.headers) {
        Ok(publish) => publish,
        Err(refusal) => {
            // Who may not know of the project learns nothing about its parameters.
            client.find_project(&path.project).await?;
            return Err(refusal);
        }
    };
    let published = client.publish_file(&publish, body).await?;
    Ok(answer(&published, parameters.select.is_some()))
}

fn request(file: Result<(VersionRef, FilePath), &'static str>, parameters: &Parameters, headers: &HeaderMap) -> Result<Publish> {
    let (version, path) = file.map_err(|part| Refusal::parameter(format!("{part} is invalid")))?;
    let hidden = match parameters.status.as_deref() {
        None => None,
        Some("default") => Some(false),
        Some("hidden") => Some(true),
        Some(_) => return Err(Refusal::parameter("status does not have a valid value")),
    };
    if parameters.select.as_deref().is_some_and(|select| select != "package_file") {
        return Err(Refusal::parameter("select does not have a valid value"));
    }
    let digest: Option<Digest> = match headers.get(CHECKSUM) {
        Some(value) => {
            let text = value.to_str().unwrap_or_default().trim();
            Some(text.parse().map_err(|_| Refusal::parameter("X-Checksum-SHA256 is invalid"))?)
        }
        None => None,
    };
    let size = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    Ok(Publish { version, path, digest, size, always_send: true, media_type: String::new(), hidden })
}

fn answer(published: &Published, select: bool) -> Response {
    if select {
        return (StatusCode::OK, Json(entity::package_file(published))).into_response();
    }
    (StatusCode::CREATED, Json(json!({ "message": "201 Created" }))).into_response()
}
