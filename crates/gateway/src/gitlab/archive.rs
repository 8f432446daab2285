//! `GET` and `HEAD` of a whole version, as one archive.
//!
//! - `tar`, `zip`: what surrounds the files in an archive of each format
//!
//! An archive is made while it is sent: one file after the other, by path, none of them compressed. A few chunks are held in memory, and of
//! a `zip` its directory. A file that can't be read whole breaks the body off within a part of the archive, so that nobody takes what came
//! for all of it.

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
use consign_client::{Client, Download, Error};
use consign_proto::metadata::Version;
use consign_types::resource::VersionRef;
use consign_types::{Digest, Reason};
use futures::stream::{BoxStream, StreamExt as _, TryStreamExt as _, try_unfold};
use headers::{ETag, HeaderMapExt as _, IfNoneMatch};
use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::bytes_of;
use super::call::{Call, Found};
use super::path::WholePath;
use super::query::Query;
use super::refusal::{Refusal, Result};
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
        let packing = Packing { client, files, archive: Some(archive), file: None, broken: None };
        *response.body_mut() = Body::from_stream(try_unfold(packing, Packing::next).inspect_err(tell));
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
    let path = WholePath::parse(call.uri.path(), call.allowed())?;
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

/// What is kept of an archive while it is made.
enum Archive {
    Tar,
    Zip(Zip),
}

/// A file of an archive.
struct Entry {
    path: String,
    size: u64,
    /// When it was made, in seconds.
    time: i64,
}

impl Entry {
    fn of(download: &Download) -> Option<Self> {
        let file = &download.file;
        let size = u64::try_from(file.blob.as_ref()?.size_bytes).ok()?;
        Some(Self { path: file.path.clone(), size, time: file.create_time.map_or(0, |time| time.seconds.max(0)) })
    }
}

impl Archive {
    /// What stands before a file.
    fn begin(&mut self, entry: &Entry) -> Option<Bytes> {
        match self {
            Self::Tar => tar::begin(entry),
            Self::Zip(zip) => zip.begin(entry),
        }
    }

    fn pass(&mut self, bytes: &[u8]) {
        if let Self::Zip(zip) = self {
            zip.pass(bytes);
        }
    }

    /// What stands behind a file.
    fn end(&mut self, entry: &Entry) -> Bytes {
        match self {
            Self::Tar => tar::end(entry),
            Self::Zip(zip) => zip.end(entry),
        }
    }

    /// What stands behind all files.
    fn finish(self) -> Bytes {
        match self {
            Self::Tar => tar::finish(),
            Self::Zip(zip) => zip.finish(),
        }
    }
}

/// An archive that is being sent.
struct Packing {
    client: Client,
    files: BoxStream<'static, Result<Download, Error>>,
    /// `None` once all of it is sent.
    archive: Option<Archive>,
    file: Option<Content>,
    /// Why it breaks off, once it does between two files.
    broken: Option<Error>,
}

/// A file that is being sent, and how much of it is missing.
struct Content {
    entry: Entry,
    download: Download,
    /// `None` until what stands before it is sent.
    bytes: Option<BoxStream<'static, Result<Bytes, Error>>>,
    left: u64,
}

impl Packing {
    /// What is sent next.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, Error> {
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        let Some(archive) = &mut self.archive else { return Ok(None) };
        let sent = if let Some(content) = &mut self.file {
            if let Some(bytes) = content.next(&self.client).await? {
                archive.pass(&bytes);
                bytes
            } else {
                let end = archive.end(&content.entry);
                self.file = None;
                end
            }
        } else {
            match self.files.try_next().await {
                Ok(Some(download)) => {
                    let entry = Entry::of(&download).ok_or(Error::Protocol("file without its facts"))?;
                    let begin = archive.begin(&entry).ok_or(Error::Protocol("file that no archive can have"))?;
                    self.file = Some(Content { left: entry.size, entry, download, bytes: None });
                    begin
                }
                Ok(None) => self.archive.take().map(Archive::finish).unwrap_or_default(),
                // A `tar` that ends between two files is taken for a whole one.
                Err(error) => {
                    self.broken = Some(error);
                    Bytes::from_static(b"broken off")
                }
            }
        };
        Ok(Some((sent, self)))
    }
}

impl Content {
    /// The next bytes; `None` once all of them were there.
    async fn next(&mut self, client: &Client) -> Result<Option<Bytes>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        let bytes = match &mut self.bytes {
            Some(bytes) => bytes,
            none => none.insert(client.read_late(&self.download, 0, 0).await?.boxed()),
        };
        let Some(bytes) = bytes.try_next().await? else { return Err(Error::Protocol("fewer bytes than the file has")) };
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or(Error::Protocol("more bytes than the file has"))?;
        Ok(Some(bytes))
    }
}

fn tell(error: &Error) {
    tracing::warn!(error = error as &dyn std::error::Error, "an archive broke off");
}
