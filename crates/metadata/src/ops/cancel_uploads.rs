//! Giving up uploads that were prepared, and whether they were published.

use consign_types::resource::VersionRef;
use consign_types::text::RequestId;

use super::change::lock;
use super::idempotency::is_claimed;
use crate::batch::Batch;
use crate::connection::Db;
use crate::tables::idempotency_records::{self as records, Key};
use crate::tables::{counters, leases, projects};
use crate::{Error, Metadata, Principal, Result};

/// Uploads that are given up.
#[derive(Clone, Debug)]
pub struct CancelUploads {
    /// Whose they are.
    pub principal: Principal,
    /// The version that they were for.
    pub version: VersionRef,
    /// The request that prepared them.
    pub request_id: RequestId,
}

impl Metadata {
    /// Gives back what the uploads of a request have reserved, and forgets the request. What is published of them stays, and a request that
    /// is not known in the project counts as given up. `ProjectNotFound`.
    pub async fn cancel_uploads(&self, request: CancelUploads) -> Result<()> {
        self.pool.write(move |db| cancel(db, &request)).await
    }

    /// Whether somebody has published by a request of this id.
    pub async fn has_published(&self, principal: Principal, request_id: RequestId) -> Result<bool> {
        let key = move |db: &mut Db| is_claimed(db, Key { principal: &principal.name, method: "PublishVersion", request_id: &request_id });
        self.pool.read(key).await
    }
}

fn cancel(db: &mut Db, request: &CancelUploads) -> Result<()> {
    let CancelUploads { principal, version, request_id } = request;
    let unknown = || Error::ProjectNotFound(version.project.clone());
    let project = projects::find(db, &version.project)?.ok_or_else(unknown)?;
    let (_, mut counters) = lock(db, project.id)?.ok_or_else(unknown)?;
    let key = Key { principal: &principal.name, method: "PrepareUploads", request_id };
    let Some((_, answer)) = records::find(db, key)? else { return Ok(()) };
    let uploads: Vec<i64> = serde_json::from_slice(&answer).map_err(|_| Error::Row("idempotency_records"))?;
    let held = leases::list_of(db, project.id, &uploads)?;
    if held.is_empty() {
        // All is published or over, or it was prepared for another project, which can still give it up.
        return Ok(());
    }
    counters.reserved_bytes -= held.iter().map(|(_, reserved)| reserved).sum::<i64>();
    let mut batch = Batch::new(db);
    counters::update(&mut batch, counters, Vec::new());
    leases::remove(&mut batch, &held.iter().map(|(id, _)| *id).collect::<Vec<_>>());
    records::remove(&mut batch, key);
    batch.send(db)
}
