//! Signed notes: the tickets that the metadata plane writes and the receipts that the blob plane writes.
//!
//! The planes share a [`Keyring`] and never talk: the caller carries a ticket one way and a receipt the other. To everybody
//! else both are opaque bytes. A note is a small protobuf message under HMAC-SHA256; the MAC covers what the note is for, so a
//! ticket can't pass as a receipt, nor an upload as a download.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use prost::Message;
use sha2::Sha256;

use crate::{Digest, Timestamp};

/// The right to bring bytes: at most `max_bytes` of them, until `expires`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadTicket {
    /// The number of the upload, which the receipt repeats. Never reused.
    pub upload: i64,
    /// The project that the bytes are for.
    pub project: i64,
    /// The limit in bytes, inclusive.
    pub max_bytes: i64,
    /// The digest that the bytes must have, where the caller declared it.
    pub digest: Option<Digest>,
    /// The size that the bytes must have, where the caller declared it.
    pub size: Option<i64>,
    /// The least generation of stored bytes that may be reused; older ones may be on their way out.
    pub min_generation: i64,
    /// After this no transfer starts. One that has started goes on.
    pub expires: Timestamp,
}

/// The right to read one blob, until `expires`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownloadTicket {
    /// The project on whose behalf the bytes are read.
    pub project: i64,
    /// The digest of the blob.
    pub digest: Digest,
    /// Which copy of the bytes.
    pub generation: i64,
    /// The size of the blob in bytes.
    pub size: i64,
    /// After this no transfer starts. One that has started goes on.
    pub expires: Timestamp,
}

/// The word of the blob plane that it holds these bytes, checked and durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The upload that brought the bytes.
    pub upload: i64,
    /// The project they were brought for.
    pub project: i64,
    /// What the bytes hash to.
    pub digest: Digest,
    /// How many there are.
    pub size: i64,
    /// Which copy of the bytes.
    pub generation: i64,
    /// Until then the bytes are kept though nothing refers to them.
    pub expires: Timestamp,
}

/// A note is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It was not signed by a key of this ring for this use.
    #[error("the signature is not ours")]
    Forged,
    /// Its time is over.
    #[error("the time to use it is over")]
    Expired,
}

/// A note that a [`Keyring`] can sign and check.
pub trait Note: Sized {
    /// What the note is for, under the MAC: no two kinds share it.
    const PURPOSE: &'static str;

    /// When the note stops being believed.
    fn expires(&self) -> Timestamp;
    #[doc(hidden)]
    fn to_wire(&self) -> Wire;
    #[doc(hidden)]
    fn from_wire(wire: &Wire) -> Option<Self>;
}

/// Every field of every note. A note sets those that it has; the MAC covers the encoded bytes as they are.
#[doc(hidden)]
#[derive(Clone, PartialEq, Message)]
pub struct Wire {
    #[prost(int64, tag = "1")]
    upload: i64,
    #[prost(int64, tag = "2")]
    project: i64,
    #[prost(bytes = "vec", tag = "3")]
    digest: Vec<u8>,
    #[prost(int64, optional, tag = "4")]
    size: Option<i64>,
    #[prost(int64, tag = "5")]
    max_bytes: i64,
    #[prost(int64, tag = "6")]
    generation: i64,
    #[prost(int64, tag = "7")]
    expires: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Signed {
    #[prost(string, tag = "1")]
    key_id: String,
    #[prost(bytes = "vec", tag = "2")]
    note: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    mac: Vec<u8>,
}

/// The keys that both planes hold: one signs, and a second may still be believed while keys are rotated.
#[derive(Clone)]
pub struct Keyring {
    signing: Key,
    retiring: Option<Key>,
}

#[derive(Clone)]
struct Key {
    id: String,
    secret: [u8; 32],
}

impl Keyring {
    /// A ring of one new random key.
    pub fn generate() -> Self {
        let id: u32 = rand::random();
        Self { signing: Key { id: format!("{id:08x}"), secret: rand::random() }, retiring: None }
    }

