//! What GitLab's clients read: the things there are, as JSON.

use std::collections::BTreeSet;

use consign_client::Published;
use consign_proto::metadata::release_link::Kind;
use consign_proto::metadata::version::State;
use consign_proto::metadata::{
    self as wire, File, Namespace, Project, ProtectionRule, Release, ReleaseLink, Token, User, Version, Visibility,
};
use consign_proto::to_time;
use consign_types::Digest;
use consign_types::access::{Role, Scope};
use consign_types::resource::{ProjectRef, ProtectionRuleRef};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::call::Call;

/// What Ruby's `URI.encode_uri_component` leaves as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The same, and `/`.
const IN_PATHS: &AsciiSet = &UNRESERVED.remove(b'/');

/// The record that `select=package_file` answers. GitLab shows its database row; clients read `id`, `size`, `file_name`,
/// `file_sha256` and `file.url` of it.
pub(crate) fn package_file(published: &Published) -> Value {
    let (file, version) = (&published.file, &published.version);
    let blob = file.blob.clone().unwrap_or_default();
    let created = file.create_time.map(time);
    let url = download_path(version, &file.path);
    json!({
        "id": file.id,
        "package_id": file.version_id,
        "created_at": created,
        "updated_at": created,
        "size": blob.size_bytes,
        "file_store": 1,
        "file_md5": null,
        "file_sha1": null,
        "file_name": file_name(&file.path),
        "file": { "url": url },
        "file_sha256": Digest::try_from(blob.sha256.as_ref()).map(|digest| digest.to_string()).ok(),
        "verification_retry_at": null,
        "verified_at": null,
        "verification_failure": null,
        "verification_retry_count": null,
        "verification_checksum": null,
        "verification_state": 0,
        "verification_started_at": null,
        "new_file_path": null,
        "status": "default",
    })
}

/// Where a file of a package is fetched.
pub(crate) fn download_path(version: &Version, path: &str) -> String {
    format!("/api/v4/projects/{}/packages/generic/{}/{}/{path}", project_id(&version.name), version.package, version.version)
}

/// A protection rule. An access level that it does not ask for is `null`.
pub(crate) fn protection_rule(rule: &ProtectionRule) -> Value {
    let name: Option<ProtectionRuleRef> = rule.name.parse().ok();
    let project = name.and_then(|name| match name.project {
        ProjectRef::Id(id) => Some(id),
        ProjectRef::Path(_) => None,
    });
    json!({
        "id": rule.id,
        "project_id": project,
        "package_name_pattern": rule.package_pattern,
        "package_type": "generic",
        "minimum_access_level_for_delete": rule.minimum_delete_role().known().map(|role| role.as_str()),
        "minimum_access_level_for_push": rule.minimum_publish_role().known().map(|role| role.as_str()),
    })
}

/// A project, as far as clients of packages read it.
pub(crate) fn project(found: &Project, origin: &str) -> Value {
    let (namespace, path) = found.path.rsplit_once('/').unwrap_or(("", &found.path));
    let visibility = match found.visibility() {
        Visibility::Internal => "internal",
        Visibility::Public => "public",
        Visibility::Private | Visibility::Unspecified => "private",
    };
    let access = found.caller_role().known().map(|role| json!({ "access_level": access_level(role), "notification_level": 3 }));
    let namespace_name = namespace.rsplit('/').next();
    json!({
        "id": found.id,
        "name": found.display_name,
        "path": path,
        "path_with_namespace": found.path,
        "name_with_namespace": format!("{} / {}", namespace.replace('/', " / "), found.display_name),
        "description": found.description,
        "visibility": visibility,
        "created_at": found.create_time.map(time),
        "last_activity_at": found.update_time.map(time),
        "web_url": format!("{origin}/{}", found.path),
        "namespace": {
            "id": found.namespace_id,
            "name": namespace_name,
            "path": namespace_name,
            "kind": "group",
            "full_path": namespace,
            "web_url": format!("{origin}/groups/{namespace}"),
        },
        "packages_enabled": true,
        "archived": false,
        "permissions": { "project_access": access, "group_access": null },
    })
}

/// A role as GitLab numbers it.
fn access_level(role: Role) -> i32 {
    match role {
        Role::Guest => 10,
        Role::Reporter => 20,
        Role::Developer => 30,
        Role::Maintainer => 40,
        Role::Owner | Role::Admin => 50,
    }
}

