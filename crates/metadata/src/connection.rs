//! One connection to whichever database the URL names, and the places where the two differ.

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

/// What a transaction leaves behind when its work succeeds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Everything.
    Commit,
    /// Nothing: the answer is what would have been done.
    Rollback,
}

impl Db {
    /// Connects, and makes the session safe: no statement waits or runs for ever, SQLite is durable on commit.
    pub(crate) fn open(target: &Target, read_only: bool) -> diesel::ConnectionResult<Self> {
        match target {
            Target::Postgres(url) => {
                let mut connection = PgConnection::establish(url)?;
                let settings = "set statement_timeout = '15s'; set lock_timeout = '5s'; set idle_in_transaction_session_timeout = '10s'";
                connection.batch_execute(settings).map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
                Ok(Self::Postgres(connection))
            }
            Target::Sqlite(path) => {
                let path = path.to_str().ok_or_else(|| diesel::ConnectionError::BadConnection("path is not UTF-8".to_owned()))?;
                let mut connection = SqliteConnection::establish(path)?;
                // In WAL mode `full` syncs the log at each commit: what was acknowledged survives a power cut.
                let settings = "pragma busy_timeout = 5000; pragma journal_mode = wal; pragma synchronous = full; \
                                pragma foreign_keys = on; pragma case_sensitive_like = on";
                connection.batch_execute(settings).map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
                if read_only {
                    connection.batch_execute("pragma query_only = on").map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
                }
                Ok(Self::Sqlite(connection))
            }
        }
    }

    /// Runs `work` as one writing transaction.
    ///
    /// SQLite takes its writer lock at once (`begin immediate`): a transaction that reads first and writes later could
    /// otherwise fail half-way with "database is locked".
    pub(crate) fn transact<T>(&mut self, ending: Ending, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        match self {
            Self::Postgres(connection) => AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN")?,
            Self::Sqlite(connection) => AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN IMMEDIATE")?,
        }
        match work(self) {
            Ok(value) if ending == Ending::Commit => {
                <Self as TransactionManager<Self>>::commit_transaction(self)?;
                Ok(value)
            }
            result => {
                // The first error is the one to report; a connection that can't roll back is replaced by the pool.
                let rolled_back = <Self as TransactionManager<Self>>::rollback_transaction(self);
                if result.is_ok() {
                    rolled_back?;
                }
                result
            }
        }
    }

    /// Runs `work` as one reading transaction, in which every query sees the same state.
    pub(crate) fn snapshot<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        match self {
            Self::Postgres(connection) => {
                AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
            }
            Self::Sqlite(connection) => AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN")?,
        }
        let result = work(self);
        let ended = <Self as TransactionManager<Self>>::rollback_transaction(self);
        let value = result?;
        ended?;
        Ok(value)
    }
}

/// Makes the connections of a pool. (`MultiConnection::establish` tries SQLite when PostgreSQL is down, and would
/// create a file named after the URL.)
#[derive(Debug)]
pub(crate) struct Manager {
    pub(crate) target: Target,
    pub(crate) read_only: bool,
}

impl r2d2::ManageConnection for Manager {
    type Connection = Db;
    type Error = Error;

    fn connect(&self) -> Result<Db> {
        Ok(Db::open(&self.target, self.read_only)?)
    }

    fn is_valid(&self, connection: &mut Db) -> Result<()> {
        Ok(connection.batch_execute("select 1")?)
    }

    fn has_broken(&self, connection: &mut Db) -> bool {
        std::thread::panicking() || <Db as TransactionManager<Db>>::is_broken_transaction_manager(connection)
    }
}
