//! Changing a version: what every operation that changes one has in common.

use consign_types::ContentDigest;
use consign_types::label::Labels;
use consign_types::resource::VersionRef;
use consign_types::text::Etag;
use consign_types::version::VersionState;
use serde::Serialize;

use super::change::Change;
use super::{etag_of, package, version_in};
use crate::connection::Db;
use crate::tables::packages::{self, Package};
use crate::tables::version_row::{Version, VersionRow};
use crate::tables::{labels, versions};
use crate::{Error, Result};

/// What watchers are told of a version at once.
#[derive(Serialize)]
pub(super) struct Facts {
    state: VersionState,
    /// Of one that is sealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_digest: Option<ContentDigest>,
    /// How many files the change added.
    #[serde(skip_serializing_if = "Option::is_none")]
    added_files: Option<usize>,
}

impl Facts {
    pub(super) fn of(version: &VersionRow) -> Self {
        Self { state: version.state, content_digest: version.content_digest, added_files: None }
    }

    pub(super) fn adding(self, files: usize) -> Self {
        Self { added_files: Some(files), ..self }
    }
}

/// The version and its package as they are.
pub(super) fn find(db: &mut Db, change: &Change<'_>, name: &VersionRef, etag: Option<&Etag>) -> Result<(Package, Version)> {
    let package = match package(db, change.project.id, &name.package()) {
        Err(Error::PackageNotFound(_)) => return Err(Error::VersionNotFound(name.clone())),
        package => package?,
    };
    let version = version_in(db, &package, name)?;
    etag_of(etag, &version.etag(), name)?;
    Ok((package, version))
}

/// Ends the change of a version.
pub(super) fn write(db: &mut Db, change: Change<'_>, package: &Package, mut version: Version, old: &Labels) -> Result<Version> {
    let (sequence, now) = (change.counters.sequence, change.now);
    version.row.settle(package.version_scheme, sequence, now);
    let change = change.telling(&Facts::of(&version.row));
    let mut batch = change.batch(db, &version, Vec::new());
    versions::update(&mut batch, &version.row);
    packages::update(&mut batch, &Package { sequence, updated_at: now, ..package.clone() });
    if *old != version.row.labels {
        labels::put_for_version(db, &mut batch, version.id, old, &version.row.labels)?;
    }
    batch.send(db)?;
    Ok(version)
}

/// Adds a version to the counters of its package, or takes it from them.
pub(super) fn count(package: &mut Package, version: &Version, sign: i64) {
    package.version_count += if version.counts() { sign } else { 0 };
    package.file_count += sign * version.row_count;
    package.size_bytes += sign * version.row_bytes;
}
