//! `consign.metadata.v1.PackageService`.

mod packages;
mod protection;
mod queries;
mod versions;
mod words;

use consign_metadata::Metadata;
use consign_proto::metadata::package_service_server::PackageService;
use consign_proto::metadata::{
    CompareVersionsRequest, CompareVersionsResponse, CreateProtectionRuleRequest, CreateProtectionRuleResponse, CreateVersionRequest,
    CreateVersionResponse, DeletePackageRequest, DeletePackageResponse, DeleteProtectionRuleRequest, DeleteProtectionRuleResponse,
    DeleteVersionRequest, DeleteVersionResponse, FindByDigestRequest, FindByDigestResponse, GetPackageRequest, GetPackageResponse,
    GetVersionRequest, GetVersionResponse, ListPackagesRequest, ListPackagesResponse, ListProtectionRulesRequest,
    ListProtectionRulesResponse, ListVersionsRequest, ListVersionsResponse, PublishVersionRequest, PublishVersionResponse,
    QuarantineVersionRequest, QuarantineVersionResponse, ReleaseVersionRequest, ReleaseVersionResponse, ResolveVersionRequest,
    ResolveVersionResponse, SearchVersionsRequest, SearchVersionsResponse, UndeletePackageRequest, UndeletePackageResponse,
    UndeleteVersionRequest, UndeleteVersionResponse, UnyankVersionRequest, UnyankVersionResponse, UpdatePackageRequest,
    UpdatePackageResponse, UpdateProtectionRuleRequest, UpdateProtectionRuleResponse, UpdateVersionRequest, UpdateVersionResponse,
    YankVersionRequest, YankVersionResponse,
};
use tonic::{Request, Response, Status};

use super::methods::methods;

pub(super) use words::publish_files;

use crate::notes::Notes;

/// The service, over the metadata plane.
#[derive(Clone, Debug)]
pub(crate) struct PackageApi {
    pub(crate) metadata: Metadata,
    pub(crate) notes: Notes,
}

methods! {
    PackageService for PackageApi;
    get_package: GetPackageRequest => GetPackageResponse = packages::get;
    list_packages: ListPackagesRequest => ListPackagesResponse = packages::list;
    update_package: UpdatePackageRequest => UpdatePackageResponse = packages::update;
    delete_package: DeletePackageRequest => DeletePackageResponse = packages::delete;
    undelete_package: UndeletePackageRequest => UndeletePackageResponse = packages::undelete;
    create_version: CreateVersionRequest => CreateVersionResponse = versions::create;
    get_version: GetVersionRequest => GetVersionResponse = versions::get;
    list_versions: ListVersionsRequest => ListVersionsResponse = versions::list;
    update_version: UpdateVersionRequest => UpdateVersionResponse = versions::update;
    publish_version: PublishVersionRequest => PublishVersionResponse = versions::publish;
    delete_version: DeleteVersionRequest => DeleteVersionResponse = versions::delete;
    undelete_version: UndeleteVersionRequest => UndeleteVersionResponse = versions::undelete;
    yank_version: YankVersionRequest => YankVersionResponse = versions::yank;
    unyank_version: UnyankVersionRequest => UnyankVersionResponse = versions::unyank;
    quarantine_version: QuarantineVersionRequest => QuarantineVersionResponse = versions::quarantine;
    release_version: ReleaseVersionRequest => ReleaseVersionResponse = versions::release;
    resolve_version: ResolveVersionRequest => ResolveVersionResponse = queries::resolve;
    compare_versions: CompareVersionsRequest => CompareVersionsResponse = queries::compare;
    search_versions: SearchVersionsRequest => SearchVersionsResponse = queries::search;
    find_by_digest: FindByDigestRequest => FindByDigestResponse = queries::find_by_digest;
    create_protection_rule: CreateProtectionRuleRequest => CreateProtectionRuleResponse = protection::create;
    list_protection_rules: ListProtectionRulesRequest => ListProtectionRulesResponse = protection::list;
    update_protection_rule: UpdateProtectionRuleRequest => UpdateProtectionRuleResponse = protection::update;
    delete_protection_rule: DeleteProtectionRuleRequest => DeleteProtectionRuleResponse = protection::delete;
}
