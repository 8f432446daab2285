//! Asking for promotions.

use consign_proto::metadata::gate::Condition;
use consign_proto::metadata::promotion::State;
use consign_proto::metadata::resolve_version_request::Selector;
use consign_proto::metadata::{
    ApprovalCondition, CancelPromotionRequest, CreatePromotionRequest, DeleteVersionRequest, Promotion, PromotionItem,
    QuarantineVersionRequest, ResolveVersionRequest, Stage,
};
use consign_types::{Digest, Reason};
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::promoting::{
    add_stage, closed, gated, get, items, outcomes, placing, promote, promoted, stage_name, standing, state,
};
use integration_tests::publishing::{PACKAGE, brought, get_version, publish};
use integration_tests::tagging::{keep_open, reason, seal, seal_in, version_name};
use integration_tests::{BOTH, Builder};
use tonic::Status;

const REQUEST: &str = "123e4567-e89b-12d3-a456-426614174000";

async fn cancel(grpc: &Grpc, name: &str, etag: &str) -> Result<Promotion, Status> {
    let request = CancelPromotionRequest { name: name.to_owned(), etag: etag.to_owned(), ..CancelPromotionRequest::default() };
    Ok(grpc.promotions().cancel_promotion(authorized(request)).await?.into_inner().promotion.unwrap())
}

/// A stage at which every promotion waits.
fn guarded() -> Stage {
    gated([("people", Condition::Approval(ApprovalCondition { count: 1, ..ApprovalCondition::default() }))])
}

#[tokio::test]
async fn without_gates_a_promotion_is_applied_at_once_and_signed() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let sealed = seal(&grpc, &["1.0.0", "2.0.0"]).await;
        let lib = seal_in(&grpc, "projects/1/packages/lib", &["5"]).await;
        add_stage(&grpc, "qa", Stage::default()).await;

        let both = CreatePromotionRequest {
            items: items(&[version_name("1.0.0"), lib[0].name.clone()]),
            justification: "the first".to_owned(),
            ..placing("qa", "1.0.0")
        };
        let answer = promote(&grpc, both).await.unwrap();
        let first = answer.promotion.unwrap();
        assert_eq!((first.state(), first.stage.as_str(), first.sequence), (State::Succeeded, "projects/1/stages/qa", answer.sequence));
        assert_eq!((first.justification.as_str(), first.creator.as_str(), outcomes(&first).len()), ("the first", "root", 0));
        assert!(first.effective_time.is_some() && first.effective_time == first.close_time && first.create_time.is_some());
        let placed: Vec<_> = first.items.iter().map(|item| (item.version.as_str(), item.package.as_str(), &item.content_digest)).collect();
        assert_eq!(placed[0], (sealed[0].name.as_str(), PACKAGE, &sealed[0].content_digest));
        assert_eq!(placed[1], (lib[0].name.as_str(), "projects/1/packages/lib", &lib[0].content_digest));
        assert!(first.items.iter().all(|item| item.replaced_version.is_empty()) && first.previous_record_hash.is_empty());

        let second = promoted(&grpc, placing("qa", "2.0.0")).await;
        assert_eq!(second.items[0].replaced_version, sealed[0].name);
        assert_eq!(second.previous_record_hash, first.record_hash, "each record has the hash of the one before it");
        let read = get(&grpc, &second.name).await.unwrap();
        assert_eq!(read.promotion, Some(second.clone()));
        assert_eq!(Digest::of(&read.policy).as_bytes().as_slice(), second.policy_digest.as_ref());
        let envelope: serde_json::Value = serde_json::from_slice(&read.statement).unwrap();
        assert!(envelope["payload"].is_string() && envelope["signatures"].is_array(), "{envelope}");

        let now = state(&grpc, "qa").await;
        assert_eq!((now.current_promotion.as_str(), now.sequence), (second.name.as_str(), second.sequence));
        assert_eq!(standing(&grpc, "qa").await, ["5", "2.0.0"]);
        assert_eq!(reason(get(&grpc, "projects/1/promotions/1000000").await), Some(Reason::PromotionNotFound));
    }
}

#[tokio::test]
async fn what_is_only_tried_leaves_nothing_behind() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0.0"]).await;
        add_stage(&grpc, "qa", Stage::default()).await;
        add_stage(&grpc, "guarded", guarded()).await;
        let tried = |stage| CreatePromotionRequest { validate_only: true, ..placing(stage, "1.0.0") };
        assert_eq!(promoted(&grpc, tried("qa")).await.state(), State::Succeeded);
        assert_eq!(promoted(&grpc, tried("guarded")).await.state(), State::Pending);
        assert_eq!((standing(&grpc, "qa").await.len(), state(&grpc, "qa").await.current_promotion.as_str()), (0, ""));
    }
}

