//! One connection to whichever database the URL names, and the places where the two differ.

use std::time::{Duration, Instant};

use consign_types::resource::ProjectRef;
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::{Connection, PgConnection, SqliteConnection};

use crate::error::{Error, Result};
use crate::target::Target;

/// A connection to PostgreSQL or SQLite. Queries are written once and run on either.
#[derive(diesel::MultiConnection)]
pub(crate) enum Db {
    /// To a PostgreSQL server.
    Postgres(PgConnection),
    /// To an SQLite file.
    Sqlite(SqliteConnection),
}

/// Runs one expression on the concrete connection: for statements that diesel can't render through [`Db`]
/// (upserts and batch inserts).
macro_rules! each {
    ($db:expr, $connection:ident => $body:expr) => {
        match $db {
            $crate::connection::Db::Postgres($connection) => $body,
            $crate::connection::Db::Sqlite($connection) => $body,
        }
    };
}
pub(crate) use each;

/// How often a transaction is run when concurrent ones keep aborting it.
const ATTEMPTS: u32 = 3;

/// How long a connection tries to be the one that makes a new SQLite database one with a write-ahead log.
const LOCKED_AT_MOST: Duration = Duration::from_secs(5);

/// What a transaction leaves behind when its work succeeds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Everything.
    Commit,
    /// Nothing: the answer is what would have been done.
    Rollback,
}

/// What locks a project, by its id and by its path: prepared, since to plan it takes longer than to run it, and diesel sends it in one trip
/// with what begins the transaction.
const LOCKS: &str = "prepare lock_project (bigint) as \
                     select 1 from projects p join counters c on c.project_id = p.id where p.id = $1 for no key update of p, c; \
                     prepare lock_project_at (text) as \
                     select 1 from projects p join counters c on c.project_id = p.id where p.path = $1 for no key update of p, c";

impl Db {
    /// Connects, and makes the session safe: no statement waits or runs for ever, SQLite is durable on commit.
    pub(crate) fn open(target: &Target, read_only: bool) -> diesel::ConnectionResult<Self> {
        match target {
            Target::Postgres(url) => {
                let mut connection = PgConnection::establish(url)?;
                // To compile a statement takes a second, and none of ours takes as long: what the planner is forbidden below looks dear to it.
                let settings = "set statement_timeout = '15s'; set lock_timeout = '5s'; set idle_in_transaction_session_timeout = '10s'; \
                                set jit = off";
                connection.batch_execute(settings).map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
                if !read_only {
                    // Changes ask by keys: their plan is always the same, and to make it costs more than to follow it. It is made once, when
                    // the tables may be small, so it must be one that goes by indexes.
                    let settings = "set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set enable_bitmapscan = off; \
                                    set enable_hashjoin = off; set enable_mergejoin = off; set enable_material = off";
                    connection.batch_execute(settings).map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
                }
                Ok(Self::Postgres(connection))
            }
            Target::Sqlite(path) => {
                let path = path.to_str().ok_or_else(|| diesel::ConnectionError::BadConnection("path is not UTF-8".to_owned()))?;
                let mut connection = SqliteConnection::establish(path)?;
                use_wal(&mut connection).map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
                // In WAL mode `full` syncs the log at each commit: what was acknowledged survives a power cut.
                let settings = "pragma busy_timeout = 5000; pragma synchronous = full; pragma foreign_keys = on; \
                                pragma case_sensitive_like = on";
                connection.batch_execute(settings).map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
                if read_only {
                    connection.batch_execute("pragma query_only = on").map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
                }
                Ok(Self::Sqlite(connection))
            }
        }
    }

    /// Prepares what [`Db::begin_locked`] needs. The tables are there.
    fn prepare_locks(&mut self) -> Result<()> {
        match self {
            Self::Postgres(connection) => connection.batch_execute(LOCKS)?,
            Self::Sqlite(_) => {}
        }
        Ok(())
    }

    /// Lets statements run for as long as they need.
    pub(crate) fn take_time(&mut self) -> Result<()> {
        match self {
            Self::Postgres(connection) => connection.batch_execute("set statement_timeout = 0")?,
            Self::Sqlite(_) => {}
        }
        Ok(())
    }

    /// Begins a writing transaction.
    ///
    /// SQLite takes its writer lock at once (`begin immediate`): a transaction that reads first and writes later could
    /// otherwise fail half-way with "database is locked".
    pub(crate) fn begin_write(&mut self) -> Result<()> {
        match self {
            Self::Postgres(connection) => AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN")?,
            Self::Sqlite(connection) => AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN IMMEDIATE")?,
        }
        Ok(())
    }

