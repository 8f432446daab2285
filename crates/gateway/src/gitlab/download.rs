//! `GET` and `HEAD` of a generic package's file.

use std::time::{Duration, SystemTime};

use aide::generate::GenContext;
use aide::openapi::{Operation, Response as Documented};
use aide::operation::OperationOutput;
use aide::transform::TransformOperation;
use axum::body::Body;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LOCATION, CONTENT_TYPE, RANGE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use consign_client::{Client, Download, Error};
use consign_proto::metadata::File;
use consign_types::{Digest, FilePath};
use headers::{
    AcceptRanges, ContentLength, ContentRange, ETag, HeaderMapExt as _, IfMatch, IfModifiedSince, IfNoneMatch, IfRange, IfUnmodifiedSince,
    LastModified,
};

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::{RawBytes, bytes_of};
use super::byteranges::ByteRanges;
use super::call::{Call, Found};
use super::checksum;
use super::entity::in_address;
use super::path::{GenericFile, GenericPath, WholePath};
use super::query::{Headers, Query};
use super::range::{Part, part};
use super::refusal::{Refusal, Result};
use super::resumable;

/// What the document says of it.
pub(crate) fn documented(op: TransformOperation<'_>) -> TransformOperation<'_> {
    described(op.input::<Query<Place>>())
}

/// The same but for the parameters in the query.
pub(crate) fn described(op: TransformOperation<'_>) -> TransformOperation<'_> {
    op.input::<Headers<Conditions>>()
        .summary("Fetches a file")
        .description("With `Range`, a part of it, or several. A `/` within `file_name` is one between folders.")
        .response::<200, RawBytes>()
        .response::<206, RawParts>()
        .response_with::<304, (), _>(|response| {
            response.description("the file is the one that `If-None-Match` or `If-Modified-Since` names")
        })
        .response::<412, Refusal>()
        .response::<416, Refusal>()
}

/// The parameters, judged only once the caller is known.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "FilePlace")]
struct Place {
    /// A folder before the file name.
    path: Option<String>,
}

/// A range of a file, or several, as the document tells of them.
struct RawParts;

impl OperationOutput for RawParts {
    type Inner = ();

    fn operation_response(_: &mut GenContext, _: &mut Operation) -> Option<Documented> {
        Some(bytes_of(&["application/octet-stream", "multipart/byteranges"]))
    }
}

/// What the headers say of the file that is wanted.
#[derive(JsonSchema)]
#[schemars(rename = "DownloadConditions")]
#[expect(dead_code, reason = "it is only described")]
struct Conditions {
    /// Ranges of bytes, such as `bytes=10-`. More than 16 are passed over, and so are several that together are longer than the file.
    #[schemars(rename = "Range")]
    range: Option<String>,
    /// An entity tag: that of the file that is to be sent.
    #[schemars(rename = "If-Match")]
    wanted: Option<String>,
    /// An entity tag: that of a file that need not be sent.
    #[schemars(rename = "If-None-Match")]
    known: Option<String>,
}

/// Sends a file, or a range of it.
pub(crate) async fn get(call: Call) -> Result<Response> {
    let (client, Answer { download, wanted, mut response }) = call.fetch(|client| open(client, &call)).await?;
    match wanted {
        Wanted::Nothing => {}
        Wanted::Bytes(offset, length) => *response.body_mut() = Body::from_stream(client.read(&download, offset, length).await?),
        Wanted::Several(ranges) => *response.body_mut() = ranges.body(client, download),
    }
    Ok(response)
}

/// Tells what a `GET` would answer, and sends no body; of an upload, how far it has come.
pub(crate) async fn head(call: Call) -> Result<Response> {
    if resumable::is_upload(&call) {
        return Box::pin(resumable::offset(call)).await;
    }
    Ok(call.fetch(|client| open(client, &call)).await?.1.response)
}

/// An answer without its body, and what belongs there.
struct Answer {
    download: Download,
    wanted: Wanted,
    response: Response,
}

/// Which bytes of a file are sent.
enum Wanted {
    Nothing,
    /// Those from an offset on; the length is not 0.
    Bytes(i64, i64),
    Several(ByteRanges),
}

/// Finds the file and judges the conditions of the request.
async fn open(client: Client, call: &Call) -> Result<(Client, Answer)> {
    let Place { path: folder } = call.query()?;
    let path = GenericPath::parse(call.uri.path(), folder.as_deref(), call.allowed());
    let GenericPath { project, file } = call.judged(path).await?;
    let (names, path) = match file {
        Ok(GenericFile { package, version, path }) => (Ok((package.package, version)), Some(path)),
        Err(wrong) => (Err(wrong), None),
    };
    let Found { version, place, placed } = call.find_named(&client, WholePath { project, names }, path.as_ref()).await?;
    let path = path.ok_or_else(Refusal::not_found)?;
    let download = match placed {
        // What came later was not placed.
        Some(files) => {
            let digest = digest_at(&files, &path).ok_or_else(Refusal::not_found)?;
            client.prepare_download_of(&version, &digest).await?
        }
        None => client.prepare_download(&version, &path).await?,
    };
    let facts = Facts::of(&download)?;
    let (wanted, mut response) = respond(&facts, &call.headers)?;
    facts.describe(&path, response.headers_mut());
    if let Wanted::Several(ranges) = &wanted {
        response.headers_mut().insert(CONTENT_TYPE, ranges.content_type());
    }
    if let Some(place) = place {
        let place = format!("{place}/{}", in_address(path.as_str()))
            .parse()
            .map_err(|_| Refusal::from(Error::Protocol("a path that no header has")))?;
        response.headers_mut().insert(CONTENT_LOCATION, place);
    }
    Ok((client, Answer { download, wanted, response }))
}

/// What stands at a path among the files that were placed.
fn digest_at(files: &[File], path: &FilePath) -> Option<Digest> {
    let file = files.iter().find(|file| file.path == path.as_str())?;
    Digest::try_from(file.blob.as_ref()?.sha256.as_ref()).ok()
}

/// What the headers of an answer tell about a file.
struct Facts {
    digest: Digest,
    size: u64,
    etag: ETag,
    modified: LastModified,
}

impl Facts {
    fn of(download: &Download) -> Result<Self> {
        let file = &download.file;
        let missing = || Refusal::from(Error::Protocol("file without its facts"));
        let blob = file.blob.as_ref().ok_or_else(missing)?;
        let digest = Digest::try_from(blob.sha256.as_ref()).map_err(|_| missing())?;
        let size = u64::try_from(blob.size_bytes).map_err(|_| missing())?;
        let seconds = file.create_time.map_or(0, |time| time.seconds.max(0));
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs());
        let etag = format!("\"{digest}\"").parse().expect("hexadecimal digits are an entity tag");
        Ok(Self { digest, size, etag, modified: modified.into() })
    }

    fn describe(&self, path: &FilePath, headers: &mut HeaderMap) {
        headers.typed_insert(self.etag.clone());
        headers.typed_insert(self.modified);
        headers.typed_insert(AcceptRanges::bytes());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        headers.insert("content-transfer-encoding", HeaderValue::from_static("binary"));
        let name = path.file_name();
        let disposition = format!("attachment; filename=\"{name}\"; filename*=UTF-8''{name}");
        headers.insert(CONTENT_DISPOSITION, disposition.parse().expect("a file name is printable ASCII"));
        checksum::tell(&self.digest, headers);
    }
}

/// What the conditions of a request say, in the order of RFC 9110 (section 13.2.2): those by entity tag count before those by time.
fn judged(facts: &Facts, headers: &HeaderMap) -> StatusCode {
    let modified = SystemTime::from(facts.modified);
    let is_other = match headers.typed_get::<IfMatch>() {
        Some(condition) => !condition.precondition_passes(&facts.etag),
        None => headers.typed_get::<IfUnmodifiedSince>().is_some_and(|condition| !condition.precondition_passes(modified)),
    };
    let is_known = match headers.typed_get::<IfNoneMatch>() {
        Some(condition) => !condition.precondition_passes(&facts.etag),
        None => headers.typed_get::<IfModifiedSince>().is_some_and(|condition| !condition.is_modified(modified)),
    };
    match (is_other, is_known) {
        (true, _) => StatusCode::PRECONDITION_FAILED,
        (false, true) => StatusCode::NOT_MODIFIED,
        (false, false) => StatusCode::OK,
    }
}

/// Which part of the file is sent, and the status and headers that say so.
///
/// A file's row never changes its bytes, so its digest is an exact entity tag.
fn respond(facts: &Facts, headers: &HeaderMap) -> Result<(Wanted, Response)> {
    match judged(facts, headers) {
        StatusCode::PRECONDITION_FAILED => return Err(Refusal::precondition_failed()),
        StatusCode::NOT_MODIFIED => return Ok((Wanted::Nothing, StatusCode::NOT_MODIFIED.into_response())),
        _ => {}
    }
    let size = facts.size;
    let changed = headers.typed_get::<IfRange>().is_some_and(|condition| condition.is_modified(Some(&facts.etag), Some(&facts.modified)));
    let range = headers.get(RANGE).and_then(|range| range.to_str().ok()).filter(|_| !changed);
    let mut response = StatusCode::OK.into_response();
    let bytes = match part(range, size) {
        Part::Whole => 0..size,
        Part::Unsatisfiable => return Err(Refusal::range(size)),
        Part::Bytes(bytes) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let content = ContentRange::bytes(bytes.clone(), size).expect("the range lies within the file");
            response.headers_mut().typed_insert(content);
            bytes
        }
        Part::Several(ranges) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let ranges = ByteRanges { digest: facts.digest, size, ranges };
            response.headers_mut().typed_insert(ContentLength(ranges.length()));
            return Ok((Wanted::Several(ranges), response));
        }
    };
    let length = bytes.end - bytes.start;
    response.headers_mut().typed_insert(ContentLength(length));
    let wanted = i64::try_from(bytes.start).ok().zip(i64::try_from(length).ok()).filter(|(_, length)| *length > 0);
    Ok((wanted.map_or(Wanted::Nothing, |(offset, length)| Wanted::Bytes(offset, length)), response))
}