    /// The ring as the text of a key file: one `<id>:<64 hexadecimal digits>` a line, the signing key first.
    pub fn to_text(&self) -> String {
        let line = |key: &Key| format!("{}:{}\n", key.id, Digest::from_bytes(key.secret));
        std::iter::once(&self.signing).chain(&self.retiring).map(line).collect()
    }

    /// Signs a note.
    pub fn sign<N: Note>(&self, note: &N) -> Vec<u8> {
        let note = note.to_wire().encode_to_vec();
        let mac = self.signing.mac(N::PURPOSE, &note).finalize().into_bytes().to_vec();
        Signed { key_id: self.signing.id.clone(), note, mac }.encode_to_vec()
    }

    /// Reads a note that this ring signed, whose time is not over at `now`.
    pub fn check<N: Note>(&self, bytes: &[u8], now: Timestamp) -> Result<N, NoteError> {
        let signed = Signed::decode(bytes).map_err(|_| NoteError::Forged)?;
        let mut keys = std::iter::once(&self.signing).chain(&self.retiring);
        let key = keys.find(|key| key.id == signed.key_id).ok_or(NoteError::Forged)?;
        key.mac(N::PURPOSE, &signed.note).verify_slice(&signed.mac).map_err(|_| NoteError::Forged)?;

        let wire = Wire::decode(signed.note.as_slice()).map_err(|_| NoteError::Forged)?;
        let note = N::from_wire(&wire).ok_or(NoteError::Forged)?;
        if note.expires() < now { Err(NoteError::Expired) } else { Ok(note) }
    }
}

impl Key {
    fn mac(&self, purpose: &str, note: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes a key of any length");
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(note);
        mac
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("signing", &self.signing.id).finish_non_exhaustive()
    }
}

/// The text is not a key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key file has one or two lines `<id>:<64 hexadecimal digits>`, with different ids")]
pub struct ParseKeyringError;

impl FromStr for Keyring {
    type Err = ParseKeyringError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let keys: Vec<Key> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(parse_key).collect::<Result<_, _>>()?;
        let mut keys = keys.into_iter();
        let ring = Self { signing: keys.next().ok_or(ParseKeyringError)?, retiring: keys.next() };
        let same_id = ring.retiring.as_ref().is_some_and(|key| key.id == ring.signing.id);
        if same_id || keys.next().is_some() { Err(ParseKeyringError) } else { Ok(ring) }
    }
}

fn parse_key(line: &str) -> Result<Key, ParseKeyringError> {
    let (id, secret) = line.split_once(':').ok_or(ParseKeyringError)?;
    let secret: Digest = secret.parse().map_err(|_| ParseKeyringError)?;
    if id.is_empty() {
        return Err(ParseKeyringError);
    }
    Ok(Key { id: id.to_owned(), secret: *secret.as_bytes() })
}

impl Note for UploadTicket {
    const PURPOSE: &'static str = "consign.blob.v1 upload ticket";

    fn expires(&self) -> Timestamp {
        self.expires
    }

    fn to_wire(&self) -> Wire {
        Wire {
            upload: self.upload,
            project: self.project,
            digest: self.digest.map(|digest| digest.as_bytes().to_vec()).unwrap_or_default(),
            size: self.size,
            max_bytes: self.max_bytes,
            generation: self.min_generation,
            expires: self.expires.as_micros(),
        }
    }

    fn from_wire(wire: &Wire) -> Option<Self> {
        let digest = if wire.digest.is_empty() { None } else { Some(wire.digest.as_slice().try_into().ok()?) };
        Some(Self {
            upload: wire.upload,
            project: wire.project,
            max_bytes: wire.max_bytes,
            digest,
            size: wire.size,
            min_generation: wire.generation,
            expires: Timestamp::from_micros(wire.expires),
        })
    }
}

impl Note for DownloadTicket {
    const PURPOSE: &'static str = "consign.blob.v1 download ticket";

    fn expires(&self) -> Timestamp {
        self.expires
    }

    fn to_wire(&self) -> Wire {
        Wire {
            project: self.project,
            digest: self.digest.as_bytes().to_vec(),
            size: Some(self.size),
            generation: self.generation,
            expires: self.expires.as_micros(),
            ..Wire::default()
        }
    }

