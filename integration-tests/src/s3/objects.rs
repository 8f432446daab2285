//! The bucket: what the requests have their effect on. Each of its functions is one effect, whole or not at all.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use bytes::Bytes;
use jiff::Timestamp;

use super::conditions::Conditions;
use super::multipart::Upload;
use super::payload::Payload;
use super::refusal::{Refusal, Result};

/// An object.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) bytes: Bytes,
    /// With its quotes.
    pub(super) tag: String,
    pub(super) modified: Timestamp,
    /// The headers that were stored with it.
    pub(super) attributes: HeaderMap,
}

impl Object {
    pub(super) fn new(payload: Payload, attributes: HeaderMap) -> Self {
        let tag = payload.tag();
        Self { bytes: payload.bytes, tag, modified: now(), attributes }
    }
}

/// Objects and open uploads.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// By key, in the order of lists: that of the bytes.
    pub(super) objects: BTreeMap<String, Object>,
    /// By id.
    pub(super) uploads: BTreeMap<String, Upload>,
    /// How many uploads there have been.
    pub(super) opened: u64,
}

impl Bucket {
    pub(super) fn get(&self, key: &str, conditions: &Conditions) -> Result<&Object> {
        let object = self.objects.get(key).ok_or(Refusal::NoSuchKey)?;
        conditions.read(object)?;
        Ok(object)
    }

    pub(super) fn put(&mut self, key: &str, object: Object, conditions: &Conditions) -> Result<()> {
        conditions.write(self.objects.get(key))?;
        self.objects.insert(key.to_owned(), object);
        Ok(())
    }

    /// The copy has the attributes of the source, unless it gets its own.
    pub(super) fn copy(&mut self, from: &str, to: &str, own: Option<HeaderMap>, conditions: &Conditions) -> Result<&Object> {
        let source = self.objects.get(from).ok_or(Refusal::NoSuchKey)?;
        if from == to && own.is_none() {
            return Err(Refusal::InvalidRequest);
        }
        let attributes = own.unwrap_or_else(|| source.attributes.clone());
        let copy = Object { attributes, modified: now(), ..source.clone() };
        self.put(to, copy, conditions)?;
        self.get(to, &Conditions::default())
    }
}

/// The headers of a request that S3 stores with an object.
pub(super) fn attributes(headers: &HeaderMap) -> HeaderMap {
    const STORED: [&str; 5] = ["cache-control", "content-disposition", "content-encoding", "content-language", "content-type"];

    let is_stored = |name: &str| STORED.contains(&name) || name.starts_with("x-amz-meta-");
    headers.iter().filter(|(name, _)| is_stored(name.as_str())).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// S3 keeps seconds.
#[expect(clippy::disallowed_methods, reason = "this is a server of its own, which has a clock of its own")]
pub(super) fn now() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).expect("now is a time")
}
