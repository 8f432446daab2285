//! Bringing a project back.

use consign_types::Timestamp;
use consign_types::resource::ProjectRef;
use consign_types::text::RequestId;

use super::change::{Begun, begin_any, call};
use super::idempotency::Fingerprint;
use crate::connection::Db;
use crate::tables::namespaces;
use crate::tables::projects::{self, Project};
use crate::{Error, Metadata, Principal, Result};

/// A project to be brought back.
#[derive(Clone, Debug)]
pub struct UndeleteProject {
    /// Who brings it back.
    pub principal: Principal,
    /// The project.
    pub name: ProjectRef,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Brings a project back with all that it held, and with the namespaces around it. One that is not deleted is answered as it is. `ProjectNotFound`.
    pub async fn undelete_project(&self, request: UndeleteProject) -> Result<Project> {
        let now = self.now();
        let project = self.pool.write(move |db| undelete(db, &request, now)).await?;
        self.sites.invalidate_all();
        Ok(project)
    }
}

fn undelete(db: &mut Db, request: &UndeleteProject, now: Timestamp) -> Result<Project> {
    let fingerprint = Fingerprint::new().shown(&request.name).finish();
    let call = call(&request.principal, "UndeleteProject", &request.name, request.request_id.as_ref(), fingerprint, now);
    let mut change = match begin_any(db, &request.name, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let before = change.project.clone();
    if before.deleted_at.is_none() {
        change.batch_unchanged(db, &before).send(db)?;
        return Ok(before);
    }
    if before.purge_at.is_some_and(|at| at <= now) {
        return Err(Error::ProjectNotFound(request.name.clone()));
    }
    let after = Project { deleted_at: None, purge_at: None, sequence: change.counters.sequence, updated_at: now, ..before };
    namespaces::restore_around(db, &after.path.namespace())?;
    let mut batch = change.batch(db, &after, Vec::new());
    projects::update(&mut batch, &after);
    batch.send(db)?;
    Ok(after)
}
