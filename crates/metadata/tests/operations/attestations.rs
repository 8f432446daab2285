//! Attestations: added, judged by trusted keys, asked for by gates and rules, and gone with what they speak of.

use consign_metadata::{
    AttestedWhat, CreateTagRule, CreateTrustedKey, DeleteTag, Existence, Metadata, MoveTag, TestTagRule, TrustedKeyChange, TrustedSigner,
    UpdateTags, UpdateTrustedKey, VerifyAttestations,
};
use consign_types::attestation::{Format, Outcome, Subject};
use consign_types::pattern::NamePattern;
use consign_types::promotion::State;
use consign_types::resource::{ProjectRef, TagRef};
use consign_types::tag::{Action, Rule};
use consign_types::{ContentDigest, Digest, Reason, Refusal as _};
use integration_tests::attesting::{
    CertificateAuthority, ISSUER, PROVENANCE, SPDX, ed25519, envelope, p256, signed, statement, statement_with,
};
use integration_tests::{BOTH, Database};

use crate::attesting::*;
use crate::deciding::{promote, promotion};
use crate::promoting::create_stage;
use crate::support::{NOW, opened, principal, receipt, request, version};

/// Why the gate of a promotion does not hold, having been judged once more; the state where it does.
async fn waiting(metadata: &Metadata, id: i64) -> String {
    metadata.judge_promotions().await.1.unwrap();
    let (found, _) = metadata.find_promotion(promotion(id)).await.unwrap();
    if found.state == State::Pending { found.verdicts[0].reason.clone() } else { found.state.to_string() }
}

#[tokio::test]
async fn a_gate_holds_by_a_verified_attestation_of_its_type_alone() {
    for engine in BOTH {
        let database = Database::create(engine);
        let (metadata, content) = published(&database).await;
        create_stage(&metadata, "prod", &[], vec![attested("provenance", PROVENANCE, &["builds"])]).await;
        let id = promote(&metadata, "prod", version("1.0")).await.unwrap().id;
        assert!(waiting(&metadata, id).await.contains("has no attestation of the type"), "{engine:?}");

        let (build, other) = (ed25519(), p256());
        attest(&metadata, content, signed(&build, &named(content), PROVENANCE)).await.unwrap();
        assert!(waiting(&metadata, id).await.contains("because the project trusts no key"), "{engine:?}");
        trust(&metadata, "others", other.public_key_pem()).await;
        assert!(waiting(&metadata, id).await.contains("because none of its signatures is by the key"), "{engine:?}");
        attest(&metadata, content, signed(&other, &named(content), SPDX)).await.unwrap();
        assert!(waiting(&metadata, id).await.contains("because none of its signatures"), "{engine:?}: of another type");
        attest(&metadata, content, signed(&other, &named(content), PROVENANCE)).await.unwrap();
        let reason = waiting(&metadata, id).await;
        assert!(reason.contains("is signed by `others`") && reason.contains("signed by `builds`"), "{engine:?}: {reason}");

        trust(&metadata, "builds", build.public_key_pem()).await;
        assert_eq!(waiting(&metadata, id).await, "succeeded", "{engine:?}");
        let (found, _) = metadata.find_promotion(promotion(id)).await.unwrap();
        assert_eq!(found.verdicts[0].evidence, ["projects/1/attestations/1"]);
    }
}

