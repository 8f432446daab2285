//! Which bytes are bundles, and what is said of those that are not.

use super::*;
use crate::promotion::PredicateType;

fn with(mut value: Value, pointer: &str, new: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    match value.pointer_mut(parent).unwrap() {
        Value::Array(entries) => entries[field.parse::<usize>().unwrap()] = new,
        object => object[field] = new,
    }
    value
}

fn without(mut value: Value, pointer: &str) -> Value {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    value.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(field).unwrap();
    value
}

fn of(statement: &Value) -> Value {
    envelope(&statement.to_string(), &[("", b"x")])
}

fn keyed(envelope: &Value) -> Value {
    sigstore(&json!({"publicKey": {"hint": "hint"}}), envelope)
}

/// What is said of something that is no bundle.
fn refused(format: Format, bundle: &str) -> String {
    Bundle::parse(format, bundle.as_bytes()).expect_err(bundle).to_string()
}

#[test]
fn a_bundle_tells_what_it_says_of_whom_and_who_says_to_have_signed_it() {
    let payload = statement().to_string();
    let envelope = envelope(&payload, &[("a", b"1"), ("", b"2"), ("b", b"3"), ("a", b"4")]);
    let bundle = parse(Format::Dsse, &envelope).unwrap();
    assert_eq!(bundle.format(), Format::Dsse);
    assert_eq!(bundle.predicate_type(), &"https://slsa.dev/provenance/v1".parse::<PredicateType>().unwrap());
    assert_eq!(bundle.payload(), payload.as_bytes());
    assert_eq!(bundle.subjects(), [content()]);
    assert!(bundle.speaks_of(&content()) && !bundle.speaks_of(&Digest::of(b"")));
    assert_eq!(bundle.claimed_signers(), ["a", "b"]);
    let bundle = parse(Format::Sigstore, &keyed(&unsigned())).unwrap();
    assert_eq!((bundle.format(), bundle.claimed_signers()), (Format::Sigstore, vec!["hint".to_owned()]));
}

#[test]
fn envelopes_are_read_as_programs_write_them() {
    let plain = unsigned();
    let text = plain["payload"].as_str().unwrap().to_owned();
    let digest = content().to_string();
    for accepted in [
        plain.clone(),
        without(plain.clone(), "/signatures/0/keyid"),
        with(plain.clone(), "/signatures/0/keyid", Value::Null),
        with(plain.clone(), "/signatures/0/cert", json!({"unknown": [1]})),
        with(plain.clone(), "/unknown", json!([[[{}]]])),
        with(plain.clone(), "/payload", text.trim_end_matches('=').into()),
        with(plain.clone(), "/payload", text.replace('+', "-").replace('/', "_").into()),
        with(plain.clone(), "/signatures/0/sig", "-_-_".into()),
        with(plain.clone(), "/signatures/0/sig", "+/+/".into()),
        with(plain.clone(), "/signatures", vec![json!({"sig": ""}); MAX_SIGNATURES].into()),
        of(&with(statement(), "/_type", "https://in-toto.io/Statement/v0.1".into())),
        of(&without(statement(), "/predicate")),
        of(&with(statement(), "/predicate", Value::Null)),
        of(&with(statement(), "/subject/1/digest/sha512", "whatever".into())),
        of(&with(statement(), "/subject/1/digest/sha256", digest.to_uppercase().into())),
        of(&with(statement(), "/subject/0", json!({}))),
        of(&with(statement(), "/subject", vec![json!({"digest": {"sha256": digest}}); MAX_SUBJECTS].into())),
    ] {
        let bundle = parse(Format::Dsse, &accepted);
        assert!(bundle.is_ok_and(|bundle| bundle.speaks_of(&content())), "{accepted}");
    }
    let text =
        format!(" {{\"predicateType\":\"x\\u002fy\",{}", &statement().to_string()[1..]).replace("https://slsa.dev/provenance/v1", "");
    let text = text.replace(",\"predicateType\":\"\"", "");
    assert_eq!(parse(Format::Dsse, &envelope(&text, &[("", b"x")])).unwrap().predicate_type().as_str(), "x/y");
}

