//! `consign.metadata.v1.PromotionService`.

mod placements;
mod policy;
mod promotions;
mod stages;

use consign_metadata::Metadata;
use consign_proto::metadata::promotion_service_server::PromotionService;
use consign_proto::metadata::{
    CancelPromotionRequest, CancelPromotionResponse, CompareStagesRequest, CompareStagesResponse, CreatePromotionRequest,
    CreatePromotionResponse, CreateStageRequest, CreateStageResponse, DeleteStageRequest, DeleteStageResponse, GetPromotionRequest,
    GetPromotionResponse, GetStageRequest, GetStageResponse, GetStageStateRequest, GetStageStateResponse, HoldStageRequest,
    HoldStageResponse, ListPlacementsRequest, ListPlacementsResponse, ListPromotionsRequest, ListPromotionsResponse, ListStagesRequest,
    ListStagesResponse, RecordDeploymentRequest, RecordDeploymentResponse, ReleaseStageRequest, ReleaseStageResponse, ReportGateRequest,
    ReportGateResponse, ReviewPromotionRequest, ReviewPromotionResponse, RollbackStageRequest, RollbackStageResponse, UpdateStageRequest,
    UpdateStageResponse,
};
use consign_proto::status::{invalid, status};
use consign_types::Reason;
use consign_types::resource::ProjectRef;
use tonic::{Request, Response, Status};

use super::methods::methods;

/// The service, over the metadata plane.
#[derive(Clone, Debug)]
pub(crate) struct PromotionApi {
    pub(crate) metadata: Metadata,
}

methods! {
    PromotionService for PromotionApi;
    create_stage: CreateStageRequest => CreateStageResponse = stages::create;
    get_stage: GetStageRequest => GetStageResponse = stages::get;
    list_stages: ListStagesRequest => ListStagesResponse = stages::list;
    update_stage: UpdateStageRequest => UpdateStageResponse = stages::update;
    delete_stage: DeleteStageRequest => DeleteStageResponse = stages::delete;
    create_promotion: CreatePromotionRequest => CreatePromotionResponse = promotions::create;
    get_promotion: GetPromotionRequest => GetPromotionResponse = promotions::get;
    list_promotions: ListPromotionsRequest => ListPromotionsResponse = promotions::list;
    review_promotion: ReviewPromotionRequest => ReviewPromotionResponse = promotions::review;
    report_gate: ReportGateRequest => ReportGateResponse = promotions::report;
    cancel_promotion: CancelPromotionRequest => CancelPromotionResponse = promotions::cancel;
    rollback_stage: RollbackStageRequest => RollbackStageResponse = promotions::roll_back;
    hold_stage: HoldStageRequest => HoldStageResponse = stages::hold;
    release_stage: ReleaseStageRequest => ReleaseStageResponse = stages::release;
    get_stage_state: GetStageStateRequest => GetStageStateResponse = placements::state;
    compare_stages: CompareStagesRequest => CompareStagesResponse = placements::compare;
    list_placements: ListPlacementsRequest => ListPlacementsResponse = placements::list;
    record_deployment: RecordDeploymentRequest => RecordDeploymentResponse = placements::record;
}

/// Refuses a name of another project than this one, by whichever of its own names that is meant. Whether the other one is there is not told.
async fn same_project(metadata: &Metadata, project: &ProjectRef, field: &str, named: &ProjectRef) -> Result<(), Status> {
    if named == project {
        return Ok(());
    }
    let home = metadata.find_project(project.clone()).await.map_err(status)?;
    match metadata.find_project(named.clone()).await {
        Ok(other) if other.id == home.id => Ok(()),
        Ok(_) | Err(consign_metadata::Error::ProjectNotFound(_)) => Err(invalid(field, Reason::ArgumentInvalid, "is of another project")),
        Err(error) => Err(status(error)),
    }
}
