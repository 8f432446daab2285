//! Removing a tag.

use consign_types::Timestamp;
use consign_types::resource::{ProjectRef, TagRef, VersionRef};
use consign_types::text::{Description, Etag, RequestId};

use super::change::{Begun, begin, call};
use super::etag_of;
use super::idempotency::Fingerprint;
use super::tagging::{self, Mover};
use crate::connection::Db;
use crate::{Metadata, Principal, Result};

/// A tag to be removed.
#[derive(Clone, Debug)]
pub struct DeleteTag {
    /// Who removes it.
    pub principal: Principal,
    /// The tag.
    pub name: TagRef,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// Why, for the history.
    pub reason: Description,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Removes a tag; its history stays. Answers the version that it pointed at, and the number of the change. `TagNotFound`,
    /// `EtagMismatch`, and what the rules refuse.
    pub async fn delete_tag(&self, request: DeleteTag) -> Result<(VersionRef, i64)> {
        let now = self.now();
        self.pool.write(move |db| delete(db, &request, now)).await
    }
}

fn delete(db: &mut Db, request: &DeleteTag, now: Timestamp) -> Result<(VersionRef, i64)> {
    let fingerprint = Fingerprint::new().shown(&(&request.name, &request.etag, &request.reason)).finish();
    let call = call(&request.principal, "DeleteTag", &request.name, request.request_id.as_ref(), fingerprint, now);
    let change = match begin(db, &request.name.package.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let current = tagging::find(db, change.project.id, &request.name)?;
    etag_of(request.etag.as_ref(), &current.etag(), &request.name)?;
    let by = Mover::new(db, &change, &request.principal, &request.reason)?;
    let mut moves = by.remove(&current)?.numbered(db)?;
    let project = ProjectRef::Id(change.project.id);
    let version = VersionRef { project, package: current.package, version: current.version };
    let answer = (version, change.counters.sequence);
    let mut batch = change.batch(db, &answer, Vec::new());
    change.tell(&mut batch, moves.take_news());
    tagging::write(&mut batch, moves);
    batch.send(db)?;
    Ok(answer)
}
