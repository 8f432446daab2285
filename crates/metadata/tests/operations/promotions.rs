//! Promotions: placed at once or when their gates hold, one of many at a time, recorded in a chain, and undone.

use consign_metadata::{
    AsOf, CreatePromotion, Error, Force, Metadata, Page, Promotion, PromotionError, PublishMode, PublishVersion, ResolveVersion, Selector,
};
use consign_types::access::Role;
use consign_types::promotion::statement::{PAYLOAD_TYPE, Statement};
use consign_types::promotion::{Condition, Decision, Outcome, State};
use consign_types::signature;
use consign_types::{Digest, Reason, Refusal as _};
use integration_tests::{BOTH, Database};

use crate::deciding::{approval, gate, promote, promotion, review, roll_back};
use crate::promoting::{create_stage, of_package, person, publish_sealed, stage, wanted};
use crate::support::{opened, principal, receipt, request, signing_keys};

/// What stands on a stage, as `package version`.
async fn standing(metadata: &Metadata, name: &str, as_of: AsOf) -> Vec<String> {
    let state = metadata.stage_state(stage(name), as_of, Page::first(100)).await.unwrap();
    state.placements.iter().map(|placed| format!("{} {}", placed.package, placed.version)).collect()
}

fn payload(promotion: &Promotion) -> Vec<u8> {
    let envelope = promotion.statement.as_ref().unwrap();
    signature::open_envelope(envelope, PAYLOAD_TYPE, &signing_keys().public_keys()).unwrap()
}

#[tokio::test]
async fn what_no_gate_stops_is_placed_at_once_and_recorded_in_a_chain() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        create_stage(&metadata, "dev", &[], Vec::new()).await;
        for version in ["1.0", "2.0"] {
            publish_sealed(&metadata, of_package("tool", version)).await;
        }

        let first = promote(&metadata, "dev", of_package("tool", "1.0")).await.unwrap();
        let second = promote(&metadata, "dev", of_package("tool", "2.0")).await.unwrap();

        assert_eq!((first.state, second.state), (State::Succeeded, State::Succeeded), "{engine:?}");
        assert_eq!(second.items[0].replaced_version, Some("1.0".parse().unwrap()));
        assert_eq!(standing(&metadata, "dev", AsOf::Now).await, ["tool 2.0"]);
        assert_eq!(standing(&metadata, "dev", AsOf::Sequence(first.sequence)).await, ["tool 1.0"]);
        assert!(standing(&metadata, "dev", AsOf::Sequence(first.sequence - 1)).await.is_empty());
        // Each statement is its record, and names the one before it.
        assert_eq!(Some(Digest::of(&payload(&first))), first.record_hash);
        let statement = Statement::parse(&payload(&second)).unwrap();
        assert_eq!(statement.predicate.record.previous_record_hash, first.record_hash);
        assert_eq!(second.previous_record_hash, first.record_hash);
        assert_eq!(statement.subject[0].digest.sha256.as_bytes(), second.items[0].content_digest.as_bytes());
    }
}

#[tokio::test]
async fn of_many_who_expect_the_same_one_wins_and_the_others_are_told_what_changed() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        create_stage(&metadata, "dev", &[], Vec::new()).await;
        for number in 0..16 {
            publish_sealed(&metadata, of_package("tool", &format!("1.{number}"))).await;
        }
        let racers = (0..16).map(|number| {
            let metadata = metadata.clone();
            let items = [of_package("tool", &format!("1.{number}"))];
            let wanted = CreatePromotion { expected_current: Some(None), ..wanted("dev", &items) };
            tokio::spawn(async move { metadata.create_promotion(wanted).await })
        });
        let (mut won, mut told) = (Vec::new(), Vec::new());
        for racer in racers.collect::<Vec<_>>() {
            match racer.await.unwrap() {
                Ok((promotion, _)) => won.push(promotion.id),
                Err(Error::Promotion(PromotionError::StageChanged { actual, .. })) => told.push(actual.unwrap().id),
                Err(error) => panic!("{engine:?}: {error:?}"),
            }
        }
        assert_eq!((won.len(), told.len()), (1, 15), "{engine:?}");
        assert!(told.iter().all(|actual| *actual == won[0]));
    }
}

