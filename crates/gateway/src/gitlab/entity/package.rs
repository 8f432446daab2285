//! Packages, which are versions here, and their files.

use consign_client::Published;
use consign_proto::metadata::version::State;
use consign_proto::metadata::{self as wire, File, Version};
use consign_types::Digest;
use percent_encoding::utf8_percent_encode;
use schemars::JsonSchema;
use serde::de::IntoDeserializer;
use serde::de::value::Error;
use serde::{Deserialize, Serialize};

use super::{Time, UNRESERVED, in_address};

/// A package.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Package {
    id: i64,
    name: String,
    version: String,
    #[serde(rename = "package_type")]
    kind: &'static str,
    status: Status,
    #[serde(rename = "_links")]
    links: Links,
    created_at: Option<Time>,
    last_downloaded_at: Option<Time>,
    /// The user who published its first file, or for whom the token of a project or group acts that did; `null` where that was a deploy
    /// token or a job.
    creator_id: Option<i64>,
    tags: Vec<String>,
    /// In lists of a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    project_id: Option<i64>,
    /// In lists of a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    project_path: Option<String>,
    /// The other versions of the same name; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    versions: Option<Vec<OtherVersion>>,
}

/// Where a package is found, and deleted.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PackageLinks")]
struct Links {
    /// For packages that are shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    web_path: Option<String>,
    /// For those who may delete it, if nothing keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    delete_api_path: Option<String>,
}

/// Another version, as an answer about one names it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PackageVersion")]
struct OtherVersion {
    id: i64,
    version: String,
    created_at: Option<Time>,
    tags: Vec<String>,
    pipelines: Vec<Pipeline>,
}

/// A run of CI. There are none here.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Pipeline {}

impl Package {
    pub(crate) fn of(version: &Version, origin: &str, project: &wire::Project) -> Self {
        let status = Status::of(version);
        Self {
            id: version.id,
            name: version.package.clone(),
            version: version.version.clone(),
            kind: "generic",
            status,
            links: Links {
                web_path: status.is_shown().then(|| format!("/{}/-/packages/{}", project.path, version.id)),
                delete_api_path: version.deletable.then(|| format!("{origin}/api/v4/projects/{}/packages/{}", project.id, version.id)),
            },
            created_at: version.create_time.map(Time::from),
            last_downloaded_at: version.last_download_time.map(Time::from),
            creator_id: Some(version.creator_id).filter(|id| *id != 0),
            tags: Vec::new(),
            project_id: None,
            project_path: None,
            versions: None,
        }
    }

    /// The same with the project that it is in.
    pub(crate) fn within(self, project: &wire::Project) -> Self {
        Self { project_id: Some(project.id), project_path: Some(project.path.clone()), ..self }
    }

    /// The same with other versions.
    pub(crate) fn beside<'a>(self, others: impl Iterator<Item = &'a Version>) -> Self {
        let other = |version: &Version| OtherVersion {
            id: version.id,
            version: version.version.clone(),
            created_at: version.create_time.map(Time::from),
            tags: Vec::new(),
            pipelines: Vec::new(),
        };
        Self { versions: Some(others.map(other).collect()), ..self }
    }
}

/// How GitLab tells where a package stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, async_graphql::Enum)]
#[graphql(name = "PackageStatus")]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "PackageStatus")]
pub(crate) enum Status {
    Default,
    Hidden,
    Processing,
    Error,
    PendingDestruction,
    Deprecated,
}

impl Status {
    pub(crate) fn named(name: &str) -> Option<Self> {
        let name: serde::de::value::StrDeserializer<'_, Error> = name.into_deserializer();
        Self::deserialize(name).ok()
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

/// A file of a package, as lists have it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ListedPackageFile")]
pub(crate) struct ListedFile {
    id: i64,
    package_id: i64,
    created_at: Option<Time>,
    file_name: String,
    size: i64,
    file_md5: Option<String>,
    file_sha1: Option<String>,
    file_sha256: Option<String>,
}

impl From<&File> for ListedFile {
    fn from(file: &File) -> Self {
        let blob = file.blob.clone().unwrap_or_default();
        Self {
            id: file.id,
            package_id: file.version_id,
            created_at: file.create_time.map(Time::from),
            file_name: file_name(&file.path),
            size: blob.size_bytes,
            file_md5: None,
            file_sha1: None,
            file_sha256: Digest::try_from(blob.sha256.as_ref()).map(|digest| digest.to_string()).ok(),
        }
    }
}

/// The record that `select=package_file` answers. GitLab shows its database row; clients read `id`, `size`, `file_name`,
/// `file_sha256` and `file.url` of it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PackageFile {
    #[serde(flatten)]
    listed: ListedFile,
    updated_at: Option<Time>,
    file_store: i32,
    file: Place,
    verification_retry_at: Option<Time>,
    verified_at: Option<Time>,
    verification_failure: Option<String>,
    verification_retry_count: Option<i64>,
    verification_checksum: Option<String>,
    verification_state: i32,
    verification_started_at: Option<Time>,
    new_file_path: Option<String>,
    status: Status,
}

/// Where a file is fetched.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PackageFilePlace")]
struct Place {
    url: String,
}

impl From<&Published> for PackageFile {
    fn from(Published { file, version, .. }: &Published) -> Self {
        Self {
            listed: file.into(),
            updated_at: file.create_time.map(Time::from),
            file_store: 1,
            file: Place { url: download_path(version, &file.path) },
            verification_retry_at: None,
            verified_at: None,
            verification_failure: None,
            verification_retry_count: None,
            verification_checksum: None,
            verification_state: 0,
            verification_started_at: None,
            new_file_path: None,
            status: Status::Default,
        }
    }
}

/// Where a file of a package is fetched.
pub(crate) fn download_path(version: &Version, path: &str) -> String {
    let (project, path) = (project_id(&version.name), in_address(path));
    format!("/api/v4/projects/{project}/packages/generic/{}/{}/{path}", version.package, version.version)
}

/// The number of the project in the name of a version: 7 of `projects/7/packages/…`.
pub(crate) fn project_id(version: &str) -> i64 {
    version.split('/').nth(1).and_then(|id| id.parse().ok()).unwrap_or_default()
}

/// GitLab stores a file that has folders under its percent-encoded path, and shows it so.
fn file_name(path: &str) -> String {
    if path.contains('/') { utf8_percent_encode(path, UNRESERVED).to_string() } else { path.to_owned() }
}
