//! Deleting a version for a while.

use consign_types::Timestamp;
use consign_types::resource::VersionRef;
use consign_types::text::{Description, Etag, RequestId};

use super::change::{Begun, begin, call};
use super::deletion::{Force, check_holders, purge_at};
use super::idempotency::Fingerprint;
use super::tagging::{self, Mover, Moves};
use super::version_change;
use super::version_change::Facts;
use crate::connection::{Db, Ending};
use crate::tables::version_row::Version;
use crate::tables::{packages, versions};
use crate::{Metadata, Principal, Result};

/// A version to be deleted.
#[derive(Clone, Debug)]
pub struct DeleteVersion {
    /// Who deletes it.
    pub principal: Principal,
    /// The version.
    pub name: VersionRef,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// Whether it is deleted under tags that hold it.
    pub force: Force,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
    /// Answers as if it were done, and does nothing.
    pub validate_only: bool,
}

impl Metadata {
    /// Deletes a version: it gives up its name, its tags go, its files can't be read, and until its purge it can be brought back.
    /// `VersionNotFound`, `EtagMismatch`, `InUse`.
    pub async fn delete_version(&self, request: DeleteVersion) -> Result<Version> {
        let (now, restore_seconds) = (self.now(), self.rules.restore_seconds);
        let ending = if request.validate_only { Ending::Rollback } else { Ending::Commit };
        self.pool.end(ending, move |db| delete(db, &request, now, restore_seconds)).await
    }
}

fn delete(db: &mut Db, request: &DeleteVersion, now: Timestamp, restore_seconds: i64) -> Result<Version> {
    let wanted = (&request.name, &request.etag, request.force, request.validate_only);
    let fingerprint = Fingerprint::new().shown(&wanted).finish();
    let call = call(&request.principal, "DeleteVersion", &request.name, request.request_id.as_ref(), fingerprint, now);
    let mut change = match begin(db, &request.name.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let (mut package, mut version) = version_change::find(db, &change, &request.name, request.etag.as_ref())?;
    let of = (Some(package.id), Some(version.id));
    let tags = check_holders(db, &change, request.name.to_string(), of, request.force)?;
    let reason: Description = "the version was deleted".parse().expect("words are a reason");
    let by = Mover::new(db, &change, &request.principal, &reason)?;
    let mut moves = Moves::default();
    for tag in &tags {
        moves.append(by.remove_unjudged(tag));
    }
    let mut moves = moves.numbered(db)?;

    version_change::count(&mut package, &version, -1);
    change.counters.file_count -= version.row_count;
    change.counters.logical_bytes -= version.row_bytes;
    (version.row.deleted_at, version.row.purge_at) = (Some(now), Some(purge_at(now, restore_seconds)));
    version.row.retired = version.id;
    version.row.settle(package.version_scheme, change.counters.sequence, now);
    (package.sequence, package.updated_at) = (change.counters.sequence, now);
    version.tags.clear();
    let change = change.telling(&Facts::of(&version.row));
    let mut batch = change.batch(db, &version, Vec::new());
    packages::update(&mut batch, &package);
    versions::update(&mut batch, &version.row);
    change.tell(&mut batch, moves.take_news());
    tagging::write(&mut batch, moves);
    batch.send(db)?;
    Ok(version)
}
