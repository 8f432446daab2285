//! Making a draft.

use consign_types::Timestamp;
use consign_types::label::Labels;
use consign_types::resource::{ProjectRef, VersionRef};
use consign_types::text::{Description, RequestId};

use super::change::{Begun, begin, call};
use super::idempotency::Fingerprint;
use super::scene::{self, Look};
use super::version_change::Facts;
use crate::batch::Batch;
use crate::connection::Db;
use crate::tables::labels;
use crate::tables::packages::{self, Package};
use crate::tables::version_row::{Version, VersionRow};
use crate::tables::versions;
use crate::{Error, Metadata, Principal, Result};

/// A draft to be made.
#[derive(Clone, Debug)]
pub struct CreateVersion {
    /// Who makes it.
    pub principal: Principal,
    /// Its name. The package is made if it is new.
    pub name: VersionRef,
    /// What is said about it.
    pub labels: Labels,
    /// What it is.
    pub description: Description,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Makes a draft. `NameTaken` if the version is there.
    pub async fn create_version(&self, request: CreateVersion) -> Result<Version> {
        let now = self.now();
        self.pool.write(move |db| create(db, &request, now)).await
    }
}

fn create(db: &mut Db, request: &CreateVersion, now: Timestamp) -> Result<Version> {
    let fingerprint = Fingerprint::new().shown(&(&request.name, &request.labels, &request.description)).finish();
    let call = call(&request.principal, "CreateVersion", &request.name, request.request_id.as_ref(), fingerprint, now);
    let change = match begin(db, &request.name.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let name = VersionRef { project: ProjectRef::Id(change.project.id), ..request.name.clone() };
    let look = Look { version: &name, paths: &[], uploads: &[], request: None };
    let (scene, ids) = scene::read(db, Batch::new(db), look)?;
    if scene.version.is_some() {
        return Err(Error::NameTaken(request.name.to_string()));
    }
    let sequence = change.counters.sequence;
    let new = || Package::new(ids.package, change.project.id, &name.package, sequence, now);
    let package = scene.package.clone().unwrap_or_else(new);
    let of = (package.id, package.version_scheme);
    let mut version = VersionRow::new(ids.version, of, change.project.id, &name.version, request.principal.maker(), now);
    (version.labels, version.description) = (request.labels.clone(), request.description.clone());
    version.settle(package.version_scheme, sequence, now);
    let version = Version { row: version, package: package.name.clone(), tags: Vec::new() };
    let change = change.telling(&Facts::of(&version.row));
    let mut batch = change.batch(db, &version, Vec::new());
    if scene.package.is_none() {
        packages::insert(&mut batch, &package);
    }
    versions::insert(&mut batch, &version.row);
    labels::put_for_version(db, &mut batch, version.id, &Labels::default(), &version.labels)?;
    batch.send(db)?;
    Ok(version)
}
