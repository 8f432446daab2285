//! Promotions that are applied, or ended, long after they were asked for.

use std::collections::BTreeMap;

use consign_metadata::{AsOf, Metadata, Page, Promotion, PromotionItem, ReviewPromotion};
use consign_types::access::Role;
use consign_types::promotion::{Condition, Decision, Outcome, State};
use consign_types::resource::VersionRef;
use consign_types::{Reason, Refusal as _, VersionName};
use integration_tests::{BOTH, Database};

use crate::deciding::{approval, gate, promote, promotion, review, roll_back};
use crate::promoting::{create_stage, of_package, person, publish_sealed, stage, wanted};
use crate::support::opened;

const PACKAGES: usize = 500;

/// A version of the first so many packages.
fn of_first(count: usize, version: &str) -> Vec<VersionRef> {
    (0..count).map(|number| of_package(&format!("package-{number:03}"), version)).collect()
}

async fn ask_for(metadata: &Metadata, versions: &[VersionRef]) -> Promotion {
    metadata.create_promotion(wanted("production", versions)).await.unwrap().0
}

async fn approve(metadata: &Metadata, id: i64) -> Promotion {
    let approved = review(metadata, person("bob", Role::Developer), id, Decision::Approved).await.unwrap();
    assert_eq!(approved.state, State::Succeeded);
    approved
}

/// How many packages take the place of each version, and how many of none.
fn replaced(items: &[PromotionItem]) -> BTreeMap<Option<&str>, usize> {
    let mut counts = BTreeMap::new();
    for item in items {
        *counts.entry(item.replaced_version.as_ref().map(VersionName::as_str)).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn many_packages_are_placed_whole_by_a_late_approval_and_replace_what_stands_there_then() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        create_stage(&metadata, "production", &[], vec![approval("people", 1)]).await;
        let (old, newer, new) = (of_first(100, "1.0"), of_first(50, "1.1"), of_first(PACKAGES, "2.0"));
        for version in old.iter().chain(&newer).chain(&new) {
            publish_sealed(&metadata, version.clone()).await;
        }
        for versions in [&old, &newer] {
            approve(&metadata, ask_for(&metadata, versions).await.id).await;
        }
        let current = metadata.stage_state(stage("production"), AsOf::Now, Page::first(1)).await.unwrap().promotion.unwrap();
        let waiting = ask_for(&metadata, &new).await;
        assert_eq!(waiting.state, State::Pending, "{engine:?}");
        assert_eq!(replaced(&waiting.items), BTreeMap::from([(None, 400), (Some("1.0"), 50), (Some("1.1"), 50)]));
        // What it will take the place of changes while it waits.
        roll_back(&metadata, "production", current, None).await.unwrap();

        let applied = approve(&metadata, waiting.id).await;
        let kept = metadata.find_promotion(promotion(waiting.id)).await.unwrap().0;
        for items in [&applied.items, &kept.items] {
            assert_eq!(items.len(), PACKAGES);
            for (number, item) in items.iter().enumerate() {
                let before = (number < 100).then(|| "1.0".parse().unwrap());
                assert_eq!(
                    (item.package.as_str(), &item.replaced_version),
                    (format!("package-{number:03}").as_str(), &before),
                    "{engine:?}"
                );
            }
        }
        let standing = metadata.stage_state(stage("production"), AsOf::Now, Page::first(1000)).await.unwrap();
        assert_eq!((standing.promotion, standing.placements.len()), (Some(waiting.id), PACKAGES));
        for (item, placed) in kept.items.iter().zip(&standing.placements) {
            let told = (&placed.package, placed.version.as_str(), placed.content_digest, placed.promotion_id);
            assert_eq!(told, (&item.package, "2.0", item.content_digest, waiting.id), "{engine:?}");
        }
    }
}

#[tokio::test]
async fn where_nobody_is_asked_a_maintainer_ends_what_waits_by_a_rejection() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        let check = gate("scan", Condition::Status { check: "".parse().unwrap(), reporter: None });
        create_stage(&metadata, "production", &[], vec![check]).await;
        publish_sealed(&metadata, of_package("tool", "1.0")).await;
        let waiting = promote(&metadata, "production", of_package("tool", "1.0")).await.unwrap();
        for (role, decision) in [(Role::Developer, Decision::Rejected), (Role::Owner, Decision::Approved)] {
            let refused = review(&metadata, person("bob", role), waiting.id, decision).await.unwrap_err();
            assert_eq!(refused.reason(), Reason::ApprovalForbidden, "{engine:?}");
        }
        let no = ReviewPromotion {
            principal: person("mia", Role::Maintainer),
            name: promotion(waiting.id),
            decision: Decision::Rejected,
            comment: "not before the fair".parse().unwrap(),
            gates: Vec::new(),
            etag: None,
            request_id: None,
        };
        let ended = metadata.review_promotion(no).await.unwrap();

        let verdict = ended.verdicts.last().unwrap();
        assert_eq!((ended.state, verdict.gate.as_str(), verdict.outcome), (State::Rejected, "rejection", Outcome::Failed), "{engine:?}");
        assert!(verdict.reason.contains("`users/mia` has rejected it with the comment `not before the fair`"), "{}", verdict.reason);
        let kept = metadata.find_promotion(promotion(waiting.id)).await.unwrap().0;
        assert_eq!((kept.state, kept.verdicts.len(), kept.closed_at.is_some()), (State::Rejected, 2, true));
        assert_eq!(database.count("placements"), 0);
    }
}