#[test]
fn envelopes_that_are_none_are_refused_in_words() {
    let plain = unsigned();
    let too_many: Value = vec![json!({"sig": ""}); MAX_SIGNATURES + 1].into();
    let lists = json!([IN_TOTO, plain["payload"], [["", ""]]]);
    for (bundle, words) in [
        (lists, "the envelope is not the JSON that it should be: invalid type: sequence, expected an object"),
        (json!("text"), "expected an object"),
        (with(plain.clone(), "/signatures/0", json!(["", ""])), "expected an object"),
        (with(plain.clone(), "/signatures", json!({})), "expected a list"),
        (with(plain.clone(), "/signatures", json!([])), "the envelope has no signature"),
        (with(plain.clone(), "/signatures", too_many), "there are more than 20 signatures"),
        (without(plain.clone(), "/signatures"), "missing field `signatures`"),
        (without(plain.clone(), "/signatures/0/sig"), "missing field `sig`"),
        (with(plain.clone(), "/signatures/0/sig", "a".into()), "it is not base64"),
        (with(plain.clone(), "/signatures/0/sig", "+/-_".into()), "it is not base64"),
        (with(plain.clone(), "/signatures/0/sig", "AB==AB==".into()), "it is not base64"),
        (with(plain.clone(), "/signatures/0/sig", "AAA\n".into()), "it is not base64"),
        (with(plain.clone(), "/signatures/0/sig", "//9=".into()), "it is not base64"),
        (with(plain.clone(), "/signatures/0/sig", json!([1, 2])), "expected bytes in base64"),
        (with(plain.clone(), "/signatures/0/keyid", "a\nb".into()), "key id `a\\nb` is invalid"),
        (with(plain.clone(), "/signatures/0/keyid", "a".repeat(MAX_SIGNER_BYTES + 1).into()), "key id `aaa"),
        (with(plain.clone(), "/payloadType", "text/plain".into()), "payload type `text/plain` is not"),
        (without(plain.clone(), "/payloadType"), "missing field `payloadType`"),
        (without(plain.clone(), "/payload"), "missing field `payload`"),
        (with(plain, "/payload", base64("nothing").into()), "the statement is not the JSON that it should be: expected ident"),
        (of(&json!([])), "the statement is not the JSON that it should be: invalid type: sequence, expected an object"),
        (of(&with(statement(), "/_type", "Link".into())), "statement type `Link` is neither"),
        (of(&without(statement(), "/_type")), "missing field `_type`"),
        (of(&without(statement(), "/subject")), "missing field `subject`"),
        (of(&with(statement(), "/subject", json!([]))), "no subject with a SHA-256 digest"),
        (of(&with(statement(), "/subject/1", json!({"digest": {"sha1": ""}}))), "no subject with a SHA-256 digest"),
        (of(&with(statement(), "/subject/1/digest/sha256", "abc".into())), "a SHA-256 digest has 32 bytes"),
        (of(&with(statement(), "/subject", vec![json!({}); MAX_SUBJECTS + 1].into())), "there are more than 1000 subjects"),
        (of(&with(statement(), "/predicateType", "".into())), "predicate type `` is invalid"),
        (of(&with(statement(), "/predicateType", "a b".into())), "predicate type `a b` is invalid"),
        (of(&without(statement(), "/predicateType")), "missing field `predicateType`"),
    ] {
        let told = refused(Format::Dsse, &bundle.to_string());
        assert!(told.contains(words), "{bundle}: {told}");
        assert!(!refused(Format::Sigstore, &keyed(&bundle).to_string()).is_empty());
    }
    for text in ["", "{", "null", "\u{feff}{}", &format!("{} {{}}", unsigned())] {
        assert!(refused(Format::Dsse, text).starts_with("the envelope is not the JSON"), "{text}");
    }
}

