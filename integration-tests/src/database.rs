//! A database for each test.

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::BigInt;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection, sql_query};
use tempfile::TempDir;

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A file of its own.
    Sqlite,
    /// A database of its own on the server that `make test` started.
    Postgres,
}

/// Both databases: what holds on one must hold on the other.
pub const BOTH: [Engine; 2] = [Engine::Sqlite, Engine::Postgres];

/// A database that goes when it is dropped.
#[derive(Debug)]
pub struct Database {
    url: String,
    server: Option<(String, String)>,
    _directory: Option<TempDir>,
}

impl Database {
    /// A new, empty database.
    pub fn create(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => {
                let directory = tempfile::tempdir().expect("a temporary directory can be made");
                let url = format!("sqlite:{}", directory.path().join("test.db").display());
                Self { url, server: None, _directory: Some(directory) }
            }
            Engine::Postgres => {
                let server = server_url();
                let name = format!("test_{:016x}", rand::random::<u64>());
                execute(&server, &format!("create database {name}"));
                let (base, _) = server.rsplit_once('/').expect("the URL names a database");
                Self { url: format!("{base}/{name}"), server: Some((server, name)), _directory: None }
            }
        }
    }

    /// The URL that `--database-url` takes.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Changes rows past all operations.
    pub fn execute(&self, statement: &str) {
        match self.url.strip_prefix("sqlite:") {
            Some(path) => {
                let mut connection = connect::<SqliteConnection>(path);
                connection.batch_execute("pragma busy_timeout = 30000").expect("the connection takes settings");
                execute_on(&mut connection, statement);
            }
            None => execute(&self.url, statement),
        }
    }

    /// Begins a transaction with a statement, and leaves it open. Only for PostgreSQL.
    pub fn transaction(&self, statement: &str) -> Open {
        let mut connection = connect::<PgConnection>(&self.url);
        connection.batch_execute(&format!("begin; {statement}")).expect("the statement succeeds");
        Open(connection)
    }

    /// An instant, so many seconds ago, as an expression of SQL.
    pub fn ago(&self, seconds: u32) -> String {
        match &self.server {
            None => format!("((cast(strftime('%s', 'now') as integer) - {seconds}) * 1000000)"),
            Some(_) => format!("(now() - interval '{seconds} seconds')"),
        }
    }

    /// Drops it while it is in use. Only for PostgreSQL.
    pub fn remove(&self) {
        let (server, name) = self.server.as_ref().expect("the database is on a server");
        execute(server, &format!("drop database if exists {name} with (force)"));
    }

    /// Whether what is committed survives the loss of power. SQLite is used by the service in that way alone.
    pub fn is_durable(&self) -> bool {
        let setting = sql_query("select count(*) as count from pg_settings where name = 'fsync' and setting = 'on'");
        let is_on = || setting.get_result::<Count>(&mut connect::<PgConnection>(&self.url)).expect("the server tells").count == 1;
        self.server.is_none() || is_on()
    }

    /// How many rows a table has.
    pub fn count(&self, table: &str) -> i64 {
        let query = sql_query(format!("select count(*) as count from {table}"));
        let count: diesel::QueryResult<Count> = match self.url.strip_prefix("sqlite:") {
            Some(path) => query.get_result(&mut connect::<SqliteConnection>(path)),
            None => query.get_result(&mut connect::<PgConnection>(&self.url)),
        };
        count.expect("the rows can be counted").count
    }
}

impl Database {
    /// The texts that a query finds, in its column `text`.
    pub fn texts(&self, query: &str) -> Vec<String> {
        let query = sql_query(query);
        let found: diesel::QueryResult<Vec<Text>> = match self.url.strip_prefix("sqlite:") {
            Some(path) => query.load(&mut connect::<SqliteConnection>(path)),
            None => query.load(&mut connect::<PgConnection>(&self.url)),
        };
        found.expect("the rows are texts").into_iter().map(|row| row.text).collect()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.server.is_some() {
            self.remove();
        }
    }
}

/// Runs statements on an SQLite file of a service.
pub fn execute_all(path: &std::path::Path, statements: &str) {
    let path = path.to_str().expect("the path of a test is text");
    connect::<SqliteConnection>(path).batch_execute(statements).expect("the statements succeed");
}

/// A transaction that is open, until it is committed or dropped.
pub struct Open(PgConnection);

impl Open {
    /// Commits it.
    pub fn commit(mut self) {
        self.0.batch_execute("commit").expect("nothing stands against it");
    }
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Open(..)")
    }
}

/// Where the PostgreSQL of the tests is.
#[expect(clippy::disallowed_methods, reason = "the harness is told by `make test` where the server is")]
fn server_url() -> String {
    std::env::var("CONSIGN_TEST_POSTGRES_URL")
        .expect("CONSIGN_TEST_POSTGRES_URL is set: run tests by `make test` or under `.ci/with-postgres`")
}

#[derive(QueryableByName)]
struct Text {
    #[diesel(sql_type = diesel::sql_types::Text)]
    text: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

fn connect<C: Connection>(target: &str) -> C {
    C::establish(target).expect("the database of the test answers")
}

fn execute(url: &str, statement: &str) {
    execute_on(&mut connect::<PgConnection>(url), statement);
}

/// A statement that keeps to no order of locks may be the one that ends a deadlock with an operation: then it runs again.
fn execute_on<C>(connection: &mut C, statement: &str)
where
    C: Connection,
    diesel::query_builder::SqlQuery: diesel::query_dsl::methods::ExecuteDsl<C>,
{
    loop {
        match sql_query(statement).execute(connection) {
            Err(diesel::result::Error::DatabaseError(_, info)) if info.message() == "deadlock detected" => {}
            result => {
                result.expect("the statement succeeds");
                return;
            }
        }
    }
}
