//! Bringing a version back.

use consign_types::Timestamp;
use consign_types::resource::VersionRef;
use consign_types::text::RequestId;

use super::change::{Begun, begin, call};
use super::idempotency::Fingerprint;
use super::version_change::Facts;
use super::{package, version_change};
use crate::connection::Db;
use crate::tables::version_row::Version;
use crate::tables::{packages, versions};
use crate::{Error, Metadata, Principal, Result};

/// A version to be brought back.
#[derive(Clone, Debug)]
pub struct UndeleteVersion {
    /// Who brings it back.
    pub principal: Principal,
    /// The version; of several deleted under one name, the last.
    pub name: VersionRef,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Brings a version back, in the state that it had. One that is not deleted is answered as it is. `VersionNotFound`, `NameTaken`.
    pub async fn undelete_version(&self, request: UndeleteVersion) -> Result<Version> {
        let now = self.now();
        self.pool.write(move |db| undelete(db, &request, now)).await
    }
}

fn undelete(db: &mut Db, request: &UndeleteVersion, now: Timestamp) -> Result<Version> {
    let fingerprint = Fingerprint::new().shown(&request.name).finish();
    let call = call(&request.principal, "UndeleteVersion", &request.name, request.request_id.as_ref(), fingerprint, now);
    let mut change = match begin(db, &request.name.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let not_found = || Error::VersionNotFound(request.name.clone());
    let mut package = match package(db, change.project.id, &request.name.package()) {
        Err(Error::PackageNotFound(_)) => return Err(not_found()),
        package => package?,
    };
    let holder = versions::find(db, change.project.id, &package.name, &request.name.version)?;
    let deleted = versions::find_deleted(db, package.id, &request.name.version, now)?;
    let mut version = match (holder, deleted) {
        (None, None) => return Err(not_found()),
        (Some(holder), None) => {
            change.batch_unchanged(db, &holder).send(db)?;
            return Ok(holder);
        }
        (Some(_), Some(_)) => return Err(Error::NameTaken(request.name.to_string())),
        (None, Some(deleted)) => deleted,
    };
    (version.row.deleted_at, version.row.purge_at, version.row.retired) = (None, None, 0);
    version.row.settle(package.version_scheme, change.counters.sequence, now);
    version_change::count(&mut package, &version, 1);
    change.counters.file_count += version.row_count;
    change.counters.logical_bytes += version.row_bytes;
    (package.sequence, package.updated_at) = (change.counters.sequence, now);
    let change = change.telling(&Facts::of(&version.row));
    let mut batch = change.batch(db, &version, Vec::new());
    packages::update(&mut batch, &package);
    versions::update(&mut batch, &version.row);
    batch.send(db)?;
    Ok(version)
}
