//! Promotions: asking for them, judging them, undoing them.

use consign_metadata::{
    CancelPromotion, CreatePromotion, ListPromotions, Metadata, Principal, PromoteItem, PromotionOrder, ReportGate, ReviewPromotion,
    RollbackStage, RollbackTarget, WantedWaiver,
};
use consign_proto::metadata::{
    self as wire, CancelPromotionRequest, CancelPromotionResponse, CreatePromotionRequest, CreatePromotionResponse, GetPromotionRequest,
    GetPromotionResponse, ListPromotionsRequest, ListPromotionsResponse, ReportGateRequest, ReportGateResponse, ReviewPromotionRequest,
    ReviewPromotionResponse, RollbackStageRequest, RollbackStageResponse,
};
use consign_proto::status::{invalid, status};
use consign_types::Reason;
use consign_types::access::methods::WAIVE;
use consign_types::promotion::{Decision, Outcome};
use consign_types::resource::{PackageRef, ProjectRef, PromotionRef, StageRef};
use prost::Message as _;
use tonic::Status;

use super::{PromotionApi, same_project};
use crate::auth::Caller;
use crate::grpc::page::{Listing, fitting};
use crate::grpc::{decode, encode};

const ORDERS: &[(&str, PromotionOrder)] = &[("create_time", PromotionOrder::CreateTime), ("effective_time", PromotionOrder::EffectiveTime)];

/// Stands for the promotion of a stage that has had none.
const NONE: &str = "-";

pub(super) async fn create(
    api: &PromotionApi,
    caller: &Caller,
    request: CreatePromotionRequest,
) -> Result<CreatePromotionResponse, Status> {
    let project: ProjectRef = decode::name("parent", &request.parent)?;
    let items: Vec<PromoteItem> = request.items.iter().map(item).collect::<Result<_, _>>()?;
    let principal = judged(caller, &project, &items, !request.waivers.is_empty()).await?;
    let stage: StageRef = decode::name("stage", &request.stage)?;
    same_project(&api.metadata, &project, "stage", &stage.project).await?;
    let expected_current = match request.expected_current_promotion.as_str() {
        "" => None,
        NONE => Some(None),
        name => Some(Some(promotion_of(&api.metadata, &project, "expected_current_promotion", name).await?)),
    };
    let wanted = CreatePromotion {
        principal,
        project,
        stage: stage.stage,
        items,
        waivers: request.waivers.iter().map(waiver).collect::<Result<_, _>>()?,
        justification: decode::text("justification", &request.justification)?,
        expected_current,
        request_id: decode::request_id(&request.request_id)?,
        validate_only: request.validate_only,
    };
    let (promotion, sequence) = api.metadata.create_promotion(wanted).await.map_err(status)?;
    Ok(CreatePromotionResponse { promotion: Some(encode::promotion(promotion)), sequence })
}

/// Judges the caller for each package that is promoted, and for putting gates aside where some are to be.
async fn judged(caller: &Caller, project: &ProjectRef, items: &[PromoteItem], waives: bool) -> Result<Principal, Status> {
    let Some((first, others)) = items.split_first() else { return caller.about(project).await };
    let package = |item: &PromoteItem| PackageRef { project: project.clone(), package: item.version.package.clone() };
    let principal = caller.about(&package(first)).await?;
    for item in others {
        caller.about(&package(item)).await?;
    }
    if waives {
        caller.also(WAIVE, &package(first)).await?;
    }
    Ok(principal)
}

/// The number of a promotion of this project.
async fn promotion_of(metadata: &Metadata, project: &ProjectRef, field: &str, name: &str) -> Result<i64, Status> {
    let name: PromotionRef = decode::name(field, name)?;
    same_project(metadata, project, field, &name.project).await?;
    Ok(name.id)
}

fn item(new: &wire::PromotionItem) -> Result<PromoteItem, Status> {
    Ok(PromoteItem {
        version: decode::name("items.version", &new.version)?,
        content: decode::digest("items.content_digest", &new.content_digest)?,
    })
}

fn waiver(new: &wire::Waiver) -> Result<WantedWaiver, Status> {
    Ok(WantedWaiver {
        gate: decode::name("waivers.gate_id", &new.gate_id)?,
        justification: decode::text("waivers.justification", &new.justification)?,
        expires_at: decode::present("waivers.expire_time", decode::time("waivers.expire_time", new.expire_time)?)?,
    })
}

pub(super) async fn get(api: &PromotionApi, caller: &Caller, request: GetPromotionRequest) -> Result<GetPromotionResponse, Status> {
    let name: PromotionRef = decode::name("name", &request.name)?;
    caller.about(&name).await?;
    let (mut promotion, policy) = api.metadata.find_promotion(name).await.map_err(status)?;
    let statement = promotion.statement.take().unwrap_or_default();
    Ok(GetPromotionResponse {
        promotion: Some(encode::promotion(promotion)),
        statement: statement.into(),
        policy: policy.unwrap_or_default().into(),
    })
}

