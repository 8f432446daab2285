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
pub use ops::find_file::FindFile;
pub use ops::list_files::ListFiles;
pub use ops::list_namespaces::ListNamespaces;
pub use ops::list_projects::ListProjects;
pub use ops::list_versions::ListVersions;
pub use ops::prepare_downloads::{DownloadPlan, DownloadPlans, PrepareDownloads};
pub use ops::prepare_uploads::{PrepareUploads, UploadFile, UploadPlan};
pub use ops::publish_version::{PublishFile, PublishVersion, Published};
pub use tables::files::File;
pub use tables::namespaces::Namespace;
pub use tables::projects::{Project, Visibility};
pub use tables::versions::{VersionRow, VersionState};
pub use target::UrlError;

/// How to reach the database, and the rules that hold where no namespace or project sets its own.
#[derive(Clone, Debug)]
pub struct Config {
    /// `postgres://…`, or `sqlite:` and the path of a file.
    pub database_url: String,
    /// Whether names and data may cross a network in the clear on their way to PostgreSQL.
    pub allow_plaintext: bool,
    /// Connections for reading, and as many for writing on PostgreSQL. SQLite has one writer, always.
    pub connections: u32,
    /// The largest file that may be published, in bytes.
    pub max_file_bytes: i64,
    /// Whether a path may be published again with other bytes.
    pub duplicates: DuplicatePolicy,
    /// What time it is.
    pub clock: fn() -> Timestamp,
}

/// The metadata plane. Clones share one pool.
#[derive(Clone, Debug)]
pub struct Metadata {
    pool: pool::Pool,
    rules: Rules,
    clock: fn() -> Timestamp,
}

/// What operations need to know beside the database.
#[derive(Clone, Debug)]
struct Rules {
    max_file_bytes: i64,
    duplicates: DuplicatePolicy,
}

impl Metadata {
    /// Connects, and brings the tables up to date.
    pub async fn open(config: Config) -> Result<Self> {
        let target = target::Target::parse(&config.database_url, config.allow_plaintext)?;
        let rules = Rules { max_file_bytes: config.max_file_bytes, duplicates: config.duplicates };
        let pool = pool::Pool::open(target, config.connections).await?;
        Ok(Self { pool, rules, clock: config.clock })
    }

    /// Asks the database for a sign of life.
    pub async fn ping(&self) -> Result<()> {
        self.pool.read(|_| Ok(())).await
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }
}
