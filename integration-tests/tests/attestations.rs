//! Attestations over gRPC: brought, added, judged, asked for by promotions, and refused where they are none.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use bytes::Bytes;
use consign_proto::metadata::attestation_verdict::Outcome;
use consign_proto::metadata::gate::Condition;
use consign_proto::metadata::list_attestations_request::Subject as Listed;
use consign_proto::metadata::promotion::State;
use consign_proto::metadata::verify_attestations_request::Subject as Wanted;
use consign_proto::metadata::{
    AttestationCondition, BundleFormat, CreateAttestationRequest, CreateTrustedKeyRequest, DeleteTrustedKeyRequest, GetAttestationRequest,
    GetTrustedKeyRequest, ListAttestationsRequest, ListTrustedKeysRequest, PrepareUploadsRequest, PublishVersionRequest, Role,
    TrustedIdentity, TrustedKey, UpdateTrustedKeyRequest, create_attestation_request, trusted_key,
};
use consign_types::access::Scope;
use consign_types::{Digest, Reason};
use integration_tests::attesting::*;
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::promoting::{PROJECT, add_stage, bearing, closed, gated, placing, project_token, promoted, standing};
use integration_tests::publishing::{PACKAGE, read, refused, upload_file};
use integration_tests::tagging::{create, new_tag, reason, rule, seal, version_name};
use integration_tests::{BOTH, Builder, Engine};
use prost_types::FieldMask;
use tonic::Code;

/// The content of a version that is new.
async fn content_of(grpc: &Grpc, version: &'static str) -> (Bytes, Digest) {
    let sealed = seal(grpc, &[version]).await.remove(0);
    let digest = Digest::try_from(sealed.content_digest.as_ref()).unwrap();
    (sealed.content_digest, digest)
}

fn attested(predicate_type: &str, signers: &[&str]) -> Condition {
    let signers = signers.iter().map(|text| (*text).to_owned()).collect();
    Condition::Attestation(AttestationCondition { predicate_type: predicate_type.to_owned(), signers, maximum_age: None })
}

#[tokio::test]
async fn a_build_is_attested_and_what_waited_for_that_is_placed_within_seconds() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let (content, digest) = content_of(&grpc, "1.0").await;
        let (build, scanner) = (ed25519(), p256());
        trust(&grpc, trusting("builds", build.public_key_pem())).await.unwrap();
        trust(&grpc, trusting("scanners", scanner.public_key_pem())).await.unwrap();
        let gates = [("provenance", attested(PROVENANCE, &["builds"])), ("scan", attested(VULNERABILITIES, &["scan*"]))];
        add_stage(&grpc, "production", gated(gates)).await;
        let waiting = promoted(&grpc, placing("production", "1.0")).await;
        assert_eq!(waiting.state(), State::Pending);

        for (key, predicate_type) in [(&build, PROVENANCE), (&build, SPDX), (&scanner, CYCLONEDX), (&scanner, VULNERABILITIES)] {
            let bundle = signed(key, &digest, predicate_type);
            let added = attest(&grpc, attesting(&grpc, &content, &bundle).await).await.unwrap();
            assert_eq!((added.predicate_type.as_str(), added.blob.clone()), (predicate_type, Some(blob(&bundle))));
            let kept = grpc.attestations().get_attestation(authorized(GetAttestationRequest { name: added.name.clone() })).await;
            let kept = kept.unwrap().into_inner();
            assert_eq!((kept.bundle.as_ref(), kept.attestation), (bundle.as_slice(), Some(added)));
        }
        assert_eq!(closed(&grpc, &waiting.name).await.state(), State::Succeeded, "{engine:?}");
        assert_eq!(standing(&grpc, "production").await, ["1.0"]);

        let found =
            verified(&grpc, Wanted::Version(version_name("1.0")), &[PROVENANCE, VULNERABILITIES, "https://example.com/review"]).await;
        assert_eq!(found.missing_predicate_types, ["https://example.com/review"]);
        let told: Vec<_> = found.verdicts.iter().map(|found| (found.outcome(), found.trusted_key.as_str())).collect();
        assert_eq!(told, [(Outcome::Verified, "projects/1/trustedKeys/scanners"), (Outcome::Verified, "projects/1/trustedKeys/builds")]);
        let all = verified(&grpc, Wanted::ContentDigest(content), &[]).await;
        assert_eq!((all.verdicts.len(), all.missing_predicate_types.len()), (4, 0));
        assert!(all.verdicts.iter().all(|found| !found.signer.is_empty() && found.reason.contains("signed by the trusted key")));
    }
}

