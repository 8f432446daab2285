//! Deleting a package for a while, with all that it holds.

use consign_types::Timestamp;
use consign_types::resource::PackageRef;
use consign_types::text::{Etag, RequestId};

use super::change::{Begun, begin, call};
use super::deletion::{Force, check_holders, purge_at};
use super::find_package::{PackageView, view};
use super::idempotency::Fingerprint;
use super::{etag_of, package};
use crate::connection::{Db, Ending};
use crate::tables::packages::{self, Package};
use crate::{Metadata, Principal, Result};

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

impl Metadata {
    /// Deletes a package: it gives up its name, nothing of it can be read, and until its purge it can be brought back whole.
    /// `PackageNotFound`, `EtagMismatch`, `InUse`.
    pub async fn delete_package(&self, request: DeletePackage) -> Result<PackageView> {
        let (now, restore_seconds) = (self.now(), self.rules.restore_seconds);
        let ending = if request.validate_only { Ending::Rollback } else { Ending::Commit };
        self.pool.end(ending, move |db| delete(db, &request, now, restore_seconds)).await
    }
}

fn delete(db: &mut Db, request: &DeletePackage, now: Timestamp, restore_seconds: i64) -> Result<PackageView> {
    let wanted = (&request.name, &request.etag, request.force, request.validate_only);
    let fingerprint = Fingerprint::new().shown(&wanted).finish();
    let call = call(&request.principal, "DeletePackage", &request.name, request.request_id.as_ref(), fingerprint, now);
    let mut change = match begin(db, &request.name.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let before = package(db, change.project.id, &request.name)?;
    etag_of(request.etag.as_ref(), &before.etag(), &request.name)?;
    check_holders(db, &change, request.name.to_string(), (Some(before.id), None), request.force)?;
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
    let answer = view(db, after)?;
    let mut batch = change.batch(db, &answer, Vec::new());
    packages::update(&mut batch, &answer.package);
    batch.send(db)?;
    Ok(answer)
}
