//! Describing a version otherwise, hiding or showing it.

use consign_types::Timestamp;
use consign_types::label::Labels;
use consign_types::resource::VersionRef;
use consign_types::text::{Description, Etag, RequestId};

use super::change::{Begun, begin, call};
use super::idempotency::Fingerprint;
use super::version_change::{find, write};
use crate::connection::Db;
use crate::tables::version_row::Version;
use crate::{Metadata, Principal, Result};

/// A version to be described otherwise, hidden or shown; `None` stays.
#[derive(Clone, Debug)]
pub struct UpdateVersion {
    /// Who changes it.
    pub principal: Principal,
    /// The version.
    pub name: VersionRef,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// Whether it is left out of lists.
    pub hidden: Option<bool>,
    /// What is said about it.
    pub labels: Option<Labels>,
    /// What it is.
    pub description: Option<Description>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Describes a version otherwise, hides or shows it. `VersionNotFound`, `EtagMismatch`.
    pub async fn update_version(&self, request: UpdateVersion) -> Result<Version> {
        let now = self.now();
        self.pool.write(move |db| update(db, &request, now)).await
    }
}

fn update(db: &mut Db, request: &UpdateVersion, now: Timestamp) -> Result<Version> {
    let wanted = (&request.name, &request.etag, request.hidden, &request.labels, &request.description);
    let call = call(
        &request.principal,
        "UpdateVersion",
        &request.name,
        request.request_id.as_ref(),
        Fingerprint::new().shown(&wanted).finish(),
        now,
    );
    let change = match begin(db, &request.name.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let (package, mut version) = find(db, &change, &request.name, request.etag.as_ref())?;
    let before = version.row.labels.clone();
    version.row.hidden = request.hidden.unwrap_or(version.row.hidden);
    version.row.labels = request.labels.clone().unwrap_or(version.row.labels);
    version.row.description = request.description.clone().unwrap_or(version.row.description);
    write(db, *change, &package, version, &before)
}
