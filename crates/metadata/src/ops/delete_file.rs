//! Deleting a file of an open version for a while, and bringing it back.

use consign_types::Timestamp;
use consign_types::resource::FileRef;
use consign_types::text::{Etag, RequestId};

use super::change::{Begun, Change, begin, call};
use super::deletion::{Force, check_holders, purge_at};
use super::idempotency::Fingerprint;
use super::{etag_of, update_version};
use crate::connection::{Db, Ending};
use crate::tables::files::{self, File};
use crate::tables::packages::{self, Package};
use crate::tables::versions::{self, Version};
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

/// A file to be brought back.
#[derive(Clone, Debug)]
pub struct UndeleteFile {
    /// Who brings it back.
    pub principal: Principal,
    /// The file.
    pub name: FileRef,
    /// Which row; `None` for the one that was deleted last.
    pub revision: Option<i32>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Deletes a row of a version that takes files. The row below, if any, is served then. `FileNotFound`, `VersionSealed`,
    /// `VersionStateConflict`, `EtagMismatch`, `InUse`.
    pub async fn delete_file(&self, request: DeleteFile) -> Result<File> {
        let (now, restore_seconds) = (self.now(), self.rules.restore_seconds);
        let ending = if request.validate_only { Ending::Rollback } else { Ending::Commit };
        self.pool.end(ending, move |db| delete(db, &request, now, restore_seconds)).await
    }

    /// Brings a row back. One that is not deleted is answered as it is. `FileNotFound`, `VersionSealed`, `VersionStateConflict`.
    pub async fn undelete_file(&self, request: UndeleteFile) -> Result<File> {
        let now = self.now();
        self.pool.write(move |db| undelete(db, &request, now)).await
    }
}

fn delete(db: &mut Db, request: &DeleteFile, now: Timestamp, restore_seconds: i64) -> Result<File> {
    let wanted = (&request.name, request.revision, &request.etag, request.force, request.validate_only);
    let fingerprint = Fingerprint::new().shown(&wanted).finish();
    let call = call(&request.principal.name, "DeleteFile", request.request_id.as_ref(), fingerprint, now);
    let change = match begin(db, &request.name.version.project, &call)? {
        Begun::Done(shown) => return shown_file(db, &shown, &request.name),
        Begun::New(change) => change,
    };
    let (package, version) = open_version(db, &change, &request.name)?;
    let path = &request.name.path;
    let found = match request.revision {
        Some(revision) => files::find_revision(db, version.id, path, revision, false)?,
        None => files::list_served_at(db, version.id, &[path])?.pop(),
    };
    let mut file = found.ok_or_else(|| Error::FileNotFound(request.name.clone()))?;
    etag_of(&request.etag, file.etag(), &request.name)?;
    let of = (Some(package.id), Some(version.id));
    check_holders(db, &change, &request.principal, request.name.to_string(), of, request.force)?;
    let served = files::list_served_at(db, version.id, &[path])?.pop();
    (file.deleted_at, file.purge_at) = (Some(now), Some(purge_at(now, restore_seconds)));
    write(db, change, (package, version), file, served)
}

fn undelete(db: &mut Db, request: &UndeleteFile, now: Timestamp) -> Result<File> {
    let fingerprint = Fingerprint::new().shown(&(&request.name, request.revision)).finish();
    let call = call(&request.principal.name, "UndeleteFile", request.request_id.as_ref(), fingerprint, now);
    let mut change = match begin(db, &request.name.version.project, &call)? {
        Begun::Done(shown) => return shown_file(db, &shown, &request.name),
        Begun::New(change) => change,
    };
    let (package, version) = open_version(db, &change, &request.name)?;
    let path = &request.name.path;
    let served = files::list_served_at(db, version.id, &[path])?.pop();
    let (deleted, there) = match request.revision {
        Some(revision) => {
            let there = files::find_revision(db, version.id, path, revision, false)?;
            (files::find_revision(db, version.id, path, revision, true)?, there)
        }
        None => (files::find_deleted(db, version.id, path)?, served.clone()),
    };
    let mut file = match (deleted.filter(|file| file.purge_at.is_some_and(|at| at > now)), there) {
        (Some(deleted), _) => deleted,
        (None, Some(there)) => {
            change.batch_unchanged(db, [there.id]).send(db)?;
            return Ok(there);
        }
        (None, None) => return Err(Error::FileNotFound(request.name.clone())),
    };
    (file.deleted_at, file.purge_at) = (None, None);
    write(db, change, (package, version), file, served)
}

fn shown_file(db: &mut Db, shown: &[i64], name: &FileRef) -> Result<File> {
    files::get(db, shown)?.pop().ok_or_else(|| Error::FileNotFound(name.clone()))
}

/// The version of a file, if files may come to it and go.
fn open_version(db: &mut Db, change: &Change<'_>, name: &FileRef) -> Result<(Package, Version)> {
    let (package, version) = update_version::find(db, change, &name.version, None)?;
    if version.content_digest.is_some() {
        return Err(Error::VersionSealed(name.version.clone()));
    }
    if !version.state.takes_files() {
        return Err(Error::VersionStateConflict { version: name.version.clone(), state: version.state });
    }
    Ok((package, version))
}

/// Ends a change of one row, where `served` was served before.
fn write(db: &mut Db, mut change: Change<'_>, of: (Package, Version), file: File, served: Option<File>) -> Result<File> {
    let ((mut package, mut version), mut file) = (of, file);
    let (sequence, now) = (change.counters.sequence, change.now);
    file.sequence = sequence;
    let mut first = change.batch(db, [file.id], Vec::new());
    files::update(&mut first, &file);
    first.send(db)?;
    // What is served now shows only once the row is written.
    let serves = files::list_served_at(db, version.id, &[&file.path])?.pop();
    let (rows, bytes) = if file.deleted_at.is_some() { (-1, -file.size_bytes) } else { (1, file.size_bytes) };
    version.row.row_count += rows;
    version.row.row_bytes += bytes;
    version.row.file_count += i64::from(serves.is_some()) - i64::from(served.is_some());
    let size = |file: &Option<File>| file.as_ref().map_or(0, |file| file.size_bytes);
    version.row.size_bytes += size(&serves) - size(&served);
    package.file_count += rows;
    package.size_bytes += bytes;
    change.counters.file_count += rows;
    change.counters.logical_bytes += bytes;
    (package.sequence, package.updated_at) = (sequence, now);
    version.row.settle(package.version_scheme, sequence, now);
    let mut batch = change.batch(db, [file.id], Vec::new());
    packages::update(&mut batch, &package);
    versions::update(&mut batch, &version.row);
    batch.send(db)?;
    Ok(file)
}
