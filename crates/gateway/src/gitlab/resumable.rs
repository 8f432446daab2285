//! Uploads of a file by several requests, as draft-ietf-httpbis-resumable-upload has them (interop version 8).
//!
//! - `fields`: what requests say of an upload; `problem`: how it is refused
//!
//! An upload is a resource of its own, at the address of the file with what it takes to find it again behind the `?`. The gateway keeps
//! nothing of it, so each request may come to another one. Interim answers (104) are not sent: the server below can't.

mod fields;
mod problem;

use aide::transform::TransformOperation;
use axum::Json;
use axum::body::{Body, BodyDataStream, HttpBody as _};
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use consign_client::{Client, Progress, Publish, Resumable};
use consign_types::Digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::takes_bytes;
use super::call::Call;
use super::checksum::Sent;
use super::download;
use super::entity::{Message, PackageFile};
use super::publish::{self, Parameters};
use super::query::{Headers, Query};
use super::refusal::{Refusal, Result};
use crate::leftover;
use fields::{COMPLETE, Fields, LENGTH, LIMIT, OFFSET};

const PARTIAL_UPLOAD: &str = "application/partial-upload";

/// How long an upload can be gone on with, in seconds: as long as the planes know its request.
const MAX_AGE: i64 = 24 * 60 * 60;

/// What stands behind the `?` of an upload: its name, and what was said of the file when it was begun.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
struct Address {
    /// The name of the upload, from the address that its first request was told.
    upload: Option<String>,
    length: Option<i64>,
    sha256: Option<String>,
    status: Option<String>,
    select: Option<String>,
    path: Option<String>,
}

/// An upload that was found again.
struct Found {
    client: Client,
    publish: Publish,
    select: bool,
    upload: Resumable,
}

/// Whether a `PUT` begins an upload that may go on by other requests, or means to.
pub(crate) fn is_creation(headers: &HeaderMap) -> bool {
    headers.contains_key(COMPLETE) || headers.contains_key(LENGTH)
}

/// Whether the address is that of an upload, and not of a file.
pub(crate) fn is_upload(call: &Call) -> bool {
    call.query::<Address>().is_ok_and(|address| address.upload.is_some())
}

/// `PUT` of some of the file, or of all of it. Nothing is read of the body before the metadata plane agreed.
pub(crate) async fn create(call: Call, body: Body) -> Result<Response> {
    let fields = Fields::of(&call.headers, body.is_end_stream());
    let mut chunks = Some(body.into_data_stream());
    let answer = begin(&call, fields, &mut chunks).await;
    leftover::discard(&call.headers, chunks.map(Body::from_stream)).await;
    answer
}

async fn begin(call: &Call, fields: Fields, body: &mut Option<BodyDataStream>) -> Result<Response> {
    let client = call.signed_in()?;
    if fields.complete.is_none() {
        return Err(Refusal::parameter("Upload-Complete must be ?0 or ?1"));
    }
    let sent = if fields.complete == Some(true) { Sent::Whole } else { Sent::Part };
    let (publish, parameters) = publish::request(call, &client, sent).await?;
    let publish = Publish { size: fields.length(0, None)?, ..publish };
    if fields.complete == Some(true) {
        // Nobody was told where the upload is, so nobody could go on with it.
        let published = client.publish_file(&publish, body).await.map_err(|error| Refusal::of_bytes(error, 0, true))?;
        return Ok(completed(publish::answer(&published, parameters.select.is_some())));
    }
    let upload = client.begin_upload(&publish).await?;
    client.append(&upload, 0, body).await.map_err(|error| Refusal::of_bytes(error, 0, false))?;
    let progress = progress(&client, &upload, 0).await?;
    let place = place(call, &publish, parameters, &upload)?;
    let mut response = state(StatusCode::CREATED, &upload, &progress, Some(MAX_AGE));
    response.headers_mut().insert(LOCATION, place);
    Ok(response)
}

/// Where an upload is.
fn place(call: &Call, publish: &Publish, parameters: Parameters, upload: &Resumable) -> Result<HeaderValue> {
    let Parameters { status, select, path } = parameters;
    let sha256 = publish.digest.map(|digest| digest.to_string());
    let address = Address { upload: Some(upload.name()), length: publish.size, sha256, status, select, path };
    let query = serde_urlencoded::to_string(address).map_err(|_| Refusal::parameter("query is invalid"))?;
    format!("{}{}?{query}", call.origin(), call.uri.path()).parse().map_err(|_| Refusal::parameter("query is invalid"))
}

/// Finds the upload of a request; each time it is judged whether the caller may publish the file.
async fn find(call: &Call) -> Result<Found> {
    let client = call.signed_in()?;
    let address: Address = call.query()?;
    let (publish, parameters) = publish::request(call, &client, Sent::Part).await?;
    let digest = address.sha256.map(|digest| digest.parse::<Digest>()).transpose().map_err(|_| Refusal::not_found())?;
    let publish = Publish { digest, size: address.length, ..publish };
    let upload = client.find_upload(&publish, &address.upload.unwrap_or_default()).await?.ok_or_else(Refusal::not_found)?;
    Ok(Found { client, publish, select: parameters.select.is_some(), upload })
}

