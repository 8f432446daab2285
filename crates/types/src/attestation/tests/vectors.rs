//! What other programs signed. `vectors.json` was made by them:
//!
//! - `dsse_example`: key, payload and signature as DSSE's `protocol.md` prints them
//! - `envelopes`: the pre-authentication encoding of one statement, signed by OpenSSL 3.0 (`openssl dgst -sign`, `openssl pkeyutl -sign
//!   -rawin`) with keys of `openssl genpkey`; each `id` is `openssl pkey -pubin -outform DER | sha256sum`
//! - `by_hint`: one of them in a Sigstore bundle
//! - `identity`: root, certificate and signature of Python's `cryptography` 50, with the extensions that Fulcio writes

use super::*;

const VECTORS: &str = include_str!("vectors.json");

fn vectors() -> Value {
    serde_json::from_str(VECTORS).unwrap()
}

#[test]
fn the_example_of_dsse_is_read_as_it_is_printed() {
    assert_eq!(pae("http://example.com/HelloWorld", b"hello world"), b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    assert_eq!(pae("é", b""), "DSSEv1 2 é 0 ".as_bytes());
    let example = &vectors()["dsse_example"];
    let key = SignerKey::from_pem(example["public_key"].as_str().unwrap()).unwrap();
    let envelope = Envelope::read(example["envelope"].to_string().as_bytes()).unwrap();
    assert_eq!(envelope.payload, b"hello world");
    assert!(key.made_one_of(&envelope.signed_bytes(), [envelope.signatures[0].bytes.as_slice()].into_iter()));
    assert!(!key.made_one_of(b"hello world", [envelope.signatures[0].bytes.as_slice()].into_iter()));
    let told = parse(Format::Dsse, &example["envelope"]).unwrap_err().to_string();
    assert_eq!(told, "payload type `http://example.com/HelloWorld` is not `application/vnd.in-toto+json`");
}

#[test]
fn what_openssl_signed_is_verified() {
    let vectors = vectors();
    let read = |vector: &Value| SignerKey::from_pem(vector["public_key"].as_str().unwrap()).unwrap();
    let envelopes = vectors["envelopes"].as_array().unwrap();
    assert_eq!(envelopes.len(), 5);
    for vector in envelopes {
        let (id, bundle) = (vector["id"].as_str().unwrap(), parse(Format::Dsse, &vector["envelope"]).unwrap());
        assert_eq!(verify(&bundle, &content(), &Signer::Key(read(vector)), received()).as_deref(), Ok(id), "{vector}");
        for other in envelopes.iter().filter(|other| other["id"] != vector["id"]) {
            assert_eq!(outcome(&bundle, &Signer::Key(read(other))), Outcome::Untrusted);
        }
    }
    let bundle = parse(Format::Sigstore, &vectors["by_hint"]).unwrap();
    assert_eq!(outcome(&bundle, &Signer::Key(read(&envelopes[1]))), Outcome::Verified);
}

#[test]
fn a_certificate_of_another_program_is_verified() {
    let identity = &vectors()["identity"];
    let text = |name: &str| identity[name].as_str().unwrap().to_owned();
    let bundle = parse(Format::Sigstore, &identity["bundle"]).unwrap();
    assert_eq!(bundle.claimed_signers(), [text("subject"), text("issuer")]);
    let trusted = TrustedIdentity::new(&text("issuer"), "https://github.com/example/app/*@refs/heads/main", &text("roots")).unwrap();
    let judge = |time: &str| verify(&bundle, &content(), &Signer::Identity(trusted.clone()), time.parse().unwrap());
    assert_eq!(judge("2026-01-01T12:05:00Z"), Ok(text("subject")));
    assert_eq!(judge("2026-01-01T12:10:01Z").unwrap_err().outcome(), Outcome::Expired);
}
