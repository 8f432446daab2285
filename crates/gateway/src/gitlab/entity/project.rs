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
    created_at: Option<Time>,
    last_activity_at: Option<Time>,
    web_url: String,
    namespace: Namespace,
    #[serde(flatten)]
    details: Option<Details>,
}

/// What is left out where a project is told in short.
#[derive(Debug, Serialize, JsonSchema)]
struct Details {
    /// `private`, `internal` or `public`.
    visibility: &'static str,
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
    /// The role that the caller was given in the project itself.
    project_access: Option<Access>,
    /// The highest role that the caller was given in the groups around it.
    group_access: Option<Access>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ProjectAccess")]
struct Access {
    access_level: AccessLevel,
    notification_level: i32,
}

impl Project {
    /// All of it.
    pub(crate) fn of(found: &wire::Project, origin: &str) -> Self {
        let access = |role| Access { access_level: AccessLevel::from(role), notification_level: 3 };
        let details = Details {
            visibility: match found.visibility() {
                Visibility::Internal => "internal",
                Visibility::Public => "public",
                Visibility::Private | Visibility::Unspecified => "private",
            },
            packages_enabled: true,
            archived: false,
            permissions: Permissions {
                project_access: found.project_role().known().map(access),
                group_access: found.namespace_role().known().map(access),
            },
        };
        Self { details: Some(details), ..Self::simple(found, origin) }
    }

    /// Its names, its place and its times.
    pub(crate) fn simple(found: &wire::Project, origin: &str) -> Self {
        let (namespace, path) = found.path.rsplit_once('/').unwrap_or(("", &found.path));
        let namespace_name = namespace.rsplit('/').next().unwrap_or_default().to_owned();
        Self {
            id: found.id,
            name: found.display_name.clone(),
            path: path.to_owned(),
            path_with_namespace: found.path.clone(),
            name_with_namespace: format!("{} / {}", namespace.replace('/', " / "), found.display_name),
            description: found.description.clone(),
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
            details: None,
        }
    }
}
