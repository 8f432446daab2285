//! Who may promote what.

use std::fmt::Debug;

use consign_proto::access::scope_numbers;
use consign_proto::metadata::gate::Condition;
use consign_proto::metadata::gate_verdict::Outcome;
use consign_proto::metadata::list_placements_request::Subject;
use consign_proto::metadata::promotion::State;
use consign_proto::metadata::promotion_review::Decision;
use consign_proto::metadata::token::Kind;
use consign_proto::metadata::{
    CancelPromotionRequest, CreatePromotionRequest, CreateTokenRequest, GetStageRequest, HoldStageRequest, ListPlacementsRequest,
    ListPromotionsRequest, Promotion, RecordDeploymentRequest, ReleaseStageRequest, ReportGateRequest, Role, RollbackStageRequest, Stage,
    StatusCondition, TestPermissionsRequest, UpdateStageRequest, Waiver,
};
use consign_types::Reason;
use consign_types::access::Scope;
use integration_tests::grpc::Grpc;
use integration_tests::promoting::{
    PROJECT, add_stage, bearing, gated, items, member, placing, project_token, promoted, review, stage_name, state, token,
};
use integration_tests::rest::Rest;
use integration_tests::tagging::{reason, seal, seal_in, version_name};
use integration_tests::{BOTH, Builder, Engine};
use prost_types::Timestamp;
use tonic::Status;

async fn promote(grpc: &Grpc, token: &str, request: CreatePromotionRequest) -> Result<Promotion, Status> {
    Ok(grpc.promotions().create_promotion(bearing(request, token)).await?.into_inner().promotion.unwrap())
}

#[tokio::test]
async fn a_token_for_some_packages_promotes_these_alone() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0.0"]).await;
        let lib = seal_in(&grpc, "projects/1/packages/lib", &["5"]).await;
        add_stage(&grpc, "qa", Stage::default()).await;
        let request = CreateTokenRequest {
            parent: PROJECT.to_owned(),
            kind: Kind::Project.into(),
            role: Role::Developer.into(),
            scopes: scope_numbers(&[Scope::Promote, Scope::Read]),
            package_patterns: vec!["tool".to_owned()],
            ..CreateTokenRequest::default()
        };
        let limited = token(&grpc, request).await;
        let both = CreatePromotionRequest { items: items(&[version_name("1.0.0"), lib[0].name.clone()]), ..placing("qa", "1.0.0") };
        assert_eq!(reason(promote(&grpc, &limited, both).await), Some(Reason::ScopeInsufficient));
        let none = CreatePromotionRequest { items: Vec::new(), ..placing("qa", "1.0.0") };
        assert_eq!(reason(promote(&grpc, &limited, none).await), Some(Reason::ScopeInsufficient));
        assert_eq!(promote(&grpc, &limited, placing("qa", "1.0.0")).await.unwrap().state(), State::Succeeded);
    }
}

/// Why a call was refused, if it was.
fn outcome<T: Debug>(result: Result<T, Status>) -> Option<Reason> {
    if result.is_ok() { None } else { reason(result) }
}

/// A token of the project that may do everything, but acts on the stage `qa` alone.
async fn token_for_qa(grpc: &Grpc) -> String {
    let (kind, role) = (Kind::Project.into(), Role::Maintainer.into());
    let stage_patterns = vec!["q?".to_owned()];
    token(grpc, CreateTokenRequest { parent: PROJECT.to_owned(), kind, role, stage_patterns, ..CreateTokenRequest::default() }).await
}