#[tokio::test]
async fn what_does_not_count_says_why() {
    for engine in BOTH {
        let database = Database::create(engine);
        let (metadata, content) = published(&database).await;
        let (key, authority, stranger) = (ed25519(), CertificateAuthority::generate(), CertificateAuthority::generate());
        let limited = ed25519();
        let expiring = ed25519();
        trust(&metadata, "builds", key.public_key_pem()).await;
        let types = vec![SPDX.parse().unwrap()];
        metadata
            .create_trusted_key(CreateTrustedKey { predicate_types: types, ..trusting("lists", limited.public_key_pem()) })
            .await
            .unwrap();
        metadata
            .create_trusted_key(CreateTrustedKey { expires_at: Some(NOW), ..trusting("over", expiring.public_key_pem()) })
            .await
            .unwrap();
        let signer = TrustedSigner::Identity {
            issuer: ISSUER.to_owned(),
            subject_glob: "https://ci.example.com/*".to_owned(),
            root_certificates_pem: authority.pem(),
        };
        metadata.create_trusted_key(CreateTrustedKey { signer, ..trusting("ci", String::new()) }).await.unwrap();

        let payload = statement(&named(content), PROVENANCE);
        let mut forged: serde_json::Value = serde_json::from_slice(&envelope(&[&limited], &payload)).unwrap();
        forged["signatures"][0]["keyid"] = serde_json::json!(key_id(&key.public_key_pem()));
        let (me, years) = ("https://ci.example.com/build", (2025, 2026));
        for (bundle, format, outcome, why) in [
            (signed(&key, &named(content), PROVENANCE), Format::Dsse, Outcome::Verified, "signed by the trusted key `builds`"),
            (signed(&p256(), &named(content), PROVENANCE), Format::Dsse, Outcome::Untrusted, "signed by none of the 4 trusted keys"),
            (signed(&limited, &named(content), PROVENANCE), Format::Dsse, Outcome::Untrusted, "`lists`, which does not count for its type"),
            (signed(&expiring, &named(content), PROVENANCE), Format::Dsse, Outcome::Expired, "`over`, which counted until"),
            (forged.to_string().into_bytes(), Format::Dsse, Outcome::Invalid, "is not valid"),
            (authority.bundle(me, years, &payload), Format::Sigstore, Outcome::Verified, "signed by the trusted key `ci`"),
            (authority.bundle(me, (2023, 2024), &payload), Format::Sigstore, Outcome::Expired, "its certificate was valid from"),
            (authority.bundle(me, (2026, 2027), &payload), Format::Sigstore, Outcome::Expired, "its certificate was valid from"),
            (authority.bundle("https://elsewhere/", years, &payload), Format::Sigstore, Outcome::Untrusted, "none of the 4"),
            (stranger.bundle(me, years, &payload), Format::Sigstore, Outcome::Invalid, "does not lead to a root certificate"),
        ] {
            let (added, _) = metadata.create_attestation(attesting(Subject::Content(content), format, bundle, 1)).await.unwrap();
            let found = verdicts(&metadata, content).await.remove(0);
            assert_eq!((found.attestation.id, found.outcome), (added.id, outcome), "{engine:?}: {}", found.reason);
            assert!(found.reason.contains(why), "{engine:?}: {} is not {why}", found.reason);
            assert_eq!(found.by.is_some(), outcome == Outcome::Verified);
        }
    }
}

/// The id by which signatures name a key.
fn key_id(pem: &str) -> String {
    consign_types::attestation::SignerKey::from_pem(pem).unwrap().id()
}

#[tokio::test]
async fn a_changed_byte_and_another_subject_are_refused_or_do_not_count() {
    for engine in BOTH {
        let database = Database::create(engine);
        let (metadata, content) = published(&database).await;
        let key = ed25519();
        trust(&metadata, "builds", key.public_key_pem()).await;
        let other = attest(&metadata, content, signed(&key, &Digest::of(b"else"), PROVENANCE)).await.unwrap_err();
        assert_eq!(other.reason(), Reason::AttestationInvalid, "{engine:?}: {other}");
        assert!(other.to_string().contains("does not speak of"), "{other}");
        for bundle in [b"".to_vec(), b"{}".to_vec(), vec![b' '; (1 << 20) + 1]] {
            assert_eq!(attest(&metadata, content, bundle).await.unwrap_err().reason(), Reason::AttestationInvalid, "{engine:?}");
        }
        // Each byte of the payload is signed.
        let payload = statement(&named(content), PROVENANCE);
        let mut changed: serde_json::Value = serde_json::from_slice(&envelope(&[&key], &payload)).unwrap();
        let other: serde_json::Value = serde_json::from_slice(&envelope(&[&key], &payload.replace("a test", "a Test"))).unwrap();
        changed["payload"] = other["payload"].clone();
        attest(&metadata, content, changed.to_string().into_bytes()).await.unwrap();
        assert_eq!(verdict(&metadata, content).await.0, Outcome::Untrusted, "{engine:?}");
        assert_eq!(database.count("attestations"), 1, "{engine:?}: nothing is left of what was refused");
    }
}