pub(super) async fn list(api: &PromotionApi, caller: &Caller, request: ListPromotionsRequest) -> Result<ListPromotionsResponse, Status> {
    let listing = Listing::of("ListPromotions", &[&request.parent, &request.filter, &request.order_by]);
    let (order, descending) = decode::order(&request.order_by, ORDERS)?;
    let wanted = ListPromotions {
        within: caller.within(decode::name("parent", &request.parent)?).await?,
        filter: decode::filter(&request.filter)?,
        order,
        descending: descending || request.order_by.is_empty(),
        page: listing.page(request.page_size, &request.page_token)?,
    };
    let found = api.metadata.list_promotions(wanted).await.map_err(status)?;
    let encoded = found.map(|promotion| (order.cursor(&promotion), encode::promotion(promotion)));
    let found = fitting(encoded, |(_, promotion)| promotion.encoded_len());
    let next_page_token = listing.next(&found, |(cursor, _)| cursor.to_string());
    Ok(ListPromotionsResponse { promotions: found.map(|(_, promotion)| promotion).items, next_page_token })
}

pub(super) async fn review(
    api: &PromotionApi,
    caller: &Caller,
    request: ReviewPromotionRequest,
) -> Result<ReviewPromotionResponse, Status> {
    use wire::promotion_review::Decision as Wire;

    let name: PromotionRef = decode::name("name", &request.name)?;
    let principal = caller.about(&name).await?;
    let decision = match Wire::try_from(request.decision) {
        Ok(Wire::Approved) => Decision::Approved,
        Ok(Wire::Rejected) => Decision::Rejected,
        Ok(Wire::Unspecified) | Err(_) => return Err(invalid("decision", Reason::ArgumentInvalid, "APPROVED or REJECTED")),
    };
    let wanted = ReviewPromotion {
        principal,
        name,
        decision,
        comment: decode::text("comment", &request.comment)?,
        gates: request.gate_ids.iter().map(|gate| decode::name("gate_ids", gate)).collect::<Result<_, _>>()?,
        etag: decode::etag(&request.etag)?,
        request_id: decode::request_id(&request.request_id)?,
    };
    let promotion = api.metadata.review_promotion(wanted).await.map_err(status)?;
    Ok(ReviewPromotionResponse { promotion: Some(encode::promotion(promotion)) })
}

pub(super) async fn report(api: &PromotionApi, caller: &Caller, request: ReportGateRequest) -> Result<ReportGateResponse, Status> {
    use wire::gate_verdict::Outcome as Wire;

    let name: PromotionRef = decode::name("name", &request.name)?;
    let principal = caller.about(&name).await?;
    let outcome = match Wire::try_from(request.outcome) {
        Ok(Wire::Passed) => Outcome::Passed,
        Ok(Wire::Failed) => Outcome::Failed,
        Ok(Wire::Pending) => Outcome::Pending,
        Ok(Wire::Waived | Wire::Unspecified) | Err(_) => {
            return Err(invalid("outcome", Reason::ArgumentInvalid, "PASSED, FAILED or PENDING"));
        }
    };
    let wanted = ReportGate {
        principal,
        name,
        gate: decode::name("gate_id", &request.gate_id)?,
        outcome,
        reason: decode::text("reason", &request.reason)?,
        evidence: request.evidence,
        request_id: decode::request_id(&request.request_id)?,
    };
    let promotion = api.metadata.report_gate(wanted).await.map_err(status)?;
    Ok(ReportGateResponse { promotion: Some(encode::promotion(promotion)) })
}

pub(super) async fn cancel(
    api: &PromotionApi,
    caller: &Caller,
    request: CancelPromotionRequest,
) -> Result<CancelPromotionResponse, Status> {
    let name: PromotionRef = decode::name("name", &request.name)?;
    let wanted = CancelPromotion {
        principal: caller.about(&name).await?,
        name,
        reason: decode::text("reason", &request.reason)?,
        etag: decode::etag(&request.etag)?,
        request_id: decode::request_id(&request.request_id)?,
    };
    let promotion = api.metadata.cancel_promotion(wanted).await.map_err(status)?;
    Ok(CancelPromotionResponse { promotion: Some(encode::promotion(promotion)) })
}

pub(super) async fn roll_back(api: &PromotionApi, caller: &Caller, request: RollbackStageRequest) -> Result<RollbackStageResponse, Status> {
    let name: StageRef = decode::name("name", &request.name)?;
    let principal = caller.about(&name).await?;
    let project = &name.project;
    let target = match request.target_promotion.as_str() {
        "" => RollbackTarget::Before,
        NONE => RollbackTarget::Nothing,
        target => RollbackTarget::Promotion(promotion_of(&api.metadata, project, "target_promotion", target).await?),
    };
    if request.expected_current_promotion.is_empty() {
        return Err(invalid("expected_current_promotion", Reason::ArgumentInvalid, "must be set: read it by GetStageState"));
    }
    let expected_current = promotion_of(&api.metadata, project, "expected_current_promotion", &request.expected_current_promotion).await?;
    let wanted = RollbackStage {
        principal,
        target,
        expected_current,
        justification: decode::text("justification", &request.justification)?,
        request_id: decode::request_id(&request.request_id)?,
        name,
    };
    let (promotion, sequence) = api.metadata.rollback_stage(wanted).await.map_err(status)?;
    Ok(RollbackStageResponse { promotion: Some(encode::promotion(promotion)), sequence })
}