#[tokio::test]
async fn what_cannot_be_placed_is_refused() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let sealed = seal(&grpc, &["1.0.0", "2.0.0", "3.0.0"]).await;
        add_stage(&grpc, "qa", Stage::default()).await;
        let item = |version: &str, digest: &[u8]| PromotionItem {
            version: version_name(version),
            content_digest: digest.to_vec().into(),
            ..PromotionItem::default()
        };
        let with = |items: Vec<PromotionItem>| CreatePromotionRequest { items, ..placing("qa", "1.0.0") };
        let quarantine =
            QuarantineVersionRequest { name: version_name("3.0.0"), reason: "broken".to_owned(), ..QuarantineVersionRequest::default() };
        grpc.packages().quarantine_version(authorized(quarantine)).await.unwrap();
        let other = brought(&grpc, "projects/1/packages/lib", "1", &[("a", b"x")]).await;
        publish(&grpc, other).await.unwrap();
        let foreign = PromotionItem { version: "projects/9/packages/tool/versions/1.0.0".to_owned(), ..PromotionItem::default() };
        let cases = [
            (placing("absent", "1.0.0"), Reason::StageNotFound),
            (CreatePromotionRequest { stage: "projects/9/stages/qa".to_owned(), ..placing("qa", "1.0.0") }, Reason::ArgumentInvalid),
            (CreatePromotionRequest { stage: "qa".to_owned(), ..placing("qa", "1.0.0") }, Reason::NameInvalid),
            (placing("qa", "9.0.0"), Reason::VersionNotFound),
            (placing("qa", "3.0.0"), Reason::VersionStateConflict),
            (with(vec![item("1.0.0", &sealed[1].content_digest)]), Reason::VersionContentMismatch),
            (with(vec![item("1.0.0", b"short")]), Reason::ArgumentInvalid),
            (with(vec![item("1.0.0", b""), item("2.0.0", b"")]), Reason::ArgumentInvalid),
            (with(vec![foreign]), Reason::ArgumentInvalid),
            (with(Vec::new()), Reason::ArgumentInvalid),
            (CreatePromotionRequest { parent: "projects/9".to_owned(), ..placing("qa", "1.0.0") }, Reason::ProjectNotFound),
        ];
        for (request, expected) in cases {
            let shown = format!("{request:?}");
            assert_eq!(reason(promote(&grpc, request).await), Some(expected), "{shown}");
        }
        assert_eq!(standing(&grpc, "qa").await.len(), 0);
        let mut request = with(vec![item("1.0.0", &sealed[0].content_digest)]);
        // By its path the project is the same.
        request.stage = "projects/root%2Fdemo/stages/qa".to_owned();
        assert_eq!(promoted(&grpc, request).await.state(), State::Succeeded);

        // What is placed stays, even if somebody insists.
        for force in [false, true] {
            let request = DeleteVersionRequest { name: version_name("1.0.0"), force, ..DeleteVersionRequest::default() };
            assert_eq!(reason(grpc.packages().delete_version(authorized(request)).await), Some(Reason::VersionInUse));
        }
    }
}

#[tokio::test]
async fn a_caller_says_which_promotion_it_takes_to_be_the_current_one() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0.0", "2.0.0", "3.0.0"]).await;
        add_stage(&grpc, "qa", Stage::default()).await;
        let expecting =
            |version, current: &str| CreatePromotionRequest { expected_current_promotion: current.to_owned(), ..placing("qa", version) };
        assert_eq!(reason(promote(&grpc, expecting("1.0.0", "projects/1/promotions/1000000")).await), Some(Reason::StageChanged));
        assert_eq!(reason(promote(&grpc, expecting("1.0.0", "projects/9/promotions/1")).await), Some(Reason::ArgumentInvalid));
        assert_eq!(reason(promote(&grpc, expecting("1.0.0", "nonsense")).await), Some(Reason::NameInvalid));
        let first = promoted(&grpc, expecting("1.0.0", "-")).await;
        let changed = promote(&grpc, expecting("2.0.0", "-")).await.unwrap_err();
        assert!(changed.message().contains(&first.name), "{changed}");
        assert_eq!(reason::<()>(Err(changed)), Some(Reason::StageChanged));
        let second = promoted(&grpc, expecting("2.0.0", &first.name)).await;
        let by_path = second.name.replace("projects/1", "projects/root%2Fdemo");
        assert_eq!(promoted(&grpc, expecting("3.0.0", &by_path)).await.state(), State::Succeeded);
    }
}

