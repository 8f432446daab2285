//! `consign.metadata.v1.PackageService`.

mod protection;
mod words;

use std::collections::HashSet;

use consign_metadata::{
    ChangeState, CompareVersions, CreateVersion, DeletePackage, DeleteVersion, FindByDigest, ListPackages, ListVersions, Metadata,
    PackageOrder, PublishMode, PublishVersion, ResolveVersion, SearchVersions, UndeletePackage, UndeleteVersion, UpdatePackage,
    UpdateVersion, Version, VersionList, VersionOrder,
};
use consign_proto::metadata::package_service_server::PackageService;
use consign_proto::metadata::{
    self as wire, CompareVersionsRequest, CompareVersionsResponse, CreateProtectionRuleRequest, CreateProtectionRuleResponse,
    CreateVersionRequest, CreateVersionResponse, DeletePackageRequest, DeletePackageResponse, DeleteProtectionRuleRequest,
    DeleteProtectionRuleResponse, DeleteVersionRequest, DeleteVersionResponse, FindByDigestRequest, FindByDigestResponse,
    GetPackageRequest, GetPackageResponse, GetVersionRequest, GetVersionResponse, ListPackagesRequest, ListPackagesResponse,
    ListProtectionRulesRequest, ListProtectionRulesResponse, ListVersionsRequest, ListVersionsResponse, PublishVersionRequest,
    PublishVersionResponse, QuarantineVersionRequest, QuarantineVersionResponse, ReleaseVersionRequest, ReleaseVersionResponse,
    ResolveVersionRequest, ResolveVersionResponse, SearchVersionsRequest, SearchVersionsResponse, UndeletePackageRequest,
    UndeletePackageResponse, UndeleteVersionRequest, UndeleteVersionResponse, UnyankVersionRequest, UnyankVersionResponse,
    UpdatePackageRequest, UpdatePackageResponse, UpdateProtectionRuleRequest, UpdateProtectionRuleResponse, UpdateVersionRequest,
    UpdateVersionResponse, YankVersionRequest, YankVersionResponse,
};
use consign_proto::status::{invalid, status};
use consign_types::Reason;
use consign_types::resource::{PackageRef, PackagesRef, ProjectRef, VersionRef};
use consign_types::text::Description;
use consign_types::version::Verb;
use tonic::{Request, Response, Status};

use super::page::{Listing, between, ends, skipping};
use super::project::force;
use super::{decode, encode};
use words::{needed_reason, selector, version_scheme};

pub(super) use words::publish_files;

use crate::auth::{Caller, caller};
use crate::notes::Notes;

/// How many tags one publish may move.
const MAX_TAGS: usize = 100;

/// The service, over the metadata plane.
#[derive(Clone, Debug)]
pub(crate) struct PackageApi {
    pub(crate) metadata: Metadata,
    pub(crate) notes: Notes,
}

const PACKAGE_ORDERS: &[(&str, PackageOrder)] = &[
    ("package_id", PackageOrder::Name),
    ("create_time", PackageOrder::CreateTime),
    ("update_time", PackageOrder::UpdateTime),
    ("size_bytes", PackageOrder::Size),
];

const VERSION_ORDERS: &[(&str, VersionOrder)] = &[
    ("version", VersionOrder::Version),
    ("id", VersionOrder::Id),
    ("create_time", VersionOrder::CreateTime),
    ("publish_time", VersionOrder::PublishTime),
];

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

#[tonic::async_trait]
impl PackageService for PackageApi {
    async fn get_package(&self, request: Request<GetPackageRequest>) -> Result<Response<GetPackageResponse>, Status> {
        let caller = caller(&request)?;
        let name: PackageRef = decode::name("name", &request.get_ref().name)?;
        caller.about(&name).await?;
        let package = self.metadata.find_package(name).await.map_err(status)?;
        Ok(Response::new(GetPackageResponse { package: Some(encode::package(package)) }))
    }

