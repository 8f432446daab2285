//! What changes are told as.

use consign_proto::metadata::gate::Condition;
use consign_proto::metadata::promotion_review::Decision;
use consign_proto::metadata::{
    ApprovalCondition, BatchUpdateTagsRequest, CreatePromotionRequest, CreateVersionRequest, DeleteVersionRequest, HoldStageRequest,
    RecordDeploymentRequest, ReviewPromotionRequest, Role, RollbackStageRequest, Stage, TagUpdate, YankVersionRequest,
};
use consign_types::access::Scope;
use consign_types::{Digest, Reason};
use integration_tests::grpc::authorized;
use integration_tests::promoting::{
    PROJECT, add_stage, bearing, closed, gated, member, placing, project_token, promoted, review, stage_name,
};
use integration_tests::publishing::PACKAGE;
use integration_tests::tagging::{
    add_rule, create, delete, keep_open, move_to, new_tag, protected, reason, seal, tag_name, update, version_name, without,
};
use integration_tests::{BOTH, Builder};

use crate::{REQUEST, data, list, told};

#[tokio::test]
async fn what_is_published_tagged_and_yanked_is_told() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        keep_open(&grpc, "1.0.0", b"one").await;
        keep_open(&grpc, "1.0.0", b"one").await;
        keep_open(&grpc, "1.0.0", b"two").await;
        let sealed = seal(&grpc, &["2.0.0"]).await;
        add_rule(&grpc, protected("rel-*", Role::Developer, Role::Maintainer, Role::Maintainer)).await.unwrap();
        create(&grpc, new_tag("stable", "1.0.0")).await.unwrap();
        update(&grpc, move_to("stable", "2.0.0")).await.unwrap();
        update(&grpc, move_to("stable", "2.0.0")).await.unwrap();
        delete(&grpc, without("stable")).await.unwrap();
        let yank = YankVersionRequest { name: version_name("2.0.0"), reason: "broken".to_owned(), ..Default::default() };
        grpc.packages().yank_version(authorized(yank)).await.unwrap();
        create(&grpc, new_tag("old", "1.0.0")).await.unwrap();
        let gone = DeleteVersionRequest { name: version_name("1.0.0"), force: true, request_id: REQUEST.to_owned(), ..Default::default() };
        grpc.packages().delete_version(authorized(gone.clone())).await.unwrap();
        grpc.packages().delete_version(authorized(gone)).await.unwrap();

        let events = list(&grpc, PROJECT, "").await;
        let (one, two, tag) = ("/packages/tool/versions/1.0.0", "/packages/tool/versions/2.0.0", "/packages/tool/tags/stable");
        let expected = [
            ("project.created", ""),
            ("version.created", one),
            ("version.changed", one),
            ("version.created", two),
            ("version.published", two),
            ("tag_rule.created", "/tagRules/1"),
            ("tag.created", tag),
            ("tag.moved", tag),
            ("tag.deleted", tag),
            ("version.yanked", two),
            ("tag.created", "/packages/tool/tags/old"),
            ("version.deleted", one),
            ("tag.deleted", "/packages/tool/tags/old"),
        ];
        assert_eq!(told(&events), expected);
        assert!(events.is_sorted_by_key(|event| event.sequence) && events[3].sequence == events[4].sequence);
        assert_eq!(events[11].request_id, REQUEST);
        let content = Digest::try_from(sealed[0].content_digest.as_ref()).unwrap().to_string();
        assert_eq!(data(&events[4]), serde_json::json!({"state": "published", "content_digest": content, "added_files": 1}));
        assert_eq!(data(&events[7]), serde_json::json!({"version": "2.0.0", "content_digest": content, "previous_version": "1.0.0"}));
        let mut ids: Vec<&str> = events.iter().map(|event| event.event_id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), events.len());
        assert!(events.iter().all(|event| event.project == PROJECT && event.actor == "root" && event.time.is_some()));
    }
}

