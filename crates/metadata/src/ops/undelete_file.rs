//! Bringing a file of an open version back.

use consign_types::Timestamp;
use consign_types::resource::FileRef;
use consign_types::text::RequestId;

use super::change::{Begun, begin, call};
use super::file_change::{open_version, write};
use super::idempotency::Fingerprint;
use crate::connection::Db;
use crate::tables::file_row::File;
use crate::tables::files;
use crate::{Error, Metadata, Principal, Result};

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
    /// Brings a row back. One that is not deleted is answered as it is. `FileNotFound`, `VersionSealed`, `VersionStateConflict`.
    pub async fn undelete_file(&self, request: UndeleteFile) -> Result<File> {
        let now = self.now();
        self.pool.write(move |db| undelete(db, &request, now)).await
    }
}

fn undelete(db: &mut Db, request: &UndeleteFile, now: Timestamp) -> Result<File> {
    let fingerprint = Fingerprint::new().shown(&(&request.name, request.revision)).finish();
    let call = call(&request.principal, "UndeleteFile", &request.name, request.request_id.as_ref(), fingerprint, now);
    let mut change = match begin(db, &request.name.version.project, &call)? {
        Begun::Done(answer) => return answer.read(),
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
            change.batch_unchanged(db, &there).send(db)?;
            return Ok(there);
        }
        (None, None) => return Err(Error::FileNotFound(request.name.clone())),
    };
    (file.deleted_at, file.purge_at) = (None, None);
    write(db, *change, (package, version), file, served)
}
