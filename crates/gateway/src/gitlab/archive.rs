//! `GET` and `HEAD` of a whole version, as one archive.
//!
//! - `packing`: an archive that is being sent; `tar`, `zip`: what surrounds the files in an archive of each format
//!
//! An archive is made while it is sent: one file after the other, by path, none of them compressed. A few chunks are held in memory, and of
//! a `zip` its directory. A file that can't be read whole breaks the body off within a part of the archive, so that nobody takes what came
//! for all of it.

mod packing;
mod tar;
mod zip;

use aide::generate::GenContext;
use aide::openapi::{Operation, Response as Documented};
use aide::operation::OperationOutput;
use aide::transform::TransformOperation;
use axum::body::{Body, Bytes};
use axum::http::header::{ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LOCATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use consign_client::{Client, Error};
use consign_proto::metadata::Version;
use consign_types::resource::VersionRef;
use consign_types::{Digest, Reason};
use futures::stream::StreamExt as _;
use headers::{ETag, HeaderMapExt as _, IfNoneMatch};
use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::bytes_of;
use super::call::{Call, Found};
use super::path::WholePath;
use super::query::Query;
use super::refusal::{Refusal, Result};
use packing::{Archive, Packing};
use zip::Zip;

/// The parameters, judged only once the caller is known.
#[derive(Debug, Deserialize, JsonSchema)]
struct Parameters {
    #[schemars(extend("enum" = ["tar", "zip"]))]
    format: Option<String>,
}

/// A format of archives.
#[derive(Clone, Copy, Debug)]
enum Format {
    Tar,
    Zip,
}

impl Format {
    fn find(name: &str) -> Option<Self> {
        match name {
            "tar" => Some(Self::Tar),
            "zip" => Some(Self::Zip),
            _ => None,
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Tar => "tar",
            Self::Zip => "zip",
        }
    }

    fn media_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Tar => "application/x-tar",
            Self::Zip => "application/zip",
        })
    }
}

/// What the document says of it.
pub(crate) fn documented(op: TransformOperation<'_>) -> TransformOperation<'_> {
    let described = op.input::<Query<Parameters>>().summary("Fetches all files of a version in one").response::<200, RawArchive>();
    let known = "the archive is the one that `If-None-Match` names";
    described.response_with::<304, (), _>(|response| response.description(known)).response::<409, Refusal>()
}

/// An archive, as the document tells of it.
struct RawArchive;

impl OperationOutput for RawArchive {
    type Inner = ();

    fn operation_response(_: &mut GenContext, _: &mut Operation) -> Option<Documented> {
        Some(bytes_of(&["application/x-tar", "application/zip"]))
    }
}

/// Sends a version.
pub(crate) async fn get(call: Call) -> Result<Response> {
    let Answer { client, version, format, mut response } = call.fetch(|client| open(client, &call)).await?;
    if response.status() == StatusCode::NOT_MODIFIED {
        client.judge_all_downloads(&version).await.map_err(clash)?;
    } else {
        let files = client.prepare_all_downloads(&version).await.map_err(clash)?.boxed();
        let archive = match format {
            Format::Tar => Archive::Tar,
            Format::Zip => Archive::Zip(Zip::default()),
        };
        *response.body_mut() = Body::from_stream(Packing::of(client, files, archive).into_stream());
    }
    Ok(response)
}

/// Tells what a `GET` would answer, and sends no body.
pub(crate) async fn head(call: Call) -> Result<Response> {
    let Answer { client, version, mut response, .. } = call.fetch(|client| open(client, &call)).await?;
    client.judge_all_downloads(&version).await.map_err(clash)?;
    if response.status() == StatusCode::OK {
        // How long it will be is not known: an empty body would say that it has no bytes.
        *response.body_mut() = Body::from_stream(futures::stream::empty::<Result<Bytes, Error>>());
    }
    Ok(response)
}

/// An answer without its body, and the version whose files belong there.
struct Answer {
    client: Client,
    version: VersionRef,
    format: Format,
    response: Response,
}

/// Finds the version. Nothing counts as downloaded yet.
async fn open(client: Client, call: &Call) -> Result<Answer> {
    let Parameters { format: Some(format) } = call.query()? else { return Err(Refusal::not_found()) };
    let path = call.judged(WholePath::parse(call.uri.path(), call.allowed())).await?;
    let Some(format) = Format::find(&format) else {
        return Err(call.wrong(&client, &path.project, Refusal::no_valid_value("format")).await);
    };
    let Found { version: name, place, placed } = call.find_named(&client, path, None).await?;
    let version = client.find_version(&name).await?;
    if placed.is_some() && version.content_digest.is_empty() {
        return Err(Refusal::parameter("package_version is open: fetch what is placed of it file by file"));
    }
    if matches!(format, Format::Zip) && version.file_count > zip::MAX_FILES {
        return Err(Refusal::parameter(format!("format must be tar: a zip has at most {} files", zip::MAX_FILES)));
    }
    let mut response = StatusCode::OK.into_response();
    let place = place.map(|place| format!("{place}?format={}", format.extension()));
    describe(response.headers_mut(), &name, &version, format, place).ok_or_else(|| Error::Protocol("a name that no header has"))?;
    let known = call.headers.typed_get::<IfNoneMatch>().zip(response.headers().typed_get::<ETag>());
    if known.is_some_and(|(condition, etag)| !condition.precondition_passes(&etag)) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    Ok(Answer { client, version: name, format, response })
}

/// A version with files that no directory can have at once is no archive that could be unpacked.
fn clash(error: Error) -> Refusal {
    match error {
        Error::Refused { reason: Reason::PathInvalid, message, .. } => Refusal::conflict(&format!("409 Conflict - {message}")),
        error => error.into(),
    }
}

/// Only of a sealed version it is known that its archive stays the same.
fn describe(headers: &mut HeaderMap, name: &VersionRef, version: &Version, format: Format, place: Option<String>) -> Option<()> {
    let extension = format.extension();
    let disposition = format!("attachment; filename=\"{}-{}.{extension}\"", name.package, name.version);
    headers.insert(CONTENT_TYPE, format.media_type());
    headers.insert(CONTENT_DISPOSITION, disposition.parse().ok()?);
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("none"));
    if let Some(place) = place {
        headers.insert(CONTENT_LOCATION, place.parse().ok()?);
    }
    if let Ok(digest) = Digest::try_from(version.content_digest.as_ref()) {
        headers.typed_insert::<ETag>(format!("\"{digest}-{extension}\"").parse().ok()?);
    }
    Some(())
}