#[tokio::test]
async fn each_step_of_a_promotion_is_told() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0.0", "2.0.0"]).await;
        add_stage(&grpc, "qa", Stage::default()).await;
        let approval = ApprovalCondition { count: 1, ..ApprovalCondition::default() };
        add_stage(&grpc, "production", gated([("approval", Condition::Approval(approval))])).await;
        let after = list(&grpc, PROJECT, "").await.last().unwrap().sequence;
        let alice = member(&grpc, "alice", Role::Maintainer).await;

        let first = promoted(&grpc, placing("qa", "1.0.0")).await;
        let superseded = promoted(&grpc, placing("production", "1.0.0")).await;
        let waiting = promoted(&grpc, placing("production", "2.0.0")).await;
        let asked = CreatePromotionRequest { validate_only: true, ..placing("qa", "2.0.0") };
        promoted(&grpc, asked).await;
        let yes = ReviewPromotionRequest { ..review(&waiting.name, Decision::Approved) };
        grpc.promotions().review_promotion(bearing(yes, &alice)).await.unwrap();
        closed(&grpc, &waiting.name).await;
        let second = promoted(&grpc, placing("qa", "2.0.0")).await;
        let back = RollbackStageRequest {
            name: stage_name("qa"),
            expected_current_promotion: second.name.clone(),
            justification: "it is slow".to_owned(),
            ..RollbackStageRequest::default()
        };
        let back = grpc.promotions().rollback_stage(authorized(back)).await.unwrap().into_inner().promotion.unwrap();
        let hold = HoldStageRequest { name: stage_name("qa"), reason: "an incident".to_owned(), ..HoldStageRequest::default() };
        grpc.promotions().hold_stage(authorized(hold)).await.unwrap();
        let runs = RecordDeploymentRequest { stage: stage_name("qa"), runtime: "cluster".to_owned(), ..Default::default() };
        grpc.promotions().record_deployment(authorized(runs)).await.unwrap();

        let events = list(&grpc, PROJECT, &format!("sequence > {after}")).await;
        let name = |promotion: &consign_proto::metadata::Promotion| promotion.name.strip_prefix(PROJECT).unwrap().to_owned();
        let (first, superseded, waiting, second, back) = (name(&first), name(&superseded), name(&waiting), name(&second), name(&back));
        let expected = [
            ("promotion.created", first.as_str()),
            ("promotion.succeeded", &first),
            ("promotion.created", &superseded),
            ("promotion.created", &waiting),
            ("promotion.superseded", &superseded),
            ("promotion.reviewed", &waiting),
            ("promotion.succeeded", &waiting),
            ("promotion.created", &second),
            ("promotion.succeeded", &second),
            ("promotion.succeeded", &back),
            ("stage.held", "/stages/qa"),
            ("deployment.recorded", "/stages/qa"),
        ];
        assert_eq!(told(&events), expected);
        let placed = data(&events[8]);
        assert_eq!((&placed["stage"], &placed["state"], &placed["item_count"]), (&"qa".into(), &"succeeded".into(), &1.into()));
        let item = &placed["items"][0];
        assert_eq!((&item["package"], &item["version"], &item["replaced_version"]), (&"tool".into(), &"2.0.0".into(), &"1.0.0".into()));
        assert_eq!(data(&events[9])["rollback_target"], 1);
        assert_eq!(data(&events[11]), serde_json::json!({"runtime": "cluster", "drift_count": 0}));
        assert_eq!(events[5].actor, "alice");
    }
}

#[tokio::test]
async fn what_is_refused_is_not_told() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0.0"]).await;
        add_rule(&grpc, protected("rel-*", Role::Owner, Role::Owner, Role::Owner)).await.unwrap();
        let before = list(&grpc, PROJECT, "").await;
        let developer = project_token(&grpc, Role::Developer, &Scope::ALL).await;
        let refused = grpc.tags().create_tag(bearing(new_tag("rel-1", "1.0.0"), &developer)).await;
        assert_eq!(reason(refused), Some(Reason::TagProtected));
        // The second one is refused, so the first is not done.
        let updates = ["ok", "rel-1"].map(|tag| TagUpdate {
            name: tag_name(tag),
            version: version_name("1.0.0"),
            allow_missing: true,
            ..Default::default()
        });
        let both = BatchUpdateTagsRequest { parent: PROJECT.to_owned(), updates: updates.to_vec(), ..Default::default() };
        assert_eq!(reason(grpc.tags().batch_update_tags(bearing(both, &developer)).await), Some(Reason::TagProtected));
        let absent = CreateVersionRequest { parent: PACKAGE.to_owned(), version_id: "1.0.0".to_owned(), ..Default::default() };
        assert_eq!(reason(grpc.packages().create_version(authorized(absent)).await), Some(Reason::NameTaken));
        assert_eq!(list(&grpc, PROJECT, "").await, before);
    }
}
