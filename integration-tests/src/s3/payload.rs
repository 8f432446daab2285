//! Bytes that came with a request, and what they hash to.

use std::fmt::Write as _;

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::refusal::{Refusal, Result};

/// The checksum that a client may send with what it stores.
pub(super) const CHECKSUM: &str = "x-amz-checksum-sha256";
/// The hash that is part of the signature, where the client signs its payload.
const SIGNED: &str = "x-amz-content-sha256";

/// Bytes with their hash.
#[derive(Clone, Debug)]
pub(super) struct Payload {
    pub(super) bytes: Bytes,
    digest: [u8; 32],
}

impl Payload {
    pub(super) fn new(bytes: Bytes) -> Self {
        let digest = Sha256::digest(&bytes).into();
        Self { bytes, digest }
    }

    /// These bytes are what the headers say that they are.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<()> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let is_signed_otherwise = text(SIGNED).is_some_and(|value| value.len() == 64 && value != hex(&self.digest));
        let is_summed_otherwise = text(CHECKSUM).is_some_and(|value| value != BASE64_STANDARD.encode(self.digest));
        if is_signed_otherwise || is_summed_otherwise { Err(Refusal::BadDigest) } else { Ok(()) }
    }

    /// The ETag: like those of S3 it tells contents apart, unlike those it is no MD5.
    pub(super) fn tag(&self) -> String {
        format!("\"{}\"", hex(&self.digest[..16]))
    }
}

/// The ETag of an object that was made of parts with these.
pub(super) fn tag_of_parts<'a>(tags: impl ExactSizeIterator<Item = &'a str>) -> String {
    let (count, mut hash) = (tags.len(), Sha256::new());
    tags.for_each(|tag| hash.update(tag));
    format!("\"{}-{count}\"", hex(&hash.finalize()[..16]))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}
