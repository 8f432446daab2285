//! The metadata plane: every name, rule, right and promotion, in PostgreSQL or SQLite. It never carries file bytes.
//!
//! One public method of [`Metadata`] is one operation in one transaction; nothing is awaited and nothing but SQL is done
//! inside of it. The same operations run on both databases.
//!
//! - `ops`: the operations, one a file, its argument a struct of the same name
//! - `tables`: the statements, one function each
//! - `connection`, `target`, `pool`, `migrate`: the databases, and where they differ
//! - `columns`, `schema`: what the tables hold

mod columns;
mod connection;
mod error;
mod migrate;
mod ops;
mod page;
mod pool;
mod schema;
mod tables;
mod target;

use consign_types::Timestamp;
use consign_types::duplicates::DuplicatePolicy;

pub use error::{Error, Result};
pub use ops::authenticate::Principal;
pub use ops::create_namespace::CreateNamespace;
pub use ops::create_project::CreateProject;
pub use ops::expire::Expired;
pub use ops::list_files::ListFiles;
pub use ops::list_projects::ListProjects;
pub use ops::list_versions::ListVersions;
pub use ops::prepare_downloads::{DownloadPlan, PrepareDownloads, Wanted};
pub use ops::prepare_uploads::{PrepareUploads, UploadFile, UploadPlan};
pub use ops::publish_version::{PublishFile, PublishVersion, Published};
pub use page::{Listed, Page};
pub use tables::files::File;
pub use tables::namespaces::Namespace;
pub use tables::projects::Project;
pub use tables::versions::Version;
pub use target::UrlError;

/// How to reach the database.
#[derive(Clone, Debug)]
pub struct Config {
    /// `postgres://…`, or `sqlite:` and the path of a file.
    pub database_url: String,
    /// Whether names and data may cross a network in the clear on their way to PostgreSQL.
    pub allow_plaintext: bool,
    /// Connections for reading, and as many for writing on PostgreSQL. SQLite has one writer, always.
    pub connections: u32,
}

/// The rules that hold where no namespace or project sets its own.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The largest file that may be published, in bytes.
    pub max_file_bytes: i64,
    /// Whether a path may be published again with other bytes.
    pub duplicates: DuplicatePolicy,
}

/// The metadata plane. Clones share one pool.
#[derive(Clone, Debug)]
pub struct Metadata {
    pool: pool::Pool,
    rules: Rules,
    clock: fn() -> Timestamp,
}

impl Metadata {
    /// Connects, and brings the tables up to date. `clock` tells what time it is.
    pub async fn open(config: &Config, rules: Rules, clock: fn() -> Timestamp) -> Result<Self> {
        let target = target::Target::parse(&config.database_url, config.allow_plaintext)?;
        migrate(config).await?;
        Ok(Self { pool: pool::Pool::new(&target, config.connections), rules, clock })
    }

    /// Asks the database for a sign of life.
    pub async fn ping(&self) -> Result<()> {
        self.pool.read(|_| Ok(())).await
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

/// Brings the tables up to date. Processes that do so at once take turns.
pub async fn migrate(config: &Config) -> Result<()> {
    let target = target::Target::parse(&config.database_url, config.allow_plaintext)?;
    tokio::task::spawn_blocking(move || migrate::run(&mut connection::Db::open(&target, false)?)).await?
}
