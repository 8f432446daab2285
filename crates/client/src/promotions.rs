//! Stages, and the promotions that place versions on them.

use consign_proto::metadata::get_stage_state_request::AsOf;
use consign_proto::metadata::promotion_service_client::PromotionServiceClient;
use consign_proto::metadata::{
    CancelPromotionRequest, CompareStagesRequest, CreatePromotionRequest, CreateStageRequest, DeleteStageRequest, GetPromotionRequest,
    GetPromotionResponse, GetStageRequest, GetStageStateRequest, GetStageStateResponse, HoldStageRequest, ListPlacementsRequest,
    ListPromotionsRequest, ListPromotionsResponse, ListStagesRequest, Placement, Promotion, ReleaseStageRequest, ReportGateRequest,
    ReviewPromotionRequest, RollbackStageRequest, Stage, StageDifference, UpdateStageRequest,
};
use consign_types::resource::{ProjectRef, PromotionRef, StageRef};
use prost_types::FieldMask;
use uuid::Uuid;

use crate::retry::repeat;
use crate::transport::Transport;
use crate::{Client, Error, MAX_METADATA_BYTES, Result};

/// How many entries are asked for at once.
const PAGE: i32 = 1000;

impl Client {
    fn promotion_service(&self) -> PromotionServiceClient<Transport> {
        PromotionServiceClient::new(self.metadata.clone()).max_decoding_message_size(MAX_METADATA_BYTES)
    }

    /// Makes a stage. Another one of the same name: `NAME_TAKEN`.
    pub async fn create_stage(&self, name: &StageRef, stage: Stage) -> Result<Stage> {
        let (parent, stage_id, request_id) = (name.project.to_string(), name.stage.to_string(), Uuid::new_v4().to_string());
        let request = CreateStageRequest { parent, stage_id, stage: Some(stage), request_id };
        let call = || async { self.promotion_service().create_stage(self.request(request.clone())).await };
        repeat(call).await?.stage.ok_or(Error::Protocol("no stage"))
    }

    /// The stage of this name, or `STAGE_NOT_FOUND`.
    pub async fn find_stage(&self, name: &StageRef) -> Result<Stage> {
        let request = GetStageRequest { name: name.to_string() };
        let call = || async { self.promotion_service().get_stage(self.request(request.clone())).await };
        repeat(call).await?.stage.ok_or(Error::Protocol("no stage"))
    }

