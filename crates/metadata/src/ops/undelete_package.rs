//! Bringing a package back, with all that it held.

use consign_types::Timestamp;
use consign_types::resource::PackageRef;
use consign_types::text::RequestId;

use super::change::{Begun, begin, call};
use super::find_package::{PackageView, view};
use super::idempotency::Fingerprint;
use crate::connection::Db;
use crate::tables::packages::{self, Package};
use crate::{Error, Metadata, Principal, Result};

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
    /// Brings a package back with all that it held. One that is not deleted is answered as it is. `PackageNotFound`, `NameTaken`.
    pub async fn undelete_package(&self, request: UndeletePackage) -> Result<PackageView> {
        let now = self.now();
        self.pool.write(move |db| undelete(db, &request, now)).await
    }
}

fn undelete(db: &mut Db, request: &UndeletePackage, now: Timestamp) -> Result<PackageView> {
    let fingerprint = Fingerprint::new().shown(&request.name).finish();
    let call = call(&request.principal, "UndeletePackage", &request.name, request.request_id.as_ref(), fingerprint, now);
    let mut change = match begin(db, &request.name.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let holder = packages::find(db, change.project.id, &request.name.package)?;
    let deleted = packages::find_deleted(db, change.project.id, &request.name.package, now)?;
    let before = match (holder, deleted) {
        (None, None) => return Err(Error::PackageNotFound(request.name.clone())),
        (Some(holder), None) => {
            let answer = view(db, holder)?;
            change.batch_unchanged(db, &answer).send(db)?;
            return Ok(answer);
        }
        (Some(_), Some(_)) => return Err(Error::NameTaken(request.name.to_string())),
        (None, Some(deleted)) => deleted,
    };
    change.counters.file_count += before.file_count;
    change.counters.logical_bytes += before.size_bytes;
    let sequence = change.counters.sequence;
    let after = Package { retired: 0, deleted_at: None, purge_at: None, sequence, updated_at: now, ..before };
    let answer = view(db, after)?;
    let mut batch = change.batch(db, &answer, Vec::new());
    packages::update(&mut batch, &answer.package);
    batch.send(db)?;
    Ok(answer)
}
