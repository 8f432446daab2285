//! Group commit: changes that wait for the same lock are made in one transaction.
//!
//! Those who change a project take turns, and SQLite has one writer for all. Where each had a transaction of its own, each would wait for
//! the sync of the one before it. So those that wait are taken together: one sync is for all, and each is answered when it is done. What
//! one change did is seen by the next one of its group, as if it had been committed.
//!
//! A group is all or nothing to the database, but not to its callers: where one of its changes is refused, all is rolled back, and each
//! is made by itself.
//!
//! All who lock rows do so in one order, or they would wait for each other in a circle: the project, its counters, blobs in the order of
//! their digests. So a change that joins others locks one blob at most, and the changes of a group are made in that order. Those that lock
//! none come last. The project is locked as the transaction begins, so no change of a group locks it again.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use consign_types::Digest;
use consign_types::resource::ProjectRef;
use tokio::sync::oneshot;
use tracing::Span;

use crate::connection::{Db, Ending};
use crate::error::{Error, Result};

/// How many changes share a transaction at most.
const MAX_GROUP: usize = 32;

/// What a change finds when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It is by itself, and nothing is locked for it yet.
    Alone,
    /// What those of its group wait for was locked when the transaction began.
    Locked,
}

/// Changes that wait, by the project whose turn they wait for; `None` where all projects have one writer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Groups(Arc<Mutex<HashMap<Option<ProjectRef>, Arc<Group>>>>);

/// Changes that wait for the same turn.
#[derive(Default)]
pub(crate) struct Group {
    waiting: Mutex<Queue>,
    /// Held by whoever makes the changes of the group.
    pub(crate) lead: Arc<tokio::sync::Mutex<()>>,
}

/// Changes in the order in which they came, each with its number.
#[derive(Default)]
struct Queue {
    changes: VecDeque<(u64, Box<dyn Change>)>,
    last: u64,
}

/// The place of a change in a group, which is there until all have gone. Where it is dropped, the change is not made any more, unless that
/// has begun.
pub(crate) struct Place {
    groups: Groups,
    project: Option<ProjectRef>,
    pub(crate) group: Arc<Group>,
    number: u64,
}

impl Place {
    /// Takes the change out of the group; `false` where it is made already.
    pub(crate) fn withdraw(&self) -> bool {
        let mut waiting = lock(&self.group.waiting);
        let count = waiting.changes.len();
        waiting.changes.retain(|(number, _)| *number != self.number);
        waiting.changes.len() < count
    }
}

impl Groups {
    /// Lets a change wait with the others of its project. Its answer comes once somebody leads the group. `blob` is the one that it locks.
    pub(crate) fn join<T, F>(&self, project: Option<ProjectRef>, blob: Option<Digest>, work: F) -> (Place, oneshot::Receiver<Result<T>>)
    where
        T: Send + 'static,
        F: Fn(&mut Db, Turn) -> Result<T> + Send + 'static,
    {
        let (answer, receiver) = oneshot::channel();
        let change = Waiting { blob, work, result: None, answer: Some(answer), span: Span::current() };
        let group = Arc::clone(lock(&self.0).entry(project.clone()).or_default());
        let number = {
            let mut waiting = lock(&group.waiting);
            waiting.last += 1;
            let number = waiting.last;
            waiting.changes.push_back((number, Box::new(change)));
            number
        };
        (Place { groups: self.clone(), project, group, number }, receiver)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.withdraw();
        let mut groups = lock(&self.groups.0);
        // The map has it, and this place. Whoever joins holds the map.
        if Arc::strong_count(&self.group) == 2 {
            groups.remove(&self.project);
        }
    }
}

impl Group {
    /// Makes the changes that wait, as many as go together, in a transaction that was begun with what they wait for locked. It is ended.
    pub(crate) fn make(&self, db: &mut Db) -> Result<()> {
        let mut changes: Vec<Box<dyn Change>> = {
            let mut waiting = lock(&self.waiting);
            let count = waiting.changes.len().min(MAX_GROUP);
            waiting.changes.drain(..count).map(|(_, change)| change).filter(|change| change.is_wanted()).collect()
        };
        changes.sort_by_key(|change| (change.blob().is_none(), change.blob()));
        let all_done = changes.iter_mut().all(|change| change.make(db));
        let ended = db.end(if all_done { Ending::Commit } else { Ending::Rollback }, Ok(()));
        match changes.as_mut_slice() {
            [] => return ended,
            changes if all_done && ended.is_ok() => changes.iter_mut().for_each(|change| change.answer()),
            // Where it is not known whether the database has committed, the connection is gone, and nothing more is done on it.
            changes => {
                let mut is_available = true;
                for change in changes {
                    is_available = is_available && change.make_alone(db);
                    if !is_available {
                        change.give_up();
                    }
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").finish_non_exhaustive()
    }
}

/// A change that waits.
trait Change: Send {
    /// The blob that it locks.
    fn blob(&self) -> Option<Digest>;

    /// Whether somebody still waits for it.
    fn is_wanted(&self) -> bool;

    /// Makes it in the transaction of the group. Whether it succeeded.
    fn make(&mut self, db: &mut Db) -> bool;

    /// Answers what came of it: the transaction is committed.
    fn answer(&mut self);

    /// Makes it in a transaction of its own, if somebody still waits for it, and answers. Whether the database can be used.
    fn make_alone(&mut self, db: &mut Db) -> bool;

    /// Answers that it is not made, unless it was answered.
    fn give_up(&mut self);
}

struct Waiting<T, F> {
    blob: Option<Digest>,
    work: F,
    result: Option<Result<T>>,
    answer: Option<oneshot::Sender<Result<T>>>,
    span: Span,
}

impl<T: Send, F: Fn(&mut Db, Turn) -> Result<T> + Send> Change for Waiting<T, F> {
    fn blob(&self) -> Option<Digest> {
        self.blob
    }

    fn is_wanted(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| !answer.is_closed())
    }

    fn make(&mut self, db: &mut Db) -> bool {
        let result = self.span.in_scope(|| guarded(|| (self.work)(db, Turn::Locked)));
        self.result.insert(result).is_ok()
    }

    fn answer(&mut self) {
        if let Some((answer, result)) = self.answer.take().zip(self.result.take()) {
            // Who has gone meanwhile does not care.
            let _ = answer.send(result);
        }
    }

    fn make_alone(&mut self, db: &mut Db) -> bool {
        if !self.is_wanted() {
            return true;
        }
        let work = |db: &mut Db| guarded(|| (self.work)(db, Turn::Alone));
        let result = self.span.in_scope(|| db.begin_write().and_then(|()| db.run(Ending::Commit, Db::begin_write, work)));
        let is_available = !matches!(result, Err(Error::Unavailable(_)));
        self.result = Some(result);
        self.answer();
        is_available
    }

    fn give_up(&mut self) {
        self.result = Some(Err(Error::Overloaded));
        self.answer();
    }
}

/// A panic is the failure of one change, not of those that share its transaction.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Error::Panicked))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
