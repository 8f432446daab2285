//! A change to a project: one at a time, once for each request id, and counted.

use consign_types::resource::ProjectRef;
use consign_types::text::RequestId;
use consign_types::{Digest, Slug, Timestamp};
use serde::Serialize;

use super::idempotency::{Answer, Call, answered, to_json};
use crate::batch::Batch;
use crate::connection::Db;
use crate::tables::counters::{self, Claim, Counters};
use crate::tables::idempotency_records as records;
use crate::tables::projects::Project;
use crate::{Error, Result};

/// A change that was begun. The project is locked: until the transaction ends, nobody else changes anything in it, so what is read now
/// stays true.
pub(super) struct Change<'a> {
    /// The project.
    pub(super) project: Project,
    /// Its counters, to be brought up to date. `sequence` is the number of this change.
    pub(super) counters: Counters,
    /// When the change is made.
    pub(super) now: Timestamp,
    claim: Option<Claim<'a>>,
    is_claimed: bool,
}

/// What comes of beginning a change.
pub(super) enum Begun<'a> {
    /// It is to be done.
    New(Box<Change<'a>>),
    /// It was done before, and answered so.
    Done(Answer),
}

/// Begins a change to a project that is not deleted.
///
/// A request that was done is answered, whatever has become forbidden since: so this comes first in an operation.
pub(super) fn begin<'a>(db: &mut Db, name: &ProjectRef, call: &Call<'a>) -> Result<Begun<'a>> {
    match begin_any(db, name, call)? {
        Begun::New(change) if change.project.deleted_at.is_some() => Err(Error::ProjectNotFound(name.clone())),
        begun => Ok(begun),
    }
}

/// Begins a change to a project, deleted or not.
pub(super) fn begin_any<'a>(db: &mut Db, name: &ProjectRef, call: &Call<'a>) -> Result<Begun<'a>> {
    let locked = counters::lock(db, name, call.claim())?.ok_or_else(|| Error::ProjectNotFound(name.clone()))?;
    if let Some(key) = call.key().filter(|_| !locked.claimed) {
        return answered(db, key, call.fingerprint).map(Begun::Done);
    }
    let change = Change { is_claimed: true, ..Change::of_locked(locked.project, locked.counters, call) };
    Ok(Begun::New(Box::new(change)))
}

impl<'a> Change<'a> {
    /// A change to a project that is locked already, and that no request with its id has made. The counters are as they were read since
    /// it was locked. The request id is claimed at the end: where somebody else was faster, nothing is changed.
    pub(super) fn of_locked(project: Project, counters: Counters, call: &Call<'a>) -> Self {
        let counters = Counters { sequence: counters.sequence + 1, ..counters };
        Self { project, counters, now: call.now, claim: call.claim(), is_claimed: false }
    }

    /// A batch that begins with what belongs to every change: the counters, and the answer, which is given again when the request comes
    /// again. `digests` are those of the files that it adds.
    pub(super) fn batch(&self, db: &Db, answer: &impl Serialize, digests: Vec<Digest>) -> Batch<'static> {
        let mut batch = Batch::new(db);
        counters::update(&mut batch, self.counters, digests);
        match self.claim {
            Some(Claim { key, .. }) if self.is_claimed => records::update(&mut batch, key, to_json(answer)),
            Some(Claim { key, fingerprint, now }) => records::insert_answered(&mut batch, key, fingerprint, to_json(answer), now),
            None => {}
        }
        batch
    }

    /// The same where nothing is changed after all: no change is counted.
    pub(super) fn batch_unchanged(&mut self, db: &Db, answer: &impl Serialize) -> Batch<'static> {
        self.counters.sequence -= 1;
        self.batch(db, answer, Vec::new())
    }
}

/// Locks a project for a job, and returns its counters with the number of the next change; `None` if it is gone.
pub(crate) fn lock(db: &mut Db, project: i64) -> Result<Option<(Project, Counters)>> {
    let locked = counters::lock(db, &ProjectRef::Id(project), None)?;
    Ok(locked.map(|locked| (locked.project, locked.counters)))
}

/// A call to a method that changes something.
pub(super) fn call<'a>(
    principal: &'a Slug,
    method: &'static str,
    request_id: Option<&'a RequestId>,
    fingerprint: Digest,
    now: Timestamp,
) -> Call<'a> {
    Call { principal, method, request_id, fingerprint, now }
}
