//! Describing a project otherwise.

use consign_types::Timestamp;
use consign_types::resource::ProjectRef;
use consign_types::text::{Description, DisplayName, Etag, RequestId};
use consign_types::version::Visibility;

use super::change::{Begun, begin, call};
use super::etag_of;
use super::idempotency::Fingerprint;
use crate::connection::Db;
use crate::tables::projects::{self, Project};
use crate::{Metadata, Principal, Result};

/// A project to be described otherwise; `None` stays.
#[derive(Clone, Debug)]
pub struct UpdateProject {
    /// Who changes it.
    pub principal: Principal,
    /// The project.
    pub name: ProjectRef,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// What people call it.
    pub display_name: Option<DisplayName>,
    /// What it is for.
    pub description: Option<Description>,
    /// Who may know of it.
    pub visibility: Option<Visibility>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Describes a project otherwise. `ProjectNotFound`, `EtagMismatch`.
    pub async fn update_project(&self, request: UpdateProject) -> Result<Project> {
        let now = self.now();
        let project = self.pool.write(move |db| update(db, &request, now)).await?;
        self.sites.invalidate_all();
        Ok(project)
    }
}

fn update(db: &mut Db, request: &UpdateProject, now: Timestamp) -> Result<Project> {
    let wanted = (&request.name, &request.etag, &request.display_name, &request.description, request.visibility);
    let fingerprint = Fingerprint::new().shown(&wanted).finish();
    let call = call(&request.principal, "UpdateProject", &request.name, request.request_id.as_ref(), fingerprint, now);
    let change = match begin(db, &request.name, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let before = change.project.clone();
    etag_of(request.etag.as_ref(), &before.etag(), &request.name)?;
    let after = Project {
        display_name: request.display_name.clone().unwrap_or_else(|| before.display_name.clone()),
        description: request.description.clone().unwrap_or_else(|| before.description.clone()),
        visibility: request.visibility.unwrap_or(before.visibility),
        sequence: change.counters.sequence,
        updated_at: now,
        ..before
    };
    let mut batch = change.batch(db, &after, Vec::new());
    projects::update(&mut batch, &after);
    batch.send(db)?;
    Ok(after)
}
