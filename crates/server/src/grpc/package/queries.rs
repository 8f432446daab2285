//! Questions over versions: which one fits, how two differ, which there are, and which hold these bytes.

use consign_metadata::{CompareVersions, FindByDigest, ResolveVersion, SearchVersions, VersionList, VersionOrder};
use consign_proto::metadata::{
    CompareVersionsRequest, CompareVersionsResponse, FindByDigestRequest, FindByDigestResponse, ResolveVersionRequest,
    ResolveVersionResponse, SearchVersionsRequest, SearchVersionsResponse,
};
use consign_proto::status::{invalid, status};
use consign_types::Reason;
use consign_types::resource::{PackageRef, ProjectRef, VersionRef};
use tonic::Status;

use super::PackageApi;
use super::versions::judged;
use super::words::selector;
use crate::auth::Caller;
use crate::grpc::page::{Listing, between, ends, skipping};
use crate::grpc::{decode, encode};

const SEARCH_ORDERS: &[(&str, VersionOrder)] = &[
    ("publish_time", VersionOrder::PublishTime),
    ("create_time", VersionOrder::CreateTime),
    ("package", VersionOrder::Package),
    ("version", VersionOrder::Version),
    ("project", VersionOrder::Project),
    ("project_path", VersionOrder::ProjectPath),
];

/// What the filters of a search may name; lists take more.
const SEARCH_FIELDS: &[&str] =
    &["id", "package", "version", "state", "hidden", "creator", "labels", "create_time", "publish_time", "namespace_id"];

pub(super) async fn resolve(api: &PackageApi, caller: &Caller, request: ResolveVersionRequest) -> Result<ResolveVersionResponse, Status> {
    let package: PackageRef = decode::name("parent", &request.parent)?;
    caller.about(&package).await?;
    let selector = selector(decode::present("selector", request.selector)?)?;
    let path = decode::optional("path", &request.path, decode::path)?;
    let wanted = ResolveVersion { package: package.clone(), selector, include_prerelease: request.include_prerelease, path };
    let resolved = api.metadata.resolve_version(wanted).await.map_err(status)?;
    let package = PackageRef { project: ProjectRef::Id(resolved.version.project_id), ..package };
    let name = VersionRef { project: package.project.clone(), package: package.package.clone(), version: resolved.version.version.clone() };
    Ok(ResolveVersionResponse {
        version: Some(encode::version(resolved.version)),
        files: resolved.files.into_iter().map(|file| encode::file(file, &name)).collect(),
        files_truncated: resolved.more_files,
        skipped_versions: resolved.skipped.into_iter().map(|skipped| encode::skipped(skipped, &package)).collect(),
        sequence: resolved.sequence,
    })
}

pub(super) async fn compare(api: &PackageApi, caller: &Caller, request: CompareVersionsRequest) -> Result<CompareVersionsResponse, Status> {
    let listing = Listing::of("CompareVersions", &[&request.base, &request.target]);
    let (base, target): (VersionRef, VersionRef) = (decode::name("base", &request.base)?, decode::name("target", &request.target)?);
    caller.about(&base).await?;
    caller.about(&target).await?;
    let wanted = CompareVersions { base, target, page: listing.page(request.page_size, &request.page_token)? };
    let found = api.metadata.compare_versions(wanted).await.map_err(status)?;
    let next_page_token = listing.next(&found.differences, |difference| difference.path.to_string());
    Ok(CompareVersionsResponse {
        differences: found.differences.map(encode::difference).items,
        next_page_token,
        added_count: found.added,
        removed_count: found.removed,
        changed_count: found.changed,
        shared_bytes: found.shared_bytes,
        new_bytes: found.new_bytes,
    })
}

pub(super) async fn search(api: &PackageApi, caller: &Caller, request: SearchVersionsRequest) -> Result<SearchVersionsResponse, Status> {
    let hidden = if request.show_hidden { "hidden" } else { "" };
    let listing = Listing::of("SearchVersions", &[&request.parent, &request.filter, &request.order_by, hidden]);
    let (order, descending) = decode::order(&request.order_by, SEARCH_ORDERS)?;
    let filter = decode::filter(&request.filter)?;
    if let Some(field) = filter.as_ref().and_then(|filter| filter.fields().into_iter().find(|field| !SEARCH_FIELDS.contains(field))) {
        return Err(invalid("filter", Reason::FilterInvalid, format!("there is no field `{field}` to search by")));
    }
    let ends = ends!(request);
    let page = skipping(listing.page(request.page_size, &request.page_token)?, request.skip, request.count)?;
    let list = VersionList {
        filter,
        order,
        descending: descending || request.order_by.is_empty(),
        show_hidden: request.show_hidden,
        page: between(page, &listing, &ends)?,
    };
    let within = caller.within(decode::name("parent", &request.parent)?).await?;
    let found = api.metadata.search_versions(SearchVersions { within, list }).await.map_err(status)?;
    let (next_page_token, entry_tokens) = listing.tokens(&found, &ends, |version| order.cursor(version).to_string());
    let total_size = found.total.unwrap_or_default();
    let versions = judged(caller, found.items, request.judge_deletion).await?;
    Ok(SearchVersionsResponse { versions, next_page_token, total_size, entry_tokens })
}

pub(super) async fn find_by_digest(
    api: &PackageApi,
    caller: &Caller,
    request: FindByDigestRequest,
) -> Result<FindByDigestResponse, Status> {
    let digest = decode::present("sha256", decode::digest("sha256", &request.sha256)?)?;
    let listing = Listing::of("FindByDigest", &[&request.parent, &format!("{digest}")]);
    let page = listing.page(request.page_size, &request.page_token)?;
    let wanted = FindByDigest { within: caller.within(decode::name("parent", &request.parent)?).await?, digest, page };
    let found = api.metadata.find_by_digest(wanted).await.map_err(status)?;
    let next_page_token = listing.next(&found, |file| file.cursor().to_string());
    Ok(FindByDigestResponse { files: found.map(encode::located_file).items, next_page_token })
}
