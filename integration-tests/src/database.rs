//! A database for each test.

use diesel::{Connection, PgConnection, RunQueryDsl, sql_query};
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
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some((server, name)) = &self.server {
            execute(server, &format!("drop database {name} with (force)"));
        }
    }
}

/// Where the PostgreSQL of the tests is.
#[expect(clippy::disallowed_methods, reason = "the harness is told by `make test` where the server is")]
fn server_url() -> String {
    std::env::var("CONSIGN_TEST_POSTGRES_URL").expect("CONSIGN_TEST_POSTGRES_URL is set: run tests by `make test` or under `.ci/with-postgres`")
}

fn execute(url: &str, statement: &str) {
    let mut connection = PgConnection::establish(url).expect("the PostgreSQL of the tests answers");
    sql_query(statement).execute(&mut connection).expect("the statement succeeds");
}
