//! Packages, versions and files.

use consign_metadata::{Difference, File, LocatedFile, PackageView, SkipReason, Skipped, Version};
use consign_proto::metadata::{self as wire, version::State};
use consign_proto::timestamp;
use consign_types::Digest;
use consign_types::order::VersionScheme;
use consign_types::resource::{FileRef, PackageRef, ProjectRef, VersionRef};
use consign_types::version::VersionState;

use super::{blob, content, labels, package_name, version_name};

pub(in crate::grpc) fn package(view: PackageView) -> wire::Package {
    let PackageView { package: row, latest } = view;
    let scheme = match row.version_scheme {
        VersionScheme::Semver => wire::VersionScheme::Semver,
        VersionScheme::Dotted => wire::VersionScheme::Dotted,
        VersionScheme::PublishTime => wire::VersionScheme::PublishTime,
    };
    wire::Package {
        name: package_name(row.project_id, &row.name).to_string(),
        package_id: row.name.to_string(),
        description: row.description.to_string(),
        labels: labels(&row.labels),
        version_scheme: scheme.into(),
        version_count: row.version_count,
        size_bytes: row.size_bytes,
        latest_version: latest.map(|version| version_name(row.project_id, &row.name, &version).to_string()).unwrap_or_default(),
        create_time: Some(timestamp(row.created_at)),
        update_time: Some(timestamp(row.updated_at)),
        delete_time: row.deleted_at.map(timestamp),
        purge_time: row.purge_at.map(timestamp),
        etag: row.etag(),
    }
}

pub(in crate::grpc) fn version(version: Version) -> wire::Version {
    let etag = version.etag();
    let Version { row, package, tags } = version;
    let state = match row.state {
        VersionState::Draft => State::Draft,
        VersionState::Open => State::Open,
        VersionState::Published => State::Published,
        VersionState::Yanked => State::Yanked,
        VersionState::Quarantined => State::Quarantined,
        VersionState::Deleted => State::Deleted,
    };
    let (reason, actor) = match row.state {
        VersionState::Yanked => (row.yank_reason, row.yank_actor),
        VersionState::Quarantined => (row.quarantine_reason, row.quarantine_actor),
        _ => (None, None),
    };
    wire::Version {
        name: version_name(row.project_id, &package, &row.version).to_string(),
        id: row.id,
        state: state.into(),
        hidden: row.hidden,
        content_digest: row.content_digest.as_ref().map(content).unwrap_or_default(),
        labels: labels(&row.labels),
        package: package.to_string(),
        version: row.version.to_string(),
        file_count: row.file_count,
        size_bytes: row.size_bytes,
        create_time: Some(timestamp(row.created_at)),
        update_time: Some(timestamp(row.updated_at)),
        publish_time: row.published_at.map(timestamp),
        creator: row.creator.to_string(),
        etag,
        description: row.description.to_string(),
        delete_time: row.deleted_at.map(timestamp),
        purge_time: row.purge_at.map(timestamp),
        state_reason: reason.map(|reason| reason.to_string()).unwrap_or_default(),
        state_actor: actor.map(|actor| actor.to_string()).unwrap_or_default(),
        tag_ids: tags.iter().map(ToString::to_string).collect(),
        download_count: row.download_count,
        last_download_time: row.downloaded_at.map(timestamp),
        creator_id: row.creator_id.unwrap_or_default(),
        deletable: false,
    }
}

/// A file of the version of this name, which is brought to its canonical form by the project that the file is in.
pub(in crate::grpc) fn file(row: File, version: &VersionRef) -> wire::File {
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
        etag: row.etag(),
        delete_time: row.deleted_at.map(timestamp),
        download_count: row.download_count,
        last_download_time: row.downloaded_at.map(timestamp),
    }
}

pub(in crate::grpc) fn located_file(located: LocatedFile) -> wire::File {
    let LocatedFile { file: row, package, version } = located;
    let name = version_name(row.project_id, &package, &version);
    file(row, &name)
}

pub(in crate::grpc) fn skipped(skipped: Skipped, package: &PackageRef) -> wire::SkippedVersion {
    use wire::skipped_version::Reason;

    let (reason, words) = match skipped.reason {
        SkipReason::Hidden => (Reason::Hidden, "it is hidden"),
        SkipReason::Yanked => (Reason::Yanked, "it is yanked"),
        SkipReason::Quarantined => (Reason::Quarantined, "it is quarantined"),
        SkipReason::Prerelease => (Reason::Prerelease, "it is a prerelease"),
        SkipReason::OutOfRange => (Reason::OutOfRange, "it is outside of the range"),
        SkipReason::NotSemantic => (Reason::NotSemantic, "it is not a semantic version"),
    };
    let detail = if skipped.said.is_empty() { words.to_owned() } else { format!("{words}: {}", skipped.said) };
    let version = VersionRef { project: package.project.clone(), package: package.package.clone(), version: skipped.version };
    wire::SkippedVersion { version: version.to_string(), reason: reason.into(), detail }
}

pub(in crate::grpc) fn difference(difference: Difference) -> wire::FileDifference {
    use wire::file_difference::Kind;

    let kind = match (&difference.base, &difference.target) {
        (None, _) => Kind::Added,
        (Some(_), None) => Kind::Removed,
        (Some(_), Some(_)) => Kind::Changed,
    };
    let bytes = |bytes: (Digest, i64)| blob(&bytes.0, bytes.1);
    wire::FileDifference {
        path: difference.path.to_string(),
        kind: kind.into(),
        base: difference.base.map(bytes),
        target: difference.target.map(bytes),
    }
}
