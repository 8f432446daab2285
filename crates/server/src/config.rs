//! The settings: options on the command line, or variables in the environment. No other file reads either.

mod collection;
mod log;
mod store;
mod throttle;
mod tls;

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use consign_metadata::Rules;
use consign_types::settings::{DedupScope, DuplicateSetting, InForce, VersionMode};
use consign_types::settings::{MAX_FILE_BYTES, MAX_QUOTA_BYTES};
use consign_types::token::is_possible;
use consign_types::trust::Issuer;
use consign_types::version::Visibility;

use crate::error::{Error, Result};

pub use collection::CollectionSettings;
pub use log::{LogFormat, LogSettings};
pub use store::StoreSettings;
pub use throttle::ThrottleSettings;
pub use tls::TlsSettings;

/// What a process does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// All of it.
    #[default]
    All,
    /// The metadata plane: names, rules and rights.
    Metadata,
    /// The blob plane: bytes.
    Blob,
    /// The REST gateway.
    Gateway,
}

/// Whether a path may be published again with other bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Duplicates {
    /// It may, as GitLab allows by default.
    #[default]
    Allow,
    /// It may not.
    Reject,
}

/// The settings of a process.
#[derive(Clone, Debug, Args)]
pub struct Settings {
    /// Run one role alone.
    #[arg(value_enum, default_value_t)]
    pub role: Role,

    /// Address of the REST gateway.
    #[arg(long, help_heading = "Gateway", env = "CONSIGN_HTTP_LISTEN", default_value = "127.0.0.1:8080", value_parser = address)]
    pub http_listen: SocketAddr,

    /// Address of the gRPC services.
    #[arg(long, help_heading = "Planes", env = "CONSIGN_GRPC_LISTEN", default_value = "127.0.0.1:50051", value_parser = address)]
    pub grpc_listen: SocketAddr,

    /// Address of the blob plane for the metadata plane alone: `BlobAdminService`, by which garbage is collected [default: none]
    #[arg(long, help_heading = "Blob plane", env = "CONSIGN_INTERNAL_LISTEN", value_parser = address)]
    pub internal_listen: Option<SocketAddr>,

    /// Address of the metrics, `GET /metrics`, in plaintext and for everybody who reaches it: one of the inside network [default: none]
    #[arg(long, help_heading = "All roles", env = "CONSIGN_METRICS_LISTEN", value_parser = address)]
    pub metrics_listen: Option<SocketAddr>,

    /// Token of the administrator, of 16 visible ASCII characters or more: takes the place of the one before. Without it, the first
    /// start makes one. Rather give it by the variable, which other users do not see.
    #[arg(long, help_heading = "Metadata plane", env = "CONSIGN_ADMIN_TOKEN", hide_env_values = true)]
    pub admin_token: Option<String>,

    /// OIDC issuers whose ID tokens may be changed into tokens, exactly as in claim `iss`, with commas between them.
    #[arg(long, help_heading = "Metadata plane", env = "CONSIGN_OIDC_ISSUERS", value_delimiter = ',', default_values = ["https://gitlab.com", "https://token.actions.githubusercontent.com"])]
    pub oidc_issuers: Vec<Issuer>,

    /// Where data are kept, and how the database is reached.
    #[command(flatten)]
    pub database: DatabaseSettings,

    /// File of the keys that sign tickets and receipts: made if it is missing; both planes need the same [default: `keys` in the data directory]
    #[arg(long, help_heading = "Planes", env = "CONSIGN_KEY_FILE")]
    pub key_file: Option<PathBuf>,

    /// File of the Ed25519 key, a PEM block, by which this instance signs what others verify, such as checkpoints of the audit. Made if it is
    /// missing; all metadata planes of an instance need the same [default: `signing-keys.pem` in the data directory]
    #[arg(long, help_heading = "Metadata plane", env = "CONSIGN_SIGNING_KEY_FILE")]
    pub signing_key_file: Option<PathBuf>,

    /// Address of the metadata plane, such as `https://host:port`, for a gateway that runs alone.
    #[arg(long, help_heading = "Gateway", env = "CONSIGN_METADATA_ENDPOINT")]
    pub metadata_endpoint: Option<String>,

    /// Address of the blob plane, for a gateway that runs alone, and for the tickets that a metadata plane writes.
    #[arg(long, help_heading = "Gateway and metadata plane", env = "CONSIGN_BLOB_ENDPOINT")]
    pub blob_endpoint: Option<String>,