#[tokio::test]
async fn a_token_for_some_stages_acts_on_these_alone() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0.0", "2.0.0"]).await;
        for stage in ["qa", "production"] {
            add_stage(&grpc, stage, Stage::default()).await;
            promoted(&grpc, placing(stage, "1.0.0")).await;
        }
        let limited = token_for_qa(&grpc).await;
        let mut outcomes = Vec::new();
        for stage in ["qa", "production"] {
            let (name, promotions) = (stage_name(stage), grpc.promotions());
            let current = state(&grpc, stage).await.current_promotion;
            let placed = promote(&grpc, &limited, placing(stage, "2.0.0")).await;
            let expected_current_promotion = placed.as_ref().map_or(current, |promotion| promotion.name.clone());
            let justification = "it is slow".to_owned();
            let back =
                RollbackStageRequest { name: name.clone(), expected_current_promotion, justification, ..RollbackStageRequest::default() };
            let hold = HoldStageRequest { name: name.clone(), reason: "an incident".to_owned(), ..HoldStageRequest::default() };
            let release = ReleaseStageRequest { name: name.clone(), ..ReleaseStageRequest::default() };
            let runs = RecordDeploymentRequest { stage: name.clone(), runtime: "cluster".to_owned(), ..RecordDeploymentRequest::default() };
            let renamed = Stage { name, display_name: "a stage".to_owned(), ..Stage::default() };
            let update = UpdateStageRequest { stage: Some(renamed), ..UpdateStageRequest::default() };
            outcomes.push([
                outcome(placed),
                outcome(promotions.clone().rollback_stage(bearing(back, &limited)).await),
                outcome(promotions.clone().hold_stage(bearing(hold, &limited)).await),
                outcome(promotions.clone().release_stage(bearing(release, &limited)).await),
                outcome(promotions.clone().record_deployment(bearing(runs, &limited)).await),
                // What a stage asks for is another scope's, and so is reading.
                outcome(promotions.clone().update_stage(bearing(update, &limited)).await),
                outcome(promotions.clone().get_stage(bearing(GetStageRequest { name: stage_name(stage) }, &limited)).await),
            ]);
        }
        let other = Some(Reason::ScopeInsufficient);
        assert_eq!(outcomes, [[None; 7], [other, other, other, other, other, None, None]]);
        let methods = ["HoldStage", "UpdateStage", "GetStage"].map(|method| format!("consign.metadata.v1.PromotionService/{method}"));
        for (stage, allowed) in [("qa", 0..3), ("production", 1..3)] {
            let request = TestPermissionsRequest { resource: stage_name(stage), methods: methods.to_vec() };
            let told = grpc.tokens().test_permissions(bearing(request, &limited)).await.unwrap().into_inner();
            assert_eq!(told.allowed_methods, methods[allowed]);
        }
    }
}

#[tokio::test]
async fn a_token_for_some_stages_speaks_of_promotions_to_these_alone() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0.0"]).await;
        let scan = StatusCondition { check: "Scan".to_owned(), reporter: String::new() };
        let mut outcomes = Vec::new();
        let limited = token_for_qa(&grpc).await;
        for stage in ["qa", "production"] {
            add_stage(&grpc, stage, gated([("scan", Condition::Status(scan.clone()))])).await;
            let name = promoted(&grpc, placing(stage, "1.0.0")).await.name;
            let report = ReportGateRequest {
                name: name.clone(),
                gate_id: "scan".to_owned(),
                outcome: Outcome::Pending.into(),
                ..ReportGateRequest::default()
            };
            let cancel = CancelPromotionRequest { name: name.clone(), ..CancelPromotionRequest::default() };
            let promotions = grpc.promotions();
            outcomes.push([
                outcome(promotions.clone().report_gate(bearing(report, &limited)).await),
                outcome(promotions.clone().review_promotion(bearing(review(&name, Decision::Rejected), &limited)).await),
                outcome(promotions.clone().cancel_promotion(bearing(cancel, &limited)).await),
            ]);
        }
        let other = Some(Reason::ScopeInsufficient);
        // That a token of no person reviews nothing is said of the stage that it is for.
        assert_eq!(outcomes, [[None, Some(Reason::ApprovalForbidden), None], [other; 3]]);
    }
}

