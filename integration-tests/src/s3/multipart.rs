//! Uploads in parts.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use axum::http::HeaderMap;
use bytes::{Bytes, BytesMut};
use jiff::Timestamp;

use super::conditions::{Conditions, is_same_tag};
use super::objects::{Bucket, Object, now};
use super::payload::{Payload, tag_of_parts};
use super::refusal::{Refusal, Result};
use super::xml::{elements, text};

/// What every part but the last must have.
pub(super) const SMALLEST: usize = 5 << 20;
const NUMBERS: RangeInclusive<u16> = 1..=10_000;

/// An upload that was neither completed nor aborted.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) key: String,
    pub(super) initiated: Timestamp,
    attributes: HeaderMap,
    parts: BTreeMap<u16, Part>,
}

#[derive(Debug)]
struct Part {
    bytes: Bytes,
    tag: String,
}

/// A part as it is named when all are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) number: u16,
    pub(super) tag: String,
}

/// Reads the document that completes an upload.
pub(super) fn named(document: &[u8]) -> Result<Vec<Named>> {
    let document = str::from_utf8(document).map_err(|_| Refusal::MalformedXml)?;
    let named = |part: &&str| {
        let number = text(part, "PartNumber")?.trim().parse().ok()?;
        Some(Named { number, tag: text(part, "ETag")? })
    };
    let parts: Option<Vec<_>> = elements(document, "Part").iter().map(named).collect();
    parts.filter(|parts| !parts.is_empty()).ok_or(Refusal::MalformedXml)
}

impl Bucket {
    /// Returns its id. Ids sort by when the uploads were opened.
    pub(super) fn open(&mut self, key: &str, attributes: HeaderMap) -> String {
        self.opened += 1;
        let id = format!("upload-{:012}", self.opened);
        let upload = Upload { key: key.to_owned(), initiated: now(), attributes, parts: BTreeMap::new() };
        self.uploads.insert(id.clone(), upload);
        id
    }

    fn upload(&mut self, id: &str, key: &str) -> Result<&mut Upload> {
        self.uploads.get_mut(id).filter(|upload| upload.key == key).ok_or(Refusal::NoSuchUpload)
    }

    /// Stores a part, in the place of one with the same number. Returns its ETag.
    pub(super) fn part(&mut self, id: &str, key: &str, number: u16, payload: Payload) -> Result<String> {
        if !NUMBERS.contains(&number) {
            return Err(Refusal::InvalidArgument);
        }
        let upload = self.upload(id, key)?;
        let tag = payload.tag();
        upload.parts.insert(number, Part { bytes: payload.bytes, tag: tag.clone() });
        Ok(tag)
    }

    /// Makes the object and ends the upload. A refusal leaves both as they were. Returns the object's ETag.
    pub(super) fn complete(&mut self, id: &str, key: &str, named: &[Named], conditions: &Conditions) -> Result<String> {
        let tag = self.assemble(id, key, named, conditions)?;
        self.uploads.remove(id);
        Ok(tag)
    }

    /// Makes the object, and leaves the upload open.
    pub(super) fn assemble(&mut self, id: &str, key: &str, named: &[Named], conditions: &Conditions) -> Result<String> {
        let object = self.upload(id, key)?.assemble(named)?;
        let tag = object.tag.clone();
        self.put(key, object, conditions)?;
        Ok(tag)
    }

    pub(super) fn abort(&mut self, id: &str, key: &str) -> Result<()> {
        self.upload(id, key)?;
        self.uploads.remove(id);
        Ok(())
    }
}

