//! A change to a project: one at a time, once for each request id, and counted.

use consign_types::resource::ProjectRef;
use consign_types::text::RequestId;
use consign_types::{Digest, Slug, Timestamp};

use super::idempotency::{Call, to_ids};
use crate::batch::Batch;
use crate::connection::Db;
use crate::tables::counters::{self, Claim, Counters};
use crate::tables::idempotency_records::{self as records, Key};
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
    key: Option<Key<'a>>,
}

/// What comes of beginning a change.
pub(super) enum Begun<'a> {
    /// It is to be done.
    New(Box<Change<'a>>),
    /// It was done before: the ids that its answer showed.
    Done(Vec<i64>),
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
    let key = call.key();
    let claim = key.map(|key| Claim { key, fingerprint: call.fingerprint, now: call.now });
    let locked = counters::lock(db, name, claim)?.ok_or_else(|| Error::ProjectNotFound(name.clone()))?;
    if let Some(key) = key.filter(|_| !locked.claimed) {
        return done(db, key, call.fingerprint).map(Begun::Done);
    }
    let counters = Counters { sequence: locked.counters.sequence + 1, ..locked.counters };
    Ok(Begun::New(Box::new(Change { project: locked.project, counters, now: call.now, key })))
}

/// The ids that the answer to a claimed request showed.
pub(super) fn done(db: &mut Db, key: Key<'_>, fingerprint: Digest) -> Result<Vec<i64>> {
    match records::find(db, key)? {
        Some((known, rows)) if known == fingerprint => Ok(to_ids(&rows)),
        _ => Err(Error::RequestIdReused(key.request_id.clone())),
    }
}

impl Change<'_> {
    /// A batch that begins with what belongs to every change: the counters, and the ids that the answer shows. `digests` are those of
    /// the files that it adds.
    pub(super) fn batch(&self, db: &Db, shown: impl IntoIterator<Item = i64>, digests: Vec<Digest>) -> Batch<'static> {
        let mut batch = Batch::new(db);
        counters::update(&mut batch, self.counters, digests);
        if let Some(key) = self.key {
            records::update(&mut batch, key, shown.into_iter().flat_map(i64::to_be_bytes).collect());
        }
        batch
    }

    /// The same where nothing is changed after all: no change is counted.
    pub(super) fn batch_unchanged(&mut self, db: &Db, shown: impl IntoIterator<Item = i64>) -> Batch<'static> {
        self.counters.sequence -= 1;
        self.batch(db, shown, Vec::new())
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
