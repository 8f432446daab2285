//! Attestations as programs make them: statements, signed by keys or by certificates.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use consign_proto::blob::{BatchWriteItem, BatchWriteRequest};
use consign_proto::metadata::upload_plan::Action;
use consign_proto::metadata::verify_attestations_request::Subject as Wanted;
use consign_proto::metadata::{
    Attestation, BlobRef, BundleFormat, CreateAttestationRequest, CreateTrustedKeyRequest, TrustedKey, VerifyAttestationsRequest,
    VerifyAttestationsResponse, create_attestation_request, trusted_key,
};
use consign_types::Digest;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    PKCS_ECDSA_P256_SHA256, PKCS_ED25519, SanType, SigningKey as _,
};
use serde_json::{Value, json};
use tonic::Status;

use crate::grpc::{Grpc, authorized};
use crate::promoting::PROJECT;
use crate::publishing::{prepare, upload_file};

/// What a build says of how it made something.
pub const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
/// A list of parts, by SPDX.
pub const SPDX: &str = "https://spdx.dev/Document";
/// A list of parts, by `CycloneDX`.
pub const CYCLONEDX: &str = "https://cyclonedx.org/bom";
/// What a scanner found.
pub const VULNERABILITIES: &str = "https://in-toto.io/attestation/vulns/v0.2";

/// The type of the payload of every envelope.
const IN_TOTO: &str = "application/vnd.in-toto+json";

/// Who knows whom certificates are for, in tests.
pub const ISSUER: &str = "https://ci.example.com";

/// An Ed25519 key.
pub fn ed25519() -> KeyPair {
    KeyPair::generate_for(&PKCS_ED25519).expect("a key can be made")
}

/// A key of ECDSA on the curve P-256.
pub fn p256() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key can be made")
}

/// A statement of this type about a digest.
pub fn statement(subject: &Digest, predicate_type: &str) -> String {
    statement_with(subject, predicate_type, &json!({"madeBy": "a test"}))
}

/// A statement that says this.
pub fn statement_with(subject: &Digest, predicate_type: &str, predicate: &Value) -> String {
    let subject = json!([{"name": "content", "digest": {"sha256": subject.to_string()}}]);
    let kind = "https://in-toto.io/Statement/v1";
    json!({"_type": kind, "subject": subject, "predicateType": predicate_type, "predicate": predicate}).to_string()
}

/// A DSSE envelope of a payload, signed by these keys.
pub fn envelope(keys: &[&KeyPair], payload: &str) -> Vec<u8> {
    sealed(keys, payload).to_string().into_bytes()
}

/// A DSSE envelope of a statement of this type about a digest, signed by a key.
pub fn signed(key: &KeyPair, subject: &Digest, predicate_type: &str) -> Vec<u8> {
    envelope(&[key], &statement(subject, predicate_type))
}

fn sealed(keys: &[&KeyPair], payload: &str) -> Value {
    let message = format!("DSSEv1 {} {IN_TOTO} {} {payload}", IN_TOTO.len(), payload.len());
    let sign = |key: &&KeyPair| json!({"sig": BASE64_STANDARD.encode(key.sign(message.as_bytes()).expect("a key signs"))});
    let signatures: Vec<Value> = keys.iter().map(sign).collect();
    json!({"payload": BASE64_STANDARD.encode(payload), "payloadType": IN_TOTO, "signatures": signatures})
}

