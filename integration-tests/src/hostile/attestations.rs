//! Calls about attestations, trusted keys and events of which one field is hostile.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use consign_proto::metadata::create_attestation_request::Subject;
use consign_proto::metadata::trusted_key::Signer;
use consign_proto::metadata::verify_attestations_request::Subject as Wanted;
use consign_proto::metadata::{
    BundleFormat, CreateAttestationRequest, CreateTrustedKeyRequest, DeleteTrustedKeyRequest, GetAttestationRequest, GetTrustedKeyRequest,
    TrustedIdentity, TrustedKey, UpdateTrustedKeyRequest, VerifyAttestationsRequest,
};
use consign_types::Digest;
use prost_types::FieldMask;

use super::Hostile;
use super::calls::{Outcome, PROJECT, VERSION};
use super::lists::SHARED;
use crate::attesting::{blob, statement, upload};
use crate::grpc::{Grpc, authorized};

/// A key that is trusted.
pub(super) const KEY: &str = "projects/1/trustedKeys/builds";

/// The public key of RFC 8410, section 10.1.
pub(super) const PEM: &str =
    "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";

/// The largest blob that is sent together with others, in bytes.
const MAX_BATCHED: usize = 64 << 10;

const TYPES: &[&str] = &["https://slsa.dev/provenance/v1", "https://spdx.dev/Document"];

pub(super) async fn names(grpc: &Grpc, hostile: &mut Hostile) -> (String, Outcome) {
    let choice = hostile.below(9);
    let attestations: &[&str] = &["projects/1/attestations/1", "projects/root%2Fdemo/attestations/2"];
    let keys: &[&str] = &[KEY, "projects/root%2Fdemo/trustedKeys/builds"];
    let none: &[&str] = &["projects/1/trustedKeys/none"];
    let projects: &[&str] = &[PROJECT, "projects/root%2Fdemo"];
    let others: &[&str] = &["projects/2", "projects/root%2Fsecond"];
    let valid = [attestations, keys, none, keys, others, &["made", "a-1"], projects, projects, &[VERSION]][choice];
    let name = hostile.text(valid);
    let shown = format!("attestation {choice} {name:?}");
    let mut attestations = grpc.attestations();
    let outcome = match choice {
        0 => send!(attestations, get_attestation, GetAttestationRequest { name }),
        1 => send!(attestations, get_trusted_key, GetTrustedKeyRequest { name }),
        2 => send!(attestations, delete_trusted_key, DeleteTrustedKeyRequest { name, ..DeleteTrustedKeyRequest::default() }),
        3 => update(grpc, TrustedKey { name, description: "x".to_owned(), ..TrustedKey::default() }, None).await,
        4 => create(grpc, CreateTrustedKeyRequest { parent: name, ..trusting(Signer::PublicKeyPem(PEM.to_owned())) }).await,
        5 => create(grpc, CreateTrustedKeyRequest { trusted_key_id: name, ..trusting(Signer::PublicKeyPem(PEM.to_owned())) }).await,
        6 => attest(grpc, CreateAttestationRequest { parent: name, ..attesting(&[]) }).await,
        7 => {
            let subject = Some(Wanted::FileSha256(shared()));
            send!(attestations, verify_attestations, VerifyAttestationsRequest { parent: name, subject, predicate_types: Vec::new() })
        }
        _ => verify(grpc, Wanted::Version(name), Vec::new()).await,
    };
    (shown, outcome)
}

/// Bundles, their receipts, and keys.
pub(super) async fn bundles(grpc: &Grpc, hostile: &mut Hostile) -> (String, Outcome) {
    let (choice, bytes, small) = (hostile.below(12), hostile.bytes(), hostile.small_number());
    let payload = statement(&Digest::of(SHARED), "https://example.com/hostile");
    let bundle = match choice {
        0 => hostile.text(&[&bundle(&payload)]).into_bytes(),
        1..=3 => bundle(&hostile.text(&[&payload])).into_bytes(),
        4 => bytes.clone(),
        5 => bundle(&payload).replace("AAAA", &hostile.text(&["AAAA", ""]).replace('"', "")).into_bytes(),
        6 => {
            let signature = "{\"keyid\":\"a\",\"sig\":\"AAAA\"},".repeat(hostile.one_of(&[10, 1000, 2000, 10_000]));
            bundle(&payload).replace("[{", &format!("[{signature}{{")).into_bytes()
        }
        _ => bundle(&payload).into_bytes(),
    };
    let mut request = attesting(&bundle);
    match choice {
        7 => request.receipt = bytes.clone().into(),
        8 => request.format = small,
        9 => request.subject = Some(hostile.one_of(&[Subject::ContentDigest, Subject::FileSha256])(bytes.clone().into())),
        10 => request.blob.as_mut().expect("it is there").size_bytes = hostile.number(),
        11 => request.blob.as_mut().expect("it is there").sha256 = bytes.clone().into(),
        _ => {}
    }
    if request.receipt.is_empty() && bundle.len() <= MAX_BATCHED {
        request.receipt = upload(grpc, &bundle).await;
    }
    // The bundle of a Sigstore client has another form, which the same bytes are not.
    if choice < 7 && hostile.below(3) == 0 {
        request.format = BundleFormat::Sigstore.into();
    }
    let shown = format!("{:.300}", format!("bundle {choice} {small} {bytes:?} {:?}", String::from_utf8_lossy(&bundle)));
    (shown, attest(grpc, request).await)
}

