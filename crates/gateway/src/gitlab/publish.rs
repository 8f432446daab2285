//! `PUT` of a generic package's file.

use aide::transform::TransformOperation;
use axum::Json;
use axum::body::{Body, BodyDataStream};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use consign_client::{Client, Error, Publish, Published};
use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::takes_bytes;
use super::call::Call;
use super::checksum::{self, InvalidChecksum, Sent};
use super::entity::{Message, PackageFile};
use super::multipart::{self, Form, NoSingleFile};
use super::path::{Allowed, GenericFile, GenericPath, Wrong};
use super::query::{Headers, Query};
use super::refusal::{Refusal, Result, no_valid_value};
use super::resumable;
use crate::leftover;

/// The parameters, judged only once the caller is known.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Parameters {
    /// Hides the package, or brings it back.
    #[schemars(extend("enum" = ["default", "hidden"]))]
    pub(crate) status: Option<String>,
    /// Has the file's record answered.
    #[schemars(extend("enum" = ["package_file"]))]
    pub(crate) select: Option<String>,
    /// A folder before the file name.
    pub(crate) path: Option<String>,
}

/// What the document says of it beyond its parameters.
pub(crate) fn documented(op: TransformOperation<'_>) -> TransformOperation<'_> {
    takes_bytes(op, "application/octet-stream")
        .input::<(Query<Parameters>, Headers<Declared>)>()
        .summary("Publishes a file")
        .description(
            "The body is the file, whatever its content type; of a form, the one file in it. A `/` within `file_name` makes folders.",
        )
        .response::<200, Json<PackageFile>>()
        .response::<201, Json<Message>>()
        .response::<408, Refusal>()
        .response::<409, Refusal>()
        .response::<507, Refusal>()
}

/// What the headers of an upload say of the file.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it is only described")]
struct Declared {
    /// What the file hashes to, in hexadecimal; others are refused. `Repr-Digest`, `Content-Digest` and `Digest` do the same.
    #[schemars(rename = "X-Checksum-SHA256")]
    checksum: Option<String>,
    /// Begins a resumable upload: `?0` where more is to come, `?1` where this is all.
    #[schemars(rename = "Upload-Complete")]
    complete: Option<String>,
    /// Of a resumable upload: how many bytes the file has.
    #[schemars(rename = "Upload-Length")]
    length: Option<i64>,
}

/// Publishes the raw body, whatever its content type claims; of a form, the one file in it.
///
/// Nothing is read of the body before the metadata plane agreed, so that a client that sent `Expect: 100-continue` is refused
/// without having sent a byte.
pub(crate) async fn put(call: Call, body: Body) -> Result<Response> {
    // What few requests do is kept apart, so that the many do not hold room for it.
    if resumable::is_creation(&call.headers) {
        return Box::pin(resumable::create(call, body)).await;
    }
    let chunks = body.into_data_stream();
    let boundary = multipart::boundary(&call.headers).filter(|_| !call.is_strict());
    let (answer, left) = if let Some(boundary) = boundary {
        let mut form = Form::new(chunks, boundary);
        (Box::pin(publish_form(&call, &mut form)).await, form.into_body())
    } else {
        let mut chunks = Some(chunks);
        (publish(&call, &mut chunks).await, chunks)
    };
    leftover::discard(&call.headers, left.map(Body::from_stream)).await;
    answer
}

async fn publish(call: &Call, body: &mut Option<BodyDataStream>) -> Result<Response> {
    let client = call.signed_in()?;
    let (publish, parameters) = request(call, &client, Sent::Whole).await?;
    let published = client.publish_file(&publish, body).await?;
    Ok(answer(&published, parameters.select.is_some()))
}

/// What the fields behind the file say is known only when it was sent.
async fn publish_form(call: &Call, form: &mut Form) -> Result<Response> {
    let client = call.signed_in()?;
    let (publish, parameters) = request(call, &client, Sent::Form).await?;
    let uploaded = client.upload_file(&publish, form).await.map_err(no_single_file)?;
    let told = form.told();
    let parameters = Parameters {
        status: parameters.status.or(told.status),
        select: parameters.select.or(told.select),
        path: parameters.path.or(told.path),
    };
    let whole = place(call, &parameters).and_then(|path| judged(path.file, &parameters, &call.headers, Sent::Form));
    let publish = match whole {
        Ok(publish) => publish,
        Err(refusal) => {
            client.give_up(&publish, &uploaded).await;
            return Err(refusal);
        }
    };
    let published = client.publish_uploaded(&publish, uploaded).await?;
    Ok(answer(&published, parameters.select.is_some()))
}

/// What is to be published. Parameters are judged once the caller is known, and before the project, as in GitLab.
pub(crate) async fn request(call: &Call, client: &Client, sent: Sent) -> Result<(Publish, Parameters)> {
    let parameters: Parameters = call.query()?;
    let path = call.judged(place(call, &parameters)).await?;
    match judged(path.file, &parameters, &call.headers, sent) {
        Ok(publish) => Ok((Publish { keep_identical: call.is_strict(), ..publish }, parameters)),
        Err(refusal) => Err(call.wrong(client, &path.project, refusal).await),
    }
}

/// Where it is to be: nothing is published as the latest.
fn place(call: &Call, parameters: &Parameters) -> Result<GenericPath> {
    GenericPath::parse(call.uri.path(), parameters.path.as_deref(), Allowed { stand_ins: false, ..call.allowed() })
}

/// All that is wrong is told at once.
fn judged(file: Result<GenericFile, Wrong>, parameters: &Parameters, headers: &HeaderMap, sent: Sent) -> Result<Publish> {
    let digest = checksum::declared(headers, sent).map_err(|InvalidChecksum(name)| format!("{name} is invalid"));
    let wrong: Vec<String> = file.as_ref().err().into_iter().flat_map(Wrong::words).chain(parameters.wrong()).collect();
    let (file, digest) = match (file, digest) {
        (Ok(file), Ok(digest)) if wrong.is_empty() => (file, digest),
        (_, digest) => return Err(Refusal::parameters(wrong.into_iter().chain(digest.err()))),
    };
    let (version, path) = file.named()?;
    let hidden = parameters.status.as_deref().map(|status| status == HIDDEN);
    let size = headers.get(CONTENT_LENGTH).filter(|_| sent == Sent::Whole).and_then(|length| length.to_str().ok()?.parse().ok());
    Ok(Publish { version, path, digest, size, always_send: true, media_type: String::new(), hidden, keep_identical: false })
}

const HIDDEN: &str = "hidden";

impl Parameters {
    /// What is wrong with them.
    fn wrong(&self) -> impl Iterator<Item = String> {
        let is_known = |value: &Option<String>, known: &[&str]| value.as_deref().is_none_or(|value| known.contains(&value));
        let status = (!is_known(&self.status, &["default", HIDDEN])).then(|| no_valid_value("status"));
        let select = (!is_known(&self.select, &["package_file"])).then(|| no_valid_value("select"));
        status.into_iter().chain(select)
    }
}

fn no_single_file(error: Error) -> Refusal {
    match &error {
        Error::Body(source) if source.is::<NoSingleFile>() => Refusal::parameter("file is missing, or there are several"),
        _ => error.into(),
    }
}

/// How a publish is answered: by a message, or by the record of the file where that is selected.
pub(crate) fn answer(published: &Published, select: bool) -> Response {
    let mut response = if select {
        (StatusCode::OK, Json(PackageFile::from(published))).into_response()
    } else {
        (StatusCode::CREATED, Json(Message::CREATED)).into_response()
    };
    if published.replayed {
        response.headers_mut().insert("x-consign-idempotent", HeaderValue::from_static("true"));
    }
    response
}