/// Who issues certificates to those who sign.
#[derive(Debug)]
pub struct CertificateAuthority(CertifiedIssuer<'static, KeyPair>);

impl CertificateAuthority {
    /// A new one.
    pub fn generate() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate can be made"))
    }

    /// Its certificate, in PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A Sigstore bundle of a payload, signed by a key for which there is a certificate for a subject known from [`ISSUER`]: valid in the
    /// days of these years that are the first.
    pub fn bundle(&self, subject: &str, (from, to): (i32, i32), payload: &str) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(subject.try_into().expect("it is ASCII"))];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        let issuer = [&[12, u8::try_from(ISSUER.len()).expect("it is short")], ISSUER.as_bytes()].concat();
        params.custom_extensions = vec![CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 57264, 1, 8], issuer)];
        (params.not_before, params.not_after) = (rcgen::date_time_ymd(from, 1, 1), rcgen::date_time_ymd(to, 1, 1));
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate can be made");
        let material = json!({"certificate": {"rawBytes": BASE64_STANDARD.encode(certificate.der())}});
        let media_type = "application/vnd.dev.sigstore.bundle.v0.3+json";
        let envelope = sealed(&[&key], payload);
        json!({"mediaType": media_type, "verificationMaterial": material, "dsseEnvelope": envelope}).to_string().into_bytes()
    }
}

/// Brings the bytes of a bundle, for a version that is never there, and returns the receipt for them.
pub async fn upload(grpc: &Grpc, bundle: &[u8]) -> Bytes {
    let plan = prepare(grpc, "attestations", vec![upload_file("bundle.json", bundle)]).await.expect("bytes may come").remove(0);
    let ticket = match plan {
        Action::Receipt(receipt) => return receipt,
        Action::Ticket(ticket) => ticket,
    };
    let data = Bytes::copy_from_slice(bundle);
    let item = BatchWriteItem { ticket: ticket.token, upload_id: ticket.upload_id, data, crc32c: None };
    let written = grpc.blobs().batch_write(BatchWriteRequest { items: vec![item] }).await.expect("bytes are taken");
    written.into_inner().results.remove(0).receipt
}

/// A request for an attestation of a content, whose bundle is brought first.
pub async fn attesting(grpc: &Grpc, content: &[u8], bundle: &[u8]) -> CreateAttestationRequest {
    CreateAttestationRequest {
        parent: PROJECT.to_owned(),
        subject: Some(create_attestation_request::Subject::ContentDigest(Bytes::copy_from_slice(content))),
        format: BundleFormat::Dsse.into(),
        bundle: Bytes::copy_from_slice(bundle),
        blob: Some(blob(bundle)),
        receipt: upload(grpc, bundle).await,
        request_id: String::new(),
    }
}

/// How messages name some bytes.
pub fn blob(bytes: &[u8]) -> BlobRef {
    let size_bytes = i64::try_from(bytes.len()).expect("a test bundle is small");
    BlobRef { sha256: Bytes::copy_from_slice(Digest::of(bytes).as_bytes()), size_bytes }
}

/// Adds an attestation.
pub async fn attest(grpc: &Grpc, request: CreateAttestationRequest) -> Result<Attestation, Status> {
    let answer = grpc.attestations().create_attestation(authorized(request)).await?.into_inner();
    Ok(answer.attestation.expect("it is there"))
}

/// A request to trust a key.
pub fn trusting(id: &str, public_key_pem: String) -> CreateTrustedKeyRequest {
    let signer = Some(trusted_key::Signer::PublicKeyPem(public_key_pem));
    CreateTrustedKeyRequest {
        parent: PROJECT.to_owned(),
        trusted_key_id: id.to_owned(),
        trusted_key: Some(TrustedKey { signer, ..TrustedKey::default() }),
        request_id: String::new(),
    }
}

/// Trusts a key.
pub async fn trust(grpc: &Grpc, request: CreateTrustedKeyRequest) -> Result<TrustedKey, Status> {
    Ok(grpc.attestations().create_trusted_key(authorized(request)).await?.into_inner().trusted_key.expect("it is there"))
}

/// What is found for the attestations of a subject.
pub async fn verified(grpc: &Grpc, subject: Wanted, types: &[&str]) -> VerifyAttestationsResponse {
    let request = VerifyAttestationsRequest {
        parent: PROJECT.to_owned(),
        subject: Some(subject),
        predicate_types: types.iter().map(|text| (*text).to_owned()).collect(),
    };
    grpc.attestations().verify_attestations(authorized(request)).await.expect("the subject is there").into_inner()
}
