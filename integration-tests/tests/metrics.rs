//! What the service tells Prometheus of itself.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use bytes::Bytes;
use consign_proto::metadata::gate::Condition;
use consign_proto::metadata::gate_verdict::Outcome;
use consign_proto::metadata::promotion::State;
use consign_proto::metadata::{
    ApprovalCondition, CancelPromotionRequest, CreatePromotionRequest, PredecessorCondition, Promotion, ReportGateRequest,
    RollbackStageRequest, Stage, StatusCondition, UpdateStageRequest,
};
use consign_types::Reason;
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::promoting::{add_stage, closed, gated, get, items, placing, promote, promoted, stage_name};
use integration_tests::publishing::{get_version, read};
use integration_tests::rest::{Rest, file};
use integration_tests::scrape::Scrape;
use integration_tests::tagging::{reason, seal, seal_in, version_name};
use integration_tests::{BOTH, Builder, Engine, TOKEN, TestService, raw};
use prost_types::FieldMask;

const REQUEST: &str = "123e4567-e89b-12d3-a456-426614174000";

fn told(builder: Builder) -> Builder {
    builder.with("--metrics-listen", "127.0.0.1:0")
}

fn calls(method: &str, code: &str) -> String {
    format!("rpc_server_call_duration_seconds_count{{rpc_method=\"{method}\",rpc_response_status_code=\"{code}\"}}")
}

fn requests(route: &str, method: &str, status: u16) -> String {
    let labels = format!("http_route=\"{route}\",http_request_method=\"{method}\",http_response_status_code=\"{status}\"");
    format!("http_server_request_duration_seconds_count{{{labels}}}")
}

fn promotions(stage: &str, outcome: &str) -> String {
    format!("consign_promotions_total{{stage=\"{stage}\",outcome=\"{outcome}\"}}")
}

fn refusals(stage: &str, gate: &str) -> String {
    format!("consign_promotion_refusals_total{{stage=\"{stage}\",gate=\"{gate}\"}}")
}

fn of_stage(metric: &str, stage: &str) -> String {
    format!("consign_promotion_{metric}{{stage=\"{stage}\"}}")
}

#[tokio::test]
async fn calls_are_counted_by_their_method_and_status() {
    let (service, grpc) = told(Builder::on(Engine::Sqlite)).demo_grpc().await;
    seal(&grpc, &["1.0.0"]).await;
    get_version(&grpc, "1.0.0").await.unwrap();
    get_version(&grpc, "1.0.0").await.unwrap();
    get_version(&grpc, "9.0.0").await.unwrap_err();
    read(&grpc, "1.0.0", "a", 0, 0).await.unwrap();
    for made_up in ["consign.metadata.v1.PackageService/Invent", "nobody.Service/Ask"] {
        raw::call(&grpc.channel(), made_up, TOKEN, Bytes::new()).await.unwrap_err();
    }
    let package = "consign.metadata.v1.PackageService/GetVersion";
    Scrape::with(&service, &calls(package, "OK"), 2.0).await;
    Scrape::with(&service, &calls(package, "NOT_FOUND"), 1.0).await;
    Scrape::with(&service, &calls("consign.blob.v1.BlobService/Read", "OK"), 1.0).await;
    Scrape::with(&service, &calls("consign.blob.v1.BlobService/Write", "OK"), 1.0).await;
    // The project was made over REST, whose gateway calls the plane of its own process.
    Scrape::with(&service, &calls("consign.metadata.v1.ProjectService/CreateProject", "OK"), 1.0).await;
    Scrape::with(&service, &calls("other", "UNIMPLEMENTED"), 2.0).await;
    let last = Scrape::with(&service, "rpc_server_active_calls", 0.0).await;
    assert!(last.lines("").iter().all(|line| !line.contains("Invent") && !line.contains("nobody")), "{last:?}");
}

#[tokio::test]
async fn requests_are_counted_by_their_route_and_status() {
    let (service, rest) = told(Builder::on(Engine::Sqlite)).demo().await;
    let route = "/api/v4/projects/{id}/packages/generic/{package_name}/{package_version}/{*file_name}";
    assert_eq!(rest.put(&file("tool", "1.0", "one"), "hello").await.status, 201);
    assert_eq!(rest.put(&file("tool", "1.0", "two"), "hello").await.status, 201);
    assert_eq!(rest.get(&file("tool", "1.0", "one")).await.text(), "hello");
    assert_eq!(rest.get(&file("tool", "1.0", "three")).await.status, 404);
    assert_eq!(rest.get("/made/up").await.status, 404);
    Scrape::with(&service, &requests(route, "PUT", 201), 2.0).await;
    Scrape::with(&service, &requests(route, "GET", 200), 1.0).await;
    Scrape::with(&service, &requests(route, "GET", 404), 1.0).await;
    let last = Scrape::with(&service, &requests("other", "GET", 404), 1.0).await;
    let lines = last.lines("");
    assert!(lines.iter().all(|line| !line.contains("tool") && !line.contains("made") && !line.contains("demo")), "{lines:?}");
}