#[tokio::test]
async fn a_file_is_attested_by_its_bytes_and_an_identity_by_its_certificate() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0"]).await;
        let (file, authority) = (Digest::of(b"1.0"), CertificateAuthority::generate());
        let identity = TrustedIdentity {
            issuer: ISSUER.to_owned(),
            subject_glob: "https://ci.example.com/*".to_owned(),
            root_certificates_pem: authority.pem(),
        };
        let new = TrustedKey { signer: Some(trusted_key::Signer::Identity(identity.clone())), ..TrustedKey::default() };
        let made = trust(&grpc, CreateTrustedKeyRequest { trusted_key: Some(new), ..trusting("ci", String::new()) }).await.unwrap();
        assert_eq!(made.signer, Some(trusted_key::Signer::Identity(identity)));
        let sha256 = Bytes::copy_from_slice(file.as_bytes());
        let payload = statement(&file, PROVENANCE);
        for (subject, years, outcome) in [
            ("https://ci.example.com/build", (2020, 2100), Outcome::Verified),
            ("https://ci.example.com/build", (2020, 2021), Outcome::Expired),
            ("https://ci.example.org/build", (2020, 2100), Outcome::Untrusted),
        ] {
            let bundle = authority.bundle(subject, years, &payload);
            let request = CreateAttestationRequest {
                subject: Some(create_attestation_request::Subject::FileSha256(sha256.clone())),
                format: BundleFormat::Sigstore.into(),
                ..attesting(&grpc, &sha256, &bundle).await
            };
            let added = attest(&grpc, request).await.unwrap();
            assert_eq!(added.claimed_signers, [subject, ISSUER]);
            let found = verified(&grpc, Wanted::FileSha256(sha256.clone()), &[]).await.verdicts.remove(0);
            assert_eq!((found.outcome(), found.attestation), (outcome, added.name), "{engine:?}: {}", found.reason);
        }
        // The version has the file.
        let found = verified(&grpc, Wanted::Version(version_name("1.0")), &[]).await;
        assert_eq!(found.verdicts.len(), 3);
    }
}

