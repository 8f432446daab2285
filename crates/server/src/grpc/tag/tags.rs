//! Tags, where they point and where they pointed.

use consign_metadata::{DeleteTag, Existence, ListTags, MoveTag, MovedTag, RestoreTag, TagOrder, UpdateTags};
use consign_proto::metadata::{
    self as wire, BatchUpdateTagsRequest, BatchUpdateTagsResponse, CreateTagRequest, CreateTagResponse, DeleteTagRequest,
    DeleteTagResponse, GetTagRequest, GetTagResponse, ListTagHistoryRequest, ListTagHistoryResponse, ListTagsRequest, ListTagsResponse,
    RestoreTagRequest, RestoreTagResponse, UpdateTagRequest, UpdateTagResponse,
};
use consign_proto::status::{invalid, status};
use consign_types::Reason;
use consign_types::resource::{PackageRef, TagRef};
use tonic::Status;

use super::TagApi;
use crate::auth::Caller;
use crate::grpc::page::Listing;
use crate::grpc::{decode, encode};

const ORDERS: &[(&str, TagOrder)] = &[("tag_id", TagOrder::Name), ("update_time", TagOrder::UpdateTime)];

pub(super) async fn create(api: &TagApi, caller: &Caller, request: CreateTagRequest) -> Result<CreateTagResponse, Status> {
    let package: PackageRef = decode::name("parent", &request.parent)?;
    let tag = TagRef { package, tag: decode::name("tag_id", &request.tag_id)? };
    let wanted = UpdateTags {
        principal: caller.about(&tag).await?,
        project: tag.package.project.clone(),
        moves: vec![MoveTag {
            version: decode::name("version", &request.version)?,
            tag,
            expected: None,
            etag: None,
            existence: Existence::Unwanted,
        }],
        reason: decode::text("reason", &request.reason)?,
        request_id: decode::request_id(&request.request_id)?,
    };
    let (moved, sequence) = one(api, wanted).await?;
    Ok(CreateTagResponse { tag: Some(encode::tag(moved.tag)), sequence })
}

pub(super) async fn get(api: &TagApi, caller: &Caller, request: GetTagRequest) -> Result<GetTagResponse, Status> {
    let name: TagRef = decode::name("name", &request.name)?;
    caller.about(&name).await?;
    let tag = api.metadata.find_tag(name).await.map_err(status)?;
    Ok(GetTagResponse { tag: Some(encode::tag(tag)) })
}

pub(super) async fn list(api: &TagApi, caller: &Caller, request: ListTagsRequest) -> Result<ListTagsResponse, Status> {
    let listing = Listing::of("ListTags", &[&request.parent, &request.filter, &request.order_by]);
    let (order, descending) = decode::order(&request.order_by, ORDERS)?;
    let parent = decode::name("parent", &request.parent)?;
    caller.about(&parent).await?;
    let wanted = ListTags {
        parent,
        filter: decode::filter(&request.filter)?,
        order,
        descending,
        page: listing.page(request.page_size, &request.page_token)?,
    };
    let found = api.metadata.list_tags(wanted).await.map_err(status)?;
    let next_page_token = listing.next(&found, |tag| order.cursor(tag).to_string());
    Ok(ListTagsResponse { tags: found.map(encode::tag).items, next_page_token })
}

pub(super) async fn update(api: &TagApi, caller: &Caller, request: UpdateTagRequest) -> Result<UpdateTagResponse, Status> {
    let new = decode::present("tag", request.tag)?;
    if !decode::mask(request.update_mask, &["version"])?.names("version", !new.version.is_empty()) {
        return Err(invalid("tag.version", Reason::ArgumentInvalid, "must be set"));
    }
    let tag: TagRef = decode::name("tag.name", &new.name)?;
    let wanted = UpdateTags {
        principal: caller.about(&tag).await?,
        project: tag.package.project.clone(),
        moves: vec![MoveTag {
            version: decode::name("tag.version", &new.version)?,
            expected: decode::optional("expected_version", &request.expected_version, decode::name)?,
            etag: decode::etag(&new.etag)?,
            existence: if request.allow_missing { Existence::Any } else { Existence::Needed },
            tag,
        }],
        reason: decode::text("reason", &request.reason)?,
        request_id: decode::request_id(&request.request_id)?,
    };
    let (moved, sequence) = one(api, wanted).await?;
    let previous_version = encode::previous(&moved);
    Ok(UpdateTagResponse { tag: Some(encode::tag(moved.tag)), previous_version, sequence })
}

