//! Connections, and the only way to use one: a closure, as one transaction, on a blocking thread.

use std::sync::Arc;
use std::time::Duration;

use consign_types::Digest;
use consign_types::resource::ProjectRef;
use tokio::sync::Semaphore;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::connection::{Db, Ending, Manager};
use crate::error::{Error, Result};
use crate::group_commit::{Groups, Turn};
use crate::target::Target;

/// How long an operation waits for its turn before it is refused.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// How long it then waits for a connection that works.
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);

/// How long a connection is kept: PostgreSQL goes by plans that it makes once a connection, by the sizes that tables have then.
const LIFETIME: Duration = Duration::from_mins(2);

/// Two sets of connections, so that a storm of listings can't hold up a publish.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    readers: Lane,
    writers: Lane,
    groups: Groups,
    /// Whether all projects have one writer.
    is_sqlite: bool,
}

/// How many connections to the database there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// Those that wait for work.
    pub idle: u32,
    /// Those that are at work, or being checked or made.
    pub used: u32,
}

/// Connections of one kind. The semaphore has as many permits as there are connections: who waits, waits asynchronously and
/// in order, and occupies no blocking thread.
#[derive(Clone, Debug)]
struct Lane {
    connections: r2d2::Pool<Manager>,
    turns: Arc<Semaphore>,
}

impl Pool {
    pub(crate) fn new(target: &Target, connections: u32) -> Self {
        let is_sqlite = matches!(target, Target::Sqlite(_));
        let writers = if is_sqlite { 1 } else { connections };
        let (readers, writers) = (Lane::new(target.clone(), true, connections), Lane::new(target.clone(), false, writers));
        Self { readers, writers, groups: Groups::default(), is_sqlite }
    }

    /// Runs `work` as one reading transaction.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Db) -> Result<T> + Send + 'static,
    {
        let work = move |db: &mut Db| {
            let result = work(db);
            db.end(Ending::Rollback, result)
        };
        self.readers.run(Db::begin_read, work).await
    }

    /// Runs `work`, which looks at a few rows by their keys before a change, and changes nothing. On PostgreSQL it has the plans of changes, and
    /// a connection of theirs, and each statement is by itself: what begins and ends a transaction would be two trips more.
    pub(crate) async fn look<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Db) -> Result<T> + Send + 'static,
    {
        if self.is_sqlite {
            self.read(work).await
        } else {
            self.writers.on_thread(move |connections| Ok(Lane::first(connections, work)?.1)).await
        }
    }

    /// Runs `work` as one writing transaction, again where a concurrent one aborts it.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Db) -> Result<T> + Send + 'static,
    {
        self.end(Ending::Commit, work).await
    }

    /// Runs `work` as one writing transaction that ends as told.
    pub(crate) async fn end<T, F>(&self, ending: Ending, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Db) -> Result<T> + Send + 'static,
    {
        self.writers.run(Db::begin_write, move |db| db.run(ending, Db::begin_write, work)).await
    }

    /// Runs `work` as one writing transaction that ends as told, and in which a project is locked before. Then `after` makes the answer of
    /// what came of it, also where the caller has gone meanwhile.
    pub(crate) async fn end_locked<T, U, F>(
        &self,
        ending: Ending,
        project: &ProjectRef,
        work: F,
        after: impl FnOnce(Result<U>) -> Result<T> + Send + 'static,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Db) -> Result<U> + Send + 'static,
    {
        let project = project.clone();
        let begin = move |db: &mut Db| db.begin_locked(&project);
        self.writers.run(begin.clone(), move |db| after(db.run(ending, begin, work))).await
    }

    /// The connections that there are at this moment.
    pub(crate) fn connections(&self) -> Connections {
        let [readers, writers] = [&self.readers, &self.writers].map(|lane| lane.connections.state());
        let idle = readers.idle_connections + writers.idle_connections;
        Connections { idle, used: (readers.connections + writers.connections).saturating_sub(idle) }
    }

    /// Runs `work`, a short change to a project that locks no blob but this one, as [`Pool::write`] does, but in one transaction with
    /// others that wait for the same turn.
    pub(crate) async fn change<T, F>(&self, project: &ProjectRef, blob: Option<Digest>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Db, Turn) -> Result<T> + Send + 'static,
    {
        let (place, mut answer) = self.groups.join((!self.is_sqlite).then(|| project.clone()), blob, work);
        let place = Arc::new(place);
        let lead = timeout(PATIENCE, Arc::clone(&place.group.lead).lock_owned());
        let mut lead = tokio::select! {
            biased;
            answer = &mut answer => return answer?,
            lead = lead => match lead {
                Ok(lead) => lead,
                Err(_) if place.withdraw() => return Err(Error::Overloaded),
                // It is being made: only its answer tells what came of it.
                Err(_) => return answer.await?,
            },
        };
        loop {
            match answer.try_recv() {
                Ok(answer) => return answer,
                Err(TryRecvError::Closed) => return Err(Error::Panicked),
                Err(TryRecvError::Empty) => {}
            }
            let place = Arc::clone(&place);
            let locked = project.clone();
            let begin = move |db: &mut Db| db.begin_locked(&locked);
            // The lead is kept with the work: whoever follows finds the changes made, even if this caller has gone.
            lead = self.writers.run(begin, move |db| place.group.make(db).map(|()| lead)).await?;
        }
    }
}

