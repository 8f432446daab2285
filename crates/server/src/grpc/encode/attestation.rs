//! Attestations, and the keys that they are judged by.

use bytes::Bytes;
use consign_metadata::{Attestation, AttestationVerdict, TrustedKey, TrustedSigner};
use consign_proto::metadata::{self as wire, attestation, trusted_key};
use consign_proto::timestamp;
use consign_types::attestation::{Format, Outcome, Subject};
use consign_types::resource::{AttestationRef, ProjectRef, TrustedKeyRef};

use super::{blob, content};

pub(in crate::grpc) fn attestation(attestation: Attestation) -> wire::Attestation {
    let subject = match &attestation.subject {
        Subject::Content(digest) => attestation::Subject::ContentDigest(content(digest)),
        Subject::File(digest) => attestation::Subject::FileSha256(Bytes::copy_from_slice(digest.as_bytes())),
    };
    let format = match attestation.format {
        Format::Dsse => wire::BundleFormat::Dsse,
        Format::Sigstore => wire::BundleFormat::Sigstore,
    };
    wire::Attestation {
        name: attestation_name(&attestation),
        subject: Some(subject),
        format: format.into(),
        predicate_type: attestation.predicate_type.to_string(),
        blob: Some(blob(&attestation.blob, attestation.size_bytes)),
        claimed_signers: attestation.claimed_signers,
        creator: attestation.creator.to_string(),
        create_time: Some(timestamp(attestation.created_at)),
    }
}

fn attestation_name(attestation: &Attestation) -> String {
    AttestationRef { project: ProjectRef::Id(attestation.project_id), id: attestation.id }.to_string()
}

pub(in crate::grpc) fn attestation_verdict(verdict: AttestationVerdict) -> wire::AttestationVerdict {
    use wire::attestation_verdict::Outcome as Wire;

    let outcome = match verdict.outcome {
        Outcome::Verified => Wire::Verified,
        Outcome::Untrusted => Wire::Untrusted,
        Outcome::Invalid => Wire::Invalid,
        Outcome::Expired => Wire::Expired,
    };
    let project = verdict.attestation.project_id;
    let key = |key: &str| format!("{}/trustedKeys/{key}", ProjectRef::Id(project));
    let (trusted_key, signer) = verdict.by.map(|by| (key(&by.trusted_key), by.signer)).unwrap_or_default();
    wire::AttestationVerdict {
        attestation: attestation_name(&verdict.attestation),
        predicate_type: verdict.attestation.predicate_type.to_string(),
        outcome: outcome.into(),
        reason: verdict.reason,
        trusted_key,
        signer,
    }
}

pub(in crate::grpc) fn trusted_key(key: TrustedKey) -> wire::TrustedKey {
    let (etag, name) = (key.etag(), TrustedKeyRef { project: ProjectRef::Id(key.project_id), key: key.key.clone() });
    let signer = match key.signer {
        TrustedSigner::Key { public_key_pem } => trusted_key::Signer::PublicKeyPem(public_key_pem),
        TrustedSigner::Identity { issuer, subject_glob, root_certificates_pem } => {
            trusted_key::Signer::Identity(wire::TrustedIdentity { issuer, subject_glob, root_certificates_pem })
        }
    };
    wire::TrustedKey {
        name: name.to_string(),
        trusted_key_id: key.key.to_string(),
        signer: Some(signer),
        predicate_types: key.predicate_types.iter().map(ToString::to_string).collect(),
        expire_time: key.expires_at.map(timestamp),
        description: key.description.to_string(),
        create_time: Some(timestamp(key.created_at)),
        update_time: Some(timestamp(key.updated_at)),
        etag,
    }
}
