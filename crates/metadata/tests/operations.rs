//! The operations, on SQLite and on PostgreSQL.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use consign_metadata::{
    Config, CreateProject, Error, Expired, ListFiles, Metadata, Page, PrepareDownloads, PrepareUploads, Principal, PublishFile,
    PublishVersion, Published, Rules, UploadFile, UploadPlan, Wanted,
};
use consign_types::duplicates::DuplicatePolicy;
use consign_types::receipt::Receipt;
use consign_types::resource::{FileRef, ProjectRef, VersionRef};
use consign_types::ticket::UploadTicket;
use consign_types::version::{VersionState, Visibility};
use consign_types::{ContentDigest, Digest, Timestamp};
use integration_tests::{BOTH, Database};

const NOW: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);

fn config(database: &Database) -> Config {
    Config { database_url: database.url().to_owned(), allow_plaintext: false, connections: 4 }
}

fn rules() -> Rules {
    Rules { max_file_bytes: 1 << 30, duplicates: DuplicatePolicy::default() }
}

fn principal() -> Principal {
    Principal { name: "root".parse().unwrap() }
}

async fn opened(database: &Database) -> Metadata {
    opened_with(database, rules(), || NOW).await
}

async fn opened_with(database: &Database, rules: Rules, clock: fn() -> Timestamp) -> Metadata {
    let metadata = Metadata::open(&config(database), rules, clock).await.unwrap();
    assert!(metadata.ensure_admin_token(None, "token").await.unwrap());
    let demo = CreateProject {
        principal: principal(),
        namespace: None,
        slug: "demo".parse().unwrap(),
        display_name: "".parse().unwrap(),
        description: "".parse().unwrap(),
        visibility: Visibility::Private,
        request_id: None,
    };
    assert_eq!(metadata.create_project(demo).await.unwrap().id, 1);
    metadata
}

fn version(name: &str) -> VersionRef {
    VersionRef { project: ProjectRef::Id(1), package: "tool".parse().unwrap(), version: name.parse().unwrap() }
}

fn receipt(content: &str, generation: i64) -> Receipt {
    let size = i64::try_from(content.len()).unwrap();
    Receipt { upload: generation, project: 1, digest: Digest::of(content.as_bytes()), size, generation, expires: NOW }
}

fn request(files: &[(&str, Receipt)]) -> PublishVersion {
    let file = |(path, receipt): &(&str, Receipt)| PublishFile {
        path: path.parse().unwrap(),
        receipt: receipt.clone(),
        media_type: "".parse().unwrap(),
    };
    PublishVersion {
        principal: principal(),
        version: version("1.0"),
        files: files.iter().map(file).collect(),
        keep_open: true,
        hidden: None,
        expected_content: None,
        request_id: None,
        validate_only: false,
    }
}

async fn publish(metadata: &Metadata, files: &[(&str, Receipt)]) -> Result<Published, Error> {
    metadata.publish_version(request(files)).await
}

async fn prepare(metadata: &Metadata, content: &str) -> UploadPlan {
    let file = UploadFile { path: "new".parse().unwrap(), digest: Some(Digest::of(content.as_bytes())), size: None, always_send: false };
    let wanted = PrepareUploads { principal: principal(), version: version("1.0"), files: vec![file], request_id: None };
    metadata.prepare_uploads(wanted).await.unwrap().remove(0)
}

#[tokio::test]
async fn a_token_is_known_by_its_digest_and_replaced_when_another_is_given() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;

        assert_eq!(metadata.authenticate("token").await.unwrap(), principal());
        assert!(matches!(metadata.authenticate("other").await, Err(Error::TokenInvalid)));
        assert!(!metadata.ensure_admin_token(None, "fresh").await.unwrap(), "there is one already");
        assert!(!metadata.ensure_admin_token(Some("given"), "fresh").await.unwrap());
        assert_eq!(metadata.authenticate("given").await.unwrap(), principal());
        assert!(matches!(metadata.authenticate("token").await, Err(Error::TokenInvalid)));
    }
}

#[tokio::test]
async fn times_are_kept_to_the_microsecond() {
    for engine in BOTH {
        let database = Database::create(engine);
        let clock = || Timestamp::from_micros(1_760_000_000_123_457);
        let metadata = opened_with(&database, rules(), clock).await;
        assert_eq!(metadata.find_project(ProjectRef::Id(1)).await.unwrap().created_at, clock());
    }
}