impl Lane {
    fn new(target: Target, read_only: bool, size: u32) -> Self {
        let lifetime = matches!(target, Target::Postgres(_)).then_some(LIFETIME);
        let builder = r2d2::Pool::builder().max_size(size).min_idle(Some(1)).connection_timeout(CONNECT_PATIENCE);
        let builder = builder.max_lifetime(lifetime).test_on_check_out(false);
        // Not checked here: a database that is down now may be up when it is needed.
        let connections = builder.error_handler(Box::new(LogErrors)).build_unchecked(Manager { target, read_only });
        Self { connections, turns: Arc::new(Semaphore::new(size as usize)) }
    }

    /// Runs `work` in a transaction that was begun, and that it ends.
    async fn run<T, F>(&self, begin: impl Fn(&mut Db) -> Result<()> + Send + 'static, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Db) -> Result<T> + Send + 'static,
    {
        self.on_thread(move |connections| work(&mut Self::first(connections, begin)?.0.db)).await
    }

    /// Runs `work`, which takes one connection, on a thread that may wait for it.
    async fn on_thread<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&r2d2::Pool<Manager>) -> Result<T> + Send + 'static,
    {
        let turn = timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await.map_err(|_| Error::Overloaded)?;
        let turn = turn.expect("the semaphore is never closed");
        let connections = self.connections.clone();
        let span = tracing::Span::current();
        let work = move || {
            let result = span.in_scope(|| work(&connections));
            drop(turn);
            result
        };
        // The turn ends with the work: a caller that goes away does not stop a transaction that has begun.
        spawn_blocking(work).await?
    }

    /// A connection, and its answer to what is asked first. One that died while it was idle shows itself by that, which saves a question
    /// before; it is replaced.
    fn first<T>(connections: &r2d2::Pool<Manager>, ask: impl Fn(&mut Db) -> Result<T>) -> Result<(r2d2::PooledConnection<Manager>, T)> {
        for _ in 0..connections.max_size() {
            let mut connection = connections.get()?;
            match ask(&mut connection.db) {
                Err(error) if error.is_disconnection() => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "connection is replaced");
                    connection.is_stale = true;
                }
                Err(error) => return Err(error),
                Ok(answer) => return Ok((connection, answer)),
            }
        }
        let mut connection = connections.get()?;
        let answer = ask(&mut connection.db)?;
        Ok((connection, answer))
    }
}

/// The pool reports failed connections of its own accord; callers get the error too, so this is detail.
#[derive(Debug)]
struct LogErrors;

impl r2d2::HandleError<Error> for LogErrors {
    fn handle_error(&self, error: Error) {
        tracing::debug!(error = &error as &dyn std::error::Error, "no connection to the metadata database");
    }
}
