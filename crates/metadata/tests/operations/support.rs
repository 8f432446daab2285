//! A metadata plane with one project, and the steps that tests take on it.

use std::sync::{Arc, OnceLock};

use consign_metadata::{
    Config, CreateProject, Error, Metadata, PrepareUploads, Principal, PublishFile, PublishMode, PublishVersion, Published, Rules,
    UploadFile, UploadPlan,
};
use consign_types::label::Labels;
use consign_types::receipt::Receipt;
use consign_types::resource::{ProjectRef, VersionRef};
use consign_types::settings::{DedupScope, DuplicateSetting, InForce, VersionMode};
use consign_types::signature::SigningKeys;
use consign_types::version::Visibility;
use consign_types::{Digest, Timestamp};
use integration_tests::Database;

pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);

pub(crate) fn config(database: &Database) -> Config {
    Config { database_url: database.url().to_owned(), allow_plaintext: false, connections: 4 }
}

pub(crate) fn defaults() -> InForce {
    InForce {
        duplicate_policy: DuplicateSetting { allowed: true, exception: String::new(), reject_identical: false },
        max_file_bytes: 1 << 30,
        quota_bytes: None,
        default_version_mode: VersionMode::Open,
        visibility: Visibility::Private,
        dedup_scope: DedupScope::Readable,
        keep_revisions: None,
    }
}

/// A week in which what was deleted can be brought back.
pub(crate) const RESTORE_SECONDS: i64 = 7 * 24 * 60 * 60;

pub(crate) fn rules() -> Rules {
    Rules::new(defaults(), RESTORE_SECONDS)
}

pub(crate) fn principal() -> Principal {
    Principal::operator("root".parse().unwrap())
}

/// The keys by which promotions are signed here.
pub(crate) fn signing_keys() -> Arc<SigningKeys> {
    static KEYS: OnceLock<Arc<SigningKeys>> = OnceLock::new();
    Arc::clone(KEYS.get_or_init(|| Arc::new(SigningKeys::generate())))
}

pub(crate) async fn opened(database: &Database) -> Metadata {
    opened_with(database, rules(), || NOW).await
}

pub(crate) async fn opened_with(database: &Database, rules: Rules, clock: fn() -> Timestamp) -> Metadata {
    let metadata = Metadata::open(&config(database), rules, clock).await.unwrap().signing(signing_keys());
    assert!(metadata.ensure_admin_token(None, "token").await.unwrap());
    let demo = CreateProject {
        principal: principal(),
        namespace: Some("namespaces/root".parse().unwrap()),
        slug: "demo".parse().unwrap(),
        display_name: "".parse().unwrap(),
        description: "".parse().unwrap(),
        visibility: None,
        request_id: None,
    };
    assert_eq!(metadata.create_project(demo).await.unwrap().id, 1);
    metadata
}

pub(crate) fn version(name: &str) -> VersionRef {
    VersionRef { project: ProjectRef::Id(1), package: "tool".parse().unwrap(), version: name.parse().unwrap() }
}

pub(crate) fn receipt(content: &str, generation: i64) -> Receipt {
    let size = i64::try_from(content.len()).unwrap();
    Receipt { upload: generation, project: 1, digest: Digest::of(content.as_bytes()), size, generation, expires: NOW }
}

pub(crate) fn request(files: &[(&str, Receipt)]) -> PublishVersion {
    let file = |(path, receipt): &(&str, Receipt)| PublishFile {
        path: path.parse().unwrap(),
        receipt: receipt.clone(),
        media_type: "".parse().unwrap(),
    };
    PublishVersion {
        principal: principal(),
        version: version("1.0"),
        files: files.iter().map(file).collect(),
        mode: PublishMode::KeepOpen,
        hidden: None,
        tags: Vec::new(),
        labels: Labels::default(),
        keep_identical: false,
        expected_content: None,
        request_id: None,
        validate_only: false,
    }
}

pub(crate) async fn publish(metadata: &Metadata, files: &[(&str, Receipt)]) -> Result<Published, Error> {
    metadata.publish_version(request(files)).await
}

/// The number of an upload of a few bytes that nobody knows.
pub(crate) async fn prepare_small(metadata: &Metadata) -> i64 {
    prepare_small_at(metadata, version("1.0"), "small").await.unwrap()
}

pub(crate) async fn prepare_small_at(metadata: &Metadata, version: VersionRef, path: &str) -> Result<i64, Error> {
    let file = UploadFile { path: path.parse().unwrap(), digest: None, size: Some(1), always_send: true };
    let wanted = PrepareUploads { principal: principal(), version, files: vec![file], request_id: None, known_only: false };
    match metadata.prepare_uploads(wanted).await?.remove(0) {
        UploadPlan::Send(ticket) => Ok(ticket.upload),
        UploadPlan::Present(receipt) => panic!("{receipt:?}"),
    }
}

pub(crate) async fn prepare(metadata: &Metadata, content: &str) -> UploadPlan {
    let file = UploadFile { path: "new".parse().unwrap(), digest: Some(Digest::of(content.as_bytes())), size: None, always_send: false };
    let wanted = PrepareUploads { principal: principal(), version: version("1.0"), files: vec![file], request_id: None, known_only: false };
    metadata.prepare_uploads(wanted).await.unwrap().remove(0)
}
