//! Stages: making, changing and holding them.

use consign_metadata::{CreateStage, DeleteStage, HoldStage, ListStages, StageChange, StageOrder, UpdateStage};
use consign_proto::metadata::{
    CreateStageRequest, CreateStageResponse, DeleteStageRequest, DeleteStageResponse, GetStageRequest, GetStageResponse, HoldStageRequest,
    HoldStageResponse, ListStagesRequest, ListStagesResponse, ReleaseStageRequest, ReleaseStageResponse, UpdateStageRequest,
    UpdateStageResponse,
};
use consign_proto::status::status;
use consign_types::promotion::Policy;
use consign_types::resource::{ProjectRef, StageRef};
use prost::Message as _;
use tonic::Status;

use super::PromotionApi;
use super::policy::{freeze_windows, gates, stage_names};
use crate::auth::Caller;
use crate::grpc::page::{Listing, fitting};
use crate::grpc::{decode, encode};

const ORDERS: &[(&str, StageOrder)] = &[("rank", StageOrder::Rank), ("stage_id", StageOrder::Name)];

/// What an update may change.
const FIELDS: &[&str] = &["display_name", "description", "rank", "predecessors", "gates", "freeze_windows", "exclusive"];

pub(super) async fn create(api: &PromotionApi, caller: &Caller, request: CreateStageRequest) -> Result<CreateStageResponse, Status> {
    let project: ProjectRef = decode::name("parent", &request.parent)?;
    let principal = caller.about(&project).await?;
    let new = decode::present("stage", request.stage)?;
    let wanted = CreateStage {
        principal,
        name: StageRef { project, stage: decode::name("stage_id", &request.stage_id)? },
        display_name: decode::text("stage.display_name", &new.display_name)?,
        description: decode::text("stage.description", &new.description)?,
        rank: new.rank,
        policy: Policy {
            predecessors: stage_names("stage.predecessors", &new.predecessors)?,
            gates: gates(&new.gates)?,
            freeze_windows: freeze_windows(&new.freeze_windows)?,
        },
        is_exclusive: new.exclusive,
        request_id: decode::request_id(&request.request_id)?,
    };
    let stage = api.metadata.create_stage(wanted).await.map_err(status)?;
    Ok(CreateStageResponse { stage: Some(encode::stage(stage)) })
}

pub(super) async fn get(api: &PromotionApi, caller: &Caller, request: GetStageRequest) -> Result<GetStageResponse, Status> {
    let name: StageRef = decode::name("name", &request.name)?;
    caller.about(&name).await?;
    let stage = api.metadata.find_stage(name).await.map_err(status)?;
    Ok(GetStageResponse { stage: Some(encode::stage(stage)) })
}

pub(super) async fn list(api: &PromotionApi, caller: &Caller, request: ListStagesRequest) -> Result<ListStagesResponse, Status> {
    let listing = Listing::of("ListStages", &[&request.parent, &request.filter, &request.order_by]);
    let (order, descending) = decode::order(&request.order_by, ORDERS)?;
    let project: ProjectRef = decode::name("parent", &request.parent)?;
    caller.about(&project).await?;
    let wanted = ListStages {
        project,
        filter: decode::filter(&request.filter)?,
        order,
        descending,
        page: listing.page(request.page_size, &request.page_token)?,
    };
    let found = api.metadata.list_stages(wanted).await.map_err(status)?;
    let found = fitting(found.map(|stage| (order.cursor(&stage), encode::stage(stage))), |(_, stage)| stage.encoded_len());
    let next_page_token = listing.next(&found, |(cursor, _)| cursor.to_string());
    Ok(ListStagesResponse { stages: found.map(|(_, stage)| stage).items, next_page_token })
}

pub(super) async fn update(api: &PromotionApi, caller: &Caller, request: UpdateStageRequest) -> Result<UpdateStageResponse, Status> {
    let new = decode::present("stage", request.stage)?;
    let mask = decode::mask(request.update_mask, FIELDS)?;
    let name: StageRef = decode::name("stage.name", &new.name)?;
    let principal = caller.about(&name).await?;
    let change = StageChange {
        display_name: mask
            .changed("display_name", !new.display_name.is_empty(), || decode::text("stage.display_name", &new.display_name))?,
        description: mask.changed("description", !new.description.is_empty(), || decode::text("stage.description", &new.description))?,
        rank: mask.changed("rank", new.rank != 0, || Ok(new.rank))?,
        predecessors: mask
            .changed("predecessors", !new.predecessors.is_empty(), || stage_names("stage.predecessors", &new.predecessors))?,
        gates: mask.changed("gates", !new.gates.is_empty(), || gates(&new.gates))?,
        freeze_windows: mask.changed("freeze_windows", !new.freeze_windows.is_empty(), || freeze_windows(&new.freeze_windows))?,
        is_exclusive: mask.changed("exclusive", new.exclusive, || Ok(new.exclusive))?,
    };
    let (etag, request_id) = (decode::etag(&new.etag)?, decode::request_id(&request.request_id)?);
    let stage = api.metadata.update_stage(UpdateStage { principal, name, etag, change, request_id }).await.map_err(status)?;
    Ok(UpdateStageResponse { stage: Some(encode::stage(stage)) })
}

pub(super) async fn delete(api: &PromotionApi, caller: &Caller, request: DeleteStageRequest) -> Result<DeleteStageResponse, Status> {
    let name: StageRef = decode::name("name", &request.name)?;
    let wanted = DeleteStage {
        principal: caller.about(&name).await?,
        name,
        etag: decode::etag(&request.etag)?,
        request_id: decode::request_id(&request.request_id)?,
    };
    api.metadata.delete_stage(wanted).await.map_err(status)?;
    Ok(DeleteStageResponse {})
}

pub(super) async fn hold(api: &PromotionApi, caller: &Caller, request: HoldStageRequest) -> Result<HoldStageResponse, Status> {
    let name: StageRef = decode::name("name", &request.name)?;
    let wanted = HoldStage {
        principal: caller.about(&name).await?,
        name,
        is_held: true,
        reason: decode::text("reason", &request.reason)?,
        etag: decode::etag(&request.etag)?,
        request_id: decode::request_id(&request.request_id)?,
    };
    let stage = api.metadata.hold_stage(wanted).await.map_err(status)?;
    Ok(HoldStageResponse { stage: Some(encode::stage(stage)) })
}

pub(super) async fn release(api: &PromotionApi, caller: &Caller, request: ReleaseStageRequest) -> Result<ReleaseStageResponse, Status> {
    let name: StageRef = decode::name("name", &request.name)?;
    let wanted = HoldStage {
        principal: caller.about(&name).await?,
        name,
        is_held: false,
        reason: decode::text("reason", &request.reason)?,
        etag: decode::etag(&request.etag)?,
        request_id: decode::request_id(&request.request_id)?,
    };
    let stage = api.metadata.hold_stage(wanted).await.map_err(status)?;
    Ok(ReleaseStageResponse { stage: Some(encode::stage(stage)) })
}
