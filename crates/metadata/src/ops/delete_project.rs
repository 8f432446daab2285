//! Deleting a project for a while.

use consign_types::Timestamp;
use consign_types::resource::ProjectRef;
use consign_types::text::{Etag, RequestId};

use super::change::{Begun, begin, call};
use super::deletion::{Force, check_holders, purge_at};
use super::etag_of;
use super::idempotency::Fingerprint;
use crate::connection::Db;
use crate::tables::projects::{self, Project};
use crate::{Metadata, Principal, Result};

/// A project to be deleted.
#[derive(Clone, Debug)]
pub struct DeleteProject {
    /// Who deletes it.
    pub principal: Principal,
    /// The project.
    pub name: ProjectRef,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// Whether it is deleted under tags that hold its versions.
    pub force: Force,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Deletes a project: nothing of it can be read, it keeps its path, and until its purge it can be brought back whole.
    /// `ProjectNotFound`, `EtagMismatch`, `InUse`.
    pub async fn delete_project(&self, request: DeleteProject) -> Result<Project> {
        let (now, restore_seconds) = (self.now(), self.rules.restore_seconds);
        let project = self.pool.write(move |db| delete(db, &request, now, restore_seconds)).await?;
        self.sites.invalidate_all();
        Ok(project)
    }
}

pub(super) fn delete(db: &mut Db, request: &DeleteProject, now: Timestamp, restore_seconds: i64) -> Result<Project> {
    let fingerprint = Fingerprint::new().shown(&(&request.name, &request.etag, request.force)).finish();
    let call = call(&request.principal, "DeleteProject", &request.name, request.request_id.as_ref(), fingerprint, now);
    let change = match begin(db, &request.name, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let before = change.project.clone();
    etag_of(request.etag.as_ref(), &before.etag(), &request.name)?;
    check_holders(db, &change, request.name.to_string(), (None, None), request.force)?;
    let purge_at = Some(purge_at(now, restore_seconds));
    let after = Project { deleted_at: Some(now), purge_at, sequence: change.counters.sequence, updated_at: now, ..before };
    let mut batch = change.batch(db, &after, Vec::new());
    projects::update(&mut batch, &after);
    batch.send(db)?;
    Ok(after)
}