/// A group.
pub(crate) fn group(found: &Namespace, origin: &str) -> Value {
    json!({
        "id": found.id,
        "name": found.display_name,
        "path": found.path.rsplit('/').next(),
        "full_path": found.path,
        "full_name": found.path.replace('/', " / "),
        "parent_id": if found.parent_id == 0 { None } else { Some(found.parent_id) },
        "description": "",
        "visibility": "private",
        "created_at": found.create_time.map(time),
        "web_url": format!("{origin}/groups/{}", found.path),
    })
}

/// A user.
pub(crate) fn user(found: &User, origin: &str) -> Value {
    json!({
        "id": found.id,
        "username": found.username,
        "name": found.display_name,
        "state": if found.disabled { "blocked" } else { "active" },
        "locked": false,
        "avatar_url": null,
        "web_url": format!("{origin}/{}", found.username),
        "created_at": found.create_time.map(time),
        "email": found.email,
        "public_email": "",
        "bot": found.name.is_empty(),
        "is_admin": found.admin,
    })
}

/// How GitLab tells where a package stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, async_graphql::Enum)]
#[graphql(name = "PackageStatus")]
pub(crate) enum Status {
    Default,
    Hidden,
    Processing,
    Error,
    PendingDestruction,
    Deprecated,
}

impl Status {
    const NAMES: [(&str, Self); 6] = [
        ("default", Self::Default),
        ("hidden", Self::Hidden),
        ("processing", Self::Processing),
        ("error", Self::Error),
        ("pending_destruction", Self::PendingDestruction),
        ("deprecated", Self::Deprecated),
    ];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, status)| *status)
    }

    fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, status)| *status == self).map_or("default", |(name, _)| name)
    }

    /// That of a version: a yanked one is deprecated, a quarantined one has an error, a draft is being made.
    pub(crate) fn of(version: &Version) -> Self {
        match version.state() {
            _ if version.hidden => Self::Hidden,
            State::Unspecified | State::Open | State::Published => Self::Default,
            State::Draft => Self::Processing,
            State::Yanked => Self::Deprecated,
            State::Quarantined => Self::Error,
            State::Deleted => Self::PendingDestruction,
        }
    }

    /// Whether a package by itself is shown, with its files.
    pub(crate) fn is_shown(self) -> bool {
        matches!(self, Self::Default | Self::Deprecated)
    }
}

/// Whether the caller's role is one that deletes packages of a project.
pub(crate) fn may_destroy(project: &Project) -> bool {
    project.caller_role().known().is_some_and(|role| role >= Role::Maintainer)
}

/// A package.
pub(crate) fn package(version: &Version, origin: &str, project: &Project) -> Value {
    let status = Status::of(version);
    let mut links = json!({});
    if status.is_shown() {
        links["web_path"] = format!("/{}/-/packages/{}", project.path, version.id).into();
    }
    if may_destroy(project) {
        links["delete_api_path"] = format!("{origin}/api/v4/projects/{}/packages/{}", project.id, version.id).into();
    }
    json!({
        "id": version.id,
        "name": version.package,
        "version": version.version,
        "package_type": "generic",
        "status": status.name(),
        "_links": links,
        "created_at": version.create_time.map(time),
        "last_downloaded_at": version.last_download_time.map(time),
        "creator_id": null,
        "tags": [],
    })
}

/// Another version, as an answer about one names it.
pub(crate) fn other_version(version: &Version) -> Value {
    json!({ "id": version.id, "version": version.version, "created_at": version.create_time.map(time), "tags": [], "pipelines": [] })
}

/// A file of a package, as lists have it.
pub(crate) fn listed_file(file: &File) -> Value {
    let blob = file.blob.clone().unwrap_or_default();
    json!({
        "id": file.id,
        "package_id": file.version_id,
        "created_at": file.create_time.map(time),
        "file_name": file_name(&file.path),
        "size": blob.size_bytes,
        "file_md5": null,
        "file_sha1": null,
        "file_sha256": Digest::try_from(blob.sha256.as_ref()).map(|digest| digest.to_string()).ok(),
    })
}

