//! Lists of stages and promotions: pages, filters and orders.

use consign_proto::metadata::gate::Condition;
use consign_proto::metadata::{
    ApprovalCondition, GetStageStateRequest, HoldStageRequest, ListPlacementsRequest, ListPromotionsRequest, ListStagesRequest, Stage,
};
use consign_types::{Digest, Reason};
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::promoting::{PROJECT, add_stage, gated, placing, promoted, stage_name};
use integration_tests::tagging::{reason, seal};
use integration_tests::{BOTH, Builder};
use tonic::Status;

async fn stages(grpc: &Grpc, filter: &str, order_by: &str, page_size: i32) -> Result<Vec<String>, Status> {
    let (parent, filter, order_by) = (PROJECT.to_owned(), filter.to_owned(), order_by.to_owned());
    let mut request = ListStagesRequest { parent, filter, order_by, page_size, page_token: String::new() };
    let mut all = Vec::new();
    loop {
        let page = grpc.promotions().list_stages(authorized(request.clone())).await?.into_inner();
        all.extend(page.stages.into_iter().map(|stage| stage.stage_id));
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        request.page_token = page.next_page_token;
    }
}

async fn promotions(grpc: &Grpc, parent: &str, filter: &str, order_by: &str, page_size: i32) -> Result<Vec<String>, Status> {
    let (parent, filter, order_by) = (parent.to_owned(), filter.to_owned(), order_by.to_owned());
    let mut request = ListPromotionsRequest { parent, filter, order_by, page_size, page_token: String::new() };
    let mut all = Vec::new();
    loop {
        let page = grpc.promotions().list_promotions(authorized(request.clone())).await?.into_inner();
        all.extend(page.promotions.into_iter().map(|promotion| promotion.name));
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        request.page_token = page.next_page_token;
    }
}

#[tokio::test]
async fn stages_are_listed_by_rank_and_filtered() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        for (id, rank, exclusive) in [("qa", 1, false), ("dev", 0, true), ("prod-b", 2, false), ("prod-a", 2, true)] {
            add_stage(&grpc, id, Stage { rank, exclusive, display_name: id.to_uppercase(), ..Stage::default() }).await;
        }
        let hold = HoldStageRequest { name: stage_name("qa"), reason: "an incident".to_owned(), ..HoldStageRequest::default() };
        grpc.promotions().hold_stage(authorized(hold)).await.unwrap();
        for page_size in [0, 1, 3] {
            let by_rank = ["dev", "qa", "prod-a", "prod-b"];
            assert_eq!(stages(&grpc, "", "", page_size).await.unwrap(), by_rank, "pages of {page_size}");
            assert_eq!(stages(&grpc, "", "rank desc", page_size).await.unwrap().first().map(|id| id.starts_with("prod")), Some(true));
            assert_eq!(stages(&grpc, "", "stage_id", page_size).await.unwrap(), ["dev", "prod-a", "prod-b", "qa"]);
            assert_eq!(stages(&grpc, "", "stage_id desc", page_size).await.unwrap(), ["qa", "prod-b", "prod-a", "dev"]);
        }
        for (filter, expected) in [
            ("rank >= 2", vec!["prod-a", "prod-b"]),
            ("held = true", vec!["qa"]),
            ("exclusive = true", vec!["dev", "prod-a"]),
            ("stage_id = \"dev\"", vec!["dev"]),
            ("display_name = \"QA\"", vec!["qa"]),
        ] {
            assert_eq!(stages(&grpc, filter, "", 0).await.unwrap(), expected, "{filter}");
        }
        assert_eq!(reason(stages(&grpc, "nonsense = 1", "", 0).await), Some(Reason::FilterInvalid));
        assert_eq!(reason(stages(&grpc, "", "nonsense", 0).await), Some(Reason::ArgumentInvalid));
        assert_eq!(reason(stages(&grpc, "", "", -1).await), Some(Reason::ArgumentInvalid));
    }
}

