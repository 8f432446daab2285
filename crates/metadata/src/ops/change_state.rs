//! Yanking or quarantining a version, and taking that back.

use consign_types::Timestamp;
use consign_types::resource::VersionRef;
use consign_types::text::{Description, Etag, RequestId};
use consign_types::version::{Judgement, Verb};

use super::change::{Begun, begin, call};
use super::idempotency::Fingerprint;
use super::version_change::{find, write};
use crate::connection::Db;
use crate::tables::version_row::Version;
use crate::{Error, Metadata, Principal, Result};

/// A version that is to change its state.
#[derive(Clone, Debug)]
pub struct ChangeState {
    /// Who does it.
    pub principal: Principal,
    /// The version.
    pub name: VersionRef,
    /// What is done.
    pub verb: Verb,
    /// Why. A yank and a quarantine have a reason.
    pub reason: Description,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Yanks or quarantines a version, or takes that back. What was done before succeeds. `VersionNotFound`, `EtagMismatch`,
    /// `VersionStateConflict`.
    pub async fn change_state(&self, request: ChangeState) -> Result<Version> {
        let now = self.now();
        self.pool.write(move |db| change_state(db, &request, now)).await
    }
}

fn change_state(db: &mut Db, request: &ChangeState, now: Timestamp) -> Result<Version> {
    let wanted = (&request.name, request.verb, &request.reason, &request.etag);
    let method = match request.verb {
        Verb::Yank => "YankVersion",
        Verb::Unyank => "UnyankVersion",
        Verb::Quarantine => "QuarantineVersion",
        Verb::Release => "ReleaseVersion",
    };
    let call =
        call(&request.principal, method, &request.name, request.request_id.as_ref(), Fingerprint::new().shown(&wanted).finish(), now);
    let mut change = match begin(db, &request.name.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let (package, mut version) = find(db, &change, &request.name, request.etag.as_ref())?;
    match version.state.judge(request.verb) {
        Judgement::Do => {}
        Judgement::Done => {
            change.batch_unchanged(db, &version).send(db)?;
            return Ok(version);
        }
        Judgement::Conflict => return Err(Error::VersionStateConflict { version: request.name.clone(), state: version.state }),
    }
    let (reason, actor) = (Some(request.reason.clone()), Some(request.principal.name.clone()));
    match request.verb {
        Verb::Yank => (version.row.yank_reason, version.row.yank_actor) = (reason, actor),
        Verb::Unyank => (version.row.yank_reason, version.row.yank_actor) = (None, None),
        Verb::Quarantine => (version.row.quarantine_reason, version.row.quarantine_actor) = (reason, actor),
        Verb::Release => (version.row.quarantine_reason, version.row.quarantine_actor) = (None, None),
    }
    let labels = version.row.labels.clone();
    write(db, *change, &package, version, &labels)
}
