//! The metadata plane: every name, rule, right and promotion, in PostgreSQL or SQLite. It never carries file bytes.
//!
//! One public method of [`Metadata`] is one operation in one transaction; nothing is awaited and nothing but SQL is done
//! inside of it. The same operations run on both databases.
//!
//! - `ops`: the operations, one a file, its argument a struct of the same name
//! - `tables`: the statements, one function each
//! - `connection`, `target`, `pool`, `group_commit`, `migrate`: the databases, and where they differ
//! - `columns`, `schema`: what the tables hold
//! - `select`, `cursor`: filters, orders and pages of lists; `batch`, `ids`, `prepared`: few trips to the database, and
//!   short ones
//! - `upload_numbers`: those of uploads for which nothing is reserved
//! - `rules`: what holds where nothing is set; `downloads`: their count; `observer`: who is told what becomes of promotions

mod batch;
mod columns;
mod connection;
mod cursor;
mod downloads;
mod error;
mod group_commit;
mod ids;
mod migrate;
mod observer;
mod ops;
mod page;
mod pool;
mod prepared;
mod promotion_error;
mod refusal;
mod rules;
mod schema;
mod select;
mod tables;
mod target;
mod upload_numbers;

use std::sync::Arc;

use consign_types::Timestamp;
use consign_types::signature::SigningKeys;

pub use cursor::{Cursor, ParseCursorError, Value};
pub use error::{BytesOf, Error, Result};
pub use observer::{Applied, Observation, Observer};
pub use ops::admit::About;
pub use ops::attesting::AttestationVerdict;
pub use ops::audit::Verified;
pub use ops::authenticate::Principal;
pub use ops::cancel_promotion::CancelPromotion;
pub use ops::cancel_uploads::CancelUploads;
pub use ops::change_release::{ReleaseChange, ReleaseWords};
pub use ops::change_state::ChangeState;
pub use ops::compare_stages::{CompareStages, StageDifference, StageDifferenceKind};
pub use ops::compare_versions::{CompareVersions, Comparison, Difference};
pub use ops::create_attestation::CreateAttestation;
pub use ops::create_member::CreateMember;
pub use ops::create_namespace::CreateNamespace;
pub use ops::create_project::CreateProject;
pub use ops::create_promotion::{CreatePromotion, PromoteItem, WantedWaiver};
pub use ops::create_protection_rule::CreateProtectionRule;
pub use ops::create_release::CreateRelease;
pub use ops::create_stage::CreateStage;
pub use ops::create_tag_rule::CreateTagRule;
pub use ops::create_token::CreateToken;
pub use ops::create_trust_rule::CreateTrustRule;
pub use ops::create_trusted_key::CreateTrustedKey;
pub use ops::create_user::CreateUser;
pub use ops::create_version::CreateVersion;
pub use ops::delete_file::DeleteFile;
pub use ops::delete_member::DeleteMember;
pub use ops::delete_namespace::DeleteNamespace;
pub use ops::delete_package::DeletePackage;
pub use ops::delete_project::DeleteProject;
pub use ops::delete_protection_rule::DeleteProtectionRule;
pub use ops::delete_stage::DeleteStage;
pub use ops::delete_tag::DeleteTag;
pub use ops::delete_tag_rule::DeleteTagRule;
pub use ops::delete_trust_rule::DeleteTrustRule;
pub use ops::delete_trusted_key::DeleteTrustedKey;
pub use ops::delete_version::DeleteVersion;
pub use ops::deletion::Force;
pub use ops::exchange_token::ExchangeToken;
pub use ops::expire::Expired;
pub use ops::find_attestation::{AttestedWhat, ListAttestations};
pub use ops::find_by_digest::FindByDigest;
pub use ops::find_package::PackageView;
pub use ops::find_promotion::{ListPromotions, PromotionOrder};
pub use ops::find_settings::SettingsView;
pub use ops::find_stage::{ListStages, StageOrder};
pub use ops::find_usage::Usage;
pub use ops::follow_events::{Behind, FollowEvents, Followed, behind_change};
pub use ops::list_events::ListEvents;
pub use ops::list_files::{FileOrder, ListFiles};
pub use ops::list_members::{ListMembers, MemberOrder};
pub use ops::list_namespaces::NamespaceOrder;
pub use ops::list_packages::{ListPackages, PackageOrder};
pub use ops::list_placements::{ListPlacements, PlacedWhat};
pub use ops::list_projects::{ListProjects, PathList, ProjectOrder};
pub use ops::list_releases::{ListReleases, ReleaseOrder};
pub use ops::list_tag_history::TagSpan;
pub use ops::list_tags::{ListTags, TagOrder};
pub use ops::list_tokens::{ListTokens, TokenOrder};
pub use ops::list_users::{ListUsers, UserOrder};
pub use ops::list_versions::{ListVersions, VersionList, VersionOrder};
pub use ops::prepare_downloads::{DownloadPlan, PrepareDownloads, Wanted};
pub use ops::prepare_uploads::{PrepareUploads, UploadFile, UploadPlan};
pub use ops::publish_version::{PublishFile, PublishMode, PublishVersion, Published};
pub use ops::record_deployment::{Drift, DriftReason, RecordDeployment};
pub use ops::recount::Discrepancy;
pub use ops::report_gate::ReportGate;
pub use ops::resolve_version::{ResolveVersion, Resolved, Selector, SkipReason, Skipped};
pub use ops::restore_tag::RestoreTag;
pub use ops::review_promotion::ReviewPromotion;
pub use ops::revoke_token::RevokeToken;
pub use ops::rollback_stage::{RollbackStage, RollbackTarget};
pub use ops::rotate_token::RotateToken;
pub use ops::search_files::SearchFiles;
pub use ops::search_versions::SearchVersions;
pub use ops::stage_state::StageState;
pub use ops::test_tag_rule::{RuleTrial, TestTagRule};
pub use ops::undelete_file::UndeleteFile;
pub use ops::undelete_package::UndeletePackage;
pub use ops::undelete_project::UndeleteProject;
pub use ops::undelete_version::UndeleteVersion;
pub use ops::update_member::UpdateMember;
pub use ops::update_package::UpdatePackage;
pub use ops::update_project::UpdateProject;
pub use ops::update_protection_rule::UpdateProtectionRule;
pub use ops::update_settings::UpdateSettings;
pub use ops::update_stage::{HoldStage, StageChange, UpdateStage};
pub use ops::update_tag_rule::{RuleChange, UpdateTagRule};
pub use ops::update_tags::{Existence, MoveTag, MovedTag, UpdateTags};
pub use ops::update_trust_rule::{TrustChange, UpdateTrustRule};
pub use ops::update_trusted_key::{TrustedKeyChange, UpdateTrustedKey};
pub use ops::update_user::UpdateUser;
pub use ops::update_version::UpdateVersion;
pub use ops::verify_attestations::VerifyAttestations;
pub use ops::within::Within;
pub use page::{Listed, Page};
pub use pool::Connections;
pub use promotion_error::PromotionError;
pub use refusal::RefusingRule;
pub use rules::Rules;
pub use tables::attestations::Attestation;
pub use tables::events::Event;
pub use tables::file_row::{File, LocatedFile};
pub use tables::members::{Member, PlacedMember};
pub use tables::namespaces::Namespace;
pub use tables::packages::Package;
pub use tables::placements::{AsOf, Placement};
pub use tables::projects::Project;
pub use tables::promotion_row::{Promotion, PromotionItem};
pub use tables::protection_rules::ProtectionRule;
pub use tables::releases::Release;
pub use tables::settings::ScopeSettings;
pub use tables::stages::{Hold, Stage};
pub use tables::tag_moves::TagMove;
pub use tables::tag_rules::TagRule;
pub use tables::tags::{PlacedTag, TagRow};
pub use tables::token_lists::Shown;
pub use tables::tokens::{Owner, Token};
pub use tables::trust_rules::{Terms, TrustRule};
pub use tables::trusted_keys::{TrustedKey, TrustedSigner};
pub use tables::users::User;
pub use tables::version_row::{Version, VersionRow};
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