pub(super) async fn keys(grpc: &Grpc, hostile: &mut Hostile) -> (String, Outcome) {
    let choice = hostile.below(10);
    let text = hostile.text(match choice {
        0 => &[PEM],
        1 | 2 => &["https://ci.example.com", "https://ci.example.com/*"],
        3 => &["predicate_types", "expire_time", "description"],
        _ => &["why", ""],
    });
    let (time, types, bytes) = (hostile.time(), hostile.many(TYPES), hostile.bytes());
    let shown = format!("{:.300}", format!("key {choice} {text:?} {time:?} {bytes:?} {types:?}"));
    let key = || TrustedKey { name: KEY.to_owned(), ..TrustedKey::default() };
    let identity = |issuer: &str, subject: &str, roots: &str| {
        let (issuer, subject_glob, root_certificates_pem) = (issuer.to_owned(), subject.to_owned(), roots.to_owned());
        trusting(Signer::Identity(TrustedIdentity { issuer, subject_glob, root_certificates_pem }))
    };
    let outcome = match choice {
        0 => create(grpc, trusting(Signer::PublicKeyPem(text))).await,
        1 => create(grpc, identity(&text, "*", PEM)).await,
        2 => create(grpc, identity("https://ci.example.com", &text, PEM)).await,
        3 => update(grpc, key(), Some(FieldMask { paths: vec![text] })).await,
        4 => update(grpc, TrustedKey { expire_time: time, ..key() }, None).await,
        5 => update(grpc, TrustedKey { predicate_types: types, ..key() }, None).await,
        6 => update(grpc, TrustedKey { description: text, ..key() }, None).await,
        7 => update(grpc, TrustedKey { etag: format!("not-{text}"), description: "x".to_owned(), ..key() }, None).await,
        8 => verify(grpc, hostile.one_of(&[Wanted::ContentDigest, Wanted::FileSha256])(bytes.into()), Vec::new()).await,
        _ => verify(grpc, Wanted::FileSha256(shared()), types).await,
    };
    (shown, outcome)
}

/// A DSSE envelope of a payload, by a signature that is none.
pub(super) fn bundle(payload: &str) -> String {
    let payload = BASE64_STANDARD.encode(payload);
    format!(r#"{{"payloadType":"application/vnd.in-toto+json","payload":"{payload}","signatures":[{{"sig":"AAAA"}}]}}"#)
}

/// A request for an attestation of a file, without the receipt for the bundle.
pub(super) fn attesting(bundle: &[u8]) -> CreateAttestationRequest {
    CreateAttestationRequest {
        parent: PROJECT.to_owned(),
        subject: Some(Subject::FileSha256(shared())),
        format: BundleFormat::Dsse.into(),
        bundle: Bytes::copy_from_slice(bundle),
        blob: Some(blob(bundle)),
        ..CreateAttestationRequest::default()
    }
}

fn shared() -> Bytes {
    Bytes::copy_from_slice(Digest::of(SHARED).as_bytes())
}

/// A request for a key in another project than the one that the rest is about, which has room for all that are made.
fn trusting(signer: Signer) -> CreateTrustedKeyRequest {
    CreateTrustedKeyRequest {
        parent: "projects/2".to_owned(),
        trusted_key_id: "made".to_owned(),
        trusted_key: Some(TrustedKey { signer: Some(signer), ..TrustedKey::default() }),
        request_id: String::new(),
    }
}

async fn create(grpc: &Grpc, request: CreateTrustedKeyRequest) -> Outcome {
    let made = grpc.attestations().create_trusted_key(authorized(request)).await?.into_inner();
    Ok(vec![("trusted_keys", made.trusted_key.unwrap_or_default().name)])
}

async fn update(grpc: &Grpc, key: TrustedKey, update_mask: Option<FieldMask>) -> Outcome {
    let request = UpdateTrustedKeyRequest { trusted_key: Some(key), update_mask, request_id: String::new() };
    send!(grpc.attestations(), update_trusted_key, request)
}

async fn verify(grpc: &Grpc, subject: Wanted, predicate_types: Vec<String>) -> Outcome {
    let request = VerifyAttestationsRequest { parent: PROJECT.to_owned(), subject: Some(subject), predicate_types };
    send!(grpc.attestations(), verify_attestations, request)
}

async fn attest(grpc: &Grpc, request: CreateAttestationRequest) -> Outcome {
    let made = grpc.attestations().create_attestation(authorized(request)).await?.into_inner().attestation.unwrap_or_default();
    let blob = made.blob.unwrap_or_default();
    Ok(vec![("attestations", made.name), ("blobs", format!("{:?}", blob.sha256))])
}