#[tokio::test]
async fn of_many_publishers_of_one_path_one_wins_where_duplicates_are_rejected() {
    for engine in BOTH {
        let database = Database::create(engine);
        let duplicates = DuplicatePolicy::new(false, "").unwrap();
        let metadata = opened_with(&database, Rules { duplicates, ..rules() }, || NOW).await;
        let publishers = (0..16).map(|n| {
            let metadata = metadata.clone();
            tokio::spawn(async move { publish(&metadata, &[("a", receipt(&format!("content {n}"), n + 1))]).await })
        });
        let (mut won, mut refused) = (0, 0);
        for publisher in publishers.collect::<Vec<_>>() {
            match publisher.await.unwrap() {
                Ok(_) => won += 1,
                Err(Error::DuplicateFile { .. }) => refused += 1,
                Err(error) => panic!("{engine:?}: {error:?}"),
            }
        }
        assert_eq!((won, refused), (1, 15), "{engine:?}");
        let page = Page { after: None, size: 100 };
        assert_eq!(metadata.list_files(ListFiles { version: version("1.0"), page }).await.unwrap().items.len(), 1);
    }
}

#[tokio::test]
async fn publishers_of_crossing_sets_wait_for_each_other_and_all_arrive() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        let publishers = (0..16).map(|n| {
            let metadata = metadata.clone();
            tokio::spawn(async move {
                let mut files = vec![("a", receipt("one", 1)), ("b", receipt("two", 2)), ("c", receipt("three", 3))];
                files.rotate_left(n % 3);
                let version = version(&format!("1.{}", n % 4));
                metadata.publish_version(PublishVersion { version, ..request(&files) }).await
            })
        });
        for publisher in publishers.collect::<Vec<_>>() {
            publisher.await.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn a_failed_publish_leaves_no_version_behind() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        let foreign = Receipt { project: 2, ..receipt("two", 2) };

        let result = publish(&metadata, &[("a", receipt("one", 1)), ("b", foreign)]).await;

        assert!(matches!(result, Err(Error::ReceiptInvalid(path)) if path.as_str() == "b"));
        assert!(matches!(metadata.find_version(version("1.0")).await, Err(Error::VersionNotFound(_))));
    }
}

#[tokio::test]
async fn bytes_that_came_twice_are_referred_to_once_and_the_second_copy_is_dead() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        publish(&metadata, &[("a", receipt("one", 1))]).await.unwrap();
        publish(&metadata, &[("b", receipt("one", 9))]).await.unwrap();

        let files = Wanted::All(Page { after: None, size: 10 });
        let plans = metadata.prepare_downloads(PrepareDownloads { version: version("1.0"), files }).await.unwrap().items;
        assert_eq!(plans.iter().map(|plan| plan.ticket.generation).collect::<Vec<_>>(), [1, 1]);
        assert_eq!(database.count("tombstones"), 1);
        let UploadPlan::Present(receipt) = prepare(&metadata, "one").await else { panic!("the project has these bytes") };
        assert_eq!(receipt.generation, 1);
    }
}

#[tokio::test]
async fn a_copy_that_is_being_removed_is_not_published_and_a_newer_one_is() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        publish(&metadata, &[("a", receipt("one", 1))]).await.unwrap();
        publish(&metadata, &[("b", receipt("one", 5))]).await.unwrap();
        // What garbage collection will do once nothing refers to the bytes.
        database.execute("delete from files");
        database.execute("delete from blobs");

        let result = publish(&metadata, &[("c", receipt("one", 5))]).await;
        assert!(matches!(result, Err(Error::BlobExpired { .. })), "{result:?}");
        let min_generation = async || match prepare(&metadata, "one").await {
            UploadPlan::Send(UploadTicket { min_generation, .. }) => min_generation,
            UploadPlan::Present(receipt) => panic!("{receipt:?}"),
        };
        assert_eq!(min_generation().await, 6, "the dead copy is not to be used again");
        publish(&metadata, &[("c", receipt("one", 6))]).await.unwrap();
        database.execute("delete from files");
        assert_eq!(min_generation().await, 0, "beside a living copy, dead ones do not matter");
    }
}

#[tokio::test]
async fn ten_thousand_files_are_published_at_once_and_one_more_is_too_many() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        let paths: Vec<String> = (0..10_001).map(|n| format!("folder/{n}")).collect();
        let files: Vec<(&str, Receipt)> = paths.iter().zip(1..).map(|(path, n)| (path.as_str(), receipt(path, n))).collect();

        let result = publish(&metadata, &files).await;
        assert!(matches!(result, Err(Error::ArgumentInvalid { field: "files", .. })), "{result:?}");
        let published = metadata.publish_version(PublishVersion { keep_open: false, ..request(&files[..10_000]) }).await.unwrap();
        assert_eq!((published.version.file_count, published.version.state), (10_000, VersionState::Published));
        let again = metadata.publish_version(PublishVersion { keep_open: false, ..request(&files[..10_000]) }).await.unwrap();
        assert!(again.replayed);
    }
}