#[tokio::test]
async fn what_waits_is_applied_by_the_last_approval_and_ended_by_one_rejection() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        create_stage(&metadata, "production", &[], vec![approval("people", 2)]).await;
        for version in ["1.0", "2.0"] {
            publish_sealed(&metadata, of_package("tool", version)).await;
        }
        let waiting = promote(&metadata, "production", of_package("tool", "1.0")).await.unwrap();
        assert_eq!((waiting.state, waiting.verdicts[0].outcome), (State::Pending, Outcome::Pending), "{engine:?}");
        let own = review(&metadata, person("alice", Role::Owner), waiting.id, Decision::Approved).await.unwrap_err();
        assert_eq!(own.reason(), Reason::ApprovalForbidden);
        let once = review(&metadata, person("bob", Role::Developer), waiting.id, Decision::Approved).await.unwrap();
        let again = review(&metadata, person("bob", Role::Developer), waiting.id, Decision::Approved).await.unwrap();
        assert_eq!((once.state, again.state, again.reviews.len()), (State::Pending, State::Pending, 1));
        let low = review(&metadata, person("carol", Role::Reporter), waiting.id, Decision::Approved).await.unwrap_err();
        assert_eq!(low.reason(), Reason::ApprovalForbidden);
        assert!(standing(&metadata, "production", AsOf::Now).await.is_empty());
        let done = review(&metadata, person("carol", Role::Developer), waiting.id, Decision::Approved).await.unwrap();
        assert_eq!(done.state, State::Succeeded);
        assert_eq!(standing(&metadata, "production", AsOf::Now).await, ["tool 1.0"]);
        let late = review(&metadata, person("dave", Role::Developer), waiting.id, Decision::Rejected).await.unwrap_err();
        assert_eq!(late.reason(), Reason::PromotionClosed);

        let next = promote(&metadata, "production", of_package("tool", "2.0")).await.unwrap();
        let ended = review(&metadata, person("bob", Role::Developer), next.id, Decision::Rejected).await.unwrap();
        assert_eq!((ended.state, ended.verdicts[0].outcome), (State::Rejected, Outcome::Failed));
        assert_eq!(standing(&metadata, "production", AsOf::Now).await, ["tool 1.0"]);
    }
}

#[tokio::test]
async fn a_newer_promotion_of_a_package_supersedes_the_one_that_waits() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        create_stage(&metadata, "production", &[], vec![approval("people", 1)]).await;
        for (package, version) in [("tool", "1.0"), ("tool", "2.0"), ("other", "1.0")] {
            publish_sealed(&metadata, of_package(package, version)).await;
        }
        let old = promote(&metadata, "production", of_package("tool", "1.0")).await.unwrap();
        let unrelated = promote(&metadata, "production", of_package("other", "1.0")).await.unwrap();
        promote(&metadata, "production", of_package("tool", "2.0")).await.unwrap();

        let state = async |id: i64| metadata.find_promotion(promotion(id)).await.unwrap().0.state;
        assert_eq!((state(old.id).await, state(unrelated.id).await), (State::Superseded, State::Pending), "{engine:?}");
    }
}

#[tokio::test]
async fn undoing_twice_goes_back_two_steps_and_never_forth() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        create_stage(&metadata, "dev", &[], Vec::new()).await;
        let mut ids = Vec::new();
        for version in ["1.0", "2.0", "3.0"] {
            publish_sealed(&metadata, of_package("tool", version)).await;
            ids.push(promote(&metadata, "dev", of_package("tool", version)).await.unwrap().id);
        }
        let stale = roll_back(&metadata, "dev", ids[1], None).await.unwrap_err();
        assert_eq!(stale.reason(), Reason::StageChanged, "{engine:?}");
        let once = roll_back(&metadata, "dev", ids[2], None).await.unwrap();
        assert_eq!(standing(&metadata, "dev", AsOf::Now).await, ["tool 2.0"]);
        let twice = roll_back(&metadata, "dev", once.id, None).await.unwrap();
        assert_eq!(standing(&metadata, "dev", AsOf::Now).await, ["tool 1.0"]);
        let empty = roll_back(&metadata, "dev", twice.id, None).await.unwrap();
        assert!(standing(&metadata, "dev", AsOf::Now).await.is_empty());
        assert_eq!(Statement::parse(&payload(&empty)).unwrap().predicate.record.removed.len(), 1);
        let forth = roll_back(&metadata, "dev", empty.id, Some(ids[2])).await.unwrap();
        assert_eq!(standing(&metadata, "dev", AsOf::Now).await, ["tool 3.0"]);
        let undone = metadata.find_promotion(promotion(ids[2])).await.unwrap().0;
        assert_eq!((undone.state, undone.rolled_back_by), (State::RolledBack, Some(once.id)));
        assert_eq!(forth.rollback_target, Some(ids[2]));
        let foreign = roll_back(&metadata, "dev", forth.id, Some(forth.id)).await.unwrap_err();
        assert_eq!(foreign.reason(), Reason::PromotionNotFound);
    }
}