#[test]
fn sigstore_bundles_of_other_kinds_are_refused_in_words() {
    let plain = keyed(&unsigned());
    assert!(parse(Format::Sigstore, &with(plain.clone(), "/messageSignature", Value::Null)).is_ok());
    assert!(parse(Format::Sigstore, &with(plain.clone(), "/verificationMaterial/tlogEntries", json!([{"a": 1}]))).is_ok());
    assert!(
        parse(Format::Sigstore, &with(plain.clone(), "/mediaType", "application/vnd.dev.sigstore.bundle+json;version=0.3".into())).is_ok()
    );
    let two = envelope(&statement().to_string(), &[("", b"1"), ("", b"2")]);
    let both = json!({"publicKey": {"hint": ""}, "certificate": {"rawBytes": ""}});
    for (bundle, words) in [
        (unsigned(), "missing field `mediaType`"),
        (
            with(plain.clone(), "/mediaType", "application/vnd.dev.sigstore.bundle+json;version=0.2".into()),
            "only Sigstore bundles of version 0.3",
        ),
        (with(plain.clone(), "/messageSignature", json!({})), "signs a file (`messageSignature`)"),
        (without(plain.clone(), "/dsseEnvelope"), "has no `dsseEnvelope`"),
        (without(plain.clone(), "/verificationMaterial"), "missing field `verificationMaterial`"),
        (with(plain.clone(), "/verificationMaterial", json!({})), "either a `certificate` or a `publicKey`"),
        (with(plain.clone(), "/verificationMaterial", both), "either a `certificate` or a `publicKey`"),
        (with(plain.clone(), "/verificationMaterial/x509CertificateChain", json!({})), "has an `x509CertificateChain`"),
        (with(plain.clone(), "/verificationMaterial/publicKey/hint", "a\u{7f}".into()), "key id `a\\u{7f}` is invalid"),
        (with(plain, "/dsseEnvelope", two), "must have one signature"),
        (sigstore(&json!({"certificate": {"rawBytes": ""}}), &unsigned()), "the certificate is invalid: it is not one in DER form"),
        (
            sigstore(&json!({"certificate": {"rawBytes": base64(vec![0; MAX_CERTIFICATE_BYTES + 1])}}), &unsigned()),
            "the certificate is invalid: it has more than 16384 bytes",
        ),
    ] {
        let told = refused(Format::Sigstore, &bundle.to_string());
        assert!(told.contains(words), "{bundle}: {told}");
    }
}

#[test]
fn no_field_that_is_read_may_be_given_twice() {
    let (outer, inner) = (keyed(&unsigned()).to_string(), statement().to_string());
    for field in ["payload", "payloadType", "signatures", "keyid", "sig", "mediaType", "verificationMaterial", "publicKey", "hint"] {
        let twice = outer.replacen(&format!("\"{field}\":"), &format!("\"{field}\":null,\"{field}\":"), 1);
        let told = refused(Format::Sigstore, &twice);
        assert!(told.contains("duplicate field") || told.contains("null"), "{field}: {told}");
    }
    for (field, value) in
        [("_type", "\"x\""), ("subject", "[]"), ("digest", "null"), ("sha256", "null"), ("predicateType", "\"x\""), ("predicate", "{}")]
    {
        let twice = inner.replacen(&format!("\"{field}\":"), &format!("\"{field}\":{value},\"{field}\":"), 1);
        let told = refused(Format::Dsse, &envelope(&twice, &[("", b"x")]).to_string());
        assert!(told.contains(&format!("duplicate field `{field}`")), "{field}: {told}");
    }
}

#[test]
fn what_is_too_large_or_too_deep_costs_little_and_is_told_briefly() {
    let large = format!("{}{}", unsigned(), " ".repeat(MAX_BUNDLE_BYTES));
    assert!(Bundle::parse(Format::Dsse, &large.as_bytes()[..MAX_BUNDLE_BYTES]).is_ok());
    let error = Bundle::parse(Format::Dsse, &large.as_bytes()[..=MAX_BUNDLE_BYTES]).unwrap_err();
    assert_eq!(error, ParseBundleError::TooLarge { bytes: MAX_BUNDLE_BYTES + 1 });
    assert_eq!(error.to_string(), "the bundle has 1048577 bytes: at most 1048576 are read");

    let plain = unsigned().to_string();
    for deep in ["[".repeat(1_000_000), "{\"a\":".repeat(200_000), format!("{}{}", "[".repeat(400_000), "]".repeat(400_000))] {
        for text in
            [deep.clone(), plain.replacen('{', &format!("{{\"x\":{deep},"), 1), plain.replacen("[{", &format!("[{{\"sig\":{deep},"), 1)]
        {
            let read = Bundle::parse(Format::Dsse, text.as_bytes());
            assert!(read.is_ok() == (text.starts_with("{\"x\"") && deep.ends_with(']')));
            assert!(read.err().is_none_or(|error| error.to_string().len() < 500));
        }
    }
    let bomb = format!("{{\"signatures\":[{}{{}}]}}", "{\"sig\":\"\"},".repeat(90_000));
    assert!(refused(Format::Dsse, &bomb).contains("missing field `payload"));
    let told = refused(Format::Dsse, &plain.replacen("[{", &format!("[\"{}\",{{", "é".repeat(100_000)), 1));
    assert!(told.len() < 700 && told.contains('…'), "{}", told.len());
}