#[tokio::test]
async fn a_key_counts_as_long_as_it_is_trusted() {
    for engine in BOTH {
        let database = Database::create(engine);
        let (metadata, content) = published(&database).await;
        let key = p256();
        let made = trust(&metadata, "builds", key.public_key_pem()).await;
        attest(&metadata, content, signed(&key, &named(content), PROVENANCE)).await.unwrap();
        create_stage(&metadata, "prod", &[], vec![attested("provenance", PROVENANCE, &[])]).await;
        let change =
            |change| UpdateTrustedKey { principal: principal(), name: trusted_key("builds"), etag: None, change, request_id: None };
        let until = |at| TrustedKeyChange { expires_at: Some(at), ..TrustedKeyChange::default() };
        let of = |types: &[&str]| TrustedKeyChange {
            predicate_types: Some(types.iter().map(|text| text.parse().unwrap()).collect()),
            ..TrustedKeyChange::default()
        };
        for (wanted, outcome, state) in [
            (until(Some(NOW)), Outcome::Expired, State::Pending),
            (until(Some(NOW.plus_seconds(1))), Outcome::Verified, State::Succeeded),
            (until(None), Outcome::Verified, State::Succeeded),
            (of(&[SPDX]), Outcome::Untrusted, State::Pending),
            (of(&[SPDX, PROVENANCE]), Outcome::Verified, State::Succeeded),
        ] {
            metadata.update_trusted_key(change(wanted)).await.unwrap();
            assert_eq!(verdict(&metadata, content).await.0, outcome, "{engine:?}");
            let promoted = promote(&metadata, "prod", version("1.0")).await.unwrap();
            assert_eq!(promoted.state, state, "{engine:?}: {:?}", promoted.verdicts);
        }
        let stale = UpdateTrustedKey { etag: Some(made.etag().parse().unwrap()), ..change(until(None)) };
        assert_eq!(metadata.update_trusted_key(stale).await.unwrap_err().reason(), Reason::EtagMismatch);

        remove_key(&metadata, "builds").await;
        assert_eq!(verdict(&metadata, content).await, (Outcome::Untrusted, "the project trusts no key".to_owned()), "{engine:?}");
        assert_eq!(promote(&metadata, "prod", version("1.0")).await.unwrap().state, State::Pending, "{engine:?}");
        // Another key of the same name is another one.
        trust(&metadata, "builds", ed25519().public_key_pem()).await;
        assert_eq!(verdict(&metadata, content).await.0, Outcome::Untrusted, "{engine:?}");
    }
}

