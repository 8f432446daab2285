//! Describing a package otherwise.

use consign_types::Timestamp;
use consign_types::label::Labels;
use consign_types::order::VersionScheme;
use consign_types::resource::PackageRef;
use consign_types::text::{Description, Etag, RequestId};

use super::change::{Begun, begin, call};
use super::find_package::{PackageView, view};
use super::idempotency::Fingerprint;
use super::{etag_of, package};
use crate::batch::Batch;
use crate::connection::Db;
use crate::tables::packages::{self, Package};
use crate::tables::{labels, versions};
use crate::{Metadata, Principal, Result};

/// A package to be described otherwise; `None` stays.
#[derive(Clone, Debug)]
pub struct UpdatePackage {
    /// Who changes it.
    pub principal: Principal,
    /// The package.
    pub name: PackageRef,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// What is said about it.
    pub labels: Option<Labels>,
    /// What it is for.
    pub description: Option<Description>,
    /// How its versions are ordered.
    pub version_scheme: Option<VersionScheme>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Describes a package otherwise. Another version scheme orders its versions anew. `PackageNotFound`, `EtagMismatch`.
    pub async fn update_package(&self, request: UpdatePackage) -> Result<PackageView> {
        let now = self.now();
        self.pool.write(move |db| update(db, &request, now)).await
    }
}

fn update(db: &mut Db, request: &UpdatePackage, now: Timestamp) -> Result<PackageView> {
    let wanted = (&request.name, &request.etag, &request.labels, &request.description, request.version_scheme);
    let fingerprint = Fingerprint::new().shown(&wanted).finish();
    let call = call(&request.principal, "UpdatePackage", &request.name, request.request_id.as_ref(), fingerprint, now);
    let change = match begin(db, &request.name.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let before = package(db, change.project.id, &request.name)?;
    etag_of(request.etag.as_ref(), &before.etag(), &request.name)?;
    let scheme = request.version_scheme.unwrap_or(before.version_scheme);
    let after = Package {
        labels: request.labels.clone().unwrap_or_else(|| before.labels.clone()),
        description: request.description.clone().unwrap_or_else(|| before.description.clone()),
        version_scheme: scheme,
        sequence: change.counters.sequence,
        updated_at: now,
        ..before.clone()
    };
    if scheme != before.version_scheme {
        order_anew(db, &after)?;
    }
    let answer = view(db, after)?;
    let mut batch = change.batch(db, &answer, Vec::new());
    packages::update(&mut batch, &answer.package);
    let (old, new) = (&before.labels, &answer.package.labels);
    if old != new {
        labels::put_for_package(db, &mut batch, before.id, old, new)?;
    }
    batch.send(db)?;
    Ok(answer)
}

/// Gives all versions of a package the keys of its scheme.
fn order_anew(db: &mut Db, package: &Package) -> Result<()> {
    let mut after = 0;
    loop {
        let rows = versions::list_rows(db, package.id, after, 200)?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = last.id;
        let mut batch = Batch::new(db);
        for mut row in rows {
            let (sequence, updated_at) = (row.sequence, row.updated_at);
            row.settle(package.version_scheme, sequence, updated_at);
            versions::update_order(&mut batch, &row);
        }
        batch.send(db)?;
    }
}