pub(super) async fn delete(api: &TagApi, caller: &Caller, request: DeleteTagRequest) -> Result<DeleteTagResponse, Status> {
    let name: TagRef = decode::name("name", &request.name)?;
    let wanted = DeleteTag {
        principal: caller.about(&name).await?,
        name,
        etag: decode::etag(&request.etag)?,
        reason: decode::text("reason", &request.reason)?,
        request_id: decode::request_id(&request.request_id)?,
    };
    let (version, sequence) = api.metadata.delete_tag(wanted).await.map_err(status)?;
    Ok(DeleteTagResponse { previous_version: version.to_string(), sequence })
}

pub(super) async fn batch_update(
    api: &TagApi,
    caller: &Caller,
    request: BatchUpdateTagsRequest,
) -> Result<BatchUpdateTagsResponse, Status> {
    let project = decode::name("parent", &request.parent)?;
    let principal = caller.about(&project).await?;
    let wished = request.updates.iter().map(tag_update).collect::<Result<Vec<_>, _>>()?;
    for update in &wished {
        caller.about(&update.tag).await?;
    }
    let wanted = UpdateTags {
        principal,
        project,
        moves: wished,
        reason: decode::text("reason", &request.reason)?,
        request_id: decode::request_id(&request.request_id)?,
    };
    let (moved, sequence) = api.metadata.update_tags(wanted).await.map_err(status)?;
    let result = |moved: MovedTag| {
        let previous_version = encode::previous(&moved);
        wire::TagUpdateResult { tag: Some(encode::tag(moved.tag)), previous_version }
    };
    Ok(BatchUpdateTagsResponse { results: moved.into_iter().map(result).collect(), sequence })
}

pub(super) async fn history(api: &TagApi, caller: &Caller, request: ListTagHistoryRequest) -> Result<ListTagHistoryResponse, Status> {
    let listing = Listing::of("ListTagHistory", &[&request.name]);
    let name: TagRef = decode::name("name", &request.name)?;
    caller.about(&name).await?;
    let package = name.package.package.clone();
    let page = listing.page(request.page_size, &request.page_token)?;
    let found = api.metadata.list_tag_history(name, page).await.map_err(status)?;
    let next_page_token = listing.next(&found, |span| span.began.id.to_string());
    Ok(ListTagHistoryResponse { entries: found.map(|span| encode::tag_span(span, &package)).items, next_page_token })
}

pub(super) async fn restore(api: &TagApi, caller: &Caller, request: RestoreTagRequest) -> Result<RestoreTagResponse, Status> {
    let name: TagRef = decode::name("name", &request.name)?;
    let wanted = RestoreTag {
        principal: caller.about(&name).await?,
        name,
        sequence: request.sequence,
        etag: decode::etag(&request.etag)?,
        reason: decode::text("reason", &request.reason)?,
        request_id: decode::request_id(&request.request_id)?,
    };
    let (moved, sequence) = api.metadata.restore_tag(wanted).await.map_err(status)?;
    let previous_version = encode::previous(&moved);
    Ok(RestoreTagResponse { tag: Some(encode::tag(moved.tag)), previous_version, sequence })
}

async fn one(api: &TagApi, wanted: UpdateTags) -> Result<(MovedTag, i64), Status> {
    let (mut moved, sequence) = api.metadata.update_tags(wanted).await.map_err(status)?;
    Ok((moved.pop().expect("one move has one result"), sequence))
}

fn tag_update(update: &wire::TagUpdate) -> Result<MoveTag, Status> {
    Ok(MoveTag {
        tag: decode::name("updates.name", &update.name)?,
        version: decode::name("updates.version", &update.version)?,
        expected: decode::optional("updates.expected_version", &update.expected_version, decode::name)?,
        etag: decode::etag(&update.etag)?,
        existence: if update.allow_missing { Existence::Any } else { Existence::Needed },
    })
}