#[tokio::test]
async fn a_token_for_some_stages_hands_on_no_others() {
    let (_service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    let limited = token_for_qa(&grpc).await;
    let make = async |scope: Scope, stages: &[&str]| {
        let request = CreateTokenRequest {
            parent: PROJECT.to_owned(),
            kind: Kind::Project.into(),
            display_name: "handed on".to_owned(),
            scopes: scope_numbers(&[scope]),
            role: Role::Developer.into(),
            stage_patterns: stages.iter().map(|stage| (*stage).to_owned()).collect(),
            ..CreateTokenRequest::default()
        };
        grpc.tokens().create_token(bearing(request, &limited)).await
    };
    let bound = make(Scope::Promote, &["q?"]).await.unwrap().into_inner().token.unwrap();
    assert_eq!(bound.stage_patterns, ["q?"]);
    for (scope, stages) in [(Scope::Promote, &[][..]), (Scope::Approve, &["production"]), (Scope::Promote, &["q?", "*"])] {
        assert_eq!(outcome(make(scope, stages).await), Some(Reason::ScopeInsufficient), "{scope} {stages:?}");
    }
    assert_eq!(outcome(make(Scope::Publish, &[]).await), None, "it can do nothing to stages");
}

#[tokio::test]
async fn putting_a_gate_aside_takes_who_sets_the_gates() {
    let (_service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    seal(&grpc, &["1.0.0"]).await;
    let scan = StatusCondition { check: "Scan".to_owned(), reporter: String::new() };
    add_stage(&grpc, "production", gated([("scan", Condition::Status(scan))])).await;
    let expire_time = Some(Timestamp { seconds: 4_000_000_000, nanos: 0 });
    let waiver = Waiver { gate_id: "scan".to_owned(), justification: "an outage".to_owned(), expire_time, actor: String::new() };
    let waiving = || CreatePromotionRequest { waivers: vec![waiver.clone()], ..placing("production", "1.0.0") };
    let developer = project_token(&grpc, Role::Developer, &Scope::ALL).await;
    assert_eq!(reason(promote(&grpc, &developer, waiving()).await), Some(Reason::RoleInsufficient));
    let narrow = project_token(&grpc, Role::Maintainer, &[Scope::Promote, Scope::Read]).await;
    assert_eq!(reason(promote(&grpc, &narrow, waiving()).await), Some(Reason::ScopeInsufficient));
    let wide = project_token(&grpc, Role::Maintainer, &[Scope::Promote, Scope::Admin]).await;
    assert_eq!(promote(&grpc, &wide, waiving()).await.unwrap().state(), State::Succeeded);
}

#[tokio::test]
async fn what_a_caller_may_do_with_a_stage_is_told() {
    let (_service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    let methods = ["HoldStage", "UpdateStage", "GetStage"].map(|method| format!("consign.metadata.v1.PromotionService/{method}"));
    let developer = project_token(&grpc, Role::Developer, &Scope::ALL).await;
    let request = TestPermissionsRequest { resource: stage_name("production"), methods: methods.to_vec() };
    let told = grpc.tokens().test_permissions(bearing(request, &developer)).await.unwrap().into_inner();
    assert_eq!(told.allowed_methods, [methods[0].as_str(), methods[2].as_str()]);
}

#[tokio::test]
async fn a_list_over_projects_has_what_the_caller_may_read() {
    for engine in BOTH {
        let (service, grpc) = Builder::on(engine).demo_grpc().await;
        Rest::to(service.http()).create_project("other").await;
        seal(&grpc, &["1.0.0"]).await;
        add_stage(&grpc, "qa", Stage::default()).await;
        let here = promoted(&grpc, placing("qa", "1.0.0")).await;
        let new = consign_proto::metadata::CreateUserRequest { username: "nobody".to_owned(), ..Default::default() };
        let user = grpc.users().create_user(integration_tests::grpc::authorized(new)).await.unwrap().into_inner().user.unwrap().name;
        let stranger = token(&grpc, CreateTokenRequest { parent: user, kind: Kind::Personal.into(), ..Default::default() }).await;
        let reader = member(&grpc, "rob", Role::Reporter).await;

        let list = async |token: &str| {
            let request = ListPromotionsRequest { parent: "projects/-".to_owned(), ..ListPromotionsRequest::default() };
            let found = grpc.promotions().list_promotions(bearing(request, token)).await.unwrap().into_inner().promotions;
            found.into_iter().map(|promotion| promotion.name).collect::<Vec<_>>()
        };
        assert_eq!((list(&reader).await, list(&stranger).await), (vec![here.name], vec![]));
        let find = async |token: &str, version: &str| {
            let subject = Some(Subject::Version(version.to_owned()));
            let request = ListPlacementsRequest { parent: "projects/-".to_owned(), subject, ..ListPlacementsRequest::default() };
            Ok::<_, Status>(grpc.promotions().list_placements(bearing(request, token)).await?.into_inner().placements.len())
        };
        assert_eq!(find(&reader, &version_name("1.0.0")).await.unwrap(), 1);
        for version in [version_name("1.0.0"), version_name("9.0.0"), "projects/9/packages/tool/versions/1".to_owned()] {
            assert_eq!(reason(find(&stranger, &version).await), Some(Reason::ProjectNotFound), "{version}");
        }
    }
}
