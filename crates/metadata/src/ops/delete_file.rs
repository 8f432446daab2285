//! Deleting a file of an open version for a while.

use consign_types::Timestamp;
use consign_types::resource::FileRef;
use consign_types::text::{Etag, RequestId};

use super::change::{Begun, begin, call};
use super::deletion::{Force, check_holders, purge_at};
use super::etag_of;
use super::file_change::{open_version, write};
use super::idempotency::Fingerprint;
use crate::connection::{Db, Ending};
use crate::tables::file_row::File;
use crate::tables::files;
use crate::{Error, Metadata, Principal, Result};

/// A file to be deleted.
#[derive(Clone, Debug)]
pub struct DeleteFile {
    /// Who deletes it.
    pub principal: Principal,
    /// The file.
    pub name: FileRef,
    /// Which row; `None` for the one that is served.
    pub revision: Option<i32>,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// Whether it is deleted under tags that hold its version.
    pub force: Force,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
    /// Answers as if it were done, and does nothing.
    pub validate_only: bool,
}

impl Metadata {
    /// Deletes a row of a version that takes files. The row below, if any, is served then. `FileNotFound`, `VersionSealed`,
    /// `VersionStateConflict`, `EtagMismatch`, `InUse`.
    pub async fn delete_file(&self, request: DeleteFile) -> Result<File> {
        let (now, restore_seconds) = (self.now(), self.rules.restore_seconds);
        let ending = if request.validate_only { Ending::Rollback } else { Ending::Commit };
        self.pool.end(ending, move |db| delete(db, &request, now, restore_seconds)).await
    }
}

fn delete(db: &mut Db, request: &DeleteFile, now: Timestamp, restore_seconds: i64) -> Result<File> {
    let wanted = (&request.name, request.revision, &request.etag, request.force, request.validate_only);
    let fingerprint = Fingerprint::new().shown(&wanted).finish();
    let call = call(&request.principal, "DeleteFile", &request.name, request.request_id.as_ref(), fingerprint, now);
    let change = match begin(db, &request.name.version.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let (package, version) = open_version(db, &change, &request.name)?;
    let path = &request.name.path;
    let found = match request.revision {
        Some(revision) => files::find_revision(db, version.id, path, revision, false)?,
        None => files::list_served_at(db, version.id, &[path])?.pop(),
    };
    let mut file = found.ok_or_else(|| Error::FileNotFound(request.name.clone()))?;
    etag_of(request.etag.as_ref(), &file.etag(), &request.name)?;
    let of = (Some(package.id), Some(version.id));
    check_holders(db, &change, request.name.to_string(), of, request.force)?;
    let served = files::list_served_at(db, version.id, &[path])?.pop();
    (file.deleted_at, file.purge_at) = (Some(now), Some(purge_at(now, restore_seconds)));
    write(db, *change, (package, version), file, served)
}
