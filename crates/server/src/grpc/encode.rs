//! Rows to messages.

use std::collections::HashMap;

use bytes::Bytes;
use consign_metadata::{
    Difference, File, LocatedFile, MovedTag, Namespace, PackageView, PlacedTag, Project, SettingsView, SkipReason, Skipped, TagRule,
    TagSpan, Usage, Version,
};
use consign_proto::metadata::{self as wire, version::State};
use consign_proto::timestamp;
use consign_types::access::Role;
use consign_types::label::Labels;
use consign_types::order::VersionScheme;
use consign_types::pattern::NamePattern;
use consign_types::resource::{FileRef, NamespaceRef, PackageRef, ProjectRef, TagRef, TagRuleRef, VersionRef};
use consign_types::settings::{DedupScope, DuplicateSetting, Settings, VersionMode};
use consign_types::tag::Action;
use consign_types::version::{VersionState, Visibility};
use consign_types::{ContentDigest, Digest, PackageName, VersionName};

fn labels(labels: &Labels) -> HashMap<String, String> {
    labels.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

fn content(digest: &ContentDigest) -> Bytes {
    Bytes::copy_from_slice(digest.as_bytes())
}

pub(super) fn namespace(row: Namespace) -> wire::Namespace {
    wire::Namespace {
        name: NamespaceRef::Path(row.path.clone()).to_string(),
        id: row.id,
        path: row.path.to_string(),
        display_name: row.display_name.to_string(),
        create_time: Some(timestamp(row.created_at)),
        etag: row.etag(),
    }
}

pub(super) fn visibility(visibility: Visibility) -> wire::Visibility {
    match visibility {
        Visibility::Private => wire::Visibility::Private,
        Visibility::Internal => wire::Visibility::Internal,
        Visibility::Public => wire::Visibility::Public,
    }
}

pub(super) fn project(row: Project) -> wire::Project {
    wire::Project {
        name: ProjectRef::Id(row.id).to_string(),
        id: row.id,
        path: row.path.to_string(),
        display_name: row.display_name.to_string(),
        description: row.description.to_string(),
        visibility: visibility(row.visibility).into(),
        namespace_id: row.namespace_id,
        create_time: Some(timestamp(row.created_at)),
        update_time: Some(timestamp(row.updated_at)),
        delete_time: row.deleted_at.map(timestamp),
        purge_time: row.purge_at.map(timestamp),
        etag: row.etag(),
    }
}

fn package_name(project: i64, package: &PackageName) -> PackageRef {
    PackageRef { project: ProjectRef::Id(project), package: package.clone() }
}

fn version_name(project: i64, package: &PackageName, version: &VersionName) -> VersionRef {
    VersionRef { project: ProjectRef::Id(project), package: package.clone(), version: version.clone() }
}

pub(super) fn package(view: PackageView) -> wire::Package {
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

pub(super) fn version(version: Version) -> wire::Version {
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
        etag: row.etag(),
        delete_time: row.deleted_at.map(timestamp),
        download_count: row.download_count,
        last_download_time: row.downloaded_at.map(timestamp),
    }
}

pub(super) fn located_file(located: LocatedFile) -> wire::File {
    let LocatedFile { file: row, package, version } = located;
    let name = version_name(row.project_id, &package, &version);
    file(row, &name)
}

pub(super) fn skipped(skipped: Skipped, package: &PackageRef) -> wire::SkippedVersion {
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

pub(super) fn difference(difference: Difference) -> wire::FileDifference {
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

/// A tag. `immutable` is what the rules say of it.
pub(super) fn tag(tag: PlacedTag) -> wire::Tag {
    let etag = tag.etag();
    let PlacedTag { row, package, version, immutable } = tag;
    wire::Tag {
        name: TagRef { package: package_name(row.project_id, &package), tag: row.tag.clone() }.to_string(),
        tag_id: row.tag.to_string(),
        version: version_name(row.project_id, &package, &version).to_string(),
        content_digest: content(&row.content_digest),
        immutable,
        actor: row.actor.to_string(),
        create_time: Some(timestamp(row.created_at)),
        update_time: Some(timestamp(row.updated_at)),
        etag,
        sequence: row.sequence,
    }
}

/// The name of the version that a moved tag pointed at before.
pub(super) fn previous(moved: &MovedTag) -> String {
    let version = moved.previous.as_ref();
    version.map(|version| version_name(moved.tag.row.project_id, &moved.tag.package, version).to_string()).unwrap_or_default()
}

pub(super) fn tag_span(span: TagSpan, package: &PackageName) -> wire::TagHistoryEntry {
    let TagSpan { began, ended_at } = span;
    let version = began.version.as_ref().map(|version| version_name(began.project_id, package, version).to_string());
    wire::TagHistoryEntry {
        version: version.unwrap_or_default(),
        content_digest: began.content_digest.as_ref().map(content).unwrap_or_default(),
        actor: began.actor.to_string(),
        reason: began.reason.to_string(),
        start_time: Some(timestamp(began.moved_at)),
        end_time: ended_at.map(timestamp),
        sequence: began.sequence,
    }
}

fn role(role: Option<Role>) -> i32 {
    let role = match role {
        None => wire::Role::Unspecified,
        Some(Role::Guest) => wire::Role::Guest,
        Some(Role::Reporter) => wire::Role::Reporter,
        Some(Role::Developer) => wire::Role::Developer,
        Some(Role::Maintainer) => wire::Role::Maintainer,
        Some(Role::Owner) => wire::Role::Owner,
        Some(Role::Admin) => wire::Role::Admin,
    };
    role.into()
}

pub(super) fn tag_rule(rule: TagRule) -> wire::TagRule {
    use wire::tag_rule::{Action as WireAction, Pattern};

    let etag = rule.etag();
    let text = rule.rule.tags.text().to_owned();
    let pattern = match rule.rule.tags {
        NamePattern::Glob(_) => Pattern::TagGlob(text),
        NamePattern::Regex(_) => Pattern::TagRegex(text),
    };
    let mut wire = wire::TagRule {
        name: TagRuleRef { project: ProjectRef::Id(rule.project_id), rule: rule.id }.to_string(),
        id: rule.id,
        pattern: Some(pattern),
        package_glob: rule.rule.packages.map(|pattern| pattern.text().to_owned()).unwrap_or_default(),
        description: rule.description.to_string(),
        create_time: Some(timestamp(rule.created_at)),
        update_time: Some(timestamp(rule.updated_at)),
        etag,
        ..wire::TagRule::default()
    };
    let action = match rule.rule.action {
        Action::Immutable => WireAction::Immutable,
        Action::Protected(protection) => {
            wire.protection = Some(wire::TagProtection {
                minimum_create_role: role(protection.create),
                minimum_move_role: role(protection.moving),
                minimum_delete_role: role(protection.delete),
            });
            WireAction::Protected
        }
        Action::Monotonic => WireAction::Monotonic,
        Action::Require(types) => {
            wire.predicate_types = types;
            WireAction::Require
        }
    };
    wire.set_action(action);
    wire
}

fn duplicate_policy(setting: DuplicateSetting) -> wire::DuplicatePolicy {
    let DuplicateSetting { allowed, exception, reject_identical } = setting;
    wire::DuplicatePolicy { allowed, exception_regex: exception, reject_identical }
}

fn settings(values: Settings) -> wire::Settings {
    let mode = values.default_version_mode.map_or(wire::VersionMode::Unspecified, |mode| match mode {
        VersionMode::Open => wire::VersionMode::Open,
        VersionMode::Sealed => wire::VersionMode::Sealed,
    });
    let scope = values.dedup_scope.map_or(wire::DedupScope::Unspecified, |scope| match scope {
        DedupScope::Readable => wire::DedupScope::Readable,
        DedupScope::Instance => wire::DedupScope::Instance,
    });
    wire::Settings {
        duplicate_policy: values.duplicate_policy.map(duplicate_policy),
        max_file_bytes: values.max_file_bytes,
        quota_bytes: values.quota_bytes,
        default_version_mode: mode.into(),
        visibility: values.visibility.map_or(wire::Visibility::Unspecified, visibility).into(),
        dedup_scope: scope.into(),
        ..wire::Settings::default()
    }
}

/// What is set at a scope, what is in force there, and where each value comes from.
pub(super) fn settings_view(view: SettingsView) -> (wire::Settings, wire::Settings, HashMap<String, String>) {
    let name = view.scope.to_string();
    let etag = view.own.etag();
    let update_time = view.own.updated_at.map(timestamp);
    let own = wire::Settings { name: name.clone(), update_time, etag, ..settings(view.own.values) };
    let in_force = Settings {
        duplicate_policy: Some(view.in_force.duplicate_policy),
        max_file_bytes: Some(view.in_force.max_file_bytes),
        quota_bytes: view.in_force.quota_bytes,
        default_version_mode: Some(view.in_force.default_version_mode),
        visibility: Some(view.in_force.visibility),
        dedup_scope: Some(view.in_force.dedup_scope),
    };
    let set = in_force.names();
    let origin = |name: &'static str| {
        let origin = view.origins.get(name).map_or("default", String::as_str);
        (name.to_owned(), origin.to_owned())
    };
    let origins = set.into_iter().map(origin).collect();
    (own, wire::Settings { name, ..settings(in_force) }, origins)
}

pub(super) fn usage(usage: Usage) -> wire::Usage {
    let package = |package: consign_metadata::Package| wire::PackageUsage {
        package: package_name(package.project_id, &package.name).to_string(),
        logical_bytes: package.size_bytes,
        file_count: package.file_count,
    };
    wire::Usage {
        name: usage.scope.to_string(),
        logical_bytes: usage.logical_bytes,
        stored_bytes: usage.stored_bytes,
        reserved_bytes: usage.reserved_bytes,
        file_count: usage.file_count,
        quota_bytes: usage.quota_bytes,
        top_packages: usage.top_packages.into_iter().map(package).collect(),
    }
}
