//! Rows to messages.

mod attestation;
mod package;
mod project;
mod promotion;
mod stage;
mod tag;
mod token;
mod user;

use std::collections::HashMap;

use bytes::Bytes;
use consign_proto::metadata as wire;
use consign_types::label::Labels;
use consign_types::resource::{PackageRef, ProjectRef, VersionRef};
use consign_types::version::Visibility;
use consign_types::{ContentDigest, Digest, PackageName, VersionName};

pub(super) use attestation::{attestation, attestation_verdict, trusted_key};
pub(super) use package::{difference, file, located_file, package, skipped, version};
pub(super) use project::{namespace, project, settings_view, usage};
pub(super) use promotion::{drift, placement, promotion, promotion_name, stage_difference};
pub(super) use stage::stage;
pub(super) use tag::{previous, role, tag, tag_rule, tag_span};
pub(super) use token::{bot, patterns, token};
pub(super) use user::{member, user};

fn labels(labels: &Labels) -> HashMap<String, String> {
    labels.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

fn content(digest: &ContentDigest) -> Bytes {
    Bytes::copy_from_slice(digest.as_bytes())
}

fn visibility(visibility: Visibility) -> wire::Visibility {
    match visibility {
        Visibility::Private => wire::Visibility::Private,
        Visibility::Internal => wire::Visibility::Internal,
        Visibility::Public => wire::Visibility::Public,
    }
}

fn package_name(project: i64, package: &PackageName) -> PackageRef {
    PackageRef { project: ProjectRef::Id(project), package: package.clone() }
}

fn version_name(project: i64, package: &PackageName, version: &VersionName) -> VersionRef {
    VersionRef { project: ProjectRef::Id(project), package: package.clone(), version: version.clone() }
}

pub(in crate::grpc) fn blob(digest: &Digest, size: i64) -> wire::BlobRef {
    wire::BlobRef { sha256: Bytes::copy_from_slice(digest.as_bytes()), size_bytes: size }
}
