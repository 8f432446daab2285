//! Only what the ring signed for this use is believed, and it reads back as it was signed.
#![no_main]

use consign_types::note::{Keyring, Note, NoteError};
use consign_types::receipt::Receipt;
use consign_types::ticket::{DownloadTicket, UploadTicket};
use consign_types::{Digest, Timestamp};
use libfuzzer_sys::fuzz_target;

const KEYS: &str = "a:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Bytes from anywhere, numbers for a note, and where to damage it.
type Input<'a> = (&'a [u8], &'a str, [i64; 6], Option<i64>, Option<[u8; 32]>, (u16, u8));

fn check<N: Note + PartialEq + std::fmt::Debug>(ring: &Keyring, note: &N, (position, flip): (u16, u8)) -> Vec<u8> {
    let mut bytes = ring.sign(note);
    assert_eq!(ring.open::<N>(&bytes).as_ref(), Ok(note));
    assert_eq!(ring.check::<N>(&bytes, note.expires()).as_ref(), Ok(note));
    let signed = bytes.clone();
    let position = usize::from(position) % bytes.len();
    bytes[position] ^= flip;
    assert!(flip == 0 || ring.open::<N>(&bytes).is_err(), "byte {position} was changed: {bytes:?}");
    signed
}

fuzz_target!(|input: Input<'_>| {
    let (bytes, text, [upload, project, size, generation, expires, max_bytes], declared, digest, damage) = input;
    let ring: Keyring = KEYS.parse().expect("this is a key file");
    assert_eq!(ring.open::<Receipt>(bytes), Err(NoteError::Forged));
    assert_eq!(ring.open::<UploadTicket>(bytes), Err(NoteError::Forged));
    assert_eq!(ring.open::<DownloadTicket>(bytes), Err(NoteError::Forged));
    if let Ok(ring) = text.parse::<Keyring>() {
        assert_eq!(ring.to_text().parse::<Keyring>().map(|ring| ring.to_text()), Ok(ring.to_text()));
        assert!(!format!("{ring:?}").contains(&ring.to_text()));
    }

    let (digest, expires) = (digest.map(Digest::from_bytes), Timestamp::from_micros(expires));
    let ticket = UploadTicket { upload, project, max_bytes, digest, size: declared, min_generation: generation, expires };
    let signed = check(&ring, &ticket, damage);
    assert_eq!(ring.open::<Receipt>(&signed), Err(NoteError::Forged));
    assert_eq!(ring.open::<DownloadTicket>(&signed), Err(NoteError::Forged));
    let digest = digest.unwrap_or_else(|| Digest::of(bytes));
    let signed = check(&ring, &Receipt { upload, project, digest, size, generation, expires }, damage);
    assert_eq!(ring.open::<UploadTicket>(&signed), Err(NoteError::Forged));
    let signed = check(&ring, &DownloadTicket { project, digest, generation, size, expires }, damage);
    assert_eq!(ring.open::<Receipt>(&signed), Err(NoteError::Forged));
});