#[tokio::test]
async fn leases_last_until_the_publish_or_their_end() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        let UploadPlan::Send(ticket) = prepare(&metadata, "one").await else { panic!("nothing is there") };
        prepare(&metadata, "two").await;
        assert_eq!(database.count("leases"), 2);

        publish(&metadata, &[("a", Receipt { upload: ticket.upload, ..receipt("one", ticket.upload) })]).await.unwrap();
        assert_eq!(database.count("leases"), 1);
        assert_eq!(metadata.expire().await.unwrap(), Expired::default());

        let later = || NOW.plus_seconds(2 * 24 * 60 * 60);
        let metadata = Metadata::open(&config(&database), rules(), later).await.unwrap();
        assert_eq!(metadata.expire().await.unwrap(), Expired { leases: 1, request_ids: 0 });
        assert_eq!(metadata.expire().await.unwrap(), Expired::default());
    }
}

#[tokio::test]
async fn a_repeated_prepare_gives_the_same_uploads() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        let file = UploadFile { path: "a".parse().unwrap(), digest: None, size: Some(3), always_send: false };
        let request_id = Some("0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e".parse().unwrap());
        let wanted = PrepareUploads { principal: principal(), version: version("1.0"), files: vec![file], request_id };
        let upload = async || match metadata.prepare_uploads(wanted.clone()).await.unwrap().remove(0) {
            UploadPlan::Send(ticket) => ticket.upload,
            UploadPlan::Present(receipt) => panic!("{receipt:?}"),
        };
        assert_eq!(upload().await, upload().await);
        assert_eq!(database.count("leases"), 1);
    }
}

#[tokio::test]
async fn many_processes_may_start_at_once_on_one_new_database() {
    for engine in BOTH {
        let database = Arc::new(Database::create(engine));
        let starts = (0..6).map(|_| {
            let database = Arc::clone(&database);
            tokio::spawn(async move { Metadata::open(&config(&database), rules(), || NOW).await.map(|_| ()) })
        });
        for start in starts.collect::<Vec<_>>() {
            start.await.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn a_file_is_found_by_its_name_only_while_its_version_can_be_read() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        publish(&metadata, &[("a", receipt("one", 1))]).await.unwrap();
        let name = FileRef { version: version("1.0"), path: "a".parse().unwrap() };
        assert_eq!(metadata.find_file(name.clone()).await.unwrap().size_bytes, 3);

        for state in ["draft", "quarantined", "deleted"] {
            database.execute(&format!("update versions set state = '{state}'"));
            let result = metadata.find_file(name.clone()).await;
            assert!(matches!(result, Err(Error::VersionNotFound(_))), "{engine:?} {state}");
        }
    }
}

#[tokio::test]
async fn a_copy_that_came_in_vain_is_dead_even_where_the_publish_was_a_retry() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        publish(&metadata, &[("a", receipt("one", 1))]).await.unwrap();
        let again = publish(&metadata, &[("a", receipt("one", 2))]).await.unwrap();
        assert!(again.replayed);
        assert_eq!(database.count("tombstones"), 1);

        let twice = publish(&metadata, &[("b", receipt("two", 3)), ("c", receipt("two", 4))]).await.unwrap();
        assert_eq!(twice.files.len(), 2);
        assert_eq!(database.count("tombstones"), 2);
    }
}

#[tokio::test]
async fn the_retry_of_a_seal_is_known_though_the_version_has_more_files() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        publish(&metadata, &[("a", receipt("one", 1))]).await.unwrap();
        let seal = PublishVersion { keep_open: false, ..request(&[("b", receipt("two", 2))]) };
        let sealed = metadata.publish_version(seal.clone()).await.unwrap();

        let again = metadata.publish_version(seal.clone()).await.unwrap();
        assert!(again.replayed);
        assert_eq!(again.version.content_digest, sealed.version.content_digest);
        let other = PublishVersion { keep_open: false, ..request(&[("a", receipt("one", 1))]) };
        assert!(matches!(metadata.publish_version(other).await, Err(Error::VersionContentMismatch { .. })));
        let wrong = PublishVersion { expected_content: Some(ContentDigest::of([])), ..seal.clone() };
        assert!(matches!(metadata.publish_version(wrong).await, Err(Error::ContentUnexpected { .. })));

        let hide = PublishVersion { hidden: Some(true), ..seal };
        assert!(metadata.publish_version(hide).await.unwrap().version.hidden, "hiding has nothing to do with sealing");
        assert!(metadata.find_version(version("1.0")).await.unwrap().hidden);
    }
}

#[tokio::test]
async fn a_request_that_was_done_is_answered_though_its_receipts_are_old_and_a_new_one_is_not() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        let request_id = Some("0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e".parse().unwrap());
        let done = PublishVersion { request_id, ..request(&[("a", receipt("one", 1))]) };
        metadata.publish_version(done.clone()).await.unwrap();

        let later = Metadata::open(&config(&database), rules(), || NOW.plus_seconds(1)).await.unwrap();
        assert!(later.publish_version(done.clone()).await.unwrap().replayed);
        let new = PublishVersion { request_id: None, ..done };
        assert!(matches!(later.publish_version(new).await, Err(Error::BlobExpired { .. })));
    }
}