    async fn list_packages(&self, request: Request<ListPackagesRequest>) -> Result<Response<ListPackagesResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let deleted = if request.show_deleted { "deleted" } else { "" };
        let listing = Listing::of("ListPackages", &[&request.parent, &request.filter, &request.order_by, deleted]);
        let (order, descending) = decode::order(&request.order_by, PACKAGE_ORDERS)?;
        let wanted = ListPackages {
            within: caller.within(decode::name("parent", &request.parent)?).await?,
            filter: decode::filter(&request.filter)?,
            order,
            descending,
            show_deleted: request.show_deleted,
            page: listing.page(request.page_size, &request.page_token)?,
        };
        let found = self.metadata.list_packages(wanted).await.map_err(status)?;
        let next_page_token = listing.next(&found, |view| order.cursor(&view.package).to_string());
        Ok(Response::new(ListPackagesResponse { packages: found.map(encode::package).items, next_page_token }))
    }

    async fn update_package(&self, request: Request<UpdatePackageRequest>) -> Result<Response<UpdatePackageResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let new = decode::present("package", request.package)?;
        let mask = decode::mask(request.update_mask, &["labels", "description", "version_scheme"])?;
        let name: PackageRef = decode::name("package.name", &new.name)?;
        let wanted = UpdatePackage {
            principal: caller.about(&name).await?,
            name,
            etag: decode::etag(&new.etag)?,
            description: mask
                .changed("description", !new.description.is_empty(), || decode::text("package.description", &new.description))?,
            version_scheme: mask.changed("version_scheme", new.version_scheme != 0, || version_scheme(new.version_scheme))?,
            labels: mask.changed("labels", !new.labels.is_empty(), || decode::labels("package.labels", new.labels))?,
            request_id: decode::request_id(&request.request_id)?,
        };
        let package = self.metadata.update_package(wanted).await.map_err(status)?;
        let sequence = package.package.sequence;
        Ok(Response::new(UpdatePackageResponse { package: Some(encode::package(package)), sequence }))
    }

    async fn delete_package(&self, request: Request<DeletePackageRequest>) -> Result<Response<DeletePackageResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let name: PackageRef = decode::name("name", &request.name)?;
        let wanted = DeletePackage {
            principal: caller.about(&name).await?,
            name,
            etag: decode::etag(&request.etag)?,
            force: force(request.force),
            request_id: decode::request_id(&request.request_id)?,
            validate_only: request.validate_only,
        };
        let package = self.metadata.delete_package(wanted).await.map_err(status)?;
        let (version_count, sequence) = (package.package.version_count, package.package.sequence);
        Ok(Response::new(DeletePackageResponse { package: Some(encode::package(package)), version_count, sequence }))
    }

    async fn undelete_package(&self, request: Request<UndeletePackageRequest>) -> Result<Response<UndeletePackageResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let name: PackageRef = decode::name("name", &request.name)?;
        let principal = caller.about(&name).await?;
        let wanted = UndeletePackage { principal, name, request_id: decode::request_id(&request.request_id)? };
        let package = self.metadata.undelete_package(wanted).await.map_err(status)?;
        let sequence = package.package.sequence;
        Ok(Response::new(UndeletePackageResponse { package: Some(encode::package(package)), sequence }))
    }

    async fn create_version(&self, request: Request<CreateVersionRequest>) -> Result<Response<CreateVersionResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let PackageRef { project, package } = decode::name("parent", &request.parent)?;
        let name = VersionRef { project, package, version: decode::name("version_id", &request.version_id)? };
        let wanted = CreateVersion {
            principal: caller.about(&name).await?,
            name,
            labels: decode::labels("labels", request.labels)?,
            description: decode::text("description", &request.description)?,
            request_id: decode::request_id(&request.request_id)?,
        };
        let version = self.metadata.create_version(wanted).await.map_err(status)?;
        let sequence = version.sequence;
        Ok(Response::new(CreateVersionResponse { version: Some(encode::version(version)), sequence }))
    }

    async fn get_version(&self, request: Request<GetVersionRequest>) -> Result<Response<GetVersionResponse>, Status> {
        let caller = caller(&request)?;
        let name: VersionRef = decode::name("name", &request.get_ref().name)?;
        caller.about(&name).await?;
        let version = self.metadata.find_version(name).await.map_err(status)?;
        Ok(Response::new(GetVersionResponse { version: Some(encode::version(version)) }))
    }

    async fn list_versions(&self, request: Request<ListVersionsRequest>) -> Result<Response<ListVersionsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let shown = [(request.show_hidden, "hidden"), (request.show_deleted, "deleted")];
        let [hidden, deleted] = shown.map(|(shown, word)| if shown { word } else { "" });
        let listing = Listing::of("ListVersions", &[&request.parent, &request.filter, &request.order_by, hidden, deleted]);
        let parent: PackagesRef = decode::name("parent", &request.parent)?;
        caller.about(&parent).await?;
        let (order, descending) = decode::order(&request.order_by, VERSION_ORDERS)?;
        let order = if order == VersionOrder::Version && parent.package.is_none() { VersionOrder::Package } else { order };
        let ends = ends!(request);
        let page = between(listing.page(request.page_size, &request.page_token)?, &listing, &ends)?;
        let filter = decode::filter(&request.filter)?;
        let list = VersionList { filter, order, descending, show_hidden: request.show_hidden, page };
        let wanted = ListVersions { parent, list, show_deleted: request.show_deleted };
        let found = self.metadata.list_versions(wanted).await.map_err(status)?;
        let (next_page_token, entry_tokens) = listing.tokens(&found, &ends, |version| order.cursor(version).to_string());
        let versions = judged(&caller, found.items, request.judge_deletion).await?;
        Ok(Response::new(ListVersionsResponse { versions, next_page_token, entry_tokens }))
    }

    async fn update_version(&self, request: Request<UpdateVersionRequest>) -> Result<Response<UpdateVersionResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let new = decode::present("version", request.version)?;
        let mask = decode::mask(request.update_mask, &["hidden", "labels", "description"])?;
        let name: VersionRef = decode::name("version.name", &new.name)?;
        let wanted = UpdateVersion {
            principal: caller.about(&name).await?,
            name,
            etag: decode::etag(&new.etag)?,
            hidden: mask.changed("hidden", new.hidden, || Ok(new.hidden))?,
            description: mask
                .changed("description", !new.description.is_empty(), || decode::text("version.description", &new.description))?,
            labels: mask.changed("labels", !new.labels.is_empty(), || decode::labels("version.labels", new.labels))?,
            request_id: decode::request_id(&request.request_id)?,
        };
        let version = self.metadata.update_version(wanted).await.map_err(status)?;
        let sequence = version.sequence;
        Ok(Response::new(UpdateVersionResponse { version: Some(encode::version(version)), sequence }))
    }

    async fn publish_version(&self, request: Request<PublishVersionRequest>) -> Result<Response<PublishVersionResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
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
            files: publish_files(&self.notes, &request.files)?,
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
        let published = self.metadata.publish_version(publish).await.map_err(status)?;
        Ok(Response::new(PublishVersionResponse {
            files: published.files.into_iter().map(|file| encode::file(file, &version)).collect(),
            sequence: published.version.sequence,
            version: Some(encode::version(published.version)),
            replayed: published.replayed,
        }))
    }

    async fn delete_version(&self, request: Request<DeleteVersionRequest>) -> Result<Response<DeleteVersionResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let name: VersionRef = decode::name("name", &request.name)?;
        let wanted = DeleteVersion {
            principal: caller.about(&name).await?,
            name,
            etag: decode::etag(&request.etag)?,
            force: force(request.force),
            request_id: decode::request_id(&request.request_id)?,
            validate_only: request.validate_only,
        };
        let version = self.metadata.delete_version(wanted).await.map_err(status)?;
        let sequence = version.sequence;
        Ok(Response::new(DeleteVersionResponse { version: Some(encode::version(version)), sequence }))
    }

    async fn undelete_version(&self, request: Request<UndeleteVersionRequest>) -> Result<Response<UndeleteVersionResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let name: VersionRef = decode::name("name", &request.name)?;
        let principal = caller.about(&name).await?;
        let wanted = UndeleteVersion { principal, name, request_id: decode::request_id(&request.request_id)? };
        let version = self.metadata.undelete_version(wanted).await.map_err(status)?;
        let sequence = version.sequence;
        Ok(Response::new(UndeleteVersionResponse { version: Some(encode::version(version)), sequence }))
    }

    async fn yank_version(&self, request: Request<YankVersionRequest>) -> Result<Response<YankVersionResponse>, Status> {
        let caller = caller(&request)?;
        let YankVersionRequest { name, reason, etag, request_id } = request.into_inner();
        let verb = (Verb::Yank, needed_reason(&reason)?);
        let version = self.change_state(&caller, &name, verb, &etag, &request_id).await?;
        Ok(Response::new(YankVersionResponse { sequence: version.sequence, version: Some(encode::version(version)) }))
    }

    async fn unyank_version(&self, request: Request<UnyankVersionRequest>) -> Result<Response<UnyankVersionResponse>, Status> {
        let caller = caller(&request)?;
        let UnyankVersionRequest { name, reason, etag, request_id } = request.into_inner();
        let verb = (Verb::Unyank, decode::text("reason", &reason)?);
        let version = self.change_state(&caller, &name, verb, &etag, &request_id).await?;
        Ok(Response::new(UnyankVersionResponse { sequence: version.sequence, version: Some(encode::version(version)) }))
    }

    async fn quarantine_version(&self, request: Request<QuarantineVersionRequest>) -> Result<Response<QuarantineVersionResponse>, Status> {
        let caller = caller(&request)?;
        let QuarantineVersionRequest { name, reason, etag, request_id } = request.into_inner();
        let verb = (Verb::Quarantine, needed_reason(&reason)?);
        let version = self.change_state(&caller, &name, verb, &etag, &request_id).await?;
        Ok(Response::new(QuarantineVersionResponse { sequence: version.sequence, version: Some(encode::version(version)) }))
    }

    async fn release_version(&self, request: Request<ReleaseVersionRequest>) -> Result<Response<ReleaseVersionResponse>, Status> {
        let caller = caller(&request)?;
        let ReleaseVersionRequest { name, reason, etag, request_id } = request.into_inner();
        let verb = (Verb::Release, needed_reason(&reason)?);
        let version = self.change_state(&caller, &name, verb, &etag, &request_id).await?;
        Ok(Response::new(ReleaseVersionResponse { sequence: version.sequence, version: Some(encode::version(version)) }))
    }

    async fn resolve_version(&self, request: Request<ResolveVersionRequest>) -> Result<Response<ResolveVersionResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let package: PackageRef = decode::name("parent", &request.parent)?;
        caller.about(&package).await?;
        let selector = selector(decode::present("selector", request.selector)?)?;
        let path = decode::optional("path", &request.path, decode::path)?;
        let wanted = ResolveVersion { package: package.clone(), selector, include_prerelease: request.include_prerelease, path };
        let resolved = self.metadata.resolve_version(wanted).await.map_err(status)?;
        let package = PackageRef { project: ProjectRef::Id(resolved.version.project_id), ..package };
        let name =
            VersionRef { project: package.project.clone(), package: package.package.clone(), version: resolved.version.version.clone() };
        Ok(Response::new(ResolveVersionResponse {
            version: Some(encode::version(resolved.version)),
            files: resolved.files.into_iter().map(|file| encode::file(file, &name)).collect(),
            files_truncated: resolved.more_files,
            skipped_versions: resolved.skipped.into_iter().map(|skipped| encode::skipped(skipped, &package)).collect(),
            sequence: resolved.sequence,
        }))
    }

    async fn compare_versions(&self, request: Request<CompareVersionsRequest>) -> Result<Response<CompareVersionsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let listing = Listing::of("CompareVersions", &[&request.base, &request.target]);
        let (base, target): (VersionRef, VersionRef) = (decode::name("base", &request.base)?, decode::name("target", &request.target)?);
        caller.about(&base).await?;
        caller.about(&target).await?;
        let wanted = CompareVersions { base, target, page: listing.page(request.page_size, &request.page_token)? };
        let found = self.metadata.compare_versions(wanted).await.map_err(status)?;
        let next_page_token = listing.next(&found.differences, |difference| difference.path.to_string());
        Ok(Response::new(CompareVersionsResponse {
            differences: found.differences.map(encode::difference).items,
            next_page_token,
            added_count: found.added,
            removed_count: found.removed,
            changed_count: found.changed,
            shared_bytes: found.shared_bytes,
            new_bytes: found.new_bytes,
        }))
    }

    async fn search_versions(&self, request: Request<SearchVersionsRequest>) -> Result<Response<SearchVersionsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
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
        let found = self.metadata.search_versions(SearchVersions { within, list }).await.map_err(status)?;
        let (next_page_token, entry_tokens) = listing.tokens(&found, &ends, |version| order.cursor(version).to_string());
        let total_size = found.total.unwrap_or_default();
        let versions = judged(&caller, found.items, request.judge_deletion).await?;
        Ok(Response::new(SearchVersionsResponse { versions, next_page_token, total_size, entry_tokens }))
    }

    async fn find_by_digest(&self, request: Request<FindByDigestRequest>) -> Result<Response<FindByDigestResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let digest = decode::present("sha256", decode::digest("sha256", &request.sha256)?)?;
        let listing = Listing::of("FindByDigest", &[&request.parent, &format!("{digest}")]);
        let page = listing.page(request.page_size, &request.page_token)?;
        let wanted = FindByDigest { within: caller.within(decode::name("parent", &request.parent)?).await?, digest, page };
        let found = self.metadata.find_by_digest(wanted).await.map_err(status)?;
        let next_page_token = listing.next(&found, |file| file.cursor().to_string());
        Ok(Response::new(FindByDigestResponse { files: found.map(encode::located_file).items, next_page_token }))
    }

    async fn create_protection_rule(
        &self,
        request: Request<CreateProtectionRuleRequest>,
    ) -> Result<Response<CreateProtectionRuleResponse>, Status> {
        let rule = protection::create(&self.metadata, &caller(&request)?, request.into_inner()).await?;
        Ok(Response::new(CreateProtectionRuleResponse { protection_rule: Some(rule) }))
    }

    async fn list_protection_rules(
        &self,
        request: Request<ListProtectionRulesRequest>,
    ) -> Result<Response<ListProtectionRulesResponse>, Status> {
        protection::list(&self.metadata, &caller(&request)?, request.into_inner()).await.map(Response::new)
    }

    async fn update_protection_rule(
        &self,
        request: Request<UpdateProtectionRuleRequest>,
    ) -> Result<Response<UpdateProtectionRuleResponse>, Status> {
        let rule = protection::update(&self.metadata, &caller(&request)?, request.into_inner()).await?;
        Ok(Response::new(UpdateProtectionRuleResponse { protection_rule: Some(rule) }))
    }

    async fn delete_protection_rule(
        &self,
        request: Request<DeleteProtectionRuleRequest>,
    ) -> Result<Response<DeleteProtectionRuleResponse>, Status> {
        protection::delete(&self.metadata, &caller(&request)?, request.into_inner()).await?;
        Ok(Response::new(DeleteProtectionRuleResponse {}))
    }
}

/// A page of versions, with whether the caller may delete each, if that is asked.
async fn judged(caller: &Caller, versions: Vec<Version>, is_asked: bool) -> Result<Vec<wire::Version>, Status> {
    let deletable = if is_asked { caller.deletable(&versions).await? } else { HashSet::new() };
    let version = |version: Version| wire::Version { deletable: deletable.contains(&version.id), ..encode::version(version) };
    Ok(versions.into_iter().map(version).collect())
}

impl PackageApi {
    async fn change_state(
        &self,
        caller: &Caller,
        name: &str,
        (verb, reason): (Verb, Description),
        etag: &str,
        request_id: &str,
    ) -> Result<Version, Status> {
        let name: VersionRef = decode::name("name", name)?;
        let (etag, request_id) = (decode::etag(etag)?, decode::request_id(request_id)?);
        let principal = caller.about(&name).await?;
        self.metadata.change_state(ChangeState { principal, name, verb, reason, etag, request_id }).await.map_err(status)
    }
}
