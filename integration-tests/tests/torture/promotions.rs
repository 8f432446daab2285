//! `kill -9` in the midst of promotions of many packages at once: a stage has all of one, or nothing of it.

use std::time::Duration;

use consign_proto::metadata::audit_service_client::AuditServiceClient;
use consign_proto::metadata::{
    CreatePromotionRequest, CreateStageRequest, GetStageStateRequest, ListAuditEntriesRequest, ListPromotionsRequest, Promotion,
    PromotionItem, Stage, VerifyChainRequest, promotion,
};
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::load::{kills, report};
use integration_tests::tagging::seal_in;
use integration_tests::{Binary, Builder, Engine};

use crate::PROGRAM;

const PACKAGES: usize = 50;
const PROJECT: &str = "projects/1";
const STAGE: &str = "projects/1/stages/production";

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_a_promotion_of_fifty_packages_leaves_all_or_none_on_sqlite() {
    promoted_and_killed(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_a_promotion_of_fifty_packages_leaves_all_or_none_on_postgres() {
    promoted_and_killed(Engine::Postgres).await;
}

async fn promoted_and_killed(engine: Engine) {
    let mut service = Builder::on(engine).spawn(PROGRAM, &[]).await;
    prepare(&service).await;
    let (mut acknowledged, mut applied) = (0, 0);
    for round in 0..kills() {
        let version = if round % 2 == 0 { "1.0" } else { "2.0" };
        let before = standing(&service).await;
        let promotion = tokio::spawn(promote(Grpc::to(service.grpc()), version));
        // From before the request has come to after it was answered.
        let delay = Duration::from_micros(rand::random_range(0..60_000));
        tokio::time::sleep(delay).await;
        service.kill().await;
        let answer = promotion.await.unwrap();
        service.start(&[]).await;

        let after = standing(&service).await;
        let all = vec![version.to_owned(); PACKAGES];
        assert!(after == before || after == all, "{engine:?}, round {round}: a part of a promotion is there: {after:?}");
        if answer.is_some() {
            assert_eq!(after, all, "{engine:?}, round {round}: a promotion that was acknowledged is lost");
            acknowledged += 1;
        }
        applied += usize::from(after == all && before != all);
    }
    audited(&service).await;
    let kills = kills();
    report(&format!("promotions of {PACKAGES} packages on {engine:?}: {kills} kills, {applied} applied, {acknowledged} acknowledged"));
}

async fn prepare(service: &Binary) {
    integration_tests::rest::Rest::to(service.http()).create_project("demo").await;
    let grpc = Grpc::to(service.grpc());
    for package in 0..PACKAGES {
        seal_in(&grpc, &package_name(package), &["1.0", "2.0"]).await;
    }
    let stage = CreateStageRequest {
        parent: PROJECT.to_owned(),
        stage_id: "production".to_owned(),
        stage: Some(Stage::default()),
        ..CreateStageRequest::default()
    };
    grpc.promotions().create_stage(authorized(stage)).await.unwrap();
}

fn package_name(package: usize) -> String {
    format!("{PROJECT}/packages/tool-{package:02}")
}

/// Whether it was acknowledged.
async fn promote(grpc: Grpc, version: &str) -> Option<Promotion> {
    let item = |package| PromotionItem { version: format!("{}/versions/{version}", package_name(package)), ..PromotionItem::default() };
    let request = CreatePromotionRequest {
        parent: PROJECT.to_owned(),
        stage: STAGE.to_owned(),
        items: (0..PACKAGES).map(item).collect(),
        ..CreatePromotionRequest::default()
    };
    let answer = grpc.promotions().create_promotion(authorized(request)).await;
    answer.ok().and_then(|answer| answer.into_inner().promotion)
}

/// The versions on the stage, package by package.
async fn standing(service: &Binary) -> Vec<String> {
    let request = GetStageStateRequest { name: STAGE.to_owned(), page_size: 1000, ..GetStageStateRequest::default() };
    let state = Grpc::to(service.grpc()).promotions().get_stage_state(authorized(request)).await.unwrap().into_inner();
    state.placements.iter().map(|placed| placed.version.rsplit('/').next().unwrap_or_default().to_owned()).collect()
}

/// Every promotion that is there has its entry in the audit, no other has one, and the chain is whole.
async fn audited(service: &Binary) {
    let grpc = Grpc::to(service.grpc());
    let mut audit = AuditServiceClient::new(grpc.channel());
    let verify = VerifyChainRequest { parent: PROJECT.to_owned(), ..VerifyChainRequest::default() };
    assert!(audit.verify_chain(authorized(verify)).await.unwrap().into_inner().intact);
    let mut entries = 0;
    let mut page_token = String::new();
    loop {
        let request =
            ListAuditEntriesRequest { parent: PROJECT.to_owned(), page_size: 1000, page_token, ..ListAuditEntriesRequest::default() };
        let page = audit.list_audit_entries(authorized(request)).await.unwrap().into_inner();
        entries += page.audit_entries.iter().filter(|entry| entry.method == "CreatePromotion").count();
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let mut chain = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListPromotionsRequest {
            parent: PROJECT.to_owned(),
            page_size: 1000,
            page_token,
            order_by: "effective_time".to_owned(),
            ..ListPromotionsRequest::default()
        };
        let page = grpc.promotions().list_promotions(authorized(request)).await.unwrap().into_inner();
        chain.extend(page.promotions);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(chain.len(), entries, "an entry of the audit stands exactly where a promotion does");
    assert!(chain.iter().all(|promotion| promotion.state() == promotion::State::Succeeded));
    assert!(chain.windows(2).all(|pair| pair[1].previous_record_hash == pair[0].record_hash), "the records are a chain");
}
