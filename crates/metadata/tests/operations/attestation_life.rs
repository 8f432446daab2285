//! The life of attestations: added once, found, and gone with what they speak of.

use consign_metadata::{
    AttestedWhat, CreateAttestation, CreateTrustedKey, DeleteProject, DeleteVersion, Error, Force, ListAttestations, Metadata, Page,
    PrepareUploads, PromotionError, PublishMode, PublishVersion, UploadFile, UploadPlan, VerifyAttestations,
};
use consign_types::attestation::{Format, Subject};
use consign_types::filter::Filter;
use consign_types::promotion::State;
use consign_types::resource::{ProjectRef, ScopeRef};
use consign_types::{ContentDigest, CopyName, Digest, Reason, Refusal as _};
use integration_tests::attesting::{CYCLONEDX, PROVENANCE, SPDX, ed25519, envelope, p256, signed, statement};
use integration_tests::{BOTH, Database, rounds};

use crate::attesting::*;
use crate::deciding::promote;
use crate::promoting::{create_stage, publish_sealed};
use crate::support::{NOW, RESTORE_SECONDS, config, opened, principal, receipt, request, rules, version};

#[tokio::test]
async fn the_same_bundle_on_the_same_subject_is_one_attestation() {
    for engine in BOTH {
        let database = Database::create(engine);
        let (metadata, content) = published(&database).await;
        let bundle = signed(&ed25519(), &named(content), PROVENANCE);
        let wanted = || attesting(Subject::Content(content), Format::Dsse, bundle.clone(), 1);
        let id = "11111111-1111-4111-8111-111111111111";
        let first = metadata.create_attestation(CreateAttestation { request_id: Some(id.parse().unwrap()), ..wanted() }).await.unwrap();
        let entries = database.count("audit_entries");
        for again in [wanted(), CreateAttestation { request_id: Some(id.parse().unwrap()), ..wanted() }] {
            assert_eq!(metadata.create_attestation(again).await.unwrap(), first, "{engine:?}");
        }
        assert_eq!((database.count("attestations"), database.count("audit_entries")), (1, entries), "{engine:?}");
        let (found, read) = metadata.find_attestation(attestation(first.0.id)).await.unwrap();
        assert_eq!((found, read), (first.0, bundle.clone()), "{engine:?}");

        let reused = CreateAttestation { request_id: Some(id.parse().unwrap()), format: Format::Sigstore, ..wanted() };
        assert!(metadata.create_attestation(reused).await.is_err());
        // On another subject it is another one, if it speaks of that too.
        let file = Subject::File(receipt(&version("1.0").to_string(), 1).digest);
        let payload =
            statement(&named(content), PROVENANCE).replace("[{", &format!(r#"[{{"digest":{{"sha256":"{}"}}}},{{"#, file.digest()));
        let both = envelope(&[&ed25519()], &payload);
        for subject in [file, Subject::Content(content)] {
            metadata.create_attestation(attesting(subject, Format::Dsse, both.clone(), 2)).await.unwrap();
        }
        assert_eq!(database.count("attestations"), 3, "{engine:?}");
    }
}

#[tokio::test]
async fn receipts_and_subjects_that_are_not_there_are_refused() {
    for engine in BOTH {
        let database = Database::create(engine);
        let (metadata, content) = published(&database).await;
        let bundle = signed(&ed25519(), &named(content), PROVENANCE);
        let wanted = || attesting(Subject::Content(content), Format::Dsse, bundle.clone(), 1);
        let refused = async |wanted| metadata.create_attestation(wanted).await.unwrap_err();

        let mut foreign = wanted();
        foreign.receipt.project = 2;
        assert!(matches!(refused(foreign).await, Error::ReceiptInvalid(_)), "{engine:?}");
        let mut old = wanted();
        old.receipt.expires = NOW.plus_seconds(-1);
        assert!(matches!(refused(old).await, Error::BlobExpired { .. }), "{engine:?}");
        metadata.condemn(vec![CopyName { digest: Digest::of(&bundle), generation: 1 }]).await.unwrap();
        let gone = refused(wanted()).await;
        assert!(gone.to_string().contains("the bytes of the bundle"), "{engine:?}: {gone}");
        assert_eq!((gone.reason(), database.count("attestations"), database.count("blobs")), (Reason::BlobExpired, 0, 1), "{engine:?}");

        let absent = Digest::of(b"absent");
        for (subject, reason) in [(Subject::Content(absent.into()), Reason::VersionNotFound), (Subject::File(absent), Reason::FileNotFound)]
        {
            let wanted = attesting(subject, Format::Dsse, signed(&ed25519(), &absent, PROVENANCE), 3);
            let error = refused(wanted).await;
            assert_eq!(error.reason(), reason, "{engine:?}: {error}");
            assert!(matches!(error, Error::Promotion(PromotionError::SubjectNotFound { .. })));
        }
        let missing = metadata.find_attestation(attestation(1)).await.unwrap_err();
        assert_eq!(missing.reason(), Reason::AttestationNotFound);
    }
}

/// A project with two versions: the first has two attestations and one of its file `b`, the second has one.
async fn attested_versions(database: &Database) -> (Metadata, ContentDigest, Subject) {
    let metadata = opened(database).await;
    let sealed = PublishVersion { mode: PublishMode::Seal, ..request(&[("a", receipt("one", 1)), ("b", receipt("two", 2))]) };
    metadata.publish_version(sealed).await.unwrap();
    publish_sealed(&metadata, version("2.0")).await;
    let (first, second) = (content_of(&metadata, version("1.0")).await, content_of(&metadata, version("2.0")).await);
    let file = Subject::File(Digest::of(b"two"));
    let mut named_signer: serde_json::Value = serde_json::from_slice(&signed(&ed25519(), &named(first), SPDX)).unwrap();
    named_signer["signatures"][0]["keyid"] = serde_json::json!(r#"50%_"\ key"#);
    for (subject, bundle) in [
        (Subject::Content(first), signed(&ed25519(), &named(first), PROVENANCE)),
        (Subject::Content(first), named_signer.to_string().into_bytes()),
        (file, signed(&ed25519(), &file.digest(), CYCLONEDX)),
        (Subject::Content(second), signed(&ed25519(), &named(second), PROVENANCE)),
    ] {
        metadata.create_attestation(attesting(subject, Format::Dsse, bundle, 1)).await.unwrap();
    }
    (metadata, first, file)
}

#[tokio::test]
async fn attestations_are_listed_by_what_they_speak_of() {
    for engine in BOTH {
        let database = Database::create(engine);
        let (metadata, first, file) = attested_versions(&database).await;
        let list = async |subject: Option<AttestedWhat>, filter: &str, descending, size| {
            let page = Page::first(size);
            let filter = Filter::parse(filter).unwrap();
            let wanted = ListAttestations { project: ProjectRef::Id(1), subject, filter, descending, page };
            let found = metadata.list_attestations(wanted).await.unwrap();
            (found.items.iter().map(|found| found.id).collect::<Vec<_>>(), found.more)
        };
        let of_version = |name| Some(AttestedWhat::Version(version(name)));
        for (subject, filter, expected) in [
            (None, "", vec![1, 2, 3, 4]),
            (of_version("1.0"), "", vec![1, 2, 3]),
            (of_version("2.0"), "", vec![4]),
            (Some(AttestedWhat::Subject(file)), "", vec![3]),
            (Some(AttestedWhat::Subject(Subject::Content(first))), "", vec![1, 2]),
            (Some(AttestedWhat::Subject(file)), "format = SIGSTORE", vec![]),
            (None, r#"predicate_type = "https://slsa.dev/provenance/v1""#, vec![1, 4]),
            (of_version("1.0"), "predicate_type : slsa OR predicate_type : cyclonedx", vec![1, 3]),
            (None, r#"claimed_signers : "50%_\"\\ key""#, vec![2]),
            (None, r#"claimed_signers = "50__\"\\ key""#, vec![]),
            (None, r#"claimed_signers : "key""#, vec![]),
            (None, r#"claimed_signers != "50%_\"\\ key""#, vec![1, 3, 4]),
            (None, "format = dsse AND creator = root", vec![1, 2, 3, 4]),
            (None, r#"create_time > "2030-01-01T00:00:00Z""#, vec![]),
        ] {
            assert_eq!(list(subject, filter, false, 10).await, (expected, false), "{engine:?}: {filter}");
        }
        assert_eq!(list(None, "", true, 3).await, (vec![4, 3, 2], true), "{engine:?}");
        let cursor = metadata.find_attestation(attestation(2)).await.unwrap().0.cursor();
        let page = Page { after: Some(cursor), ..Page::first(10) };
        let wanted = ListAttestations { project: ProjectRef::Id(1), subject: of_version("1.0"), filter: None, descending: true, page };
        let rest = metadata.list_attestations(wanted).await.unwrap();
        assert_eq!(rest.items.iter().map(|found| found.id).collect::<Vec<_>>(), [1], "{engine:?}");
    }
}

#[tokio::test]
async fn what_is_asked_of_a_version_is_of_the_same_project_and_names_what_is_missing() {
    for engine in BOTH {
        let database = Database::create(engine);
        let (metadata, ..) = attested_versions(&database).await;
        let wanted = VerifyAttestations {
            project: ProjectRef::Id(1),
            subject: AttestedWhat::Version(version("1.0")),
            predicate_types: [PROVENANCE, SPDX, "https://example.com/none"].map(|text| text.parse().unwrap()).into(),
        };
        let (found, missing) = metadata.verify_attestations(wanted).await.unwrap();
        assert_eq!((found.len(), missing.len()), (2, 3), "{engine:?}: nobody is trusted");
        let elsewhere = ListAttestations {
            project: ProjectRef::Id(1),
            subject: Some(AttestedWhat::Version("projects/2/packages/tool/versions/1.0".parse().unwrap())),
            filter: None,
            descending: true,
            page: Page::first(1),
        };
        assert_eq!(metadata.list_attestations(elsewhere).await.unwrap_err().reason(), Reason::ArgumentInvalid);
    }
}

fn copy(bundle: &[u8]) -> CopyName {
    CopyName { digest: Digest::of(bundle), generation: 1 }
}

/// When all that was deleted is over.
fn later() -> consign_types::Timestamp {
    NOW.plus_seconds(RESTORE_SECONDS + 60 * 60)
}

async fn purged(database: &Database) -> Metadata {
    let metadata = Metadata::open(&config(database), rules(), later).await.unwrap();
    while metadata.purge().await.unwrap() {}
    metadata
}

async fn delete(metadata: &Metadata, name: &str) {
    let wanted =
        DeleteVersion { principal: principal(), name: version(name), etag: None, force: Force::No, request_id: None, validate_only: false };
    metadata.delete_version(wanted).await.unwrap();
}

#[tokio::test]
async fn the_bytes_of_a_bundle_live_as_long_as_what_it_speaks_of() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        // The same content twice, and beside it a file that is in neither.
        for name in ["1.0", "1.1"] {
            let same = request(&[("a", receipt("same", 1))]);
            metadata.publish_version(PublishVersion { version: version(name), mode: PublishMode::Seal, ..same }).await.unwrap();
        }
        let single = PublishVersion { version: version("2.0"), ..request(&[("a", receipt("single", 2))]) };
        metadata.publish_version(single).await.unwrap();
        let content = content_of(&metadata, version("1.0")).await;
        let file = Subject::File(Digest::of(b"single"));
        let (of_content, of_file) = (signed(&ed25519(), &named(content), SPDX), signed(&ed25519(), &file.digest(), SPDX));
        attest(&metadata, content, of_content.clone()).await.unwrap();
        metadata.create_attestation(attesting(file, Format::Dsse, of_file.clone(), 1)).await.unwrap();
        let copies = vec![copy(&of_content), copy(&of_file)];
        assert_eq!(metadata.condemn(copies.clone()).await.unwrap(), [], "{engine:?}: an attestation refers to it");
        assert_eq!(metadata.list_kept(copies.clone()).await.unwrap(), copies, "{engine:?}");
        assert_eq!(metadata.recount().await.unwrap(), [], "{engine:?}: bundles do not count");

        delete(&metadata, "1.0").await;
        delete(&metadata, "2.0").await;
        let after = purged(&database).await;
        let (dead, _) = after.condemn_loose(-1, 100).await.unwrap();
        assert!(dead.contains(&copy(&of_file)), "{engine:?}: it went with its file: {dead:?}");
        assert_eq!(database.count("attestations"), 1, "{engine:?}: another version has the content");
        assert_eq!(after.condemn(vec![copy(&of_content)]).await.unwrap(), [], "{engine:?}");

        delete(&metadata, "1.1").await;
        let after = purged(&database).await;
        assert!(after.condemn_loose(-1, 100).await.unwrap().0.contains(&copy(&of_content)), "{engine:?}");
        assert_eq!((database.count("attestations"), database.count("attestation_bundles")), (0, 0), "{engine:?}");
        assert_eq!((database.count("blobs"), after.recount().await.unwrap()), (0, Vec::new()), "{engine:?}");
    }
}

#[tokio::test]
async fn what_was_promoted_keeps_its_attestations_until_the_project_goes() {
    for engine in BOTH {
        let database = Database::create(engine);
        let (metadata, content) = published(&database).await;
        create_stage(&metadata, "prod", &[], vec![attested("parts", SPDX, &[])]).await;
        let bundle = signed(&ed25519(), &named(content), SPDX);
        trust(&metadata, "builds", p256().public_key_pem()).await;
        attest(&metadata, content, bundle.clone()).await.unwrap();
        assert_eq!(promote(&metadata, "prod", version("1.0")).await.unwrap().state, State::Pending);
        delete(&metadata, "1.0").await;
        purged(&database).await;
        assert_eq!((database.count("versions"), database.count("attestations")), (0, 1), "{engine:?}: a record names it");

        let name = ProjectRef::Id(1);
        let wanted = DeleteProject { principal: principal(), name, etag: None, force: Force::No, request_id: None };
        metadata.delete_project(wanted).await.unwrap();
        let after = purged(&database).await;
        for table in ["projects", "attestations", "attestation_bundles", "trusted_keys"] {
            assert_eq!(database.count(table), 0, "{engine:?} {table}");
        }
        assert!(after.condemn_loose(-1, 100).await.unwrap().0.contains(&copy(&bundle)), "{engine:?}");
    }
}

#[tokio::test]
async fn what_an_upload_reserved_is_free_again() {
    for engine in BOTH {
        let database = Database::create(engine);
        let (metadata, content) = published(&database).await;
        let bundle = signed(&ed25519(), &named(content), PROVENANCE);
        let usage = async || metadata.find_usage(ScopeRef::Project(ProjectRef::Id(1)), 0).await.unwrap();
        let before = usage().await;
        for expected in [1, 1] {
            let mut wanted = attesting(Subject::Content(content), Format::Dsse, bundle.clone(), 1);
            let file = UploadFile {
                path: "bundle".parse().unwrap(),
                digest: Some(wanted.receipt.digest),
                size: Some(wanted.receipt.size),
                always_send: false,
            };
            let uploads = PrepareUploads {
                principal: principal(),
                version: version("to-come"),
                files: vec![file],
                request_id: None,
                known_only: false,
            };
            let UploadPlan::Send(ticket) = metadata.prepare_uploads(uploads).await.unwrap().remove(0) else {
                panic!("an attestation is no file that a caller can read")
            };
            wanted.receipt.upload = ticket.upload;
            assert_eq!(usage().await.reserved_bytes, wanted.receipt.size, "{engine:?}");
            metadata.create_attestation(wanted).await.unwrap();
            let now = usage().await;
            assert_eq!((now.reserved_bytes, now.logical_bytes, now.stored_bytes), (0, before.logical_bytes, before.stored_bytes));
            assert_eq!((database.count("leases"), database.count("attestations")), (0, expected), "{engine:?}");
        }
        assert_eq!(metadata.recount().await.unwrap(), [], "{engine:?}");
    }
}

#[tokio::test]
async fn trusted_keys_have_names_and_limits() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        let pem = ed25519().public_key_pem();
        let made = trust(&metadata, "key-1", pem.clone()).await;
        assert_eq!(metadata.find_trusted_key(trusted_key("key-1")).await.unwrap(), made, "{engine:?}");
        let reason = async |wanted| metadata.create_trusted_key(wanted).await.unwrap_err().reason();
        assert_eq!(reason(trusting("key-1", pem.clone())).await, Reason::NameTaken, "{engine:?}");
        assert_eq!(reason(trusting("broken", pem.replace('M', "N"))).await, Reason::ArgumentInvalid, "{engine:?}");
        let types = (0..51).map(|number| format!("type-{number}").parse().unwrap()).collect();
        let many = CreateTrustedKey { predicate_types: types, ..trusting("many", pem.clone()) };
        assert_eq!(reason(many).await, Reason::ArgumentInvalid, "{engine:?}");
        for number in 2..=100 {
            trust(&metadata, &format!("key-{number}"), pem.clone()).await;
        }
        assert_eq!(reason(trusting("one-more", pem.clone())).await, Reason::ArgumentInvalid, "{engine:?}");
        let page = metadata.list_trusted_keys(ProjectRef::Id(1), Page::first(2)).await.unwrap();
        assert_eq!(page.items.iter().map(|key| key.key.as_str()).collect::<Vec<_>>(), ["key-1", "key-10"], "{engine:?}");
        let after = Page { after: Some("key-98".parse().unwrap()), ..Page::first(2) };
        assert_eq!(metadata.list_trusted_keys(ProjectRef::Id(1), after).await.unwrap().items[0].key.as_str(), "key-99");
        remove_key(&metadata, "key-1").await;
        let gone = metadata.find_trusted_key(trusted_key("key-1")).await.unwrap_err();
        assert_eq!(gone.reason(), Reason::TrustedKeyNotFound, "{engine:?}");
    }
}

/// Adds an attestation, and counts: 0 where its bytes are on their way out.
async fn attest_one(metadata: Metadata, wanted: CreateAttestation) -> usize {
    match metadata.create_attestation(wanted).await {
        Ok(_) => 1,
        Err(Error::BlobExpired { .. }) => 0,
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn no_attestation_refers_to_a_dead_copy_whoever_is_faster() {
    for engine in BOTH {
        let database = Database::create(engine);
        let (metadata, content) = published(&database).await;
        let (key, mut added, mut dead) = (ed25519(), 0, 0);
        for round in 0..rounds() * 5 {
            let bundle = |number| envelope(&[&key], &statement(&named(content), &format!("type-{round}-{number}")));
            let bundles: Vec<Vec<u8>> = (0..8).map(bundle).collect();
            let copies: Vec<CopyName> = bundles.iter().map(|bundle| copy(bundle)).collect();
            let wanted = bundles.into_iter().map(|bundle| attesting(Subject::Content(content), Format::Dsse, bundle, 1));
            let attesters: Vec<_> = wanted.map(|wanted| tokio::spawn(attest_one(metadata.clone(), wanted))).collect();
            let collecting = metadata.clone();
            let collector = tokio::spawn(async move { collecting.condemn(copies).await.unwrap().len() });
            for attester in attesters {
                added += attester.await.unwrap();
            }
            dead += collector.await.unwrap();
        }
        let referred = "attestations a join blobs b on b.digest = a.blob_digest \
                        join tombstones t on t.digest = b.digest and t.generation = b.generation";
        assert_eq!(database.count(referred), 0, "{engine:?}");
        assert_eq!((database.count("attestations"), added + dead), (i64::try_from(added).unwrap(), rounds() * 40), "{engine:?}");
    }
}