/// A stage at which a promotion waits for a checker and for somebody.
fn guarded() -> Stage {
    let people = Condition::Approval(ApprovalCondition { count: 1, ..ApprovalCondition::default() });
    gated([("scan", Condition::Status(StatusCondition { check: "scan".to_owned(), ..StatusCondition::default() })), ("people", people)])
}

async fn report_failure(grpc: &Grpc, promotion: &Promotion) -> State {
    let request = ReportGateRequest {
        name: promotion.name.clone(),
        gate_id: "scan".to_owned(),
        outcome: Outcome::Failed.into(),
        ..ReportGateRequest::default()
    };
    let answer = grpc.promotions().report_gate(authorized(request)).await.unwrap();
    answer.into_inner().promotion.unwrap().state()
}

/// Promotions that are applied at once, one of them undone; and some that only look like it.
async fn place_and_undo(grpc: &Grpc) {
    let lib = seal_in(grpc, "projects/1/packages/lib", &["5"]).await;
    add_stage(grpc, "qa", Stage::default()).await;
    promoted(grpc, CreatePromotionRequest { validate_only: true, ..placing("qa", "1.0.0") }).await;
    let both = CreatePromotionRequest { items: items(&[version_name("1.0.0"), lib[0].name.clone()]), ..placing("qa", "1.0.0") };
    let both = CreatePromotionRequest { request_id: REQUEST.to_owned(), ..both };
    assert_eq!(promoted(grpc, both.clone()).await, promoted(grpc, both).await, "the same request is one promotion");
    let second = promoted(grpc, placing("qa", "2.0.0")).await;
    let back = RollbackStageRequest {
        name: stage_name("qa"),
        expected_current_promotion: second.name,
        justification: "it fails".to_owned(),
        request_id: REQUEST.to_owned(),
        ..RollbackStageRequest::default()
    };
    for _ in 0..2 {
        grpc.promotions().rollback_stage(authorized(back.clone())).await.unwrap();
    }
}

/// Promotions that end without being applied, and one that is refused.
async fn end_and_refuse(grpc: &Grpc) {
    add_stage(grpc, "guarded", guarded()).await;
    promoted(grpc, placing("guarded", "1.0.0")).await;
    let newer = promoted(grpc, placing("guarded", "2.0.0")).await;
    for _ in 0..2 {
        let cancel = CancelPromotionRequest { name: newer.name.clone(), ..CancelPromotionRequest::default() };
        grpc.promotions().cancel_promotion(authorized(cancel)).await.unwrap();
    }
    let scanned = promoted(grpc, placing("guarded", "1.0.0")).await;
    assert_eq!(report_failure(grpc, &scanned).await, State::Rejected);
    let passed = Condition::Predecessor(PredecessorCondition { stages: vec!["guarded".to_owned()], any: false });
    add_stage(grpc, "strict", gated([("passed", passed)])).await;
    promoted(grpc, CreatePromotionRequest { validate_only: true, ..placing("strict", "1.0.0") }).await;
    assert_eq!(reason(promote(grpc, placing("strict", "1.0.0")).await), Some(Reason::GatesUnmet));
}

/// A promotion that waits, and is applied by the job once nothing is asked any more.
async fn wait_and_place(grpc: &Grpc) {
    add_stage(grpc, "slow", guarded()).await;
    let waiting = promoted(grpc, placing("slow", "1.0.0")).await;
    assert_eq!(waiting.state(), State::Pending);
    let stage = Stage { name: stage_name("slow"), ..Stage::default() };
    let update_mask = Some(FieldMask { paths: vec!["gates".to_owned()] });
    let request = UpdateStageRequest { stage: Some(stage), update_mask, ..UpdateStageRequest::default() };
    grpc.promotions().update_stage(authorized(request)).await.unwrap();
    assert_eq!(closed(grpc, &waiting.name).await.state(), State::Succeeded);
    assert!(get(grpc, &waiting.name).await.unwrap().promotion.unwrap().effective_time.is_some());
}

