//! Projects.

use consign_proto::metadata::{self as wire, Visibility};
use schemars::JsonSchema;
use serde::Serialize;

use super::{AccessLevel, Time};

/// A project, as far as clients of packages read it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Project {
    id: i64,
    name: String,
    path: String,
    path_with_namespace: String,
    name_with_namespace: String,
    description: String,
    /// `private`, `internal` or `public`.
    visibility: &'static str,
    created_at: Option<Time>,
    last_activity_at: Option<Time>,
    web_url: String,
    namespace: Namespace,
    packages_enabled: bool,
    archived: bool,
    permissions: Permissions,
}

/// The group that a project is in.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ProjectNamespace")]
struct Namespace {
    id: i64,
    name: String,
    path: String,
    kind: &'static str,
    full_path: String,
    web_url: String,
}

/// What the caller may do in a project.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ProjectPermissions")]
struct Permissions {
    project_access: Option<Access>,
    /// Always `null`: what comes from a group is told as `project_access` too.
    group_access: Option<Access>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ProjectAccess")]
struct Access {
    access_level: AccessLevel,
    notification_level: i32,
}

impl Project {
    pub(crate) fn of(found: &wire::Project, origin: &str) -> Self {
        let (namespace, path) = found.path.rsplit_once('/').unwrap_or(("", &found.path));
        let namespace_name = namespace.rsplit('/').next().unwrap_or_default().to_owned();
        let access = |role| Access { access_level: AccessLevel::from(role), notification_level: 3 };
        Self {
            id: found.id,
            name: found.display_name.clone(),
            path: path.to_owned(),
            path_with_namespace: found.path.clone(),
            name_with_namespace: format!("{} / {}", namespace.replace('/', " / "), found.display_name),
            description: found.description.clone(),
            visibility: match found.visibility() {
                Visibility::Internal => "internal",
                Visibility::Public => "public",
                Visibility::Private | Visibility::Unspecified => "private",
            },
            created_at: found.create_time.map(Time::from),
            last_activity_at: found.update_time.map(Time::from),
            web_url: format!("{origin}/{}", found.path),
            namespace: Namespace {
                id: found.namespace_id,
                name: namespace_name.clone(),
                path: namespace_name,
                kind: "group",
                full_path: namespace.to_owned(),
                web_url: format!("{origin}/groups/{namespace}"),
            },
            packages_enabled: true,
            archived: false,
            permissions: Permissions { project_access: found.caller_role().known().map(access), group_access: None },
        }
    }
}