/// What the document says of `PATCH`.
pub(crate) fn append_documented(op: TransformOperation<'_>) -> TransformOperation<'_> {
    takes_bytes(op, PARTIAL_UPLOAD)
        .input::<(Query<Address>, Headers<Position>)>()
        .summary("Goes on with an upload")
        .description("By draft-ietf-httpbis-resumable-upload, at the address that its first request was told.")
        .response::<200, Json<PackageFile>>()
        .response::<201, Json<Message>>()
        .response::<204, ()>()
        .response::<405, Refusal>()
        .response::<408, Refusal>()
        .response::<409, Refusal>()
        .response::<415, Refusal>()
        .response::<507, Refusal>()
}

/// What the headers say of the bytes that are appended.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it is only described")]
struct Position {
    /// How many bytes are there already.
    #[schemars(rename = "Upload-Offset")]
    offset: i64,
    /// `?1` if these are the last bytes, else `?0`.
    #[schemars(rename = "Upload-Complete", extend("enum" = ["?0", "?1"]))]
    complete: String,
}

/// What the document says of `HEAD`, which is that of a file too.
pub(crate) fn offset_documented(op: TransformOperation<'_>) -> TransformOperation<'_> {
    download::described(op).input::<Query<Address>>().response::<204, ()>().response::<409, Refusal>()
}

/// What the document says of `DELETE`.
pub(crate) fn cancel_documented(op: TransformOperation<'_>) -> TransformOperation<'_> {
    op.input::<Query<Address>>().summary("Drops an upload").response::<204, ()>().response::<405, Refusal>()
}

async fn progress(client: &Client, upload: &Resumable, offset: i64) -> Result<Progress> {
    client.find_progress(upload).await.map_err(|error| Refusal::of_bytes(error, offset, false))
}

/// `PATCH`: goes on with an upload.
pub(crate) async fn append(call: Call, body: Body) -> Result<Response> {
    let fields = Fields::of(&call.headers, body.is_end_stream());
    let mut chunks = Some(body.into_data_stream());
    let answer = if is_upload(&call) { go_on(&call, fields, &mut chunks).await } else { Err(Refusal::method_not_allowed()) };
    leftover::discard(&call.headers, chunks.map(Body::from_stream)).await;
    answer
}

async fn go_on(call: &Call, fields: Fields, body: &mut Option<BodyDataStream>) -> Result<Response> {
    let Found { client, publish, select, upload } = find(call).await?;
    if call.headers.get(CONTENT_TYPE).is_none_or(|media_type| media_type != PARTIAL_UPLOAD) {
        return Err(Refusal::no_partial_upload());
    }
    let complete = fields.complete.ok_or_else(|| Refusal::parameter("Upload-Complete is missing"))?;
    let offset = fields.offset.ok_or_else(|| Refusal::parameter("Upload-Offset is missing"))?;
    let refused = |error| Refusal::of_bytes(error, offset, complete);
    let progress = progress(&client, &upload, offset).await?;
    if let Some(uploaded) = progress.uploaded {
        // Whoever did not hear how it ended asks once more, or sends the last bytes again.
        return match fields.content {
            Some(content) if complete && offset.checked_add(content) == Some(progress.offset) => {
                let published = client.finish_whole(&publish, &upload, uploaded).await.map_err(refused)?;
                Ok(completed(publish::answer(&published, select)))
            }
            Some(0) => Err(Refusal::completed()),
            _ => Err(Refusal::length()),
        };
    }
    if offset != progress.offset {
        return Err(Refusal::offset_mismatch(progress.offset, offset));
    }
    fields.length(offset, publish.size)?;
    if complete {
        let published = client.finish_upload(&publish, &upload, offset, body).await.map_err(refused)?;
        return Ok(completed(publish::answer(&published, select)));
    }
    let offset = client.append(&upload, offset, body).await.map_err(refused)?;
    Ok(state(StatusCode::NO_CONTENT, &upload, &Progress { offset, ..progress }, None))
}

/// `HEAD`: how far an upload has come. One whose file is not published yet is not complete, though all its bytes came.
pub(crate) async fn offset(call: Call) -> Result<Response> {
    let Found { client, publish, upload, .. } = find(&call).await?;
    let progress = progress(&client, &upload, 0).await?;
    let is_whole = progress.uploaded.is_some();
    let mut response = state(StatusCode::NO_CONTENT, &upload, &progress, None);
    if is_whole && upload.is_published() {
        response = completed(response);
    }
    if let Some(length) = publish.size.or(Some(progress.offset).filter(|_| is_whole)) {
        response.headers_mut().insert(LENGTH, length.into());
    }
    Ok(response)
}

/// `DELETE`: drops what has come of an upload.
pub(crate) async fn cancel(call: Call) -> Result<Response> {
    if !is_upload(&call) {
        return Err(Refusal::method_not_allowed());
    }
    let Found { client, publish, upload, .. } = find(&call).await?;
    client.cancel_upload(&publish, &upload).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `OPTIONS`: that files can be uploaded so.
pub(crate) async fn options() -> Response {
    let headers = [
        (ALLOW, "GET, HEAD, PUT, PATCH, DELETE, OPTIONS".to_owned()),
        (HeaderName::from_static("accept-patch"), PARTIAL_UPLOAD.to_owned()),
        (HeaderName::from_static(LIMIT), format!("max-age={MAX_AGE}")),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Tells how far an upload has come that is not complete.
fn state(status: StatusCode, upload: &Resumable, progress: &Progress, max_age: Option<i64>) -> Response {
    let least = Some(progress.least_bytes).filter(|bytes| *bytes > 1);
    let limits = [("max-size", Some(upload.max_bytes())), ("min-append-size", least), ("max-age", max_age)];
    let limits = limits.into_iter().filter_map(|(name, limit)| Some(format!("{name}={}", limit?)));
    let headers = [
        (HeaderName::from_static(COMPLETE), "?0".to_owned()),
        (HeaderName::from_static(OFFSET), progress.offset.to_string()),
        (HeaderName::from_static(LIMIT), limits.collect::<Vec<_>>().join(", ")),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    (status, headers).into_response()
}

fn completed(mut response: Response) -> Response {
    response.headers_mut().insert(COMPLETE, HeaderValue::from_static("?1"));
    response
}
