//! A change to a project: one at a time, once for each request id, and counted.

use std::fmt::Display;

pub(super) use consign_types::audit::INSTANCE;
use consign_types::audit::{Entry, Record};
use consign_types::event::EventType;
use consign_types::resource::ProjectRef;
use consign_types::text::RequestId;
use consign_types::{Digest, Timestamp};
use serde::Serialize;

use super::idempotency::{Answer, Call, answered, to_json};
use crate::batch::Batch;
use crate::connection::Db;
use crate::tables::audit_entries;
use crate::tables::counters::{self, Claim, Counters};
use crate::tables::events::{self, NewEvent};
use crate::tables::idempotency_records as records;
use crate::tables::projects::Project;
use crate::{Error, Principal, Result};

/// A change that was begun. The project is locked: until the transaction ends, nobody else changes anything in it, so what is read now
/// stays true.
pub(super) struct Change<'a> {
    /// The project.
    pub(super) project: Project,
    /// Its counters, to be brought up to date. `sequence` is the number of this change.
    pub(super) counters: Counters,
    /// When the change is made.
    pub(super) now: Timestamp,
    call: Call<'a>,
    is_claimed: bool,
    /// What came of it, where the call named its parent.
    named: Option<String>,
    /// What is to be known of it at once.
    data: String,
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
        Self { project, counters, now: call.now, call: call.clone(), is_claimed: false, named: None, data: NO_DATA.to_owned() }
    }

    /// The same, with the name of what came of it, where the call named the parent of that.
    pub(super) fn named(self, name: &impl Display) -> Self {
        Self { named: Some(name.to_string()), ..self }
    }

    /// The same, with what watchers are told of it at once.
    pub(super) fn telling(self, data: &impl Serialize) -> Self {
        Self { data: to_text(data), ..self }
    }

    /// An event of it, about something of its project.
    pub(super) fn event(&self, kind: EventType, subject: &impl Display, data: &impl Serialize) -> NewEvent {
        self.new_event(kind, subject.to_string(), to_text(data))
    }

    fn new_event(&self, kind: EventType, subject: String, data: String) -> NewEvent {
        NewEvent {
            project_id: self.project.id,
            sequence: self.counters.sequence,
            part: 0,
            kind,
            subject: canonical(&subject, self.project.id),
            actor: self.call.principal.name.clone(),
            time: self.now,
            data,
            request_id: self.call.request_id.map(ToString::to_string).unwrap_or_default(),
        }
    }

    /// Tells what happened besides the one event that its method stands for, if it stands for one.
    pub(super) fn tell(&self, batch: &mut Batch<'_>, mut news: Vec<NewEvent>) {
        let first = i32::from(EventType::of_method(self.call.method).is_some());
        news.iter_mut().zip(first..).for_each(|(event, part)| event.part = part);
        events::insert(batch, &news);
    }

    /// A batch that begins with what belongs to every change: the counters, the audit entry, and the answer, which is given again when the
    /// request comes again. `digests` are those of the files that it adds.
    pub(super) fn batch(&self, db: &Db, answer: &impl Serialize, digests: Vec<Digest>) -> Batch<'static> {
        let answer = to_json(answer);
        self.batch_of(db, &answer, answer.clone(), digests)
    }

    /// The same, where the audit is told something else than what is answered again.
    pub(super) fn batch_told(&self, db: &Db, told: &impl Serialize, answer: &impl Serialize, digests: Vec<Digest>) -> Batch<'static> {
        self.batch_of(db, &to_json(told), to_json(answer), digests)
    }

    fn batch_of(&self, db: &Db, told: &[u8], answer: Vec<u8>, digests: Vec<Digest>) -> Batch<'static> {
        let (counters, entry) = audited(&self.call, self.counters, told);
        let mut batch = Batch::new(db);
        counters::update(&mut batch, counters, digests);
        audit_entries::insert(&mut batch, entry);
        if let Some(kind) = EventType::of_method(self.call.method) {
            let subject = self.named.clone().unwrap_or_else(|| self.call.resource.clone());
            events::insert(&mut batch, &[self.new_event(kind, subject, self.data.clone())]);
        }
        self.note_answer(&mut batch, answer);
        batch
    }

    /// The same where nothing is changed after all: no change is counted, and none noted.
    pub(super) fn batch_unchanged(&mut self, db: &Db, answer: &impl Serialize) -> Batch<'static> {
        self.counters.sequence -= 1;
        let mut batch = Batch::new(db);
        counters::update(&mut batch, self.counters, Vec::new());
        self.note_answer(&mut batch, to_json(answer));
        batch
    }

    fn note_answer(&self, batch: &mut Batch<'static>, answer: Vec<u8>) {
        match self.call.claim() {
            Some(Claim { key, .. }) if self.is_claimed => records::update(batch, key, answer),
            Some(Claim { key, fingerprint, now }) => records::insert_answered(batch, key, fingerprint, answer, now),
            None => {}
        }
    }
}