#[tokio::test]
async fn what_was_undone_is_no_success_before_another_stage() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        create_stage(&metadata, "dev", &[], Vec::new()).await;
        let before = gate("before", Condition::Predecessor { stages: Vec::new(), any: false });
        create_stage(&metadata, "production", &["dev"], vec![before]).await;
        for version in ["1.0", "2.0"] {
            publish_sealed(&metadata, of_package("tool", version)).await;
            promote(&metadata, "dev", of_package("tool", version)).await.unwrap();
        }
        promote(&metadata, "production", of_package("tool", "2.0")).await.unwrap();
        let current = metadata.stage_state(stage("dev"), AsOf::Now, Page::first(1)).await.unwrap().promotion.unwrap();
        roll_back(&metadata, "dev", current, None).await.unwrap();

        promote(&metadata, "production", of_package("tool", "1.0")).await.unwrap();
        let undone = promote(&metadata, "production", of_package("tool", "2.0")).await.unwrap_err();
        assert_eq!(undone.reason(), Reason::GatesUnmet, "{engine:?}");
        assert!(undone.to_string().contains("tool 2.0"), "{undone}");
    }
}

#[tokio::test]
async fn what_is_placed_of_an_open_version_stays_what_it_was_and_is_not_deleted() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        create_stage(&metadata, "dev", &[], Vec::new()).await;
        let version = of_package("tool", "1.0");
        let add = async |path: &str, content: &str, generation| {
            let wanted = PublishVersion {
                version: version.clone(),
                mode: PublishMode::KeepOpen,
                ..request(&[(path, receipt(content, generation))])
            };
            metadata.publish_version(wanted).await.unwrap();
        };
        add("a", "one", 1).await;
        let placed = promote(&metadata, "dev", version.clone()).await.unwrap();
        add("a", "two", 2).await;
        add("b", "three", 3).await;

        for (path, expected) in [(None, &["a"][..]), (Some("a"), &["a"]), (Some("b"), &[]), (Some("c"), &[])] {
            let selector = Selector::Stage("dev".parse().unwrap());
            let path = path.map(|path| path.parse().unwrap());
            let resolve = ResolveVersion { package: version.package(), selector, include_prerelease: false, path };
            let resolved = metadata.resolve_version(resolve).await.unwrap();
            let files: Vec<(String, Digest)> = resolved.files.iter().map(|file| (file.path.to_string(), file.digest)).collect();
            let expected: Vec<(String, Digest)> = expected.iter().map(|path| ((*path).to_owned(), Digest::of(b"one"))).collect();
            assert_eq!((files, resolved.more_files), (expected, false), "{engine:?}");
        }
        assert_eq!(placed.items[0].content_digest, consign_types::ContentDigest::of([(&"a".parse().unwrap(), &Digest::of(b"one"), 3)]));

        let delete = consign_metadata::DeleteVersion {
            principal: principal(),
            name: version.clone(),
            etag: None,
            force: Force::Yes,
            request_id: None,
            validate_only: false,
        };
        let refused = metadata.delete_version(delete.clone()).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::VersionInUse);
        assert!(refused.to_string().contains("projects/1/stages/dev"), "{refused}");
        roll_back(&metadata, "dev", placed.id, None).await.unwrap();
        metadata.delete_version(delete).await.unwrap();
    }
}

#[tokio::test]
async fn a_trial_answers_every_verdict_and_leaves_nothing() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        create_stage(&metadata, "dev", &[], Vec::new()).await;
        let before = gate("before", Condition::Predecessor { stages: vec!["dev".parse().unwrap()], any: false });
        create_stage(&metadata, "production", &["dev"], vec![before, approval("people", 1)]).await;
        publish_sealed(&metadata, of_package("tool", "1.0")).await;

        let trial = CreatePromotion { validate_only: true, ..wanted("production", &[of_package("tool", "1.0")]) };
        let (judged, _) = metadata.create_promotion(trial).await.unwrap();
        let outcomes: Vec<Outcome> = judged.verdicts.iter().map(|verdict| verdict.outcome).collect();
        assert_eq!((judged.state, outcomes), (State::Rejected, vec![Outcome::Failed, Outcome::Pending]), "{engine:?}");
        assert_eq!((database.count("promotions"), database.count("placements")), (0, 0));

        let refused = promote(&metadata, "production", of_package("tool", "1.0")).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::GatesUnmet);
        assert_eq!(database.count("promotions"), 0);
    }
}
