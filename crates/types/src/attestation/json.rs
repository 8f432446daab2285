//! JSON of strangers: in the forms that are asked for, and no more of it than may be.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{ParseBundleError, Part};

/// The longest reason that is told, in characters: what serde says of a text has the whole text in it.
const MAX_REASON: usize = 200;

/// Reads the JSON object that a part of a bundle is.
pub(super) fn read<T: DeserializeOwned>(part: Part, bytes: &[u8]) -> Result<T, ParseBundleError> {
    let object: Result<Object<T>, _> = serde_json::from_slice(bytes);
    object.map(|Object(read)| read).map_err(|error| ParseBundleError::Json { part, reason: reason(&error) })
}

fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.char_indices().nth(MAX_REASON) {
        None => text,
        Some((end, _)) => format!("{}… at line {} column {}", &text[..end], error.line(), error.column()),
    }
}

/// A JSON object. What is derived reads lists of the fields' values too, which nobody else takes for an envelope.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

/// A list, of which no more than `MOST` entries and one are kept: enough to tell that there are too many.
pub(super) struct List<T, const MOST: usize>(Vec<T>);

impl<T, const MOST: usize> List<T, MOST> {
    /// The entries, if they are no more than may be.
    pub(super) fn within(self, what: &'static str) -> Result<Vec<T>, ParseBundleError> {
        if self.0.len() > MOST { Err(ParseBundleError::TooMany { what, most: MOST }) } else { Ok(self.0) }
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for List<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor(PhantomData))
    }
}

struct ListVisitor<T, const MOST: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for ListVisitor<T, MOST> {
    type Value = List<T, MOST>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut kept = Vec::new();
        while kept.len() <= MOST {
            match entries.next_element()? {
                Some(entry) => kept.push(entry),
                None => return Ok(List(kept)),
            }
        }
        while entries.next_element::<IgnoredAny>()?.is_some() {}
        Ok(List(kept))
    }
}

/// Bytes in base64, of the standard or the URL-safe alphabet, padded or not: DSSE and the JSON of protobuf allow all of them.
pub(super) struct Base64(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Base64Visitor)
    }
}

struct Base64Visitor;

impl Visitor<'_> for Base64Visitor {
    type Value = Base64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes in base64")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        let alphabet = if text.contains(['-', '_']) { URL_SAFE } else { STANDARD };
        decode(&alphabet, text).map(Base64).ok_or_else(|| E::custom("it is not base64"))
    }
}

fn decode(alphabet: &Alphabet, text: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(alphabet, config).decode(text).ok()
}
