//! What a request asks for.

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;

use super::conditions::Conditions;
use super::refusal::{Refusal, Result};
use super::{ACCESS_KEY, BUCKET};

const COPY_SOURCE: &str = "x-amz-copy-source";
const MAX_KEY: usize = 1024;

/// What the server can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// `AbortMultipartUpload`.
    Abort,
    /// `CompleteMultipartUpload`.
    Complete,
    /// `CopyObject`.
    Copy,
    /// `CreateMultipartUpload`.
    Create,
    /// `DeleteObject`, and `DeleteObjects`, which counts once.
    Delete,
    /// `GetObject`.
    Get,
    /// `HeadObject`.
    Head,
    /// `ListObjectsV2`.
    List,
    /// `UploadPart` and `UploadPartCopy`.
    Part,
    /// `PutObject`.
    Put,
    /// `ListMultipartUploads`.
    Uploads,
}

/// A request but for its body.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) operation: Operation,
    /// Empty where the bucket as a whole is meant.
    pub(super) key: String,
    pub(super) headers: HeaderMap,
    query: BTreeMap<String, String>,
}

impl Question {
    /// Refuses what is not built here, lest it be taken for something else.
    pub(super) fn read(head: Parts) -> Result<Self> {
        authorize(&head.headers)?;
        let path = percent_decode_str(head.uri.path()).decode_utf8().map_err(|_| Refusal::InvalidArgument)?;
        let (bucket, key) = split(&path);
        if bucket != BUCKET {
            return Err(Refusal::NoSuchBucket);
        }
        if key.len() > MAX_KEY {
            return Err(Refusal::KeyTooLong);
        }
        let query: BTreeMap<String, String> =
            serde_urlencoded::from_str(head.uri.query().unwrap_or_default()).map_err(|_| Refusal::InvalidArgument)?;
        let operation = operation(&head.method, key, &query, &head.headers)?;
        is_understood(operation, &query, &head.headers)?;
        Ok(Self { operation, key: key.to_owned(), headers: head.headers, query })
    }

    /// A parameter.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// A parameter that is a number.
    pub(super) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>> {
        self.query(name).map(|text| text.parse().map_err(|_| Refusal::InvalidArgument)).transpose()
    }

    /// The multipart upload that is meant.
    pub(super) fn upload(&self) -> &str {
        self.query("uploadId").unwrap_or_default()
    }

    /// A header that is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The key that is to be copied.
    pub(super) fn source(&self) -> Result<Option<String>> {
        let Some(source) = self.header(COPY_SOURCE) else { return Ok(None) };
        let path = percent_decode_str(source).decode_utf8().map_err(|_| Refusal::InvalidArgument)?;
        let (bucket, key) = split(&path);
        if bucket == BUCKET { Ok(Some(key.to_owned())) } else { Err(Refusal::NoSuchBucket) }
    }

    /// Its conditions on the object that it reads or writes.
    pub(super) fn conditions(&self) -> Conditions {
        Conditions::of(&self.headers)
    }
}

/// The signature itself is not checked.
fn authorize(headers: &HeaderMap) -> Result<()> {
    let header = headers.get(AUTHORIZATION).ok_or(Refusal::AccessDenied)?;
    let is_known = header.to_str().is_ok_and(|text| text.contains(&format!("Credential={ACCESS_KEY}/")));
    if is_known { Ok(()) } else { Err(Refusal::InvalidAccessKeyId) }
}

fn split(path: &str) -> (&str, &str) {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.split_once('/').unwrap_or((path, ""))
}

fn operation(method: &Method, key: &str, query: &BTreeMap<String, String>, headers: &HeaderMap) -> Result<Operation> {
    let has = |name| query.contains_key(name);
    Ok(match (method, key.is_empty()) {
        (&Method::GET, true) if has("uploads") => Operation::Uploads,
        (&Method::GET, true) if query.get("list-type").is_some_and(|version| version == "2") => Operation::List,
        (&Method::POST, true) if has("delete") => Operation::Delete,
        (&Method::PUT, false) if has("uploadId") => Operation::Part,
        (&Method::PUT, false) if headers.contains_key(COPY_SOURCE) => Operation::Copy,
        (&Method::PUT, false) => Operation::Put,
        (&Method::GET, false) => Operation::Get,
        (&Method::HEAD, false) => Operation::Head,
        (&Method::DELETE, false) if has("uploadId") => Operation::Abort,
        (&Method::DELETE, false) => Operation::Delete,
        (&Method::POST, false) if has("uploads") => Operation::Create,
        (&Method::POST, false) if has("uploadId") => Operation::Complete,
        _ => return Err(Refusal::NotImplemented),
    })
}

fn is_understood(operation: Operation, query: &BTreeMap<String, String>, headers: &HeaderMap) -> Result<()> {
    const HEADERS: [&str; 3] = ["if-modified-since", "if-unmodified-since", "x-amz-copy-source-if-"];

    let parameters: &[&str] = match operation {
        Operation::Abort | Operation::Complete => &["uploadId"],
        Operation::Create => &["uploads"],
        Operation::Delete => &["delete"],
        Operation::List => &["list-type", "prefix", "delimiter", "start-after", "continuation-token", "max-keys"],
        Operation::Part => &["partNumber", "uploadId"],
        Operation::Uploads => &["uploads", "prefix", "key-marker", "upload-id-marker", "max-uploads"],
        Operation::Copy | Operation::Get | Operation::Head | Operation::Put => &[],
    };
    // SDKs tell the name of the operation by `x-id`.
    let is_foreign = query.keys().any(|name| name != "x-id" && !parameters.contains(&name.as_str()));
    let is_conditional = headers.keys().any(|name| HEADERS.iter().any(|start| name.as_str().starts_with(start)));
    let is_chunked = headers.get("x-amz-content-sha256").is_some_and(|value| value.as_bytes().starts_with(b"STREAMING-"));
    if is_foreign || is_conditional || is_chunked { Err(Refusal::NotImplemented) } else { Ok(()) }
}