#[tokio::test]
async fn what_is_no_attestation_of_the_subject_is_refused_and_leaves_nothing() {
    for engine in BOTH {
        let (service, grpc) = Builder::on(engine).demo_grpc().await;
        let (content, digest) = content_of(&grpc, "1.0").await;
        let key = ed25519();
        let text = |bundle: &str| bundle.as_bytes().to_vec();
        let good = signed(&key, &digest, PROVENANCE);
        let shown = String::from_utf8(good.clone()).unwrap();
        let many = "[".repeat(60_000);
        for hostile in [
            text("x"),
            text("null"),
            text("[]"),
            text(&format!(r#"{{"payload":{many}"#)),
            good[..good.len() - 1].to_vec(),
            text(&shown.replace("payloadType", "payloadtype")),
            text(&shown.replacen("\"payload\"", "\"payload\":\"\",\"payload\"", 1)),
            text(&shown.replace("in-toto", "else")),
            envelope(&[], &statement(&digest, PROVENANCE)),
            envelope(&[&key], "{}"),
            envelope(&[&key], &statement(&digest, "a type")),
            signed(&key, &Digest::of(b"else"), PROVENANCE),
            b"\xff\xfe".to_vec(),
        ] {
            let request = attesting(&grpc, &content, &hostile).await;
            let refusal = attest(&grpc, request).await;
            assert_eq!(refused(refusal), (Code::InvalidArgument, Some(Reason::AttestationInvalid)), "{engine:?}: {hostile:?}");
        }
        let request = attesting(&grpc, &content, &good).await;
        let with = |change: &dyn Fn(&mut CreateAttestationRequest)| {
            let mut request = request.clone();
            change(&mut request);
            request
        };
        let absent = Bytes::copy_from_slice(Digest::of(b"absent").as_bytes());
        for (request, code, expected) in [
            (with(&|new| new.subject = None), Code::InvalidArgument, Reason::ArgumentInvalid),
            (with(&|new| new.format = 0), Code::InvalidArgument, Reason::ArgumentInvalid),
            (with(&|new| new.format = BundleFormat::Sigstore.into()), Code::InvalidArgument, Reason::AttestationInvalid),
            (with(&|new| new.blob = None), Code::InvalidArgument, Reason::ArgumentInvalid),
            (with(&|new| new.blob = Some(blob(b"else"))), Code::InvalidArgument, Reason::DigestMismatch),
            (with(&|new| new.blob.as_mut().unwrap().size_bytes += 1), Code::InvalidArgument, Reason::SizeMismatch),
            (with(&|new| new.receipt = Bytes::new()), Code::InvalidArgument, Reason::ReceiptInvalid),
            (with(&|new| new.bundle = Bytes::from(shown.clone() + " ")), Code::InvalidArgument, Reason::DigestMismatch),
        ] {
            assert_eq!(refused(attest(&grpc, request).await), (code, Some(expected)), "{engine:?}");
        }
        let other = signed(&key, &Digest::of(b"absent"), PROVENANCE);
        let mut unknown = attesting(&grpc, &absent, &other).await;
        assert_eq!(refused(attest(&grpc, unknown.clone()).await), (Code::NotFound, Some(Reason::VersionNotFound)));
        unknown.subject = Some(create_attestation_request::Subject::FileSha256(absent));
        assert_eq!(refused(attest(&grpc, unknown).await), (Code::NotFound, Some(Reason::FileNotFound)));
        assert_eq!((service.database().count("attestations"), service.database().count("versions")), (0, 1), "{engine:?}");
    }
}

#[tokio::test]
async fn a_bundle_beyond_the_limit_is_refused_before_it_is_read() {
    let (_service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    let (content, _) = content_of(&grpc, "1.0").await;
    let of = |bytes: usize| CreateAttestationRequest {
        parent: PROJECT.to_owned(),
        subject: Some(create_attestation_request::Subject::ContentDigest(content.clone())),
        format: BundleFormat::Dsse.into(),
        bundle: Bytes::from(vec![b' '; bytes]),
        ..CreateAttestationRequest::default()
    };
    let status = attest(&grpc, of((1 << 20) + 1)).await.unwrap_err();
    assert!(status.message().contains("1048577 bytes"), "{status}");
    assert_eq!(refused(Err::<(), _>(status)), (Code::InvalidArgument, Some(Reason::AttestationInvalid)));
    // What is larger than any message of the metadata plane may be is refused by its length alone.
    for bytes in [5 << 20, 100 << 20] {
        let status = attest(&grpc, of(bytes)).await.unwrap_err();
        assert_eq!(status.code(), Code::OutOfRange, "{status}");
        assert!(status.message().contains("4194304"), "the limit is told: {status}");
    }
    // The service is as well as before.
    assert_eq!(read(&grpc, "1.0", "a", 0, 0).await.unwrap(), b"1.0");
}

#[tokio::test]
async fn lists_of_attestations_have_pages_filters_and_orders() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let (content, digest) = content_of(&grpc, "1.0").await;
        let mut names = Vec::new();
        for predicate_type in [PROVENANCE, SPDX, CYCLONEDX] {
            let bundle = signed(&ed25519(), &digest, predicate_type);
            names.push(attest(&grpc, attesting(&grpc, &content, &bundle).await).await.unwrap().name);
        }
        let list = async |request: ListAttestationsRequest| {
            let parent = PROJECT.to_owned();
            grpc.attestations().list_attestations(authorized(ListAttestationsRequest { parent, ..request })).await
        };
        let all = ListAttestationsRequest::default;
        let first = list(ListAttestationsRequest { page_size: 2, ..all() }).await.unwrap().into_inner();
        let page_token = first.next_page_token;
        let second = list(ListAttestationsRequest { page_token: page_token.clone(), ..all() }).await.unwrap().into_inner();
        let shown: Vec<_> = first.attestations.iter().chain(&second.attestations).map(|found| found.name.clone()).collect();
        assert_eq!((shown, second.next_page_token.as_str()), (names.iter().rev().cloned().collect(), ""), "{engine:?}");

        let subject = Some(Listed::Version(version_name("1.0")));
        let (filter, order_by) = (r#"predicate_type : "spdx""#.to_owned(), "create_time".to_owned());
        let found = list(ListAttestationsRequest { subject: subject.clone(), filter, order_by, ..all() }).await.unwrap().into_inner();
        assert_eq!(found.attestations.iter().map(|found| &found.name).collect::<Vec<_>>(), [&names[1]]);
        let order_by = "create_time".to_owned();
        let rising = list(ListAttestationsRequest { subject, order_by, ..all() }).await.unwrap().into_inner();
        assert_eq!(rising.attestations.iter().map(|found| found.name.clone()).collect::<Vec<_>>(), names);

        for (request, expected) in [
            (ListAttestationsRequest { page_token, filter: "format = dsse".to_owned(), ..all() }, Reason::PageTokenInvalid),
            (ListAttestationsRequest { filter: "blob = x".to_owned(), ..all() }, Reason::FilterInvalid),
            (ListAttestationsRequest { order_by: "name".to_owned(), ..all() }, Reason::ArgumentInvalid),
            (ListAttestationsRequest { page_size: -1, ..all() }, Reason::ArgumentInvalid),
            (ListAttestationsRequest { subject: Some(Listed::ContentDigest(Bytes::from_static(b"x"))), ..all() }, Reason::ArgumentInvalid),
            (ListAttestationsRequest { subject: Some(Listed::Version(version_name("9.9"))), ..all() }, Reason::VersionNotFound),
        ] {
            assert_eq!(refused(list(request).await).1, Some(expected), "{engine:?}");
        }
        let absent = GetAttestationRequest { name: format!("{PROJECT}/attestations/999") };
        let absent = grpc.attestations().get_attestation(authorized(absent)).await;
        assert_eq!(refused(absent), (Code::NotFound, Some(Reason::AttestationNotFound)));
    }
}

#[tokio::test]
async fn trusted_keys_are_made_changed_and_removed() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let pem = p256().public_key_pem();
        let made = trust(&grpc, trusting("builds", pem.clone())).await.unwrap();
        assert_eq!((made.name.as_str(), made.trusted_key_id.as_str()), ("projects/1/trustedKeys/builds", "builds"));
        for (request, code, expected) in [
            (trusting("builds", pem.clone()), Code::AlreadyExists, Reason::NameTaken),
            (trusting("Builds", pem.clone()), Code::InvalidArgument, Reason::NameInvalid),
            (trusting("other", "no key".to_owned()), Code::InvalidArgument, Reason::ArgumentInvalid),
            (
                CreateTrustedKeyRequest { trusted_key: None, ..trusting("other", pem.clone()) },
                Code::InvalidArgument,
                Reason::ArgumentInvalid,
            ),
        ] {
            assert_eq!(refused(trust(&grpc, request).await), (code, Some(expected)), "{engine:?}");
        }
        let update = async |new: TrustedKey, paths: &[&str]| {
            let update_mask = Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() });
            let request = UpdateTrustedKeyRequest { trusted_key: Some(new), update_mask, request_id: String::new() };
            grpc.attestations().update_trusted_key(authorized(request)).await.map(|answer| answer.into_inner().trusted_key.unwrap())
        };
        let expire_time = Some(prost_types::Timestamp { seconds: 4_000_000_000, nanos: 0 });
        let set = TrustedKey { expire_time, predicate_types: vec![SPDX.to_owned()], description: "why".to_owned(), ..made.clone() };
        let changed = update(set.clone(), &[]).await.unwrap();
        assert_eq!(changed, TrustedKey { update_time: changed.update_time, etag: changed.etag.clone(), ..set }, "{engine:?}");
        assert_eq!(refused(update(made.clone(), &[]).await).1, Some(Reason::EtagMismatch));
        assert_eq!(refused(update(changed.clone(), &["public_key_pem"]).await).1, Some(Reason::ArgumentInvalid));
        let cleared = TrustedKey { name: made.name.clone(), ..TrustedKey::default() };
        let cleared = update(cleared, &["expire_time", "predicate_types"]).await.unwrap();
        assert_eq!((cleared.expire_time, cleared.predicate_types.len(), cleared.description.as_str()), (None, 0, "why"));

        trust(&grpc, trusting("again", pem)).await.unwrap();
        let list = ListTrustedKeysRequest { parent: PROJECT.to_owned(), page_size: 1, page_token: String::new() };
        let first = grpc.attestations().list_trusted_keys(authorized(list.clone())).await.unwrap().into_inner();
        let page_token = first.next_page_token;
        let second = grpc.attestations().list_trusted_keys(authorized(ListTrustedKeysRequest { page_token, ..list })).await.unwrap();
        let second = second.into_inner();
        let ids: Vec<_> = first.trusted_keys.iter().chain(&second.trusted_keys).map(|key| key.trusted_key_id.as_str()).collect();
        assert_eq!((ids, second.next_page_token.as_str()), (vec!["again", "builds"], ""), "{engine:?}");

        let delete = |etag: &str| DeleteTrustedKeyRequest { name: made.name.clone(), etag: etag.to_owned(), request_id: String::new() };
        let remove = async |etag| grpc.attestations().delete_trusted_key(authorized(delete(etag))).await;
        assert_eq!(refused(remove(&made.etag).await).1, Some(Reason::EtagMismatch));
        remove("").await.unwrap();
        let gone = (Code::NotFound, Some(Reason::TrustedKeyNotFound));
        assert_eq!(refused(remove("").await), gone);
        let find = GetTrustedKeyRequest { name: made.name.clone() };
        assert_eq!(refused(grpc.attestations().get_trusted_key(authorized(find)).await), gone);
    }
}

