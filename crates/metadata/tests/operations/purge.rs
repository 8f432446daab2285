//! What was deleted goes for good when its time is over, and only then.

use consign_metadata::{
    CreateNamespace, DeleteNamespace, DeletePackage, DeleteProject, DeleteVersion, Force, Metadata, PublishVersion, UndeleteVersion,
};
use consign_types::Timestamp;
use consign_types::resource::{ProjectRef, ScopeRef, VersionRef};
use integration_tests::wait::until;
use integration_tests::{BOTH, Database, Engine};

use crate::support::{NOW, RESTORE_SECONDS, config, opened, principal, publish, receipt, request, rules, version};

fn later() -> Timestamp {
    NOW.plus_seconds(RESTORE_SECONDS + 60 * 60)
}

async fn opened_later(database: &Database) -> Metadata {
    Metadata::open(&config(database), rules(), later).await.unwrap()
}

async fn delete(metadata: &Metadata, name: VersionRef) {
    let wanted = DeleteVersion { principal: principal(), name, etag: None, force: Force::No, request_id: None, validate_only: false };
    metadata.delete_version(wanted).await.unwrap();
}

/// Purges until nothing is left to do.
async fn purge(metadata: &Metadata) {
    while metadata.purge().await.unwrap() {}
}

async fn stored_bytes(metadata: &Metadata) -> i64 {
    metadata.find_usage(ScopeRef::Project(ProjectRef::Id(1)), 0).await.unwrap().stored_bytes
}

#[tokio::test]
async fn a_deleted_version_goes_with_its_files_when_its_time_is_over() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        publish(&metadata, &[("a", receipt("shared", 1)), ("b", receipt("own", 2))]).await.unwrap();
        let other = PublishVersion { version: version("2.0"), ..request(&[("a", receipt("shared", 3))]) };
        metadata.publish_version(other).await.unwrap();
        delete(&metadata, version("1.0")).await;
        purge(&metadata).await;
        assert_eq!((database.count("versions"), stored_bytes(&metadata).await), (2, 9), "{engine:?}: it can be brought back");

        let metadata = opened_later(&database).await;
        purge(&metadata).await;
        assert_eq!((database.count("versions"), database.count("files")), (1, 1), "{engine:?}");
        assert_eq!(stored_bytes(&metadata).await, 6, "{engine:?}: the other version has the shared bytes");
        assert_eq!(metadata.recount().await.unwrap(), [], "{engine:?}");
        let gone = UndeleteVersion { principal: principal(), name: version("1.0"), request_id: None };
        assert!(metadata.undelete_version(gone).await.is_err());
    }
}

#[tokio::test]
async fn of_a_deleted_package_and_of_a_deleted_project_nothing_is_left() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        let tagged = PublishVersion { tags: vec!["stable".parse().unwrap()], ..request(&[("a", receipt("one", 1))]) };
        metadata.publish_version(tagged).await.unwrap();
        let wanted = DeletePackage {
            principal: principal(),
            name: version("1.0").package(),
            etag: None,
            force: Force::No,
            request_id: None,
            validate_only: false,
        };
        metadata.delete_package(wanted).await.unwrap();
        publish(&metadata, &[("a", receipt("two", 2))]).await.unwrap();
        let later = opened_later(&database).await;
        purge(&later).await;
        assert_eq!((database.count("packages"), database.count("tags"), database.count("tag_moves")), (1, 0, 0), "{engine:?}");
        assert_eq!((stored_bytes(&later).await, later.recount().await.unwrap()), (3, Vec::new()), "{engine:?}");

        let name = ProjectRef::Id(1);
        let wanted = DeleteProject { principal: principal(), name, etag: None, force: Force::No, request_id: None };
        metadata.delete_project(wanted).await.unwrap();
        purge(&metadata).await;
        assert_eq!(database.count("projects"), 1, "{engine:?}: it can be brought back");
        purge(&later).await;
        for table in ["projects", "packages", "versions", "files", "leases"] {
            assert_eq!(database.count(table), 0, "{engine:?} {table}");
        }
        for table in ["counters", "audit_entries"] {
            assert_eq!(database.count(table), 1, "{engine:?} {table}: that of the instance");
        }
    }
}

#[tokio::test]
async fn a_namespace_that_was_deleted_with_its_projects_goes_after_them() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        publish(&metadata, &[("a", receipt("one", 1))]).await.unwrap();
        let path = || "root/sub".parse().unwrap();
        let sub = CreateNamespace { principal: principal(), path: path(), display_name: "".parse().unwrap(), request_id: None };
        metadata.create_namespace(sub).await.unwrap();
        let name = "namespaces/root".parse().unwrap();
        let wanted = DeleteNamespace { principal: principal(), name, etag: None, force: Force::Yes, request_id: None };
        metadata.delete_namespace(wanted).await.unwrap();
        purge(&metadata).await;
        assert_eq!((database.count("namespaces"), database.count("projects")), (1, 1), "{engine:?}: what is in it can be brought back");
        let later = opened_later(&database).await;
        purge(&later).await;
        assert_eq!((database.count("namespaces"), database.count("projects")), (0, 0), "{engine:?}");
        let root = || "root".parse().unwrap();
        let again = CreateNamespace { principal: principal(), path: root(), display_name: "".parse().unwrap(), request_id: None };
        assert!(later.create_namespace(again).await.is_ok(), "{engine:?}: its path is free");
    }
}

#[tokio::test]
async fn a_namespace_that_is_made_while_the_one_around_it_is_deleted_goes_with_it() {
    // SQLite has one writer.
    let database = Database::create(Engine::Postgres);
    let metadata = opened(&database).await;
    let made = database.transaction(
        "insert into namespaces (parent_id, path, display_name, created_at) select id, 'root/late', '', now() from namespaces; \
         insert into namespaces (parent_id, path, display_name, created_at) \
         select id, 'root/late/inner', '', now() from namespaces where path = 'root/late'",
    );
    let name = "namespaces/root".parse().unwrap();
    let wanted = DeleteNamespace { principal: principal(), name, etag: None, force: Force::Yes, request_id: None };
    let deletion = tokio::spawn({
        let metadata = metadata.clone();
        async move { metadata.delete_namespace(wanted).await }
    });
    let waiting = "select 'it' as text from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    until("the deletion waits", async || (!database.texts(waiting).is_empty()).then_some(())).await;
    made.commit();
    deletion.await.unwrap().unwrap();
    let left = database.texts("select path as text from namespaces where deleted_at is null");
    assert_eq!(left, Vec::<String>::new());
    assert_eq!(database.count("namespaces"), 1, "the one that holds the deleted project");
}