    /// Address that a blob plane elsewhere has as `--internal-listen`: a metadata plane alone collects garbage there.
    #[arg(long, help_heading = "Metadata plane", env = "CONSIGN_BLOB_INTERNAL_ENDPOINT")]
    pub blob_internal_endpoint: Option<String>,

    /// Largest file that may be published, in bytes.
    #[arg(long, help_heading = "Metadata plane", env = "CONSIGN_MAX_FILE_BYTES", default_value_t = 5 << 30, value_parser = clap::value_parser!(i64).range(0..=MAX_FILE_BYTES))]
    pub max_file_bytes: i64,

    /// Whether a path may be published again with other bytes.
    #[arg(long, help_heading = "Metadata plane", env = "CONSIGN_DUPLICATES", value_enum, default_value_t)]
    pub duplicates: Duplicates,

    /// Regular expression of the package names and versions for which `--duplicates` is turned round.
    #[arg(long, help_heading = "Metadata plane", env = "CONSIGN_DUPLICATE_EXCEPTIONS", default_value = "")]
    pub duplicate_exceptions: String,

    /// Do as GitLab does where that is nobody's wish. Deleting a group deletes all that is in it. Where duplicates are rejected, the same bytes
    /// are too, so that a retry is refused. A form that is sent for a file is stored as it came; `latest`, `stage:NAME` and `%2F` in the name of
    /// a file are refused; of two tokens in one request the first counts; guests read; lists of packages take no deploy tokens, and no keyset; jobs learn
    /// which private projects are there.
    #[arg(long, help_heading = "Gateway and metadata plane", env = "CONSIGN_STRICT_GITLAB")]
    pub strict_gitlab: bool,

    /// Let guests of a project read what reporters read, as GitLab's newest releases do; `--strict-gitlab` does too.
    #[arg(long, help_heading = "Metadata plane", env = "CONSIGN_GUESTS_READ")]
    pub guests_read: bool,

    /// Bytes that one project may hold, where no setting says otherwise [default: no limit]
    #[arg(long, help_heading = "Metadata plane", env = "CONSIGN_QUOTA_BYTES", value_parser = clap::value_parser!(i64).range(0..=MAX_QUOTA_BYTES))]
    pub quota_bytes: Option<i64>,

    /// Days for which what was deleted can be brought back.
    #[arg(long, help_heading = "Metadata plane", env = "CONSIGN_RESTORE_DAYS", default_value_t = 7, value_parser = clap::value_parser!(u16))]
    pub restore_days: u16,

    /// Where blobs are kept.
    #[command(flatten)]
    pub store: StoreSettings,

    /// When what nobody needs is removed.
    #[command(flatten)]
    pub collection: CollectionSettings,

    /// TLS on the listeners, and towards other planes.
    #[command(flatten)]
    pub tls: TlsSettings,

    /// How often one may fail to sign in, and publish.
    #[command(flatten)]
    pub throttle: ThrottleSettings,

    /// What a process takes on at most.
    #[command(flatten)]
    pub limits: Limits,
}

/// Where data are kept, and how the database is reached.
#[derive(Clone, Debug, Args)]
pub struct DatabaseSettings {
    /// Directory of the database, the blobs and the keys.
    #[arg(long, help_heading = "Planes", env = "CONSIGN_DATA_DIR", default_value = "./consign-data")]
    pub data_dir: PathBuf,

    /// Database, such as `postgres://user@host/name` or `sqlite:path` [default: `consign.db` in the data directory]
    #[arg(long, help_heading = "Metadata plane", env = "CONSIGN_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,

    /// Let names and data cross a network in the clear on their way to PostgreSQL.
    #[arg(long, help_heading = "Metadata plane", env = "CONSIGN_DATABASE_ALLOW_PLAINTEXT")]
    pub database_allow_plaintext: bool,

    /// Connections to the database for reading, and as many for writing (SQLite has one writer).
    #[arg(long, help_heading = "Metadata plane", env = "CONSIGN_DATABASE_CONNECTIONS", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub database_connections: u32,
}

/// What a process takes on at most.
#[derive(Clone, Debug, Args)]
pub struct Limits {
    /// Bytes of the disk that uploads leave free.
    #[arg(long, help_heading = "Blob plane", env = "CONSIGN_RESERVE_BYTES", default_value_t = 64 << 20)]
    pub reserve_bytes: u64,