    /// All stages of a project, by their rank: two hundred at most.
    pub async fn list_stages(&self, project: &ProjectRef) -> Result<Vec<Stage>> {
        let (mut stages, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListStagesRequest { parent: project.to_string(), page_size: PAGE, page_token, ..ListStagesRequest::default() };
            let call = || async { self.promotion_service().list_stages(self.request(request.clone())).await };
            let page = repeat(call).await?;
            stages.extend(page.stages);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(stages);
            }
        }
    }

    /// Changes the named fields of a stage, which is found by its name.
    pub async fn update_stage(&self, stage: Stage, fields: &[&str]) -> Result<Stage> {
        let update_mask = Some(FieldMask { paths: fields.iter().map(|field| (*field).to_owned()).collect() });
        let request = UpdateStageRequest { stage: Some(stage), update_mask, request_id: Uuid::new_v4().to_string() };
        let call = || async { self.promotion_service().update_stage(self.request(request.clone())).await };
        repeat(call).await?.stage.ok_or(Error::Protocol("no stage"))
    }

    /// Removes a stage; its records stay.
    pub async fn delete_stage(&self, name: &StageRef) -> Result<()> {
        let request = DeleteStageRequest { name: name.to_string(), request_id: Uuid::new_v4().to_string(), ..Default::default() };
        let call = || async { self.promotion_service().delete_stage(self.request(request.clone())).await };
        repeat(call).await?;
        Ok(())
    }

    /// Lets nothing be promoted to a stage.
    pub async fn hold_stage(&self, name: &StageRef, reason: &str) -> Result<Stage> {
        let (name, reason, request_id) = (name.to_string(), reason.to_owned(), Uuid::new_v4().to_string());
        let request = HoldStageRequest { name, reason, request_id, ..HoldStageRequest::default() };
        let call = || async { self.promotion_service().hold_stage(self.request(request.clone())).await };
        repeat(call).await?.stage.ok_or(Error::Protocol("no stage"))
    }

    /// Ends a hold.
    pub async fn release_stage(&self, name: &StageRef, reason: &str) -> Result<Stage> {
        let (name, reason, request_id) = (name.to_string(), reason.to_owned(), Uuid::new_v4().to_string());
        let request = ReleaseStageRequest { name, reason, request_id, ..ReleaseStageRequest::default() };
        let call = || async { self.promotion_service().release_stage(self.request(request.clone())).await };
        repeat(call).await?.stage.ok_or(Error::Protocol("no stage"))
    }

    /// All that is placed on a stage, and the promotion that is its current one, at one moment.
    pub async fn stage_state(&self, request: GetStageStateRequest) -> Result<GetStageStateResponse> {
        let mut request = GetStageStateRequest { page_size: PAGE, ..request };
        let mut state = self.stage_state_page(&request).await?;
        if state.next_page_token.is_empty() {
            return Ok(state);
        }
        // Pages as of now would be of several moments.
        if request.as_of.is_none() {
            request.as_of = Some(AsOf::AsOfSequence(state.sequence));
            state = self.stage_state_page(&request).await?;
        }
        while !state.next_page_token.is_empty() {
            request.page_token = state.next_page_token;
            let page = self.stage_state_page(&request).await?;
            state.placements.extend(page.placements);
            state.next_page_token = page.next_page_token;
        }
        Ok(state)
    }

    async fn stage_state_page(&self, request: &GetStageStateRequest) -> Result<GetStageStateResponse> {
        let call = || async { self.promotion_service().get_stage_state(self.request(request.clone())).await };
        Ok(repeat(call).await?)
    }

    /// How two stages differ.
    pub async fn compare_stages(&self, base: &StageRef, target: &StageRef, include_same: bool) -> Result<Vec<StageDifference>> {
        let (mut differences, mut page_token) = (Vec::new(), String::new());
        loop {
            let (base, target) = (base.to_string(), target.to_string());
            let request = CompareStagesRequest { base, target, include_same, page_size: PAGE, page_token };
            let call = || async { self.promotion_service().compare_stages(self.request(request.clone())).await };
            let page = repeat(call).await?;
            differences.extend(page.differences);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(differences);
            }
        }
    }

    /// All placements of something, the newest first.
    pub async fn list_placements(&self, request: ListPlacementsRequest) -> Result<Vec<Placement>> {
        let (mut placements, mut request) = (Vec::new(), ListPlacementsRequest { page_size: PAGE, ..request });
        loop {
            let call = || async { self.promotion_service().list_placements(self.request(request.clone())).await };
            let page = repeat(call).await?;
            placements.extend(page.placements);
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                return Ok(placements);
            }
        }
    }

    /// Asks for a promotion. The request's id is set here.
    pub async fn create_promotion(&self, request: CreatePromotionRequest) -> Result<Promotion> {
        let request = CreatePromotionRequest { request_id: Uuid::new_v4().to_string(), ..request };
        let call = || async { self.promotion_service().create_promotion(self.request(request.clone())).await };
        repeat(call).await?.promotion.ok_or(Error::Protocol("no promotion"))
    }

    /// The promotion of this name with its statement and its policy, or `PROMOTION_NOT_FOUND`.
    pub async fn find_promotion(&self, name: &PromotionRef) -> Result<(Promotion, GetPromotionResponse)> {
        let request = GetPromotionRequest { name: name.to_string() };
        let call = || async { self.promotion_service().get_promotion(self.request(request.clone())).await };
        let mut found = repeat(call).await?;
        Ok((found.promotion.take().ok_or(Error::Protocol("no promotion"))?, found))
    }

    /// The newest promotions of a project that a filter lets through.
    pub async fn last_promotions(&self, project: &ProjectRef, filter: &str, count: u16) -> Result<Vec<Promotion>> {
        let (mut promotions, mut page_token) = (Vec::new(), String::new());
        loop {
            let left = i32::from(count) - i32::try_from(promotions.len()).unwrap_or(i32::MAX);
            let (parent, filter) = (project.to_string(), filter.to_owned());
            let request = ListPromotionsRequest { parent, filter, page_size: left, page_token, ..ListPromotionsRequest::default() };
            let page = self.promotions_page(&request).await?;
            promotions.extend(page.promotions);
            page_token = page.next_page_token;
            if page_token.is_empty() || promotions.len() >= usize::from(count) {
                return Ok(promotions);
            }
        }
    }

    /// The names of the promotions of a project that were applied, in the order in which they were. None is left out between two of them,
    /// whatever is applied meanwhile.
    pub async fn applied_promotions(&self, project: &ProjectRef) -> Result<Vec<String>> {
        let mut request = ListPromotionsRequest {
            parent: project.to_string(),
            page_size: 1,
            filter: "state = SUCCEEDED OR state = ROLLED_BACK".to_owned(),
            order_by: "effective_time desc".to_owned(),
            ..ListPromotionsRequest::default()
        };
        let newest = self.promotions_page(&request).await?.promotions.first().map_or(0, |promotion| promotion.sequence);
        (request.page_size, request.order_by) = (PAGE, "effective_time".to_owned());
        let mut applied = Vec::new();
        loop {
            let page = self.promotions_page(&request).await?;
            let known = page.promotions.into_iter().filter(|promotion| promotion.sequence <= newest);
            applied.extend(known.map(|promotion| (promotion.sequence, promotion.name)));
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                applied.sort_unstable();
                return Ok(applied.into_iter().map(|(_, name)| name).collect());
            }
        }
    }

    async fn promotions_page(&self, request: &ListPromotionsRequest) -> Result<ListPromotionsResponse> {
        let call = || async { self.promotion_service().list_promotions(self.request(request.clone())).await };
        Ok(repeat(call).await?)
    }

    /// Approves or rejects a promotion. The request's id is set here.
    pub async fn review_promotion(&self, request: ReviewPromotionRequest) -> Result<Promotion> {
        let request = ReviewPromotionRequest { request_id: Uuid::new_v4().to_string(), ..request };
        let call = || async { self.promotion_service().review_promotion(self.request(request.clone())).await };
        repeat(call).await?.promotion.ok_or(Error::Protocol("no promotion"))
    }

    /// Reports what was found for a status gate. The request's id is set here.
    pub async fn report_gate(&self, request: ReportGateRequest) -> Result<Promotion> {
        let request = ReportGateRequest { request_id: Uuid::new_v4().to_string(), ..request };
        let call = || async { self.promotion_service().report_gate(self.request(request.clone())).await };
        repeat(call).await?.promotion.ok_or(Error::Protocol("no promotion"))
    }

    /// Ends a pending promotion.
    pub async fn cancel_promotion(&self, name: &PromotionRef, reason: &str) -> Result<Promotion> {
        let (name, reason, request_id) = (name.to_string(), reason.to_owned(), Uuid::new_v4().to_string());
        let request = CancelPromotionRequest { name, reason, request_id, ..CancelPromotionRequest::default() };
        let call = || async { self.promotion_service().cancel_promotion(self.request(request.clone())).await };
        repeat(call).await?.promotion.ok_or(Error::Protocol("no promotion"))
    }

    /// Undoes promotions of a stage. The request's id is set here.
    pub async fn roll_back_stage(&self, request: RollbackStageRequest) -> Result<Promotion> {
        let request = RollbackStageRequest { request_id: Uuid::new_v4().to_string(), ..request };
        let call = || async { self.promotion_service().rollback_stage(self.request(request.clone())).await };
        repeat(call).await?.promotion.ok_or(Error::Protocol("no promotion"))
    }
}