#[tokio::test]
async fn the_same_request_is_one_promotion() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0.0", "2.0.0"]).await;
        add_stage(&grpc, "qa", Stage::default()).await;
        let request = |version| CreatePromotionRequest { request_id: REQUEST.to_owned(), ..placing("qa", version) };
        let first = promote(&grpc, request("1.0.0")).await.unwrap();
        assert_eq!(promote(&grpc, request("1.0.0")).await.unwrap(), first);
        assert_eq!(reason(promote(&grpc, request("2.0.0")).await), Some(Reason::RequestIdReused));
    }
}

#[tokio::test]
async fn a_newer_promotion_of_a_package_supersedes_the_one_that_waits() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0.0", "2.0.0"]).await;
        let lib = seal_in(&grpc, "projects/1/packages/lib", &["5"]).await;
        add_stage(&grpc, "guarded", guarded()).await;
        let first = promoted(&grpc, placing("guarded", "1.0.0")).await;
        let other = promoted(&grpc, CreatePromotionRequest { items: items(&[lib[0].name.clone()]), ..placing("guarded", "1.0.0") }).await;
        let second = promoted(&grpc, placing("guarded", "2.0.0")).await;
        assert_eq!((first.state(), second.state()), (State::Pending, State::Pending));
        assert_eq!(closed(&grpc, &first.name).await.state(), State::Superseded);
        let others = get(&grpc, &other.name).await.unwrap();
        assert_eq!((others.promotion.unwrap().state(), others.statement.len()), (State::Pending, 0), "it has no package in common");

        assert_eq!(reason(cancel(&grpc, &second.name, &first.etag).await), Some(Reason::EtagMismatch));
        let cancelled = cancel(&grpc, &second.name, &second.etag).await.unwrap();
        assert_eq!((cancelled.state(), cancelled.effective_time), (State::Cancelled, None));
        assert_eq!(cancel(&grpc, &second.name, "").await.unwrap(), cancelled, "it is answered as it is");
        assert_eq!(reason(cancel(&grpc, &first.name, "").await), Some(Reason::PromotionClosed));
        assert_eq!(reason(cancel(&grpc, "projects/1/promotions/1000000", "").await), Some(Reason::PromotionNotFound));
    }
}

#[tokio::test]
async fn an_exclusive_stage_takes_one_at_a_time() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0.0", "2.0.0"]).await;
        add_stage(&grpc, "guarded", Stage { exclusive: true, ..guarded() }).await;
        let first = promoted(&grpc, placing("guarded", "1.0.0")).await;
        let busy = promote(&grpc, placing("guarded", "2.0.0")).await.unwrap_err();
        assert!(busy.message().contains(&first.name), "{busy}");
        assert_eq!(reason::<()>(Err(busy)), Some(Reason::StageBusy));
        cancel(&grpc, &first.name, "").await.unwrap();
        assert_eq!(promoted(&grpc, placing("guarded", "2.0.0")).await.state(), State::Pending);
    }
}

#[tokio::test]
async fn a_stage_resolves_to_what_is_placed_on_it() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        keep_open(&grpc, "1.0.0", b"one").await;
        seal(&grpc, &["2.0.0"]).await;
        add_stage(&grpc, "qa", Stage::default()).await;
        let at = async |path: &str| {
            let selector = Some(Selector::StageId("qa".to_owned()));
            let (parent, path) = (PACKAGE.to_owned(), path.to_owned());
            let request = ResolveVersionRequest { parent, selector, path, ..ResolveVersionRequest::default() };
            Ok::<_, Status>(grpc.packages().resolve_version(authorized(request)).await?.into_inner())
        };
        let resolve = async || at("").await;
        assert_eq!(reason(resolve().await), Some(Reason::VersionNotFound), "nothing stands there");
        let pinned = promoted(&grpc, placing("qa", "1.0.0")).await.items[0].content_digest.clone();
        keep_open(&grpc, "1.0.0", b"two").await;
        let found = resolve().await.unwrap();
        assert_eq!(found.version.unwrap().version, "1.0.0");
        let sizes: Vec<_> = found.files.iter().map(|file| file.blob.as_ref().unwrap().sha256.clone()).collect();
        assert_eq!(sizes, [Digest::of(b"one").as_bytes().to_vec()], "what was placed stays placed");
        assert_eq!(at("a").await.unwrap().files, found.files, "it alone is the same");
        assert_eq!(at("b").await.unwrap().files, []);
        assert_eq!(reason(at("../a").await), Some(Reason::PathInvalid));
        assert_eq!(state(&grpc, "qa").await.placements[0].content_digest, pinned);
        assert!(get_version(&grpc, "1.0.0").await.unwrap().file_count > 0);
        let name = stage_name("qa");
        assert_eq!(promoted(&grpc, placing("qa", "2.0.0")).await.stage, name);
        assert_eq!(resolve().await.unwrap().version.unwrap().version, "2.0.0");
    }
}