#[tokio::test]
async fn what_was_found_is_kept_and_is_what_would_be_found_anew() {
    for engine in BOTH {
        let database = Database::create(engine);
        let (metadata, content) = published(&database).await;
        create_stage(&metadata, "prod", &[], vec![attested("provenance", PROVENANCE, &[])]).await;
        let (early, late) = (ed25519(), p256());
        trust(&metadata, "early", early.public_key_pem()).await;
        attest(&metadata, content, envelope(&[&early, &late], &statement(&named(content), PROVENANCE))).await.unwrap();
        attest(&metadata, content, signed(&late, &named(content), PROVENANCE)).await.unwrap();
        attest(&metadata, content, signed(&ed25519(), &named(content), PROVENANCE)).await.unwrap();
        assert_eq!(database.count("attestations where checks = '[]'"), 0, "{engine:?}: the keys that are there were tried");
        trust(&metadata, "late", late.public_key_pem()).await;

        let unknown = database.count("attestations where checks not like '%\"key\":2%'");
        let before = verdicts(&metadata, content).await;
        assert_eq!(
            before.iter().map(|found| found.outcome).collect::<Vec<_>>(),
            [Outcome::Untrusted, Outcome::Verified, Outcome::Verified]
        );
        assert_eq!((before[2].by.clone().unwrap().trusted_key, before[2].also[0].trusted_key.clone()), ("early".into(), "late".into()));
        assert_eq!(database.count("attestations where checks not like '%\"key\":2%'"), unknown, "{engine:?}: who reads keeps nothing");

        assert_eq!(promote(&metadata, "prod", version("1.0")).await.unwrap().state, State::Succeeded);
        assert_eq!(database.count("attestations where checks not like '%\"key\":2%'"), 0, "{engine:?}: a gate keeps what it found");
        database.execute("update attestations set checks = '[]'");
        assert_eq!(verdicts(&metadata, content).await, before, "{engine:?}");
        assert_eq!(promote(&metadata, "prod", version("1.0")).await.unwrap().state, State::Succeeded);
        // Now it is known, and the bundles are not read.
        database.execute("delete from attestation_bundles");
        assert_eq!(verdicts(&metadata, content).await, before, "{engine:?}");
        assert_eq!(promote(&metadata, "prod", version("1.0")).await.unwrap().state, State::Succeeded);

        remove_key(&metadata, "early").await;
        let after = verdicts(&metadata, content).await;
        assert_eq!(after[2].by.clone().unwrap().trusted_key, "late", "{engine:?}");
    }
}

#[tokio::test]
async fn many_signatures_are_looked_at_little_by_little() {
    for engine in BOTH {
        let database = Database::create(engine);
        let (metadata, content) = published(&database).await;
        create_stage(&metadata, "prod", &[], vec![attested("provenance", PROVENANCE, &[])]).await;
        let (key, other) = (ed25519(), ed25519());
        attest(&metadata, content, signed(&key, &named(content), PROVENANCE)).await.unwrap();
        // Newer ones, each with as many signatures as may be.
        for number in 0..120 {
            let predicate = serde_json::json!({ "number": number });
            let payload = statement_with(&named(content), PROVENANCE, &predicate);
            attest(&metadata, content, envelope(&[&other; 20], &payload)).await.unwrap();
        }
        trust(&metadata, "builds", key.public_key_pem()).await;

        let waits = promote(&metadata, "prod", version("1.0")).await.unwrap();
        assert_eq!(waits.state, State::Pending, "{engine:?}");
        assert!(database.count("attestations where checks = '[]'") > 10, "{engine:?}");
        let again = UpdateTrustedKey {
            principal: principal(),
            name: trusted_key("builds"),
            etag: None,
            change: TrustedKeyChange::default(),
            request_id: None,
        };
        metadata.update_trusted_key(again).await.unwrap();
        assert_eq!(waiting(&metadata, waits.id).await, "succeeded", "{engine:?}");
        assert_eq!(database.count("attestations where checks = '[]'"), 0, "{engine:?}");
    }
}

