//! Rows to messages.

use bytes::Bytes;
use consign_metadata::{File, Namespace, Project, Version};
use consign_proto::metadata::{self as wire, version::State};
use consign_proto::timestamp;
use consign_types::resource::{FileRef, NamespaceRef, ProjectRef, VersionRef};
use consign_types::version::{VersionState, Visibility};
use consign_types::{Digest, Timestamp};

fn etag(changed: Timestamp) -> String {
    format!("{:x}", changed.as_micros())
}

pub(super) fn namespace(row: Namespace) -> wire::Namespace {
    wire::Namespace {
        name: NamespaceRef::Path(row.path.clone()).to_string(),
        id: row.id,
        path: row.path.to_string(),
        display_name: row.display_name.to_string(),
        create_time: Some(timestamp(row.created_at)),
        etag: etag(row.created_at),
    }
}

pub(super) fn project(row: Project) -> wire::Project {
    let visibility = match row.visibility {
        Visibility::Private => wire::Visibility::Private,
        Visibility::Internal => wire::Visibility::Internal,
        Visibility::Public => wire::Visibility::Public,
    };
    wire::Project {
        name: ProjectRef::Id(row.id).to_string(),
        id: row.id,
        path: row.path.to_string(),
        display_name: row.display_name.to_string(),
        description: row.description.to_string(),
        visibility: visibility.into(),
        namespace_id: row.namespace_id,
        create_time: Some(timestamp(row.created_at)),
        update_time: Some(timestamp(row.updated_at)),
        etag: etag(row.updated_at),
        ..wire::Project::default()
    }
}

fn version_name(row: &Version) -> VersionRef {
    VersionRef { project: ProjectRef::Id(row.project_id), package: row.package.clone(), version: row.version.clone() }
}

pub(super) fn version(row: Version) -> wire::Version {
    let state = match row.state {
        VersionState::Draft => State::Draft,
        VersionState::Open => State::Open,
        VersionState::Published => State::Published,
        VersionState::Yanked => State::Yanked,
        VersionState::Quarantined => State::Quarantined,
        VersionState::Deleted => State::Deleted,
    };
    wire::Version {
        name: version_name(&row).to_string(),
        id: row.id,
        state: state.into(),
        hidden: row.hidden,
        content_digest: row.content_digest.map(|digest| Bytes::copy_from_slice(digest.as_bytes())).unwrap_or_default(),
        package: row.package.to_string(),
        version: row.version.to_string(),
        file_count: row.file_count,
        size_bytes: row.size_bytes,
        create_time: Some(timestamp(row.created_at)),
        update_time: Some(timestamp(row.updated_at)),
        publish_time: row.published_at.map(timestamp),
        creator: row.creator.to_string(),
        etag: etag(row.updated_at),
        ..wire::Version::default()
    }
}

pub(super) fn blob(digest: &Digest, size: i64) -> wire::BlobRef {
    wire::BlobRef { sha256: Bytes::copy_from_slice(digest.as_bytes()), size_bytes: size }
}

/// A file of the version of this name, which is brought to its canonical form by the project that the file is in.
pub(super) fn file(row: File, version: &VersionRef) -> wire::File {
    let version = VersionRef { project: ProjectRef::Id(row.project_id), ..version.clone() };
    wire::File {
        name: FileRef { version, path: row.path.clone() }.to_string(),
        id: row.id,
        version_id: row.version_id,
        path: row.path.to_string(),
        blob: Some(blob(&row.digest, row.size_bytes)),
        media_type: row.media_type.to_string(),
        revision: row.revision,
        create_time: Some(timestamp(row.created_at)),
        creator: row.creator.to_string(),
        etag: format!("{:x}", row.id),
        ..wire::File::default()
    }
}
