//! What was changed is not believed.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// What a key of each kind signed.
static SIGNED: LazyLock<Vec<(Signer, Value)>> =
    LazyLock::new(|| keys().iter().map(|key| (Signer::Key(signer(key)), signed(key, &signer(key).id()))).collect());

fn bytes(envelope: &Value, pointer: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(envelope.pointer(pointer).unwrap().as_str().unwrap()).unwrap()
}

#[test]
fn no_byte_of_payload_or_signature_can_be_changed() {
    for (signer, envelope) in SIGNED.iter() {
        for pointer in ["/payload", "/signatures/0/sig"] {
            let original = bytes(envelope, pointer);
            for (position, flip) in (0..original.len()).flat_map(|position| [(position, 1), (position, 0x80), (position, 0xff)]) {
                let mut changed = original.clone();
                changed[position] ^= flip;
                let mut envelope = envelope.clone();
                *envelope.pointer_mut(pointer).unwrap() = base64(changed).into();
                let read = parse(Format::Dsse, &envelope);
                let found = read.map_or(Outcome::Invalid, |bundle| outcome(&bundle, signer));
                assert_eq!(found, Outcome::Invalid, "{pointer} {position} {flip}");
            }
        }
    }
}

#[test]
fn nothing_can_be_cut_off_or_put_behind() {
    for (signer, envelope) in SIGNED.iter() {
        let (payload, signature) = (bytes(envelope, "/payload"), bytes(envelope, "/signatures/0/sig"));
        for length in 0..signature.len() {
            let mut cut = envelope.clone();
            cut["signatures"][0]["sig"] = base64(&signature[..length]).into();
            assert_eq!(outcome(&parse(Format::Dsse, &cut).unwrap(), signer), Outcome::Invalid, "{length}");
        }
        for (pointer, original) in [("/payload", payload), ("/signatures/0/sig", signature)] {
            for more in [[b" ".as_slice(), &original], [&original, b" "], [&original, b"\0"], [&original, &original]] {
                let mut envelope = envelope.clone();
                *envelope.pointer_mut(pointer).unwrap() = base64(more.concat()).into();
                let read = parse(Format::Dsse, &envelope);
                assert_eq!(read.map_or(Outcome::Invalid, |bundle| outcome(&bundle, signer)), Outcome::Invalid, "{pointer}");
            }
        }
    }
}

#[test]
fn a_signature_of_another_payload_type_does_not_count() {
    for key in keys() {
        let payload = statement().to_string();
        for message in [payload.clone().into_bytes(), pae("text/plain", payload.as_bytes()), pae("", payload.as_bytes())] {
            let signature = rcgen::SigningKey::sign(&key, &message).unwrap();
            let bundle = parse(Format::Dsse, &envelope(&payload, &[("", &signature)])).unwrap();
            assert_eq!(outcome(&bundle, &Signer::Key(signer(&key))), Outcome::Untrusted);
        }
    }
}

/// What may be written otherwise and means the same: nothing else of a bundle that is believed may differ.
fn meaning(bundle: &Bundle) -> (&[u8], &[u8]) {
    (bundle.payload(), &bundle.envelope().signatures[0].bytes)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_bundle_that_was_damaged_is_believed_only_where_it_means_the_same(
        kind in any::<Index>(),
        edits in prop::collection::vec((any::<Index>(), prop_oneof![any::<u8>(), prop::sample::select(b"\"{}[],:\\=-_+/0aA ".to_vec())], 0..4_u8), 1..4),
    ) {
        let (signer, envelope) = &SIGNED[kind.index(SIGNED.len())];
        let mut text = envelope.to_string().into_bytes();
        for (place, byte, edit) in edits {
            let place = place.index(text.len());
            match edit {
                0 => { text.remove(place); },
                1 => text.insert(place, byte),
                2 => text.truncate(place.max(8)),
                _ => text[place] = byte,
            }
        }
        if let Ok(bundle) = Bundle::parse(Format::Dsse, &text)
            && outcome(&bundle, signer) == Outcome::Verified
        {
            let original = parse(Format::Dsse, envelope).unwrap();
            prop_assert_eq!(meaning(&bundle), meaning(&original));
        }
    }

    #[test]
    fn no_bytes_make_the_parsers_panic(text in ".{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..300), place in any::<Index>()) {
        for format in [Format::Dsse, Format::Sigstore] {
            prop_assert!(Bundle::parse(format, text.as_bytes()).is_err());
            prop_assert!(Bundle::parse(format, &bytes).is_err());
        }
        // Where the text of a bundle has bytes in base64, others are read too.
        let material = json!({"certificate": {"rawBytes": base64(&bytes)}});
        prop_assert!(parse(Format::Sigstore, &sigstore(&material, &unsigned())).is_err());
        prop_assert!(SignerKey::from_der(bytes.clone()).is_err());
        let mut vectors: Value = serde_json::from_str(include_str!("vectors.json")).unwrap();
        let certificate = &mut vectors["identity"]["bundle"]["verificationMaterial"]["certificate"]["rawBytes"];
        let mut der = BASE64_STANDARD.decode(certificate.as_str().unwrap()).unwrap();
        let place = place.index(der.len());
        der[place] = der[place].wrapping_add(bytes.first().copied().unwrap_or(1).max(1));
        *certificate = base64(der).into();
        let roots = vectors["identity"]["roots"].as_str().unwrap();
        let trusted = TrustedIdentity::new("https://token.actions.githubusercontent.com", "*", roots).unwrap();
        if let Ok(bundle) = parse(Format::Sigstore, &vectors["identity"]["bundle"]) {
            prop_assert!(verify(&bundle, &content(), &Signer::Identity(trusted), "2026-01-01T12:05:00Z".parse().unwrap()).is_err());
        }
    }
}
