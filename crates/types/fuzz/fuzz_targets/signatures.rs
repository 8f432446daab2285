//! Only what a key signed is believed, and what an audit says has one spelling.
#![no_main]

use consign_types::audit::{Checkpoint, Record, Verification};
use consign_types::signature::{PublicKey, SigningKeys, open};
use libfuzzer_sys::fuzz_target;

const KEYS: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n";

fuzz_target!(|input: (&str, u16, u8)| {
    let (text, position, flip) = input;
    let keys: SigningKeys = KEYS.parse().expect("this is a file of signing keys");
    let public = keys.public_keys();
    assert!(open(text, &public).is_err());
    if let Ok(key) = text.parse::<PublicKey>() {
        assert_eq!(key.to_string(), text);
    }
    if let Ok(keys) = text.parse::<SigningKeys>() {
        assert_eq!(keys.to_text().parse::<SigningKeys>().map(|keys| keys.public_keys()), Ok(keys.public_keys()));
    }
    if let Ok(checkpoint) = text.parse::<Checkpoint>() {
        assert_eq!(checkpoint.to_string(), text);
        assert_eq!(open(&keys.sign(text), &public), Ok(text));
    }
    if let Ok(record) = text.parse::<Record>() {
        assert_eq!(record.to_string(), text);
        if let Ok(mut verification) = Verification::begin(record.before(), None) {
            let _ = verification.follow(&record);
        }
    }
    let mut note = keys.sign("consign/projects/7\n1\n\n").into_bytes();
    let position = usize::from(position) % note.len();
    note[position] ^= flip;
    if let Ok(note) = std::str::from_utf8(&note) {
        assert!(flip == 0 || open(note, &public).is_err(), "byte {position} was changed: {note:?}");
    }
});
