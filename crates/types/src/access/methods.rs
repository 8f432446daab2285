//! What each method of the metadata plane needs: the one table.

use super::{Need, Role, Scope};

/// What a method needs, by its full name such as `consign.metadata.v1.TagService/GetTag`; `None` for one that has no row.
pub fn need(method: &str) -> Option<Need> {
    let (_, name) = method.rsplit_once('.')?;
    TABLE.iter().find(|(row, _)| *row == name).map(|(_, need)| *need)
}

const fn row(method: &'static str, role: Role, scope: Scope) -> (&'static str, Need) {
    (method, Need { role, scope })
}

/// A method, the least role, the scope.
const TABLE: &[(&str, Need)] = &[
    row("ProjectService/CreateNamespace", Role::Admin, Scope::Admin),
    row("ProjectService/GetNamespace", Role::Reporter, Scope::Read),
    row("ProjectService/ListNamespaces", Role::Reporter, Scope::Read),
    row("ProjectService/DeleteNamespace", Role::Admin, Scope::Admin),
    row("ProjectService/CreateProject", Role::Admin, Scope::Admin),
    row("ProjectService/GetProject", Role::Guest, Scope::Read),
    row("ProjectService/ListProjects", Role::Guest, Scope::Read),
    row("ProjectService/UpdateProject", Role::Owner, Scope::Admin),
    row("ProjectService/DeleteProject", Role::Owner, Scope::Delete),
    row("ProjectService/UndeleteProject", Role::Owner, Scope::Delete),
    row("ProjectService/GetSettings", Role::Reporter, Scope::Read),
    row("ProjectService/UpdateSettings", Role::Owner, Scope::Admin),
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
    row("FileService/PrepareUploads", Role::Developer, Scope::Publish),
    row("FileService/CommitFiles", Role::Developer, Scope::Publish),
    row("FileService/PrepareDownloads", Role::Reporter, Scope::Read),
    row("FileService/GetFile", Role::Reporter, Scope::Read),
    row("FileService/ListFiles", Role::Reporter, Scope::Read),
    row("FileService/DeleteFile", Role::Maintainer, Scope::Delete),
    row("FileService/UndeleteFile", Role::Maintainer, Scope::Delete),
    row("FileService/GetFileChecksums", Role::Reporter, Scope::Read),
    row("TagService/CreateTag", Role::Developer, Scope::Publish),
    row("TagService/GetTag", Role::Reporter, Scope::Read),
    row("TagService/ListTags", Role::Reporter, Scope::Read),
    row("TagService/UpdateTag", Role::Developer, Scope::Publish),
    row("TagService/DeleteTag", Role::Developer, Scope::Delete),
    row("TagService/BatchUpdateTags", Role::Developer, Scope::Publish),
    row("TagService/ListTagHistory", Role::Reporter, Scope::Read),
    row("TagService/RestoreTag", Role::Developer, Scope::Publish),
    row("TagService/CreateTagRule", Role::Maintainer, Scope::Admin),
    row("TagService/ListTagRules", Role::Reporter, Scope::Read),
    row("TagService/UpdateTagRule", Role::Maintainer, Scope::Admin),
    row("TagService/DeleteTagRule", Role::Maintainer, Scope::Admin),
    row("TagService/TestTagRule", Role::Reporter, Scope::Read),
    row("TokenService/CreateToken", Role::Maintainer, Scope::Admin),
    row("TokenService/ListTokens", Role::Maintainer, Scope::Admin),
    row("TokenService/RevokeToken", Role::Maintainer, Scope::Admin),
    row("TokenService/RotateToken", Role::Maintainer, Scope::Admin),
    row("TokenService/WhoAmI", Role::Guest, Scope::Read),
    row("AuditService/ListAuditEntries", Role::Maintainer, Scope::Admin),
    row("AuditService/GetCheckpoint", Role::Maintainer, Scope::Admin),
    row("AuditService/VerifyChain", Role::Maintainer, Scope::Admin),
];
