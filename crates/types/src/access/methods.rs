//! What each method of the metadata plane needs: the one table.

use super::{Need, Role, Scope};
use crate::resource::ScopeRef;
use crate::settings::SettingsChange;

/// What a method needs, by its full name such as `consign.metadata.v1.TagService/GetTag`; `None` for one that has no row.
pub fn need(method: &str) -> Option<Need> {
    let (_, name) = method.rsplit_once('.')?;
    TABLE.iter().find(|(row, _)| *row == name).map(|(_, need)| *need)
}

/// What it takes besides to put gates of a promotion aside.
pub const WAIVE: Need = Need { role: Role::Maintainer, scope: Scope::Admin };

/// What it takes besides to delete a namespace with what is in it.
pub const DELETE_WITHIN: Need = Need { role: Role::Owner, scope: Scope::Delete };

/// What it takes to change settings.
const CHANGE: Need = Need { role: Role::Owner, scope: Scope::Admin };

/// What it takes instead where nothing is said but how many files a project keeps: those who may delete them may say so.
const KEEP: Need = Need { role: Role::Maintainer, scope: Scope::Admin };

/// What it takes instead where it is about what the instance grants to its projects, or who may be told of whose bytes.
const ALLOT: Need = Need { role: Role::Admin, scope: Scope::Admin };

/// What it takes to make this change of settings.
pub fn need_to_change(scope: &ScopeRef, change: &SettingsChange) -> Need {
    let SettingsChange { duplicate_policy, max_file_bytes, quota_bytes, default_version_mode, visibility, dedup_scope, keep_revisions } =
        change;
    if max_file_bytes.is_some() || quota_bytes.is_some() || dedup_scope.is_some() {
        return ALLOT;
    }
    let is_other = duplicate_policy.is_some() || default_version_mode.is_some() || visibility.is_some();
    match scope {
        ScopeRef::Project(_) if keep_revisions.is_some() && !is_other => KEEP,
        _ => CHANGE,
    }
}

const fn row(method: &'static str, role: Role, scope: Scope) -> (&'static str, Need) {
    (method, Need { role, scope })
}