/// The metadata plane. Clones share one pool.
#[derive(Clone, Debug)]
pub struct Metadata {
    pool: pool::Pool,
    rules: Rules,
    downloads: downloads::Tally,
    principals: ops::authenticate::Principals,
    sites: ops::admit::Sites,
    directories: ops::directories::Directories,
    upload_numbers: upload_numbers::UploadNumbers,
    looks: ops::shared_looks::SharedLooks,
    keys: Option<Arc<SigningKeys>>,
    observer: Option<Arc<dyn Observer>>,
    clock: fn() -> Timestamp,
}

impl Metadata {
    /// Connects, and brings the tables up to date. `clock` tells what time it is.
    pub async fn open(config: &Config, rules: Rules, clock: fn() -> Timestamp) -> Result<Self> {
        let target = target::Target::parse(&config.database_url, config.allow_plaintext)?;
        migrate(config).await?;
        let pool = pool::Pool::new(&target, config.connections);
        let (principals, sites) = (ops::authenticate::remember(), ops::admit::remember());
        let (downloads, directories) = (downloads::Tally::default(), ops::directories::Directories::default());
        let (upload_numbers, looks) = (upload_numbers::UploadNumbers::default(), ops::shared_looks::SharedLooks::default());
        Ok(Self { pool, rules, downloads, principals, sites, directories, upload_numbers, looks, keys: None, observer: None, clock })
    }

    /// The same, with the keys by which it signs what it records of promotions.
    #[must_use]
    pub fn signing(self, keys: Arc<SigningKeys>) -> Self {
        Self { keys: Some(keys), ..self }
    }

    /// Asks the database for a sign of life.
    pub async fn ping(&self) -> Result<()> {
        self.pool.read(|_| Ok(())).await
    }

    /// The connections to the database at this moment.
    pub fn connections(&self) -> Connections {
        self.pool.connections()
    }

    /// What time it is by its clock.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

/// Counts the rows of all projects anew, and answers where the counters differ: nowhere, if all is well. It takes its time, reads one state
/// of the database, and holds nobody up.
pub async fn recount(config: &Config) -> Result<Vec<Discrepancy>> {
    let target = target::Target::parse(&config.database_url, config.allow_plaintext)?;
    tokio::task::spawn_blocking(move || {
        let mut db = connection::Db::open(&target, true)?;
        db.take_time()?;
        db.begin_read()?;
        let result = ops::recount::recount(&mut db);
        db.end(connection::Ending::Rollback, result)
    })
    .await?
}

/// Whether the database is there: a server is taken to be, a file is looked for. To open one that is not would make it.
pub fn is_there(config: &Config) -> Result<bool> {
    Ok(match target::Target::parse(&config.database_url, config.allow_plaintext)? {
        target::Target::Postgres(_) => true,
        target::Target::Sqlite(path) => path.is_file(),
    })
}

/// Brings the tables up to date. Processes that do so at once take turns.
pub async fn migrate(config: &Config) -> Result<()> {
    let target = target::Target::parse(&config.database_url, config.allow_plaintext)?;
    tokio::task::spawn_blocking(move || migrate::run(&mut connection::Db::open(&target, false)?)).await?
}