#[tokio::test]
async fn an_open_version_is_attested_by_what_a_promotion_pinned() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        metadata.publish_version(request(&[("a", receipt("one", 1))])).await.unwrap();
        create_stage(&metadata, "prod", &[], vec![attested("provenance", PROVENANCE, &[])]).await;
        let key = ed25519();
        trust(&metadata, "builds", key.public_key_pem()).await;
        let one = receipt("one", 1);
        let content = ContentDigest::of([(&"a".parse().unwrap(), &one.digest, one.size)]);
        let early = attest(&metadata, content, signed(&key, &named(content), PROVENANCE)).await.unwrap_err();
        assert_eq!(early.reason(), Reason::VersionNotFound, "{engine:?}: it may be another one in a moment");

        let waits = promote(&metadata, "prod", version("1.0")).await.unwrap();
        assert_eq!(waits.items[0].content_digest, content);
        attest(&metadata, content, signed(&key, &named(content), PROVENANCE)).await.unwrap();
        let subject = AttestedWhat::Version(version("1.0"));
        let wanted = VerifyAttestations { project: ProjectRef::Id(1), subject, predicate_types: Vec::new() };
        assert_eq!(metadata.verify_attestations(wanted.clone()).await.unwrap().0.len(), 1, "{engine:?}");
        metadata.publish_version(request(&[("b", receipt("two", 2))])).await.unwrap();
        assert_eq!(metadata.verify_attestations(wanted).await.unwrap().0.len(), 0, "{engine:?}: it is something else now");
        assert_eq!(waiting(&metadata, waits.id).await, "succeeded", "{engine:?}");
    }
}

#[tokio::test]
async fn a_tag_rule_that_demands_attestations_is_met_by_verified_ones() {
    for engine in BOTH {
        let database = Database::create(engine);
        let (metadata, content) = published(&database).await;
        let rule = Rule {
            tags: NamePattern::glob("prod-*").unwrap(),
            packages: None,
            action: Action::Require(vec![PROVENANCE.to_owned(), SPDX.to_owned()]),
        };
        let tag = TagRef { package: version("1.0").package(), tag: "prod-eu".parse().unwrap() };
        let moving = || UpdateTags {
            principal: principal(),
            project: ProjectRef::Id(1),
            moves: vec![MoveTag { tag: tag.clone(), version: version("1.0"), expected: None, etag: None, existence: Existence::Any }],
            reason: "".parse().unwrap(),
            request_id: None,
        };
        metadata.update_tags(moving()).await.unwrap();
        let trial = async || {
            let wanted = TestTagRule { project: ProjectRef::Id(1), rule: rule.clone(), names: Vec::new() };
            let named = TestTagRule { names: vec!["prod-eu".parse().unwrap()], ..wanted.clone() };
            let (all, named) = (metadata.test_tag_rule(wanted).await.unwrap().0, metadata.test_tag_rule(named).await.unwrap().0);
            assert_eq!(all, named);
            all[0].missing.clone()
        };
        assert_eq!(trial().await, [PROVENANCE, SPDX], "{engine:?}");
        let key = ed25519();
        trust(&metadata, "builds", key.public_key_pem()).await;
        let delete = DeleteTag { principal: principal(), name: tag.clone(), etag: None, reason: "".parse().unwrap(), request_id: None };
        metadata.delete_tag(delete).await.unwrap();
        let new = CreateTagRule {
            principal: principal(),
            project: ProjectRef::Id(1),
            rule: rule.clone(),
            description: "".parse().unwrap(),
            request_id: None,
        };
        metadata.create_tag_rule(new).await.unwrap();
        for (bundle, missing) in [
            (signed(&p256(), &named(content), SPDX), format!("{PROVENANCE} {SPDX}")),
            (signed(&key, &named(content), PROVENANCE), SPDX.to_owned()),
        ] {
            attest(&metadata, content, bundle).await.unwrap();
            let error = metadata.update_tags(moving()).await.unwrap_err();
            let told = error.details().into_iter().find(|(name, _)| *name == "predicate_types").unwrap().1;
            assert_eq!((error.reason(), told), (Reason::AttestationMissing, missing), "{engine:?}");
        }
        attest(&metadata, content, signed(&key, &named(content), SPDX)).await.unwrap();
        metadata.update_tags(moving()).await.unwrap();
        assert!(trial().await.is_empty(), "{engine:?}");
    }
}
