//! The life of a version.

use std::collections::HashSet;

use consign_metadata::{
    ChangeState, CreateVersion, DeleteVersion, ListVersions, PublishMode, PublishVersion, UndeleteVersion, UpdateVersion, Version,
    VersionList, VersionOrder,
};
use consign_proto::metadata::{
    self as wire, CreateVersionRequest, CreateVersionResponse, DeleteVersionRequest, DeleteVersionResponse, GetVersionRequest,
    GetVersionResponse, ListVersionsRequest, ListVersionsResponse, PublishVersionRequest, PublishVersionResponse, QuarantineVersionRequest,
    QuarantineVersionResponse, ReleaseVersionRequest, ReleaseVersionResponse, UndeleteVersionRequest, UndeleteVersionResponse,
    UnyankVersionRequest, UnyankVersionResponse, UpdateVersionRequest, UpdateVersionResponse, YankVersionRequest, YankVersionResponse,
};
use consign_proto::status::{invalid, status};
use consign_types::Reason;
use consign_types::resource::{PackageRef, PackagesRef, VersionRef};
use consign_types::text::Description;
use consign_types::version::Verb;
use tonic::Status;

use super::PackageApi;
use super::words::{needed_reason, publish_files};
use crate::auth::Caller;
use crate::grpc::page::{Listing, between, ends};
use crate::grpc::project::force;
use crate::grpc::{decode, encode};

/// How many tags one publish may move.
const MAX_TAGS: usize = 100;

const ORDERS: &[(&str, VersionOrder)] = &[
    ("version", VersionOrder::Version),
    ("id", VersionOrder::Id),
    ("create_time", VersionOrder::CreateTime),
    ("publish_time", VersionOrder::PublishTime),
];

pub(super) async fn create(api: &PackageApi, caller: &Caller, request: CreateVersionRequest) -> Result<CreateVersionResponse, Status> {
    let PackageRef { project, package } = decode::name("parent", &request.parent)?;
    let name = VersionRef { project, package, version: decode::name("version_id", &request.version_id)? };
    let wanted = CreateVersion {
        principal: caller.about(&name).await?,
        name,
        labels: decode::labels("labels", request.labels)?,
        description: decode::text("description", &request.description)?,
        request_id: decode::request_id(&request.request_id)?,
    };
    let version = api.metadata.create_version(wanted).await.map_err(status)?;
    let sequence = version.sequence;
    Ok(CreateVersionResponse { version: Some(encode::version(version)), sequence })
}

pub(super) async fn get(api: &PackageApi, caller: &Caller, request: GetVersionRequest) -> Result<GetVersionResponse, Status> {
    let name: VersionRef = decode::name("name", &request.name)?;
    caller.about(&name).await?;
    let version = api.metadata.find_version(name).await.map_err(status)?;
    Ok(GetVersionResponse { version: Some(encode::version(version)) })
}

pub(super) async fn list(api: &PackageApi, caller: &Caller, request: ListVersionsRequest) -> Result<ListVersionsResponse, Status> {
    let shown = [(request.show_hidden, "hidden"), (request.show_deleted, "deleted")];
    let [hidden, deleted] = shown.map(|(shown, word)| if shown { word } else { "" });
    let listing = Listing::of("ListVersions", &[&request.parent, &request.filter, &request.order_by, hidden, deleted]);
    let parent: PackagesRef = decode::name("parent", &request.parent)?;
    caller.about(&parent).await?;
    let (order, descending) = decode::order(&request.order_by, ORDERS)?;
    let order = if order == VersionOrder::Version && parent.package.is_none() { VersionOrder::Package } else { order };
    let ends = ends!(request);
    let page = between(listing.page(request.page_size, &request.page_token)?, &listing, &ends)?;
    let filter = decode::filter(&request.filter)?;
    let list = VersionList { filter, order, descending, show_hidden: request.show_hidden, page };
    let wanted = ListVersions { parent, list, show_deleted: request.show_deleted };
    let found = api.metadata.list_versions(wanted).await.map_err(status)?;
    let (next_page_token, entry_tokens) = listing.tokens(&found, &ends, |version| order.cursor(version).to_string());
    let versions = judged(caller, found.items, request.judge_deletion).await?;
    Ok(ListVersionsResponse { versions, next_page_token, entry_tokens })
}

pub(super) async fn update(api: &PackageApi, caller: &Caller, request: UpdateVersionRequest) -> Result<UpdateVersionResponse, Status> {
    let new = decode::present("version", request.version)?;
    let mask = decode::mask(request.update_mask, &["hidden", "labels", "description"])?;
    let name: VersionRef = decode::name("version.name", &new.name)?;
    let wanted = UpdateVersion {
        principal: caller.about(&name).await?,
        name,
        etag: decode::etag(&new.etag)?,
        hidden: mask.changed("hidden", new.hidden, || Ok(new.hidden))?,
        description: mask.changed("description", !new.description.is_empty(), || decode::text("version.description", &new.description))?,
        labels: mask.changed("labels", !new.labels.is_empty(), || decode::labels("version.labels", new.labels))?,
        request_id: decode::request_id(&request.request_id)?,
    };
    let version = api.metadata.update_version(wanted).await.map_err(status)?;
    let sequence = version.sequence;
    Ok(UpdateVersionResponse { version: Some(encode::version(version)), sequence })
}