    /// Begins a writing transaction in which a project is locked, as [`counters::lock`](crate::tables::counters::lock) locks it: to
    /// PostgreSQL, that is one trip. What is read behind it is true until the transaction ends.
    pub(crate) fn begin_locked(&mut self, project: &ProjectRef) -> Result<()> {
        let Self::Postgres(connection) = self else {
            return self.begin_write();
        };
        let statements = match project {
            ProjectRef::Id(id) => format!("BEGIN; execute lock_project ({id})"),
            // A path has letters, digits, and nothing that ends a text.
            ProjectRef::Path(path) => format!("BEGIN; execute lock_project_at ('{path}')"),
        };
        let begun = AnsiTransactionManager::begin_transaction_sql(connection, &statements);
        if begun.is_err() {
            // Where it waited in vain, the transaction was begun all the same. One that can't be ended is found out when it is used next.
            let _ = connection.batch_execute("ROLLBACK");
        }
        Ok(begun?)
    }

    /// Begins a reading transaction, in which every query sees the same state.
    pub(crate) fn begin_read(&mut self) -> Result<()> {
        match self {
            Self::Postgres(connection) => {
                AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
            }
            Self::Sqlite(connection) => AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN")?,
        }
        Ok(())
    }

    /// Runs `work` in a transaction that was begun, which ends as told, and again where concurrent ones abort it: begun then by `again`.
    pub(crate) fn run<T>(
        &mut self,
        ending: Ending,
        again: impl Fn(&mut Self) -> Result<()>,
        work: impl Fn(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let mut result = work(self);
        result = self.end(ending, result);
        for _ in 1..ATTEMPTS {
            match &result {
                Err(error) if error.is_transient() => tracing::debug!(%error, "transaction is run again"),
                _ => break,
            }
            again(self)?;
            result = work(self);
            result = self.end(ending, result);
        }
        result
    }

    /// Ends a transaction whose work came to this result: as told, or by leaving nothing where it failed.
    pub(crate) fn end<T>(&mut self, ending: Ending, result: Result<T>) -> Result<T> {
        if result.is_ok() && ending == Ending::Commit {
            <Self as TransactionManager<Self>>::commit_transaction(self)?;
            return result;
        }
        // The first error is the one to report; a connection that can't roll back is replaced by the pool.
        let rolled_back = <Self as TransactionManager<Self>>::rollback_transaction(self);
        if result.is_ok() {
            rolled_back?;
        }
        result
    }
}

/// Makes the database one with a write-ahead log, which a new one is not.
///
/// Connections that change a new database at once are refused without waiting, whatever their `busy_timeout`: each reads it, and
/// SQLite lets none wait for the others to stop reading. One of them gets through; the others find it changed.
fn use_wal(connection: &mut SqliteConnection) -> diesel::QueryResult<()> {
    let started = Instant::now();
    loop {
        match connection.batch_execute("pragma busy_timeout = 5000; pragma journal_mode = wal") {
            Err(diesel::result::Error::DatabaseError(_, info))
                if info.message() == "database is locked" && started.elapsed() < LOCKED_AT_MOST =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            result => return result,
        }
    }
}

/// A connection of a pool.
pub(crate) struct Pooled {
    pub(crate) db: Db,
    /// Whether it was found to be of no use, so that it is replaced.
    pub(crate) is_stale: bool,
}

/// Makes the connections of a pool. (`MultiConnection::establish` tries SQLite when PostgreSQL is down, and would
/// create a file named after the URL.)
#[derive(Debug)]
pub(crate) struct Manager {
    pub(crate) target: Target,
    pub(crate) read_only: bool,
}

impl r2d2::ManageConnection for Manager {
    type Connection = Pooled;
    type Error = Error;

    fn connect(&self) -> Result<Pooled> {
        let mut db = Db::open(&self.target, self.read_only)?;
        if !self.read_only {
            db.prepare_locks()?;
        }
        Ok(Pooled { db, is_stale: false })
    }

    fn is_valid(&self, connection: &mut Pooled) -> Result<()> {
        Ok(connection.db.batch_execute("select 1")?)
    }

    fn has_broken(&self, connection: &mut Pooled) -> bool {
        let is_broken = <Db as TransactionManager<Db>>::is_broken_transaction_manager(&mut connection.db);
        std::thread::panicking() || connection.is_stale || is_broken
    }
}
