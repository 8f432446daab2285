//! Projects, namespaces, settings and usage.

use std::collections::HashMap;

use consign_metadata::{Namespace, Package, Principal, Project, SettingsView, Usage};
use consign_proto::metadata as wire;
use consign_proto::timestamp;
use consign_types::resource::{NamespaceRef, ProjectRef};
use consign_types::settings::{DedupScope, DuplicateSetting, Settings, VersionMode};

use super::tag::role;
use super::{package_name, visibility};

pub(in crate::grpc) fn namespace(row: Namespace) -> wire::Namespace {
    wire::Namespace {
        name: NamespaceRef::Path(row.path.clone()).to_string(),
        id: row.id,
        path: row.path.to_string(),
        display_name: row.display_name.to_string(),
        create_time: Some(timestamp(row.created_at)),
        etag: row.etag(),
        parent_id: row.parent_id.unwrap_or_default(),
    }
}

/// A project, with what the caller may do in it.
pub(in crate::grpc) fn project(row: Project, caller: &Principal) -> wire::Project {
    let (own, above) = caller.given_in(&row);
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
        caller_role: role(caller.role_in(&row)),
        project_role: role(own),
        namespace_role: role(above),
    }
}

fn duplicate_policy(setting: DuplicateSetting) -> wire::DuplicatePolicy {
    let DuplicateSetting { allowed, exception, reject_identical } = setting;
    wire::DuplicatePolicy { allowed: Some(allowed), exception_regex: exception, reject_identical }
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
        keep_revisions: values.keep_revisions.map(Into::into),
        ..wire::Settings::default()
    }
}

/// What is set at a scope, what is in force there, and where each value comes from.
pub(in crate::grpc) fn settings_view(view: SettingsView) -> (wire::Settings, wire::Settings, HashMap<String, String>) {
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
        keep_revisions: view.in_force.keep_revisions,
    };
    let set = in_force.names();
    let origin = |name: &'static str| {
        let origin = view.origins.get(name).map_or("default", String::as_str);
        (name.to_owned(), origin.to_owned())
    };
    let origins = set.into_iter().map(origin).collect();
    let (next_cleanup_time, cleanup_end_time) = (view.next_cleanup_at.map(timestamp), view.cleanup_ended_at.map(timestamp));
    (own, wire::Settings { name, next_cleanup_time, cleanup_end_time, ..settings(in_force) }, origins)
}

pub(in crate::grpc) fn usage(usage: Usage) -> wire::Usage {
    let package = |package: Package| wire::PackageUsage {
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