impl Upload {
    /// The object of these parts. Others that it has are left out.
    fn assemble(&self, named: &[Named]) -> Result<Object> {
        if !named.is_sorted_by(|one, next| one.number < next.number) {
            return Err(Refusal::InvalidPartOrder);
        }
        let part = |named: &Named| self.parts.get(&named.number).filter(|part| is_same_tag(&part.tag, &named.tag));
        let parts: Vec<_> = named.iter().map(|named| part(named).ok_or(Refusal::InvalidPart)).collect::<Result<_>>()?;
        let (_, others) = parts.split_last().ok_or(Refusal::MalformedXml)?;
        if others.iter().any(|part| part.bytes.len() < SMALLEST) {
            return Err(Refusal::EntityTooSmall);
        }
        let tag = tag_of_parts(parts.iter().map(|part| part.tag.as_str()));
        let mut bytes = BytesMut::with_capacity(parts.iter().map(|part| part.bytes.len()).sum());
        for part in parts {
            bytes.extend_from_slice(&part.bytes);
        }
        Ok(Object { bytes: bytes.freeze(), tag, modified: now(), attributes: self.attributes.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "a/b";

    fn uploaded(sizes: &[usize]) -> (Bucket, String, Vec<Named>) {
        let mut bucket = Bucket::default();
        let id = bucket.open(KEY, HeaderMap::new());
        let mut named = Vec::new();
        for (number, size) in (1_u16..).zip(sizes) {
            let payload = Payload::new(Bytes::from(vec![number.to_le_bytes()[0]; *size]));
            let tag = bucket.part(&id, KEY, number, payload).expect("the upload is open");
            named.push(Named { number, tag });
        }
        (bucket, id, named)
    }

    fn complete(bucket: &mut Bucket, id: &str, named: &[Named]) -> Result<String> {
        bucket.complete(id, KEY, named, &Conditions::default())
    }

    #[test]
    fn parts_become_an_object_once() {
        let (mut bucket, id, named) = uploaded(&[SMALLEST, SMALLEST + 1, 7]);
        let tag = complete(&mut bucket, &id, &named).expect("all is well");
        assert!(tag.ends_with("-3\""), "{tag}");
        assert_eq!(bucket.objects[KEY].bytes.len(), 2 * SMALLEST + 8);
        assert_eq!(complete(&mut bucket, &id, &named), Err(Refusal::NoSuchUpload));
        assert_eq!(bucket.abort(&id, KEY), Err(Refusal::NoSuchUpload));
    }

    #[test]
    fn what_does_not_fit_is_refused_and_changes_nothing() {
        let (mut bucket, id, named) = uploaded(&[SMALLEST, SMALLEST - 1, 7]);
        let wrong = |index: usize, tag: &str| {
            let mut wrong = named.clone();
            tag.clone_into(&mut wrong[index].tag);
            wrong
        };
        let reversed: Vec<_> = named.iter().rev().cloned().collect();
        let twice = [named[0].clone(), named[0].clone()];
        for (parts, refusal) in [
            (&named[..], Refusal::EntityTooSmall),
            (&wrong(2, "\"0\""), Refusal::InvalidPart),
            (&[Named { number: 4, tag: named[2].tag.clone() }], Refusal::InvalidPart),
            (&reversed, Refusal::InvalidPartOrder),
            (&twice, Refusal::InvalidPartOrder),
        ] {
            assert_eq!(complete(&mut bucket, &id, parts), Err(refusal), "{parts:?}");
        }
        assert!(bucket.objects.is_empty());
        assert_eq!(bucket.part(&id, KEY, 0, Payload::new(Bytes::new())), Err(Refusal::InvalidArgument));
        assert_eq!(bucket.part(&id, KEY, 10_001, Payload::new(Bytes::new())), Err(Refusal::InvalidArgument));
        assert_eq!(bucket.part(&id, "other", 1, Payload::new(Bytes::new())), Err(Refusal::NoSuchUpload));
        complete(&mut bucket, &id, &[named[0].clone(), named[2].clone()]).expect("parts may be left out");
    }

    #[test]
    fn the_document_names_parts_with_and_without_quotes() {
        let document = br#"<?xml version="1.0"?><CompleteMultipartUpload xmlns="x"><Part><ETag>&quot;aa&quot;</ETag><PartNumber>1</PartNumber></Part><Part>
            <PartNumber> 2 </PartNumber><ETag>bb</ETag></Part></CompleteMultipartUpload>"#;
        let expected = [Named { number: 1, tag: "\"aa\"".to_owned() }, Named { number: 2, tag: "bb".to_owned() }];
        assert_eq!(named(document).as_deref(), Ok(&expected[..]));
        for broken in
            ["", "<CompleteMultipartUpload/>", "<Part><ETag>a</ETag></Part>", "<Part><PartNumber>x</PartNumber><ETag>a</ETag></Part>"]
        {
            assert_eq!(named(broken.as_bytes()), Err(Refusal::MalformedXml), "{broken}");
        }
    }
}