/// A release. GitLab's has the commit and the sources too, which are not here.
pub(crate) fn release(release: &Release, call: &Call) -> Value {
    let links: Vec<Value> = release.links.iter().map(|link| release_link(link, &release.tag, call)).collect();
    let url = format!("{}{}/{}", call.origin(), call.prefix(4), utf8_percent_encode(&release.tag, UNRESERVED));
    let created = release.create_time.map(time);
    let released = release.release_time.map(time);
    json!({
        "tag_name": release.tag,
        "name": release.display_name,
        "description": release.description,
        "created_at": created,
        "released_at": released,
        "upcoming_release": release.upcoming,
        "author": { "username": release.creator, "name": release.creator },
        "milestones": [],
        "evidences": [],
        "assets": { "count": links.len(), "sources": [], "links": links },
        "_links": { "self": url },
    })
}

/// A link of a release.
pub(crate) fn release_link(link: &ReleaseLink, tag: &str, call: &Call) -> Value {
    let kind = match link.kind() {
        Kind::Unspecified | Kind::Other => "other",
        Kind::Runbook => "runbook",
        Kind::Image => "image",
        Kind::Package => "package",
    };
    let direct = match link.path.as_str() {
        "" => link.url.clone(),
        path => {
            let tag = utf8_percent_encode(tag, UNRESERVED);
            let path = utf8_percent_encode(path.trim_start_matches('/'), IN_PATHS);
            format!("{}{}/{tag}/downloads/{path}", call.origin(), call.prefix(4))
        }
    };
    json!({ "id": link.id, "name": link.display_name, "url": link.url, "direct_asset_url": direct, "link_type": kind })
}

/// A personal token, or one of a project or group, which has an access level. Its secret is told once.
pub(crate) fn token(token: &Token, user: Option<i64>, secret: Option<&str>) -> Value {
    let mut told = json!({
        "id": token.id,
        "name": token.display_name,
        "description": null,
        "revoked": token.revoke_time.is_some(),
        "active": token.revoke_time.is_none() && !is_over(token),
        "created_at": token.create_time.map(time),
        "last_used_at": token.last_use_time.map(time),
        "expires_at": token.expire_time.map(|end| time(end)[..10].to_owned()),
        "scopes": scopes(token),
        "user_id": user.unwrap_or(token.id),
    });
    if let Some(role) = token.role().known() {
        told["access_level"] = access_level(role).into();
    }
    if let Some(secret) = secret {
        told["token"] = secret.into();
    }
    told
}

/// A deploy token. Its secret is told once.
pub(crate) fn deploy_token(token: &Token, secret: Option<&str>) -> Value {
    let mut told = json!({
        "id": token.id,
        "name": token.display_name,
        "username": format!("gitlab+deploy-token-{}", token.id),
        "expires_at": token.expire_time.map(time),
        "revoked": token.revoke_time.is_some(),
        "expired": is_over(token),
        "scopes": scopes(token),
    });
    if let Some(secret) = secret {
        told["token"] = secret.into();
    }
    told
}

/// Whether a token's time is over.
#[expect(clippy::disallowed_methods, reason = "GitLab tells whether a token is expired as of the answer")]
fn is_over(token: &Token) -> bool {
    token.expire_time.is_some_and(|end| end.seconds <= jiff::Timestamp::now().as_second())
}

/// The scopes of a token: GitLab's words where there is one, else our own.
fn scopes(token: &Token) -> Vec<&'static str> {
    let scopes: BTreeSet<Scope> = token.scopes().filter_map(wire::Scope::known).collect();
    let is_deploy = token.kind() == wire::token::Kind::Deploy;
    if scopes.len() == Scope::ALL.len() {
        return vec!["api"];
    }
    let word = |scope: &Scope| match scope {
        Scope::Read if is_deploy => "read_package_registry",
        Scope::Publish if is_deploy => "write_package_registry",
        Scope::Read if scopes.len() == 1 => "read_api",
        scope => scope.as_str(),
    };
    scopes.iter().map(word).collect()
}

/// The number of the project in the name of a version: 7 of `projects/7/packages/…`.
pub(crate) fn project_id(version: &str) -> i64 {
    version.split('/').nth(1).and_then(|id| id.parse().ok()).unwrap_or_default()
}

/// GitLab stores a file that has folders under its percent-encoded path, and shows it so.
fn file_name(path: &str) -> String {
    if path.contains('/') { utf8_percent_encode(path, UNRESERVED).to_string() } else { path.to_owned() }
}

/// RFC 3339 with milliseconds, as GitLab writes it.
pub(crate) fn time(time: prost_types::Timestamp) -> String {
    let instant = jiff::Timestamp::from_microsecond(to_time(time).as_micros()).unwrap_or_default();
    format!("{instant:.3}")
}