/// The metrics that the document tells of: rows of a table, each with its name and its kind.
fn documented() -> BTreeSet<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
    let text = std::fs::read_to_string(path).unwrap();
    let is_kind = |rest: &str| ["counter", "gauge", "histogram", "info"].iter().any(|kind| rest.starts_with(kind));
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    rows.filter(|(_, rest)| is_kind(rest)).map(|(name, _)| name.to_owned()).collect()
}

#[tokio::test]
async fn each_promotion_is_counted_once_when_it_ends_and_each_metric_is_documented() {
    for engine in BOTH {
        let (service, grpc) = told(Builder::on(engine)).demo_grpc().await;
        seal(&grpc, &["1.0.0", "2.0.0"]).await;
        place_and_undo(&grpc).await;
        end_and_refuse(&grpc).await;
        wait_and_place(&grpc).await;

        // The job writes what it did before it counts it; what is counted last tells that all is.
        let last = Scrape::with(&service, &promotions("slow", "succeeded"), 1.0).await;
        let expected = [
            promotions("guarded", "cancelled") + " 1",
            promotions("guarded", "rejected") + " 1",
            promotions("guarded", "superseded") + " 1",
            promotions("qa", "rolled_back") + " 1",
            promotions("qa", "succeeded") + " 3",
            promotions("slow", "succeeded") + " 1",
        ];
        assert_eq!(last.lines("consign_promotions_total"), expected, "{engine:?}");
        let expected = [refusals("guarded", "status") + " 1", refusals("strict", "predecessor") + " 1"];
        assert_eq!(last.lines("consign_promotion_refusals_total"), expected, "{engine:?}");
        let expected = [of_stage("wait_seconds_count", "qa") + " 3", of_stage("wait_seconds_count", "slow") + " 1"];
        assert_eq!(last.lines("consign_promotion_wait_seconds_count"), expected, "{engine:?}");
        assert!(last.value(&of_stage("wait_seconds_sum", "slow")).unwrap() > 0.0);
        // Two items and one; what a rollback places was published long before it was decided upon.
        let expected = [of_stage("lead_time_seconds_count", "qa") + " 3", of_stage("lead_time_seconds_count", "slow") + " 1"];
        assert_eq!(last.lines("consign_promotion_lead_time_seconds_count"), expected, "{engine:?}");
        assert!(last.value(&of_stage("lead_time_seconds_sum", "qa")).unwrap() > 0.0);
        assert!(last.value("consign_db_pool_connections{state=\"idle\"}").unwrap() > 0.0);
        assert_eq!(last.names(), documented(), "{engine:?}");
    }
}

#[tokio::test]
async fn every_role_tells_its_own_metrics() {
    let keys = tempfile::tempdir().unwrap();
    let plane = |builder: Builder, role| told(builder.role(role).with("--key-file", keys.path().join("keys").display()));
    let metadata = plane(Builder::on(Engine::Sqlite), "metadata").start().await;
    let blob = plane(Builder::by_default(), "blob").start().await;
    let (gateway, rest) = told(Builder::gateway(&metadata, &blob)).demo().await;
    assert_eq!(rest.put(&file("tool", "1.0", "one"), "hello").await.status, 201);

    Scrape::with(&metadata, &calls("consign.metadata.v1.PackageService/PublishVersion", "OK"), 1.0).await;
    Scrape::with(&blob, &calls("consign.blob.v1.BlobService/Write", "OK"), 1.0).await;
    Scrape::with(&gateway, &requests("/api/v4/projects", "POST", 201), 1.0).await;
    let has = async |service: &TestService, name: &str| Scrape::of(service).await.names().contains(name);
    for (service, pool, served) in [(&metadata, true, false), (&blob, false, false), (&gateway, false, true)] {
        assert!(has(service, "consign_build_info").await && has(service, "process_start_time_seconds").await);
        assert_eq!(has(service, "consign_db_pool_connections").await, pool);
        assert_eq!(has(service, "http_server_request_duration_seconds").await, served);
    }
}

#[tokio::test]
async fn without_the_option_nothing_is_told_and_with_it_nothing_else_is() {
    let (service, rest) = Builder::on(Engine::Sqlite).demo().await;
    assert_eq!(service.metrics(), None);
    assert_eq!(rest.get("/metrics").await.status, 404);
    let service = told(Builder::on(Engine::Sqlite)).start().await;
    let rest = Rest::to(service.metrics().unwrap());
    for path in ["/", "/healthz", "/api/v4/projects"] {
        assert_eq!(rest.get(path).await.status, 404, "{path}");
    }
    assert_eq!(Rest::to(service.http()).get("/metrics").await.status, 404);
}
