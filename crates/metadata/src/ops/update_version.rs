//! Changing a version that is there: what is said about it, and the state that it is in.

use consign_types::Timestamp;
use consign_types::label::Labels;
use consign_types::resource::VersionRef;
use consign_types::text::{Description, Etag, RequestId};
use consign_types::version::{Judgement, Verb};

use super::change::{Begun, Change, begin, call};
use super::idempotency::Fingerprint;
use super::{etag_of, package, version_in};
use crate::connection::Db;
use crate::tables::labels;
use crate::tables::packages::{self, Package};
use crate::tables::versions::{self, Version};
use crate::{Error, Metadata, Principal, Result};

/// A version to be described otherwise, hidden or shown; `None` stays.
#[derive(Clone, Debug)]
pub struct UpdateVersion {
    /// Who changes it.
    pub principal: Principal,
    /// The version.
    pub name: VersionRef,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// Whether it is left out of lists.
    pub hidden: Option<bool>,
    /// What is said about it.
    pub labels: Option<Labels>,
    /// What it is.
    pub description: Option<Description>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

/// A version that is to change its state.
#[derive(Clone, Debug)]
pub struct ChangeState {
    /// Who does it.
    pub principal: Principal,
    /// The version.
    pub name: VersionRef,
    /// What is done.
    pub verb: Verb,
    /// Why. A yank and a quarantine have a reason.
    pub reason: Description,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Describes a version otherwise, hides or shows it. `VersionNotFound`, `EtagMismatch`.
    pub async fn update_version(&self, request: UpdateVersion) -> Result<Version> {
        let now = self.now();
        self.pool.write(move |db| update(db, &request, now)).await
    }

    /// Yanks or quarantines a version, or takes that back. What was done before succeeds. `VersionNotFound`, `EtagMismatch`,
    /// `VersionStateConflict`.
    pub async fn change_state(&self, request: ChangeState) -> Result<Version> {
        let now = self.now();
        self.pool.write(move |db| change_state(db, &request, now)).await
    }
}

fn update(db: &mut Db, request: &UpdateVersion, now: Timestamp) -> Result<Version> {
    let wanted = (&request.name, &request.etag, request.hidden, &request.labels, &request.description);
    let call = call(&request.principal.name, "UpdateVersion", request.request_id.as_ref(), Fingerprint::new().shown(&wanted).finish(), now);
    let change = match begin(db, &request.name.project, &call)? {
        Begun::Done(shown) => return versions::get(db, shown[0]),
        Begun::New(change) => change,
    };
    let (package, mut version) = find(db, &change, &request.name, request.etag.as_ref())?;
    let before = version.row.labels.clone();
    version.row.hidden = request.hidden.unwrap_or(version.row.hidden);
    version.row.labels = request.labels.clone().unwrap_or(version.row.labels);
    version.row.description = request.description.clone().unwrap_or(version.row.description);
    write(db, change, &package, version, &before)
}

fn change_state(db: &mut Db, request: &ChangeState, now: Timestamp) -> Result<Version> {
    let wanted = (&request.name, request.verb, &request.reason, &request.etag);
    let call = call(&request.principal.name, "ChangeState", request.request_id.as_ref(), Fingerprint::new().shown(&wanted).finish(), now);
    let mut change = match begin(db, &request.name.project, &call)? {
        Begun::Done(shown) => return versions::get(db, shown[0]),
        Begun::New(change) => change,
    };
    let (package, mut version) = find(db, &change, &request.name, request.etag.as_ref())?;
    match version.state.judge(request.verb) {
        Judgement::Do => {}
        Judgement::Done => {
            change.batch_unchanged(db, [version.id]).send(db)?;
            return Ok(version);
        }
        Judgement::Conflict => return Err(Error::VersionStateConflict { version: request.name.clone(), state: version.state }),
    }
    let (reason, actor) = (Some(request.reason.clone()), Some(request.principal.name.clone()));
    match request.verb {
        Verb::Yank => (version.row.yank_reason, version.row.yank_actor) = (reason, actor),
        Verb::Unyank => (version.row.yank_reason, version.row.yank_actor) = (None, None),
        Verb::Quarantine => (version.row.quarantine_reason, version.row.quarantine_actor) = (reason, actor),
        Verb::Release => (version.row.quarantine_reason, version.row.quarantine_actor) = (None, None),
    }
    let labels = version.row.labels.clone();
    write(db, change, &package, version, &labels)
}

/// The version and its package as they are.
pub(super) fn find(db: &mut Db, change: &Change<'_>, name: &VersionRef, etag: Option<&Etag>) -> Result<(Package, Version)> {
    let package = match package(db, change.project.id, &name.package()) {
        Err(Error::PackageNotFound(_)) => return Err(Error::VersionNotFound(name.clone())),
        package => package?,
    };
    let version = version_in(db, &package, name)?;
    etag_of(&etag.cloned(), version.etag(), name)?;
    Ok((package, version))
}

/// Ends the change of a version.
fn write(db: &mut Db, change: Change<'_>, package: &Package, mut version: Version, old: &Labels) -> Result<Version> {
    let (sequence, now) = (change.counters.sequence, change.now);
    version.row.settle(package.version_scheme, sequence, now);
    let mut batch = change.batch(db, [version.id], Vec::new());
    versions::update(&mut batch, &version.row);
    packages::update(&mut batch, &Package { sequence, updated_at: now, ..package.clone() });
    if *old != version.row.labels {
        labels::put_for_version(db, &mut batch, version.id, old, &version.row.labels)?;
    }
    batch.send(db)?;
    Ok(version)
}
