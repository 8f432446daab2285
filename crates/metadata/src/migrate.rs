//! Bringing the tables up to date, by one process at a time.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::sql_types::Bool;
use diesel::{QueryableByName, RunQueryDsl, SqliteConnection, sql_query};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::connection::Db;
use crate::error::{Error, Result};
use crate::tables::events;

const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// How long a process waits for another one that is migrating the same database.
const PATIENCE: Duration = Duration::from_mins(5);

/// The advisory lock that a migrating process holds: any number that nobody else uses in this database.
const LOCK: &str = "7166478031264211";

#[derive(QueryableByName)]
struct Locked {
    #[diesel(sql_type = Bool)]
    locked: bool,
}

/// Runs the migrations that this database lacks.
pub(crate) fn run(db: &mut Db) -> Result<()> {
    match db {
        Db::Postgres(connection) => {
            // Polled, not awaited: a session that waits for the lock inside a statement would block `create index concurrently`.
            let started = Instant::now();
            loop {
                let query = sql_query(format!("select pg_try_advisory_lock({LOCK}) as locked"));
                let Locked { locked } = query.get_result(connection)?;
                if locked {
                    break;
                }
                if started.elapsed() > PATIENCE {
                    return Err(Error::Migration("another process has been migrating for too long".into()));
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            connection.batch_execute("set statement_timeout = 0; set lock_timeout = 0")?;
            let result = connection.run_pending_migrations(POSTGRES).map(|_| ()).map_err(Error::Migration);
            let result = result.and_then(|()| events::settle_positions(connection));
            connection.batch_execute(&format!("select pg_advisory_unlock({LOCK})"))?;
            result
        }
        Db::Sqlite(connection) => connection.exclusive_transaction(|connection: &mut SqliteConnection| {
            connection.run_pending_migrations(SQLITE).map(|_| ()).map_err(Error::Migration)
        }),
    }
}