#[tokio::test]
async fn promotions_are_listed_newest_first_and_filtered() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let sealed = seal(&grpc, &["1.0.0", "2.0.0"]).await;
        add_stage(&grpc, "qa", Stage::default()).await;
        let approval = ApprovalCondition { count: 1, ..ApprovalCondition::default() };
        add_stage(&grpc, "guarded", gated([("people", Condition::Approval(approval))])).await;
        let first = promoted(&grpc, placing("qa", "1.0.0")).await;
        let waiting = promoted(&grpc, placing("guarded", "1.0.0")).await;
        let second = promoted(&grpc, placing("qa", "2.0.0")).await;
        let names = |promotions: &[&consign_proto::metadata::Promotion]| -> Vec<String> {
            promotions.iter().map(|promotion| promotion.name.clone()).collect()
        };
        for parent in [PROJECT, "projects/-"] {
            for page_size in [0, 1, 2] {
                let shown = format!("{parent} in pages of {page_size}");
                let list = async |order| promotions(&grpc, parent, "", order, page_size).await.unwrap();
                assert_eq!(list("").await, names(&[&second, &waiting, &first]), "{shown}");
                assert_eq!(list("create_time").await, names(&[&first, &waiting, &second]), "{shown}");
                assert_eq!(list("effective_time").await, names(&[&first, &second]), "{shown}");
                assert_eq!(list("effective_time desc").await, names(&[&second, &first]), "{shown}");
            }
        }
        let content = Digest::try_from(sealed[0].content_digest.as_ref()).unwrap();
        let digest = format!("content_digest = \"{content}\"");
        for (filter, expected) in [
            ("state = PENDING", names(&[&waiting])),
            ("stage = \"qa\"", names(&[&second, &first])),
            ("creator = \"root\" AND version = \"1.0.0\"", names(&[&waiting, &first])),
            ("package = \"absent\"", Vec::new()),
            (digest.as_str(), names(&[&waiting, &first])),
            ("effective_time > \"2020-01-01T00:00:00Z\"", names(&[&second, &first])),
        ] {
            assert_eq!(promotions(&grpc, PROJECT, filter, "", 0).await.unwrap(), expected, "{filter}");
        }
        assert_eq!(reason(promotions(&grpc, PROJECT, "nonsense = 1", "", 0).await), Some(Reason::FilterInvalid));
        assert_eq!(reason(promotions(&grpc, PROJECT, "", "stage", 0).await), Some(Reason::ArgumentInvalid));
        assert_eq!(reason(promotions(&grpc, "projects/9", "", "", 0).await), Some(Reason::ProjectNotFound));
    }
}

#[tokio::test]
async fn the_token_of_a_page_is_for_the_same_question_only() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0.0"]).await;
        let lib = integration_tests::tagging::seal_in(&grpc, "projects/1/packages/lib", &["5"]).await;
        for stage in ["qa", "production"] {
            add_stage(&grpc, stage, Stage::default()).await;
            promoted(&grpc, placing(stage, "1.0.0")).await;
        }
        let mut both = placing("qa", "1.0.0");
        both.items = integration_tests::promoting::items(&[lib[0].name.clone()]);
        promoted(&grpc, both).await;
        let ask = async |name: &str, page_token: &str| {
            let (name, page_token) = (stage_name(name), page_token.to_owned());
            let request = GetStageStateRequest { name, page_size: 1, page_token, ..GetStageStateRequest::default() };
            Ok::<_, Status>(grpc.promotions().get_stage_state(authorized(request)).await?.into_inner())
        };
        let first = ask("qa", "").await.unwrap();
        let second = ask("qa", &first.next_page_token).await.unwrap();
        assert_eq!((first.placements.len(), second.placements.len(), second.next_page_token.as_str()), (1, 1, ""));
        assert_ne!(first.placements, second.placements);
        assert_eq!(reason(ask("production", &first.next_page_token).await), Some(Reason::PageTokenInvalid));
        let request = ListPlacementsRequest { parent: PROJECT.to_owned(), page_token: first.next_page_token, ..Default::default() };
        assert_eq!(reason(grpc.promotions().list_placements(authorized(request)).await), Some(Reason::PageTokenInvalid));
    }
}
