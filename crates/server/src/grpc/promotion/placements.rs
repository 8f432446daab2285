//! Placements: what stands where, now and before, and what runs there.

use consign_metadata::{AsOf, CompareStages, ListPlacements, Listed, PlacedWhat, RecordDeployment};
use consign_proto::metadata::{
    self as wire, CompareStagesRequest, CompareStagesResponse, GetStageStateRequest, GetStageStateResponse, ListPlacementsRequest,
    ListPlacementsResponse, RecordDeploymentRequest, RecordDeploymentResponse, get_stage_state_request, list_placements_request,
};
use consign_proto::status::status;
use consign_proto::timestamp;
use consign_types::PackageName;
use consign_types::resource::{StageRef, VersionRef};
use prost::Message as _;
use tonic::Status;

use super::PromotionApi;
use crate::auth::Caller;
use crate::grpc::page::{Listing, fitting};
use crate::grpc::{decode, encode};

pub(super) async fn state(api: &PromotionApi, caller: &Caller, request: GetStageStateRequest) -> Result<GetStageStateResponse, Status> {
    use get_stage_state_request::AsOf as Wire;

    let listing = Listing::of("GetStageState", &[&request.name, &format!("{:?}", request.as_of)]);
    let name: StageRef = decode::name("name", &request.name)?;
    caller.about(&name).await?;
    let as_of = match request.as_of {
        None => AsOf::Now,
        Some(Wire::AsOfTime(time)) => decode::time("as_of_time", Some(time))?.map_or(AsOf::Now, AsOf::Time),
        Some(Wire::AsOfSequence(sequence)) => AsOf::Sequence(sequence),
    };
    let page = listing.page(request.page_size, &request.page_token)?;
    let found = api.metadata.stage_state(name, as_of, page).await.map_err(status)?;
    let current = found.promotion.map(|id| encode::promotion_name(found.project, id)).unwrap_or_default();
    let page = Listed { items: found.placements, more: found.more, total: None };
    let next_page_token = listing.next(&page, |placement| placement.package.to_string());
    Ok(GetStageStateResponse {
        placements: page.map(encode::placement).items,
        next_page_token,
        current_promotion: current,
        sequence: found.sequence,
    })
}

pub(super) async fn compare(api: &PromotionApi, caller: &Caller, request: CompareStagesRequest) -> Result<CompareStagesResponse, Status> {
    let same = if request.include_same { "same" } else { "" };
    let listing = Listing::of("CompareStages", &[&request.base, &request.target, same]);
    let (base, target): (StageRef, StageRef) = (decode::name("base", &request.base)?, decode::name("target", &request.target)?);
    caller.about(&base).await?;
    caller.about(&target).await?;
    let page = listing.page::<PackageName>(request.page_size, &request.page_token)?;
    let wanted = CompareStages { base, target, include_same: request.include_same, page };
    let found = api.metadata.compare_stages(wanted).await.map_err(status)?;
    let next_page_token = listing.next(&found, |difference| difference.package.to_string());
    Ok(CompareStagesResponse { differences: found.map(encode::stage_difference).items, next_page_token })
}

pub(super) async fn list(api: &PromotionApi, caller: &Caller, request: ListPlacementsRequest) -> Result<ListPlacementsResponse, Status> {
    use list_placements_request::Subject;

    let past = if request.show_past { "past" } else { "" };
    let listing = Listing::of("ListPlacements", &[&request.parent, &format!("{:?}", request.subject), past]);
    let within = caller.within(decode::name("parent", &request.parent)?).await?;
    let what = match &request.subject {
        None => PlacedWhat::Anything,
        Some(Subject::Version(name)) => {
            // Whoever looks everywhere is not told of a version that it may not know of.
            let version: VersionRef = decode::name("version", name)?;
            caller.about(&version).await?;
            PlacedWhat::Version(version)
        }
        Some(Subject::ContentDigest(digest)) => {
            PlacedWhat::Content(decode::present("content_digest", decode::digest("content_digest", digest)?)?)
        }
        Some(Subject::FileSha256(digest)) => PlacedWhat::File(decode::present("file_sha256", decode::digest("file_sha256", digest)?)?),
    };
    let page = listing.page(request.page_size, &request.page_token)?;
    let found = api.metadata.list_placements(ListPlacements { within, what, show_past: request.show_past, page }).await.map_err(status)?;
    let next_page_token = listing.next(&found, |placement| placement.cursor().to_string());
    Ok(ListPlacementsResponse { placements: found.map(encode::placement).items, next_page_token })
}

pub(super) async fn record(
    api: &PromotionApi,
    caller: &Caller,
    request: RecordDeploymentRequest,
) -> Result<RecordDeploymentResponse, Status> {
    let stage: StageRef = decode::name("stage", &request.stage)?;
    let principal = caller.about(&stage).await?;
    let digest = |bytes: &bytes::Bytes| decode::present("digests", decode::digest("digests", bytes)?);
    let wanted = RecordDeployment {
        principal,
        stage,
        digests: request.digests.iter().map(digest).collect::<Result<_, _>>()?,
        runtime: request.runtime,
        ttl: decode::span("ttl", request.ttl)?,
        request_id: decode::request_id(&request.request_id)?,
    };
    let (drifts, expires_at) = api.metadata.record_deployment(wanted).await.map_err(status)?;
    let drifts = Listed { items: drifts.into_iter().map(encode::drift).collect(), more: false, total: None };
    let drifts = fitting(drifts, wire::Drift::encoded_len);
    Ok(RecordDeploymentResponse { drifts: drifts.items, expire_time: Some(timestamp(expires_at)), drifts_truncated: drifts.more })
}