#[tokio::test]
async fn a_tag_that_demands_attestations_takes_a_version_that_has_them() {
    use consign_proto::metadata::tag_rule::Action;

    let (_service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    let (content, digest) = content_of(&grpc, "1.0").await;
    let mut demanding = rule("prod", Action::Require);
    demanding.predicate_types = vec![SPDX.to_owned()];
    integration_tests::tagging::add_rule(&grpc, demanding).await.unwrap();
    let key = ed25519();
    let bundle = signed(&key, &digest, SPDX);
    attest(&grpc, attesting(&grpc, &content, &bundle).await).await.unwrap();
    assert_eq!(reason(create(&grpc, new_tag("prod", "1.0")).await), Some(Reason::AttestationMissing), "nobody is trusted");
    trust(&grpc, trusting("lists", key.public_key_pem())).await.unwrap();
    create(&grpc, new_tag("prod", "1.0")).await.unwrap();
}

#[tokio::test]
async fn who_attests_need_not_be_trusted_and_may_do_nothing_else() {
    let (_service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    let (content, digest) = content_of(&grpc, "1.0").await;
    let token = project_token(&grpc, Role::Developer, &[Scope::Attest]).await;
    let bundle = signed(&ed25519(), &digest, SPDX);
    let files = vec![upload_file("other.json", b"another bundle")];
    let parent = format!("{PACKAGE}/versions/attestations");
    let prepare = PrepareUploadsRequest { parent, files, ..PrepareUploadsRequest::default() };
    grpc.files().prepare_uploads(bearing(prepare, &token)).await.expect("what is attested is uploaded before");
    let publish = PublishVersionRequest { parent: PACKAGE.to_owned(), version_id: "9.0".to_owned(), ..PublishVersionRequest::default() };
    let published = grpc.packages().publish_version(bearing(publish, &token)).await;
    assert_eq!(refused(published), (Code::PermissionDenied, Some(Reason::ScopeInsufficient)));
    let request = attesting(&grpc, &content, &bundle).await;
    let added = grpc.attestations().create_attestation(bearing(request, &token)).await.unwrap().into_inner();
    let added = added.attestation.unwrap();
    assert!(added.creator.starts_with("project_1_bot"), "{added:?}");
    let trusted = grpc.attestations().create_trusted_key(bearing(trusting("mine", ed25519().public_key_pem()), &token)).await;
    assert_eq!(refused(trusted), (Code::PermissionDenied, Some(Reason::RoleInsufficient)));
    assert!(added.name.starts_with(PROJECT) && PACKAGE.starts_with(PROJECT));
}