/// A method, the least role, the scope.
const TABLE: &[(&str, Need)] = &[
    row("ProjectService/CreateNamespace", Role::Owner, Scope::Admin),
    row("ProjectService/GetNamespace", Role::Guest, Scope::Read),
    row("ProjectService/ListNamespaces", Role::Guest, Scope::Read),
    row("ProjectService/DeleteNamespace", Role::Owner, Scope::Admin),
    row("ProjectService/CreateProject", Role::Maintainer, Scope::Admin),
    row("ProjectService/GetProject", Role::Guest, Scope::Read),
    row("ProjectService/ListProjects", Role::Guest, Scope::Read),
    row("ProjectService/UpdateProject", Role::Owner, Scope::Admin),
    row("ProjectService/DeleteProject", Role::Owner, Scope::Delete),
    row("ProjectService/UndeleteProject", Role::Owner, Scope::Delete),
    row("ProjectService/GetSettings", Role::Reporter, Scope::Read),
    row("ProjectService/UpdateSettings", CHANGE.role, CHANGE.scope),
    row("ProjectService/GetUsage", Role::Reporter, Scope::Read),
    row("PackageService/GetPackage", Role::Reporter, Scope::Read),
    row("PackageService/ListPackages", Role::Reporter, Scope::Read),
    row("PackageService/UpdatePackage", Role::Developer, Scope::Publish),
    row("PackageService/DeletePackage", Role::Maintainer, Scope::Delete),
    row("PackageService/UndeletePackage", Role::Maintainer, Scope::Delete),
    row("PackageService/CreateVersion", Role::Developer, Scope::Publish),
    row("PackageService/GetVersion", Role::Reporter, Scope::Read),
    row("PackageService/ListVersions", Role::Reporter, Scope::Read),
    row("PackageService/UpdateVersion", Role::Developer, Scope::Publish),
    row("PackageService/PublishVersion", Role::Developer, Scope::Publish),
    row("PackageService/DeleteVersion", Role::Maintainer, Scope::Delete),
    row("PackageService/UndeleteVersion", Role::Maintainer, Scope::Delete),
    row("PackageService/YankVersion", Role::Maintainer, Scope::Delete),
    row("PackageService/UnyankVersion", Role::Maintainer, Scope::Delete),
    row("PackageService/QuarantineVersion", Role::Maintainer, Scope::Delete),
    row("PackageService/ReleaseVersion", Role::Maintainer, Scope::Delete),
    row("PackageService/ResolveVersion", Role::Reporter, Scope::Read),
    row("PackageService/CompareVersions", Role::Reporter, Scope::Read),
    row("PackageService/SearchVersions", Role::Reporter, Scope::Read),
    row("PackageService/FindByDigest", Role::Reporter, Scope::Read),
    row("PackageService/CreateProtectionRule", Role::Maintainer, Scope::Admin),
    row("PackageService/ListProtectionRules", Role::Developer, Scope::Read),
    row("PackageService/UpdateProtectionRule", Role::Maintainer, Scope::Admin),
    row("PackageService/DeleteProtectionRule", Role::Maintainer, Scope::Admin),
    row("FileService/PrepareUploads", Role::Developer, Scope::Upload),
    row("FileService/CancelUploads", Role::Developer, Scope::Upload),
    row("FileService/CommitFiles", Role::Developer, Scope::Publish),
    row("FileService/PrepareDownloads", Role::Reporter, Scope::Read),
    row("FileService/GetFile", Role::Reporter, Scope::Read),
    row("FileService/ListFiles", Role::Reporter, Scope::Read),
    row("FileService/DeleteFile", Role::Maintainer, Scope::Delete),
    row("FileService/UndeleteFile", Role::Maintainer, Scope::Delete),
    row("FileService/GetFileChecksums", Role::Reporter, Scope::Read),
    row("TagService/CreateTag", Role::Developer, Scope::TagMove),
    row("TagService/GetTag", Role::Reporter, Scope::Read),
    row("TagService/ListTags", Role::Reporter, Scope::Read),
    row("TagService/UpdateTag", Role::Developer, Scope::TagMove),
    row("TagService/DeleteTag", Role::Developer, Scope::Delete),
    row("TagService/BatchUpdateTags", Role::Developer, Scope::TagMove),
    row("TagService/ListTagHistory", Role::Reporter, Scope::Read),
    row("TagService/RestoreTag", Role::Developer, Scope::TagMove),
    row("TagService/CreateTagRule", Role::Maintainer, Scope::Admin),
    row("TagService/ListTagRules", Role::Reporter, Scope::Read),
    row("TagService/UpdateTagRule", Role::Maintainer, Scope::Admin),
    row("TagService/DeleteTagRule", Role::Maintainer, Scope::Admin),
    row("TagService/TestTagRule", Role::Reporter, Scope::Read),
    row("TokenService/CreateToken", Role::Maintainer, Scope::Admin),
    row("TokenService/GetToken", Role::Maintainer, Scope::Admin),
    row("TokenService/ListTokens", Role::Maintainer, Scope::Admin),
    row("TokenService/RevokeToken", Role::Maintainer, Scope::Admin),
    row("TokenService/RotateToken", Role::Maintainer, Scope::Admin),
    row("TokenService/ExchangeToken", Role::Guest, Scope::Read),
    row("TokenService/CreateTrustRule", Role::Maintainer, Scope::Admin),
    row("TokenService/GetTrustRule", Role::Maintainer, Scope::Admin),
    row("TokenService/ListTrustRules", Role::Maintainer, Scope::Admin),
    row("TokenService/UpdateTrustRule", Role::Maintainer, Scope::Admin),
    row("TokenService/DeleteTrustRule", Role::Maintainer, Scope::Admin),
    row("TokenService/WhoAmI", Role::Guest, Scope::Read),
    row("TokenService/TestPermissions", Role::Guest, Scope::Read),
    row("UserService/CreateUser", Role::Admin, Scope::Admin),
    row("UserService/GetUser", Role::Guest, Scope::Read),
    row("UserService/ListUsers", Role::Guest, Scope::Read),
    row("UserService/UpdateUser", Role::Owner, Scope::Admin),
    row("UserService/CreateMember", Role::Owner, Scope::Admin),
    row("UserService/ListMembers", Role::Developer, Scope::Read),
    row("UserService/UpdateMember", Role::Owner, Scope::Admin),
    row("UserService/DeleteMember", Role::Owner, Scope::Admin),
    row("ReleaseService/CreateRelease", Role::Developer, Scope::Publish),
    row("ReleaseService/GetRelease", Role::Reporter, Scope::Read),
    row("ReleaseService/ListReleases", Role::Reporter, Scope::Read),
    row("ReleaseService/UpdateRelease", Role::Developer, Scope::Publish),
    row("ReleaseService/DeleteRelease", Role::Developer, Scope::Delete),
    row("ReleaseService/CreateReleaseLink", Role::Developer, Scope::Publish),
    row("ReleaseService/DeleteReleaseLink", Role::Developer, Scope::Delete),
    row("AuditService/ListAuditEntries", Role::Maintainer, Scope::AuditRead),
    row("AuditService/GetCheckpoint", Role::Maintainer, Scope::AuditRead),
    row("AuditService/VerifyChain", Role::Maintainer, Scope::AuditRead),
    row("EventService/WatchEvents", Role::Reporter, Scope::Read),
    row("EventService/ListEvents", Role::Reporter, Scope::Read),
    row("PromotionService/CreateStage", Role::Maintainer, Scope::Admin),
    row("PromotionService/GetStage", Role::Reporter, Scope::Read),
    row("PromotionService/ListStages", Role::Reporter, Scope::Read),
    row("PromotionService/UpdateStage", Role::Maintainer, Scope::Admin),
    row("PromotionService/DeleteStage", Role::Maintainer, Scope::Admin),
    row("PromotionService/CreatePromotion", Role::Developer, Scope::Promote),
    row("PromotionService/GetPromotion", Role::Reporter, Scope::Read),
    row("PromotionService/ListPromotions", Role::Reporter, Scope::Read),
    row("PromotionService/ReviewPromotion", Role::Reporter, Scope::Approve),
    row("PromotionService/ReportGate", Role::Reporter, Scope::Approve),
    row("PromotionService/CancelPromotion", Role::Developer, Scope::Promote),
    row("PromotionService/RollbackStage", Role::Developer, Scope::Promote),
    row("PromotionService/HoldStage", Role::Developer, Scope::Promote),
    row("PromotionService/ReleaseStage", Role::Developer, Scope::Promote),
    row("PromotionService/GetStageState", Role::Reporter, Scope::Read),
    row("PromotionService/CompareStages", Role::Reporter, Scope::Read),
    row("PromotionService/ListPlacements", Role::Reporter, Scope::Read),
    row("PromotionService/RecordDeployment", Role::Developer, Scope::Promote),
    row("AttestationService/CreateAttestation", Role::Developer, Scope::Attest),
    row("AttestationService/GetAttestation", Role::Reporter, Scope::Read),
    row("AttestationService/ListAttestations", Role::Reporter, Scope::Read),
    row("AttestationService/VerifyAttestations", Role::Reporter, Scope::Read),
    row("AttestationService/CreateTrustedKey", Role::Maintainer, Scope::Admin),
    row("AttestationService/GetTrustedKey", Role::Reporter, Scope::Read),
    row("AttestationService/ListTrustedKeys", Role::Reporter, Scope::Read),
    row("AttestationService/UpdateTrustedKey", Role::Maintainer, Scope::Admin),
    row("AttestationService/DeleteTrustedKey", Role::Maintainer, Scope::Admin),
];
