//! What each operation does to the bucket, and how it answers when all goes well.

use axum::body::Body;
use axum::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use jiff::fmt::rfc2822::DateTimePrinter;

use super::BUCKET;
use super::multipart::named;
use super::objects::{Bucket, Object, attributes};
use super::payload::{CHECKSUM, Payload};
use super::question::{Operation, Question};
use super::range;
use super::refusal::{Refusal, Result};
use super::xml::{document, element, elements, group, text};

/// The most keys of a `DeleteObjects`.
const MOST_DELETED: usize = 1000;

/// Does what is asked. To a rival of the client, who does the same, an upload in parts is not open: it leaves it as it is.
pub(super) fn of(bucket: &mut Bucket, question: &Question, payload: Payload, is_rival: bool) -> Result<Response> {
    let key = question.key.as_str();
    match question.operation {
        Operation::Put => put(bucket, question, payload),
        Operation::Get | Operation::Head => get(bucket, question),
        Operation::Copy => copy(bucket, question),
        Operation::Delete if key.is_empty() => delete_all(bucket, &payload),
        Operation::Delete => {
            bucket.objects.remove(key);
            Ok(no_content())
        }
        Operation::List => bucket.list(question).map(xml),
        Operation::Create => {
            let id = bucket.open(key, attributes(&question.headers));
            let content = element("Bucket", BUCKET) + &element("Key", key) + &element("UploadId", &id);
            Ok(xml(document("InitiateMultipartUploadResult", &content)))
        }
        Operation::Part => part(bucket, question, payload),
        Operation::Complete => {
            let (named, conditions) = (named(&payload.bytes)?, question.conditions());
            let complete = if is_rival { Bucket::assemble } else { Bucket::complete };
            let tag = complete(bucket, question.upload(), key, &named, &conditions)?;
            let content = element("Bucket", BUCKET) + &element("Key", key) + &element("ETag", &tag);
            Ok(xml(document("CompleteMultipartUploadResult", &content)))
        }
        Operation::Abort => bucket.abort(question.upload(), key).map(|()| no_content()),
        Operation::Uploads => bucket.list_uploads(question).map(xml),
    }
}

/// An answer that is a document.
pub(super) fn xml(document: String) -> Response {
    let mut response = Response::new(Body::from(document));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}

fn no_content() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

fn header(text: impl AsRef<str>) -> HeaderValue {
    HeaderValue::from_str(text.as_ref()).expect("what the server writes makes a header")
}

/// The answer to bytes that were stored.
fn stored(tag: &str, question: &Question) -> Response {
    let mut response = Response::new(Body::empty());
    response.headers_mut().insert(ETAG, header(tag));
    if let Some(sum) = question.headers.get(CHECKSUM) {
        response.headers_mut().insert(CHECKSUM, sum.clone());
    }
    response
}

fn put(bucket: &mut Bucket, question: &Question, payload: Payload) -> Result<Response> {
    let object = Object::new(payload, attributes(&question.headers));
    let tag = object.tag.clone();
    bucket.put(&question.key, object, &question.conditions())?;
    Ok(stored(&tag, question))
}

fn get(bucket: &Bucket, question: &Question) -> Result<Response> {
    let object = bucket.get(&question.key, &question.conditions())?;
    let size = object.bytes.len();
    let range = range::asked(question.header("range"), size)?;
    let bytes = range.clone().map_or_else(|| object.bytes.clone(), |range| object.bytes.slice(range));
    let length = header(bytes.len().to_string());
    let mut response = Response::new(Body::from(bytes));
    if let Some(range) = &range {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        response.headers_mut().insert(CONTENT_RANGE, header(format!("bytes {}-{}/{size}", range.start, range.end - 1)));
    }
    let modified = DateTimePrinter::new().timestamp_to_rfc9110_string(&object.modified).expect("the present has a date");
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("binary/octet-stream"));
    headers.extend(object.attributes.clone());
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_LENGTH, length);
    headers.insert(ETAG, header(&object.tag));
    headers.insert(LAST_MODIFIED, header(modified));
    Ok(response)
}

/// What a copy answers with, under either name.
fn copied(root: &str, object: &Object) -> Response {
    let content = element("LastModified", &format!("{:.3}", object.modified)) + &element("ETag", &object.tag);
    xml(document(root, &content))
}

fn copy(bucket: &mut Bucket, question: &Question) -> Result<Response> {
    let source = question.source()?.ok_or(Refusal::InvalidArgument)?;
    let is_replaced = question.header("x-amz-metadata-directive") == Some("REPLACE");
    let own = is_replaced.then(|| attributes(&question.headers));
    let object = bucket.copy(&source, &question.key, own, &question.conditions())?;
    Ok(copied("CopyObjectResult", object))
}

fn part(bucket: &mut Bucket, question: &Question, payload: Payload) -> Result<Response> {
    let number = question.number("partNumber")?.ok_or(Refusal::InvalidArgument)?;
    let Some(source) = question.source()? else {
        let tag = bucket.part(question.upload(), &question.key, number, payload)?;
        return Ok(stored(&tag, question));
    };
    let source = bucket.objects.get(&source).ok_or(Refusal::NoSuchKey)?;
    let range = range::asked(question.header("x-amz-copy-source-range"), source.bytes.len())?;
    let bytes = range.map_or_else(|| source.bytes.clone(), |range| source.bytes.slice(range));
    let object = Object::new(Payload::new(bytes.clone()), source.attributes.clone());
    bucket.part(question.upload(), &question.key, number, Payload::new(bytes))?;
    Ok(copied("CopyPartResult", &object))
}

/// `DeleteObjects`: objects that are not there count as deleted.
fn delete_all(bucket: &mut Bucket, payload: &Payload) -> Result<Response> {
    let document_of_keys = str::from_utf8(&payload.bytes).map_err(|_| Refusal::MalformedXml)?;
    let keys: Option<Vec<_>> = elements(document_of_keys, "Object").iter().map(|object| text(object, "Key")).collect();
    let keys = keys.filter(|keys| (1..=MOST_DELETED).contains(&keys.len())).ok_or(Refusal::MalformedXml)?;
    let is_quiet = text(document_of_keys, "Quiet").as_deref() == Some("true");
    let mut content = String::new();
    for key in keys {
        bucket.objects.remove(&key);
        if !is_quiet {
            content += &group("Deleted", &element("Key", &key));
        }
    }
    Ok(xml(document("DeleteResult", &content)))
}