    /// Bytes of requests and transfers that are held in memory at once [default: 96 MiB; 384 MiB with blobs in a bucket, whose uploads hold
    /// 16 MiB each]
    #[arg(long, help_heading = "Planes", env = "CONSIGN_IN_FLIGHT_BYTES", value_parser = clap::value_parser!(u64).range((8 << 20)..))]
    pub in_flight_bytes: Option<u64>,

    /// Connections that are open at once on each listener.
    #[arg(long, help_heading = "All roles", env = "CONSIGN_MAX_CONNECTIONS", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: u32,
}

impl Role {
    /// Whether this process has the metadata plane.
    pub fn has_metadata(self) -> bool {
        matches!(self, Self::All | Self::Metadata)
    }

    /// Whether this process has the blob plane.
    pub fn has_blobs(self) -> bool {
        matches!(self, Self::All | Self::Blob)
    }

    /// Whether this process has any plane.
    pub fn has_planes(self) -> bool {
        self.has_metadata() || self.has_blobs()
    }

    /// Whether this process has the gateway.
    pub fn has_gateway(self) -> bool {
        matches!(self, Self::All | Self::Gateway)
    }
}

impl Settings {
    pub(crate) fn key_file(&self) -> PathBuf {
        self.key_file.clone().unwrap_or_else(|| self.database.data_dir.join("keys"))
    }

    pub(crate) fn signing_key_file(&self) -> PathBuf {
        self.signing_key_file.clone().unwrap_or_else(|| self.database.data_dir.join("signing-keys.pem"))
    }

    /// The bytes of requests and transfers that may be held in memory at once.
    pub(crate) fn in_flight_bytes(&self) -> u64 {
        let by_default = if self.store.s3().is_some() { 384 << 20 } else { 96 << 20 };
        self.limits.in_flight_bytes.unwrap_or(by_default)
    }

    /// What holds in the metadata plane where no setting says otherwise.
    pub(crate) fn rules(&self) -> Result<Rules> {
        let duplicate_policy = DuplicateSetting {
            allowed: self.duplicates == Duplicates::Allow,
            exception: self.duplicate_exceptions.clone(),
            reject_identical: self.strict_gitlab,
        };
        duplicate_policy.policy().map_err(|error| Error::Settings(format!("`--duplicate-exceptions`: {error}")))?;
        let defaults = InForce {
            duplicate_policy,
            max_file_bytes: self.max_file_bytes,
            quota_bytes: self.quota_bytes,
            default_version_mode: VersionMode::Open,
            visibility: Visibility::Private,
            dedup_scope: DedupScope::Readable,
            keep_revisions: None,
        };
        let rules = Rules::new(defaults, i64::from(self.restore_days) * 24 * 60 * 60);
        let rules = rules.letting_guests_read(self.guests_read || self.strict_gitlab).telling_jobs(self.strict_gitlab);
        Ok(rules.cleaning_up_every(self.collection.cleanup_interval_seconds))
    }

    /// Says what is missing or contradictory.
    pub(crate) fn check(&self) -> Result<()> {
        if self.role == Role::Gateway && (self.metadata_endpoint.is_none() || self.blob_endpoint.is_none()) {
            return Err(Error::Settings("a gateway alone needs `--metadata-endpoint` and `--blob-endpoint`".to_owned()));
        }
        if self.admin_token.as_deref().is_some_and(|token| !is_possible(token)) {
            return Err(Error::Settings("`--admin-token` looks like a token of Consign, and its last characters do not fit".to_owned()));
        }
        if self.admin_token.as_deref().is_some_and(|token| !is_token(token)) {
            let rule = "`--admin-token` must have at least 16 characters, all of them visible ASCII: no blank, no line end";
            return Err(Error::Settings(rule.to_owned()));
        }
        self.check_plaintext()
    }
}

/// What headers carry unchanged.
fn is_token(text: &str) -> bool {
    text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// An address to listen on; a name such as `localhost` stands for the first address it has.
fn address(text: &str) -> Result<SocketAddr, String> {
    let addresses = text.to_socket_addrs();
    addresses.ok().and_then(|mut addresses| addresses.next()).ok_or_else(|| "must look like `127.0.0.1:8080`".to_owned())
}

impl DatabaseSettings {
    /// The database that is meant: SQLite in the data directory where none is named.
    pub(crate) fn config(&self) -> consign_metadata::Config {
        let default = || format!("sqlite:{}", self.data_dir.join("consign.db").display());
        consign_metadata::Config {
            database_url: self.database_url.clone().unwrap_or_else(default),
            allow_plaintext: self.database_allow_plaintext,
            connections: self.database_connections,
        }
    }
}
