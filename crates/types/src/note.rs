//! Signed notes: how the two planes believe each other without talking.
//!
//! The planes share a [`Keyring`]. The caller carries a [ticket](crate::ticket) one way and a [receipt](crate::receipt) the other;
//! to everybody else both are opaque bytes. A note is a small protobuf message under HMAC-SHA256. The MAC covers what the note is
//! for, so a ticket can't pass as a receipt, nor an upload as a download.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use prost::Message;
use sha2::Sha256;

use crate::Timestamp;
use crate::secret::Secret;

/// A note that a [`Keyring`] can sign and check.
pub trait Note: Sized {
    /// What the note is for, under the MAC: no two kinds share it.
    const PURPOSE: &'static str;

    /// The message that is signed.
    type Wire: Message + Default;

    /// When the note stops being believed.
    fn expires(&self) -> Timestamp;

    /// The note as a message.
    fn to_wire(&self) -> Self::Wire;

    /// The note in a message that this ring signed; `None` if no note makes such a message.
    fn from_wire(wire: Self::Wire) -> Option<Self>;
}

/// A note is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It was not signed by a key of this ring for this use.
    #[error("it is not signed by a key that this plane has: do both planes have the same key file?")]
    Forged,
    /// Its time is over.
    #[error("its time is over")]
    Expired,
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
    secret: Secret,
}

impl Keyring {
    /// A ring of one new random key.
    pub fn generate() -> Self {
        let id: u32 = rand::random();
        Self { signing: Key { id: format!("{id:08x}"), secret: Secret::generate() }, retiring: None }
    }

    /// The ring as the text of a key file: one `<id>:<64 hexadecimal digits>` a line, the signing key first.
    pub fn to_text(&self) -> String {
        let line = |key: &Key| format!("{}:{}\n", key.id, key.secret.expose());
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
        let note: N = self.open(bytes)?;
        if note.expires() < now { Err(NoteError::Expired) } else { Ok(note) }
    }

    /// Reads a note that this ring signed, at whatever time: for those who judge its time later.
    pub fn open<N: Note>(&self, bytes: &[u8]) -> Result<N, NoteError> {
        let signed = Signed::decode(bytes).map_err(|_| NoteError::Forged)?;
        // What is left over when a message is read would be under no MAC.
        if signed.encoded_len() != bytes.len() || signed.encode_to_vec() != bytes {
            return Err(NoteError::Forged);
        }
        let mut keys = std::iter::once(&self.signing).chain(&self.retiring);
        let key = keys.find(|key| key.id == signed.key_id).ok_or(NoteError::Forged)?;
        key.mac(N::PURPOSE, &signed.note).verify_slice(&signed.mac).map_err(|_| NoteError::Forged)?;

        let wire = N::Wire::decode(signed.note.as_slice()).map_err(|_| NoteError::Forged)?;
        N::from_wire(wire).ok_or(NoteError::Forged)
    }
}

impl Key {
    fn mac(&self, purpose: &str, note: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).expect("HMAC takes a key of any length");
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
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let mut keys = lines.map(parse_key).collect::<Result<Vec<_>, _>>()?.into_iter();
        let ring = Self { signing: keys.next().ok_or(ParseKeyringError)?, retiring: keys.next() };
        let same_id = ring.retiring.as_ref().is_some_and(|key| key.id == ring.signing.id);
        if same_id || keys.next().is_some() { Err(ParseKeyringError) } else { Ok(ring) }
    }
}

fn parse_key(line: &str) -> Result<Key, ParseKeyringError> {
    let (id, secret) = line.split_once(':').filter(|(id, _)| !id.is_empty()).ok_or(ParseKeyringError)?;
    Ok(Key { id: id.to_owned(), secret: secret.parse().map_err(|_| ParseKeyringError)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Digest;
    use crate::receipt::Receipt;
    use crate::ticket::{AdminTicket, DownloadTicket, UploadTicket};
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000);

    fn receipt() -> Receipt {
        Receipt { upload: 7, project: 3, digest: Digest::of(b"x"), size: 1, generation: 7, expires: NOW.plus_seconds(60) }
    }

    #[test]
    fn a_note_reads_back_as_it_was_signed() {
        let ring = Keyring::generate();
        let expires = NOW.plus_seconds(60);
        let upload = UploadTicket { upload: 7, project: 3, max_bytes: 10, digest: None, size: Some(0), min_generation: 2, expires };
        let download = DownloadTicket { project: 3, digest: Digest::of(b"x"), generation: 2, size: 1, expires };
        assert_eq!(ring.check(&ring.sign(&upload), NOW), Ok(upload));
        assert_eq!(ring.check(&ring.sign(&download), NOW), Ok(download));
        assert_eq!(ring.check(&ring.sign(&receipt()), NOW), Ok(receipt()));
        let admin = AdminTicket { expires };
        assert_eq!(ring.check(&ring.sign(&admin), NOW), Ok(admin));
    }

    #[test]
    fn a_note_of_another_kind_key_or_time_is_not_believed() {
        let ring = Keyring::generate();
        let bytes = ring.sign(&receipt());

        assert_eq!(ring.check::<UploadTicket>(&bytes, NOW), Err(NoteError::Forged));
        assert_eq!(ring.check::<DownloadTicket>(&bytes, NOW), Err(NoteError::Forged));
        assert_eq!(ring.check::<AdminTicket>(&bytes, NOW), Err(NoteError::Forged));
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
