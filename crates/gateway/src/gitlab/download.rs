//! `GET` and `HEAD` of a generic package's file.

use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use consign_client::{Client, Download};
use consign_types::{Digest, FilePath};
use headers::{AcceptRanges, ContentLength, ContentRange, ETag, HeaderMapExt as _, IfNoneMatch, IfRange, LastModified, Range};

use super::authenticated;
use super::path::GenericPath;
use super::publish::CHECKSUM;
use super::refusal::{Refusal, Result};

/// Sends a file, or a range of it.
pub(crate) async fn get(State(client): State<Client>, uri: Uri, headers: HeaderMap) -> Result<Response> {
    let client = authenticated(&client, &headers)?;
    let (download, mut response) = open(&client, &uri, &headers).await?;
    if let Some((offset, length)) = range_of(&response)
        && length > 0
    {
        *response.body_mut() = Body::from_stream(client.read(&download, offset, length).await?);
    }
    Ok(response)
}

/// Tells what a `GET` would answer, and sends no body.
pub(crate) async fn head(State(client): State<Client>, uri: Uri, headers: HeaderMap) -> Result<Response> {
    let client = authenticated(&client, &headers)?;
    let (_, response) = open(&client, &uri, &headers).await?;
    Ok(response)
}

/// Finds the file and judges the conditions of the request: the answer, but for its body.
async fn open(client: &Client, uri: &Uri, headers: &HeaderMap) -> Result<(Download, Response)> {
    let path = GenericPath::parse(uri.path(), None)?;
    let (version, path) = match path.file {
        Ok(file) => file,
        Err(part) => {
            client.find_project(&path.project).await?;
            return Err(Refusal::parameter(format!("{part} is invalid")));
        }
    };
    let download = client.prepare_download(&version, &path).await?;
    let facts = Facts::of(&download)?;
    let mut response = respond(&facts, headers)?;
    facts.describe(&path, response.headers_mut());
    Ok((download, response))
}

/// What the headers of an answer tell about a file.
struct Facts {
    digest: Digest,
    size: i64,
    etag: ETag,
    modified: LastModified,
}

impl Facts {
    fn of(download: &Download) -> Result<Self> {
        let file = &download.file;
        let missing = || Refusal::from(consign_client::Error::Protocol("file without its facts"));
        let blob = file.blob.as_ref().ok_or_else(missing)?;
        let digest = Digest::try_from(blob.sha256.as_ref()).map_err(|_| missing())?;
        let seconds = file.create_time.map_or(0, |time| time.seconds.max(0));
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs());
        let etag = format!("\"{digest}\"").parse().expect("hexadecimal digits are an entity tag");
        Ok(Self { digest, size: blob.size_bytes, etag, modified: modified.into() })
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
        headers.insert(CHECKSUM, self.digest.to_string().parse().expect("a digest is hexadecimal"));
    }
}

/// The status, and the headers that say which part of the file follows.
///
/// A file's row never changes its bytes, so its digest is an exact entity tag. More than one range is answered with the whole
/// file, as RFC 9110 allows (section 14.2).
fn respond(facts: &Facts, headers: &HeaderMap) -> Result<Response> {
    if headers.typed_get::<IfNoneMatch>().is_some_and(|condition| !condition.precondition_passes(&facts.etag)) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    let size = facts.size.unsigned_abs();
    let mut response = StatusCode::OK.into_response();
    let current = headers.typed_get::<IfRange>().is_none_or(|condition| !condition.is_modified(Some(&facts.etag), Some(&facts.modified)));
    let range = headers.typed_get::<Range>().filter(|_| current);
    match range.map(|range| one_range(&range, size)) {
        Some(Ranges::One(first, last)) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let content = ContentRange::bytes(first..=last, size).expect("the range lies within the file");
            response.headers_mut().typed_insert(content);
            response.headers_mut().typed_insert(ContentLength(last - first + 1));
        }
        Some(Ranges::None) => return Err(Refusal::range(facts.size)),
        Some(Ranges::Many) | None => response.headers_mut().typed_insert(ContentLength(size)),
    }
    Ok(response)
}

enum Ranges {
    One(u64, u64),
    Many,
    None,
}

fn one_range(range: &Range, size: u64) -> Ranges {
    use std::ops::Bound;

    let ranges: Vec<_> = range.satisfiable_ranges(size).take(2).collect();
    let &[(first, last)] = ranges.as_slice() else {
        return if ranges.is_empty() { Ranges::None } else { Ranges::Many };
    };
    let first = match first {
        Bound::Included(first) => first,
        Bound::Excluded(first) => first + 1,
        Bound::Unbounded => 0,
    };
    let last = match last {
        Bound::Included(last) => last,
        Bound::Excluded(last) => last.saturating_sub(1),
        Bound::Unbounded => size.saturating_sub(1),
    };
    if first >= size || last < first { Ranges::None } else { Ranges::One(first, last.min(size - 1)) }
}

/// Where the body of a prepared answer starts and how long it is; `None` for an answer without one.
fn range_of(response: &Response) -> Option<(i64, i64)> {
    let length = response.headers().typed_get::<ContentLength>()?.0;
    let first = response.headers().typed_get::<ContentRange>().and_then(|range| range.bytes_range()).map_or(0, |(first, _)| first);
    Some((i64::try_from(first).ok()?, i64::try_from(length).ok()?))
}
