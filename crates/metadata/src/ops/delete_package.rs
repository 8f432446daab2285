//! Deleting a package for a while, with all that it holds, and bringing it back.

use consign_types::Timestamp;
use consign_types::resource::PackageRef;
use consign_types::text::{Etag, RequestId};

use super::change::{Begun, begin, call};
use super::deletion::{Force, check_holders, purge_at};
use super::idempotency::Fingerprint;
use super::packages::{PackageView, view};
use super::{etag_of, package};
use crate::connection::{Db, Ending};
use crate::tables::packages::{self, Package};
use crate::{Error, Metadata, Principal, Result};

/// A package to be deleted.
#[derive(Clone, Debug)]
pub struct DeletePackage {
    /// Who deletes it.
    pub principal: Principal,
    /// The package.
    pub name: PackageRef,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// Whether it is deleted under tags that hold its versions.
    pub force: Force,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
    /// Answers as if it were done, and does nothing.
    pub validate_only: bool,
}

/// A package to be brought back.
#[derive(Clone, Debug)]
pub struct UndeletePackage {
    /// Who brings it back.
    pub principal: Principal,
    /// The package; of several deleted under one name, the last.
    pub name: PackageRef,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Deletes a package: it gives up its name, nothing of it can be read, and until its purge it can be brought back whole.
    /// `PackageNotFound`, `EtagMismatch`, `InUse`.
    pub async fn delete_package(&self, request: DeletePackage) -> Result<PackageView> {
        let (now, restore_seconds) = (self.now(), self.rules.restore_seconds);
        let ending = if request.validate_only { Ending::Rollback } else { Ending::Commit };
        self.pool.end(ending, move |db| delete(db, &request, now, restore_seconds)).await
    }

    /// Brings a package back with all that it held. One that is not deleted is answered as it is. `PackageNotFound`, `NameTaken`.
    pub async fn undelete_package(&self, request: UndeletePackage) -> Result<PackageView> {
        let now = self.now();
        self.pool.write(move |db| undelete(db, &request, now)).await
    }
}

fn delete(db: &mut Db, request: &DeletePackage, now: Timestamp, restore_seconds: i64) -> Result<PackageView> {
    let wanted = (&request.name, &request.etag, request.force, request.validate_only);
    let fingerprint = Fingerprint::new().shown(&wanted).finish();
    let call = call(&request.principal.name, "DeletePackage", request.request_id.as_ref(), fingerprint, now);
    let mut change = match begin(db, &request.name.project, &call)? {
        Begun::Done(shown) => {
            let package = packages::get(db, shown[0])?;
            return view(db, package);
        }
        Begun::New(change) => change,
    };
    let before = package(db, change.project.id, &request.name)?;
    etag_of(&request.etag, before.etag(), &request.name)?;
    check_holders(db, &change, &request.principal, request.name.to_string(), (Some(before.id), None), request.force)?;
    change.counters.file_count -= before.file_count;
    change.counters.logical_bytes -= before.size_bytes;
    let after = Package {
        retired: before.id,
        deleted_at: Some(now),
        purge_at: Some(purge_at(now, restore_seconds)),
        sequence: change.counters.sequence,
        updated_at: now,
        ..before
    };
    let mut batch = change.batch(db, [after.id], Vec::new());
    packages::update(&mut batch, &after);
    batch.send(db)?;
    view(db, after)
}

fn undelete(db: &mut Db, request: &UndeletePackage, now: Timestamp) -> Result<PackageView> {
    let fingerprint = Fingerprint::new().shown(&request.name).finish();
    let call = call(&request.principal.name, "UndeletePackage", request.request_id.as_ref(), fingerprint, now);
    let mut change = match begin(db, &request.name.project, &call)? {
        Begun::Done(shown) => {
            let package = packages::get(db, shown[0])?;
            return view(db, package);
        }
        Begun::New(change) => change,
    };
    let holder = packages::find(db, change.project.id, &request.name.package)?;
    let deleted = packages::find_deleted(db, change.project.id, &request.name.package, now)?;
    let before = match (holder, deleted) {
        (None, None) => return Err(Error::PackageNotFound(request.name.clone())),
        (Some(holder), None) => {
            change.batch_unchanged(db, [holder.id]).send(db)?;
            return view(db, holder);
        }
        (Some(_), Some(_)) => return Err(Error::NameTaken(request.name.to_string())),
        (None, Some(deleted)) => deleted,
    };
    change.counters.file_count += before.file_count;
    change.counters.logical_bytes += before.size_bytes;
    let sequence = change.counters.sequence;
    let after = Package { retired: 0, deleted_at: None, purge_at: None, sequence, updated_at: now, ..before };
    let mut batch = change.batch(db, [after.id], Vec::new());
    packages::update(&mut batch, &after);
    batch.send(db)?;
    view(db, after)
}