/// What is to be known at once where that is nothing: its subject can be read.
const NO_DATA: &str = "{}";

fn to_text(data: &impl Serialize) -> String {
    String::from_utf8(to_json(data)).expect("JSON is UTF-8")
}

/// The name of something in a project, by the project's id.
fn canonical(name: &str, project: i64) -> String {
    let rest = name.strip_prefix("projects/").and_then(|rest| rest.split_once('/'));
    rest.map_or_else(|| format!("projects/{project}"), |(_, rest)| format!("projects/{project}/{rest}"))
}

/// The longest detail that an audit entry has.
const MAX_DETAIL: usize = 4096;

/// The entry of a call in the audit chain of a project with these counters, and the counters behind it.
fn audited(call: &Call<'_>, counters: Counters, told: &[u8]) -> (Counters, Record) {
    let detail = match std::str::from_utf8(told) {
        Ok(text) if text.len() <= MAX_DETAIL => text.to_owned(),
        _ => format!(r#"{{"detail_sha256":"{}","detail_bytes":{}}}"#, Digest::of(told), told.len()),
    };
    let entry = Entry {
        project: counters.project_id,
        number: counters.audit_number + 1,
        time: call.now,
        actor: call.principal.name.clone(),
        token: call.principal.token,
        method: call.method.to_owned(),
        resource: call.resource.clone(),
        detail,
        request_id: call.request_id.map(ToString::to_string).unwrap_or_default(),
    };
    let (previous, hash) = (counters.audit_hash, entry.hash(counters.audit_hash));
    let counters = Counters { audit_number: entry.number, audit_hash: hash, ..counters };
    (counters, Record { entry, previous, hash })
}

/// Notes, in the audit chain of its project or of the [`INSTANCE`], a call that changes nothing that is counted.
pub(super) fn note(db: &mut Db, call: &Call<'_>, project: i64, told: &impl Serialize) -> Result<()> {
    let counters = if project == INSTANCE {
        counters::lock_row(db, INSTANCE)?
    } else {
        lock(db, project)?.ok_or(Error::ProjectNotFound(ProjectRef::Id(project)))?.1
    };
    let (counters, entry) = audited(call, counters, &to_json(told));
    let mut batch = Batch::new(db);
    counters::update(&mut batch, counters, Vec::new());
    audit_entries::insert(&mut batch, entry);
    batch.send(db)
}

/// Tells of the call that makes a project, which is no change of one.
pub(super) fn tell_first(db: &mut Db, call: &Call<'_>, project: i64) -> Result<()> {
    let Some((project, counters)) = lock(db, project)? else { return Ok(()) };
    let mut change = Change::of_locked(project, counters, call);
    change.counters.sequence = 0;
    let mut batch = Batch::new(db);
    events::insert(&mut batch, &[change.event(EventType::ProjectCreated, &call.resource, &serde_json::Map::new())]);
    batch.send(db)
}

/// Locks a project for a job, and returns its counters with the number of the next change; `None` if it is gone.
pub(crate) fn lock(db: &mut Db, project: i64) -> Result<Option<(Project, Counters)>> {
    let locked = counters::lock(db, &ProjectRef::Id(project), None)?;
    Ok(locked.map(|locked| (locked.project, locked.counters)))
}

/// A call to a method that changes something.
pub(super) fn call<'a>(
    principal: &'a Principal,
    method: &'static str,
    resource: &impl Display,
    request_id: Option<&'a RequestId>,
    fingerprint: Digest,
    now: Timestamp,
) -> Call<'a> {
    Call { principal, method, resource: resource.to_string(), request_id, fingerprint, now }
}
