//! Stages and promotions over gRPC, step by step: in the project that [`crate::Builder::demo`] makes.

use consign_proto::metadata::gate::Condition;
use consign_proto::metadata::gate_verdict::Outcome;
use consign_proto::metadata::promotion_review::Decision;
use consign_proto::metadata::token::Kind;
use consign_proto::metadata::{
    CreateMemberRequest, CreatePromotionRequest, CreatePromotionResponse, CreateStageRequest, CreateTokenRequest, CreateUserRequest, Gate,
    GetPromotionRequest, GetPromotionResponse, GetStageStateRequest, GetStageStateResponse, Promotion, PromotionItem,
    ReviewPromotionRequest, Role, Stage,
};
use consign_types::access::Scope;
use tonic::{Request, Status};

use crate::grpc::{Grpc, authorized};
use crate::tagging::version_name;
use crate::wait;

/// The project.
pub const PROJECT: &str = "projects/1";

/// The name of a stage.
pub fn stage_name(stage: &str) -> String {
    format!("{PROJECT}/stages/{stage}")
}

/// A request for a stage.
pub fn new_stage(id: &str, stage: Stage) -> CreateStageRequest {
    CreateStageRequest { parent: PROJECT.to_owned(), stage_id: id.to_owned(), stage: Some(stage), request_id: String::new() }
}

/// Adds a stage.
pub async fn add_stage(grpc: &Grpc, id: &str, stage: Stage) -> Stage {
    let made = grpc.promotions().create_stage(authorized(new_stage(id, stage))).await.expect("the stage is new");
    made.into_inner().stage.expect("it is there")
}

/// A stage with these gates.
pub fn gated(gates: impl IntoIterator<Item = (&'static str, Condition)>) -> Stage {
    let gate = |(id, condition): (&str, Condition)| Gate { gate_id: id.to_owned(), condition: Some(condition) };
    Stage { gates: gates.into_iter().map(gate).collect(), ..Stage::default() }
}

/// Versions by their names.
pub fn items(versions: &[String]) -> Vec<PromotionItem> {
    versions.iter().map(|version| PromotionItem { version: version.clone(), ..PromotionItem::default() }).collect()
}

/// A request to place a version of [`crate::publishing::PACKAGE`] on a stage.
pub fn placing(stage: &str, version: &str) -> CreatePromotionRequest {
    let items = items(&[version_name(version)]);
    CreatePromotionRequest { parent: PROJECT.to_owned(), stage: stage_name(stage), items, ..CreatePromotionRequest::default() }
}

/// Asks for a promotion.
pub async fn promote(grpc: &Grpc, request: CreatePromotionRequest) -> Result<CreatePromotionResponse, Status> {
    Ok(grpc.promotions().create_promotion(authorized(request)).await?.into_inner())
}

/// The promotion of a request that is granted.
pub async fn promoted(grpc: &Grpc, request: CreatePromotionRequest) -> Promotion {
    promote(grpc, request).await.expect("the promotion is taken").promotion.expect("it is there")
}

/// A promotion, with its statement and its policy.
pub async fn get(grpc: &Grpc, name: &str) -> Result<GetPromotionResponse, Status> {
    Ok(grpc.promotions().get_promotion(authorized(GetPromotionRequest { name: name.to_owned() })).await?.into_inner())
}

/// The promotion as soon as it waits no longer.
pub async fn closed(grpc: &Grpc, name: &str) -> Promotion {
    let is_closed = async || get(grpc, name).await.ok()?.promotion.filter(|promotion| promotion.close_time.is_some());
    wait::until("the end of a promotion", is_closed).await
}

/// What stands on a stage.
pub async fn state(grpc: &Grpc, stage: &str) -> GetStageStateResponse {
    let request = GetStageStateRequest { name: stage_name(stage), ..GetStageStateRequest::default() };
    grpc.promotions().get_stage_state(authorized(request)).await.expect("the stage is there").into_inner()
}

/// The last parts of the names of versions that stand on a stage.
pub async fn standing(grpc: &Grpc, stage: &str) -> Vec<String> {
    let placed = state(grpc, stage).await.placements;
    placed.iter().map(|placement| placement.version.rsplit('/').next().unwrap_or_default().to_owned()).collect()
}

/// What was found for each gate: its id and the outcome.
pub fn outcomes(promotion: &Promotion) -> Vec<(&str, Outcome)> {
    promotion.verdicts.iter().map(|verdict| (verdict.gate_id.as_str(), verdict.outcome())).collect()
}

/// A word on a promotion.
pub fn review(name: &str, decision: Decision) -> ReviewPromotionRequest {
    ReviewPromotionRequest { name: name.to_owned(), decision: decision.into(), ..ReviewPromotionRequest::default() }
}

/// A message with a token.
pub fn bearing<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().expect("a token fits a header"));
    request
}

/// A token of a new user with this role in the project.
pub async fn member(grpc: &Grpc, name: &str, role: Role) -> String {
    let new = CreateUserRequest { username: name.to_owned(), ..CreateUserRequest::default() };
    let user = grpc.users().create_user(authorized(new)).await.expect("the user is new").into_inner().user.expect("it is there").name;
    let new = CreateMemberRequest { parent: PROJECT.to_owned(), user: user.clone(), role: role.into(), ..CreateMemberRequest::default() };
    grpc.users().create_member(authorized(new)).await.expect("the member is new");
    token(grpc, CreateTokenRequest { parent: user, kind: Kind::Personal.into(), ..CreateTokenRequest::default() }).await
}

/// A token of the project with a role and these scopes.
pub async fn project_token(grpc: &Grpc, role: Role, scopes: &[Scope]) -> String {
    let (kind, scopes) = (Kind::Project.into(), consign_proto::access::scope_numbers(scopes));
    token(grpc, CreateTokenRequest { parent: PROJECT.to_owned(), kind, role: role.into(), scopes, ..CreateTokenRequest::default() }).await
}

/// The secret of a new token; one without scopes gets all of them.
pub async fn token(grpc: &Grpc, request: CreateTokenRequest) -> String {
    let scopes = if request.scopes.is_empty() { consign_proto::access::scope_numbers(&Scope::ALL) } else { request.scopes };
    let request = CreateTokenRequest { display_name: "test".to_owned(), scopes, ..request };
    grpc.tokens().create_token(authorized(request)).await.expect("the token is made").into_inner().secret
}