pub(super) async fn publish(api: &PackageApi, caller: &Caller, request: PublishVersionRequest) -> Result<PublishVersionResponse, Status> {
    let version_name = format!("{}/versions/{}", request.parent, request.version_id);
    let media_types: usize = request.files.iter().map(|file| file.media_type.len()).max().unwrap_or_default();
    let longest = format!("{version_name}{}", " ".repeat(media_types));
    decode::answerable("files", &longest, request.files.iter().map(|file| file.path.as_str()))?;
    if request.tag_ids.len() > MAX_TAGS {
        return Err(invalid("tag_ids", Reason::ArgumentInvalid, format!("at most {MAX_TAGS} tags")));
    }
    let PackageRef { project, package } = decode::name("parent", &request.parent)?;
    let version = VersionRef { project, package, version: decode::name("version_id", &request.version_id)? };
    let publish = PublishVersion {
        principal: caller.about(&version).await?,
        version: version.clone(),
        files: publish_files(&api.notes, &request.files)?,
        mode: match (request.default_mode, request.keep_open) {
            (true, _) => PublishMode::BySettings,
            (false, true) => PublishMode::KeepOpen,
            (false, false) => PublishMode::Seal,
        },
        hidden: request.hidden,
        tags: request.tag_ids.iter().map(|tag| decode::name("tag_ids", tag)).collect::<Result<_, _>>()?,
        labels: decode::labels("labels", request.labels)?,
        keep_identical: request.keep_identical,
        expected_content: decode::digest("expected_content_digest", &request.expected_content_digest)?,
        request_id: decode::request_id(&request.request_id)?,
        validate_only: request.validate_only,
    };
    let published = api.metadata.publish_version(publish).await.map_err(status)?;
    Ok(PublishVersionResponse {
        files: published.files.into_iter().map(|file| encode::file(file, &version)).collect(),
        sequence: published.version.sequence,
        version: Some(encode::version(published.version)),
        replayed: published.replayed,
    })
}

pub(super) async fn delete(api: &PackageApi, caller: &Caller, request: DeleteVersionRequest) -> Result<DeleteVersionResponse, Status> {
    let name: VersionRef = decode::name("name", &request.name)?;
    let wanted = DeleteVersion {
        principal: caller.about(&name).await?,
        name,
        etag: decode::etag(&request.etag)?,
        force: force(request.force),
        request_id: decode::request_id(&request.request_id)?,
        validate_only: request.validate_only,
    };
    let version = api.metadata.delete_version(wanted).await.map_err(status)?;
    let sequence = version.sequence;
    Ok(DeleteVersionResponse { version: Some(encode::version(version)), sequence })
}

pub(super) async fn undelete(
    api: &PackageApi,
    caller: &Caller,
    request: UndeleteVersionRequest,
) -> Result<UndeleteVersionResponse, Status> {
    let name: VersionRef = decode::name("name", &request.name)?;
    let principal = caller.about(&name).await?;
    let wanted = UndeleteVersion { principal, name, request_id: decode::request_id(&request.request_id)? };
    let version = api.metadata.undelete_version(wanted).await.map_err(status)?;
    let sequence = version.sequence;
    Ok(UndeleteVersionResponse { version: Some(encode::version(version)), sequence })
}

pub(super) async fn yank(api: &PackageApi, caller: &Caller, request: YankVersionRequest) -> Result<YankVersionResponse, Status> {
    let YankVersionRequest { name, reason, etag, request_id } = request;
    let verb = (Verb::Yank, needed_reason(&reason)?);
    let version = change_state(api, caller, &name, verb, &etag, &request_id).await?;
    Ok(YankVersionResponse { sequence: version.sequence, version: Some(encode::version(version)) })
}

pub(super) async fn unyank(api: &PackageApi, caller: &Caller, request: UnyankVersionRequest) -> Result<UnyankVersionResponse, Status> {
    let UnyankVersionRequest { name, reason, etag, request_id } = request;
    let verb = (Verb::Unyank, decode::text("reason", &reason)?);
    let version = change_state(api, caller, &name, verb, &etag, &request_id).await?;
    Ok(UnyankVersionResponse { sequence: version.sequence, version: Some(encode::version(version)) })
}

pub(super) async fn quarantine(
    api: &PackageApi,
    caller: &Caller,
    request: QuarantineVersionRequest,
) -> Result<QuarantineVersionResponse, Status> {
    let QuarantineVersionRequest { name, reason, etag, request_id } = request;
    let verb = (Verb::Quarantine, needed_reason(&reason)?);
    let version = change_state(api, caller, &name, verb, &etag, &request_id).await?;
    Ok(QuarantineVersionResponse { sequence: version.sequence, version: Some(encode::version(version)) })
}

pub(super) async fn release(api: &PackageApi, caller: &Caller, request: ReleaseVersionRequest) -> Result<ReleaseVersionResponse, Status> {
    let ReleaseVersionRequest { name, reason, etag, request_id } = request;
    let verb = (Verb::Release, needed_reason(&reason)?);
    let version = change_state(api, caller, &name, verb, &etag, &request_id).await?;
    Ok(ReleaseVersionResponse { sequence: version.sequence, version: Some(encode::version(version)) })
}

async fn change_state(
    api: &PackageApi,
    caller: &Caller,
    name: &str,
    (verb, reason): (Verb, Description),
    etag: &str,
    request_id: &str,
) -> Result<Version, Status> {
    let name: VersionRef = decode::name("name", name)?;
    let (etag, request_id) = (decode::etag(etag)?, decode::request_id(request_id)?);
    let principal = caller.about(&name).await?;
    api.metadata.change_state(ChangeState { principal, name, verb, reason, etag, request_id }).await.map_err(status)
}

/// A page of versions, with whether the caller may delete each, if that is asked.
pub(super) async fn judged(caller: &Caller, versions: Vec<Version>, is_asked: bool) -> Result<Vec<wire::Version>, Status> {
    let deletable = if is_asked { caller.deletable(&versions).await? } else { HashSet::new() };
    let version = |version: Version| wire::Version { deletable: deletable.contains(&version.id), ..encode::version(version) };
    Ok(versions.into_iter().map(version).collect())
}
