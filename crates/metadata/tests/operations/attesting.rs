//! Steps that tests take with attestations and trusted keys.

use consign_metadata::{
    Attestation, AttestationVerdict, AttestedWhat, CreateAttestation, CreateTrustedKey, DeleteTrustedKey, Error, Metadata, TrustedKey,
    TrustedSigner, VerifyAttestations,
};
use consign_types::attestation::{Format, Outcome, Subject};
use consign_types::promotion::{Condition, Gate};
use consign_types::receipt::Receipt;
use consign_types::resource::{AttestationRef, ProjectRef, TrustedKeyRef, VersionRef};
use consign_types::{ContentDigest, Digest};
use integration_tests::Database;

use crate::deciding::gate;
use crate::promoting::publish_sealed;
use crate::support::{NOW, opened, principal, version};

pub(crate) fn attestation(id: i64) -> AttestationRef {
    AttestationRef { project: ProjectRef::Id(1), id }
}

pub(crate) fn trusted_key(name: &str) -> TrustedKeyRef {
    TrustedKeyRef { project: ProjectRef::Id(1), key: name.parse().unwrap() }
}

/// A request for an attestation whose bundle was uploaded as this copy of its bytes.
pub(crate) fn attesting(subject: Subject, format: Format, bundle: Vec<u8>, generation: i64) -> CreateAttestation {
    let size = i64::try_from(bundle.len()).unwrap();
    let receipt = Receipt { upload: 900 + generation, project: 1, digest: Digest::of(&bundle), size, generation, expires: NOW };
    CreateAttestation { principal: principal(), project: ProjectRef::Id(1), subject, format, bundle, receipt, request_id: None }
}

pub(crate) async fn attest(metadata: &Metadata, content: ContentDigest, bundle: Vec<u8>) -> Result<Attestation, Error> {
    let wanted = attesting(Subject::Content(content), Format::Dsse, bundle, 1);
    metadata.create_attestation(wanted).await.map(|(attestation, _)| attestation)
}

/// A request to trust a key for everything and for ever.
pub(crate) fn trusting(name: &str, public_key_pem: String) -> CreateTrustedKey {
    CreateTrustedKey {
        principal: principal(),
        name: trusted_key(name),
        signer: TrustedSigner::Key { public_key_pem },
        predicate_types: Vec::new(),
        expires_at: None,
        description: "".parse().unwrap(),
        request_id: None,
    }
}

pub(crate) async fn trust(metadata: &Metadata, name: &str, public_key_pem: String) -> TrustedKey {
    metadata.create_trusted_key(trusting(name, public_key_pem)).await.unwrap()
}

/// The content of a version that is sealed.
pub(crate) async fn content_of(metadata: &Metadata, version: VersionRef) -> ContentDigest {
    metadata.find_version(version).await.unwrap().content_digest.unwrap()
}

pub(crate) async fn verdicts(metadata: &Metadata, content: ContentDigest) -> Vec<AttestationVerdict> {
    let subject = AttestedWhat::Subject(Subject::Content(content));
    let wanted = VerifyAttestations { project: ProjectRef::Id(1), subject, predicate_types: Vec::new() };
    metadata.verify_attestations(wanted).await.unwrap().0
}

/// What is found for the one attestation of a content, and why.
pub(crate) async fn verdict(metadata: &Metadata, content: ContentDigest) -> (Outcome, String) {
    let found = verdicts(metadata, content).await.remove(0);
    (found.outcome, found.reason)
}

/// A gate that asks for an attestation.
pub(crate) fn attested(name: &str, predicate_type: &str, signers: &[&str]) -> Gate {
    let signers = signers.iter().map(|signer| signer.parse().unwrap()).collect();
    gate(name, Condition::Attestation { predicate_type: predicate_type.parse().unwrap(), signers, maximum_age: None })
}

/// The digest by which statements name a content.
pub(crate) fn named(content: ContentDigest) -> Digest {
    content.into()
}

pub(crate) async fn remove_key(metadata: &Metadata, name: &str) {
    let wanted = DeleteTrustedKey { principal: principal(), name: trusted_key(name), etag: None, request_id: None };
    metadata.delete_trusted_key(wanted).await.unwrap();
}

/// A project with the sealed version 1.0 of `tool`, and its content.
pub(crate) async fn published(database: &Database) -> (Metadata, ContentDigest) {
    let metadata = opened(database).await;
    publish_sealed(&metadata, version("1.0")).await;
    let content = content_of(&metadata, version("1.0")).await;
    (metadata, content)
}