    fn from_wire(wire: &Wire) -> Option<Self> {
        Some(Self {
            project: wire.project,
            digest: wire.digest.as_slice().try_into().ok()?,
            generation: wire.generation,
            size: wire.size?,
            expires: Timestamp::from_micros(wire.expires),
        })
    }
}

impl Note for Receipt {
    const PURPOSE: &'static str = "consign.metadata.v1 receipt";

    fn expires(&self) -> Timestamp {
        self.expires
    }

    fn to_wire(&self) -> Wire {
        Wire {
            upload: self.upload,
            project: self.project,
            digest: self.digest.as_bytes().to_vec(),
            size: Some(self.size),
            generation: self.generation,
            expires: self.expires.as_micros(),
            ..Wire::default()
        }
    }

    fn from_wire(wire: &Wire) -> Option<Self> {
        Some(Self {
            upload: wire.upload,
            project: wire.project,
            digest: wire.digest.as_slice().try_into().ok()?,
            size: wire.size?,
            generation: wire.generation,
            expires: Timestamp::from_micros(wire.expires),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000);

    fn receipt() -> Receipt {
        Receipt { upload: 7, project: 3, digest: Digest::of(b"x"), size: 1, generation: 7, expires: NOW.plus_seconds(60) }
    }

    #[test]
    fn a_note_reads_back_as_it_was_signed() {
        let ring = Keyring::generate();
        let ticket = UploadTicket {
            upload: 7,
            project: 3,
            max_bytes: 10,
            digest: None,
            size: Some(0),
            min_generation: 2,
            expires: NOW.plus_seconds(60),
        };
        assert_eq!(ring.check(&ring.sign(&ticket), NOW), Ok(ticket));
        assert_eq!(ring.check(&ring.sign(&receipt()), NOW), Ok(receipt()));
    }

    #[test]
    fn a_note_of_another_kind_key_or_time_is_not_believed() {
        let ring = Keyring::generate();
        let bytes = ring.sign(&receipt());

        assert_eq!(ring.check::<UploadTicket>(&bytes, NOW), Err(NoteError::Forged));
        assert_eq!(ring.check::<DownloadTicket>(&bytes, NOW), Err(NoteError::Forged));
        assert_eq!(Keyring::generate().check::<Receipt>(&bytes, NOW), Err(NoteError::Forged));
        assert_eq!(ring.check::<Receipt>(&bytes, NOW.plus_seconds(60)), Ok(receipt()));
        assert_eq!(ring.check::<Receipt>(&bytes, NOW.plus_seconds(61)), Err(NoteError::Expired));
    }

    #[test]
    fn keys_rotate_while_notes_of_the_old_key_are_still_believed() {
        let (old, new) = (Keyring::generate(), Keyring::generate());
        let both: Keyring = format!("{}{}", new.to_text(), old.to_text()).parse().unwrap();

        assert_eq!(both.check(&old.sign(&receipt()), NOW), Ok(receipt()));
        assert_eq!(new.check(&both.sign(&receipt()), NOW), Ok(receipt()));
        assert_eq!(old.check::<Receipt>(&both.sign(&receipt()), NOW), Err(NoteError::Forged));
    }

    #[test]
    fn key_files_of_another_shape_are_refused_and_secrets_are_not_shown() {
        let ring = Keyring::generate();
        let text = ring.to_text();
        for broken in ["", "a:b", &text[1..text.len() - 2], &text.repeat(2), &format!(":{}", &text[9..])] {
            assert!(broken.parse::<Keyring>().is_err(), "{broken}");
        }
        assert!(!format!("{ring:?}").contains(&text[9..73]));
    }

    proptest! {
        #[test]
        fn no_changed_byte_is_believed(position in 0_usize..1000, flip in 1_u8..) {
            let ring = Keyring::generate();
            let mut bytes = ring.sign(&receipt());
            let position = position % bytes.len();
            bytes[position] ^= flip;
            prop_assert!(ring.check::<Receipt>(&bytes, NOW).is_err());
        }
    }
}
