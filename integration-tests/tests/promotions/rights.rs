//! Who may promote what.

use consign_proto::access::scope_numbers;
use consign_proto::metadata::gate::Condition;
use consign_proto::metadata::list_placements_request::Subject;
use consign_proto::metadata::promotion::State;
use consign_proto::metadata::token::Kind;
use consign_proto::metadata::{
    CreatePromotionRequest, CreateTokenRequest, ListPlacementsRequest, ListPromotionsRequest, Promotion, Role, Stage, StatusCondition,
    TestPermissionsRequest, Waiver,
};
use consign_types::Reason;
use consign_types::access::Scope;
use integration_tests::grpc::Grpc;
use integration_tests::promoting::{
    PROJECT, add_stage, bearing, gated, items, member, placing, project_token, promoted, stage_name, token,
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
