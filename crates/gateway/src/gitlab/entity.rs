//! What GitLab's clients read: files and projects as JSON.

use consign_client::Published;
use consign_proto::metadata::{Project, ProtectionRule, Visibility};
use consign_proto::to_time;
use consign_types::Digest;
use consign_types::resource::{ProjectRef, ProtectionRuleRef};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// What Ruby's `URI.encode_uri_component` leaves as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The record that `select=package_file` answers. GitLab shows its database row; clients read `id`, `size`, `file_name`,
/// `file_sha256` and `file.url` of it.
pub(crate) fn package_file(published: &Published) -> Value {
    let (file, version) = (&published.file, &published.version);
    let blob = file.blob.clone().unwrap_or_default();
    let created = file.create_time.map(time);
    let url = format!("/api/v4/{}/packages/generic/{}/{}/{}", project(&version.name), version.package, version.version, file.path);
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
pub(crate) fn project_json(found: &Project) -> Value {
    let (namespace, path) = found.path.rsplit_once('/').unwrap_or(("", &found.path));
    let visibility = match found.visibility() {
        Visibility::Internal => "internal",
        Visibility::Public => "public",
        Visibility::Private | Visibility::Unspecified => "private",
    };
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
        "namespace": {
            "id": found.namespace_id,
            "name": namespace.rsplit('/').next(),
            "path": namespace.rsplit('/').next(),
            "kind": "group",
            "full_path": namespace,
        },
        "packages_enabled": true,
        "archived": false,
        "permissions": { "project_access": { "access_level": 50, "notification_level": 3 }, "group_access": null },
    })
}

/// GitLab stores a file that has folders under its percent-encoded path, and shows it so.
fn file_name(path: &str) -> String {
    if path.contains('/') { utf8_percent_encode(path, UNRESERVED).to_string() } else { path.to_owned() }
}

/// `projects/7` of `projects/7/packages/…`.
fn project(version: &str) -> &str {
    version.split("/packages/").next().unwrap_or_default()
}

/// RFC 3339 with milliseconds, as GitLab writes it.
fn time(time: prost_types::Timestamp) -> String {
    let instant = jiff::Timestamp::from_microsecond(to_time(time).as_micros()).unwrap_or_default();
    format!("{instant:.3}")
}
