//! Files that newer ones replaced are deleted beyond as many as are kept, and nothing else is.

use std::path::Path;

use consign_metadata::{
    CreateProtectionRule, Error, ListEvents, ListFiles, Metadata, Page, PublishMode, PublishVersion, UpdateSettings, Within,
};
use consign_metadata::{FileOrder, UndeleteFile};
use consign_types::Timestamp;
use consign_types::access::Role;
use consign_types::attestation::{Format, Subject};
use consign_types::pattern::NamePattern;
use consign_types::protection::Protection;
use consign_types::resource::{FileRef, ProjectRef, ScopeRef, VersionRef};
use consign_types::retention::{CLEANUP_SECONDS, KeptRevisions};
use consign_types::settings::SettingsChange;
use integration_tests::attesting::{PROVENANCE, ed25519, signed};
use integration_tests::database::execute_all;
use integration_tests::{BOTH, Database, Engine};

use crate::attesting::attesting;
use crate::promoting::{create_stage, of_package, wanted};
use crate::support::{NOW, config, opened, principal, receipt, request, rules};

const PROJECT: ScopeRef = ScopeRef::Project(ProjectRef::Id(1));

fn due() -> Timestamp {
    NOW.plus_seconds(CLEANUP_SECONDS)
}

fn due_again() -> Timestamp {
    due().plus_seconds(CLEANUP_SECONDS)
}

fn keeping(kept: Option<i32>) -> UpdateSettings {
    let kept = kept.map(|kept| KeptRevisions::try_from(kept).unwrap());
    UpdateSettings {
        principal: principal(),
        scope: PROJECT,
        etag: None,
        change: SettingsChange { keep_revisions: Some(kept), ..SettingsChange::default() },
        request_id: None,
        validate_only: false,
    }
}

/// The same database at another time.
async fn at(database: &Database, clock: fn() -> Timestamp) -> Metadata {
    Metadata::open(&config(database), rules(), clock).await.unwrap()
}

/// Publishes a path so many times, each time with other bytes.
async fn layers(metadata: &Metadata, version: &VersionRef, path: &str, times: usize) {
    for time in 1..=times {
        let receipt = receipt(&format!("{version} {path} {time}"), 1);
        metadata.publish_version(PublishVersion { version: version.clone(), ..request(&[(path, receipt)]) }).await.unwrap();
    }
}

/// Runs until nothing is due: how many files went.
async fn clean(metadata: &Metadata) -> usize {
    let mut deleted = 0;
    while let Some(files) = metadata.clean_up().await.unwrap() {
        deleted += files;
    }
    deleted
}

/// `path@revision` of the rows of a version.
async fn rows(metadata: &Metadata, version: &VersionRef) -> Vec<String> {
    let wanted = ListFiles {
        version: version.clone(),
        filter: None,
        order: FileOrder::Path,
        descending: false,
        show_deleted: false,
        page: Page::first(10_000),
    };
    let files = metadata.list_files(wanted).await.unwrap().items;
    files.iter().map(|file| format!("{}@{}", file.path, file.revision)).collect()
}

#[tokio::test]
async fn the_newest_of_each_path_stay_and_the_counts_fit() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        let (tool, other) = (of_package("tool", "1.0"), of_package("other", "1.0"));
        layers(&metadata, &tool, "a", 4).await;
        layers(&metadata, &tool, "b/c", 1).await;
        layers(&metadata, &tool, "d", 3).await;
        layers(&metadata, &other, "a", 2).await;
        let view = metadata.update_settings(keeping(Some(2))).await.unwrap();
        assert_eq!((view.next_cleanup_at, view.origins["keep_revisions"].as_str()), (Some(due()), "projects/1"), "{engine:?}");
        assert_eq!(metadata.clean_up().await.unwrap(), None, "{engine:?}: it is not due");

        let later = at(&database, due).await;
        assert_eq!(clean(&later).await, 3, "{engine:?}");
        assert_eq!(rows(&later, &tool).await, ["a@3", "a@4", "b/c@1", "d@2", "d@3"], "{engine:?}");
        assert_eq!(rows(&later, &other).await, ["a@1", "a@2"], "{engine:?}");
        assert_eq!(later.recount().await.unwrap(), [], "{engine:?}");
        let usage = later.find_usage(PROJECT, 0).await.unwrap();
        assert_eq!(usage.file_count, 7, "{engine:?}: what is deleted does not count");
        assert_eq!(later.find_settings(PROJECT).await.unwrap().next_cleanup_at, Some(due_again()), "{engine:?}");

        // What was deleted is told, and can be brought back for a while.
        let wanted = ListEvents { within: Within::Project(ProjectRef::Id(1)), filter: None, descending: false, page: Page::first(100) };
        let events = later.list_events(wanted).await.unwrap().items;
        let told = events.iter().filter(|event| event.kind == consign_types::event::EventType::FileDeleted);
        let told: Vec<_> = told.map(|event| (event.subject.as_str(), event.data.as_str(), event.actor.to_string())).collect();
        let tool_name = "projects/1/packages/tool/versions/1.0/files";
        let (a, d) = (format!("{tool_name}/a"), format!("{tool_name}/d"));
        let root = || "root".to_owned();
        assert_eq!(
            told,
            [(d.as_str(), r#"{"revision":1}"#, root()), (&a, r#"{"revision":2}"#, root()), (&a, r#"{"revision":1}"#, root())],
            "{engine:?}"
        );
        let entries = later.list_audit_entries(PROJECT, 0, true, Page::first(1)).await.unwrap().items;
        let entry = &entries[0].entry;
        assert_eq!(
            (entry.method.as_str(), entry.resource.as_str()),
            ("CleanUpFiles", "projects/1/packages/tool/versions/1.0"),
            "{engine:?}"
        );
        assert!(entry.detail.starts_with(r#"{"files":["#), "{}", entry.detail);
        let name = FileRef { version: tool.clone(), path: "a".parse().unwrap() };
        let back = UndeleteFile { principal: principal(), name, revision: Some(1), request_id: None };
        later.undelete_file(back).await.unwrap();
        assert_eq!((rows(&later, &tool).await.len(), clean(&later).await), (6, 0), "{engine:?}: until the next run");
        assert_eq!((clean(&at(&database, due_again).await).await, rows(&later, &tool).await.len()), (1, 5), "{engine:?}");
    }
}

#[tokio::test]
async fn what_something_holds_is_left_as_it_is() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        create_stage(&metadata, "qa", &[], Vec::new()).await;
        let [free, sealed, tagged, placed, protected, signed_file, loose] =
            ["free", "sealed", "tagged", "placed", "protected", "signed", "loose"].map(|package| of_package(package, "1.0"));
        for version in [&free, &sealed, &tagged, &placed, &protected, &signed_file, &loose] {
            layers(&metadata, version, "a", 3).await;
        }
        let more = |version: &VersionRef| PublishVersion { version: version.clone(), ..request(&[("b", receipt("b", 1))]) };
        metadata.publish_version(PublishVersion { mode: PublishMode::Seal, ..more(&sealed) }).await.unwrap();
        metadata.publish_version(PublishVersion { tags: vec!["stable".parse().unwrap()], ..more(&tagged) }).await.unwrap();
        metadata.create_promotion(wanted("qa", std::slice::from_ref(&placed))).await.unwrap();
        layers(&metadata, &placed, "a", 4).await;
        let protection = Protection { packages: NamePattern::glob("protected").unwrap(), publish: None, delete: Some(Role::Owner) };
        let rule = CreateProtectionRule { principal: principal(), project: ProjectRef::Id(1), protection, request_id: None };
        metadata.create_protection_rule(rule).await.unwrap();
        let digest = receipt(&format!("{signed_file} a 1"), 1).digest;
        let bundle = signed(&ed25519(), &digest, PROVENANCE);
        metadata.create_attestation(attesting(Subject::File(digest), Format::Dsse, bundle, 1)).await.unwrap();
        let before: Vec<_> = [rows(&metadata, &placed).await, rows(&metadata, &tagged).await].concat();
        metadata.update_settings(keeping(Some(1))).await.unwrap();

        let later = at(&database, due).await;
        assert_eq!(clean(&later).await, 2 + 1 + 2, "{engine:?}");
        assert_eq!(rows(&later, &free).await, ["a@3"], "{engine:?}");
        assert_eq!(rows(&later, &signed_file).await, ["a@1", "a@3"], "{engine:?}: what somebody signed stays");
        assert_eq!([rows(&later, &placed).await, rows(&later, &tagged).await].concat(), before, "{engine:?}");
        assert_eq!(rows(&later, &sealed).await.len(), 4, "{engine:?}");
        assert_eq!(rows(&later, &protected).await.len(), 3, "{engine:?}");
        assert_eq!(later.recount().await.unwrap(), [], "{engine:?}");
    }
}

#[tokio::test]
async fn a_run_goes_on_where_another_one_ended_and_processes_share_it() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        let versions: Vec<VersionRef> = (0..4).map(|number| of_package("tool", &format!("1.{number}"))).collect();
        for version in &versions {
            layers(&metadata, version, "a", 3).await;
        }
        // One path that was published more often than one step deletes, between two others.
        layers(&metadata, &versions[1], "b", 250).await;
        layers(&metadata, &versions[1], "c", 2).await;
        metadata.update_settings(keeping(Some(1))).await.unwrap();

        let first = at(&database, due).await;
        assert!(first.clean_up().await.unwrap().is_some());
        let others = [at(&database, due).await, at(&database, due).await];
        let (one, other) = tokio::join!(clean(&others[0]), clean(&others[1]));
        assert_eq!(2 + one + other, 8 + 249 + 1, "{engine:?}");
        assert_eq!(rows(&first, &versions[1]).await, ["a@3", "b@250", "c@2"], "{engine:?}");
        assert_eq!((first.clean_up().await.unwrap(), first.recount().await.unwrap()), (None, Vec::new()), "{engine:?}");
    }
}

#[tokio::test]
async fn a_project_that_keeps_all_is_left_alone_and_so_is_a_deleted_one() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        layers(&metadata, &of_package("tool", "1.0"), "a", 3).await;
        metadata.update_settings(keeping(Some(1))).await.unwrap();
        let view = metadata.update_settings(keeping(None)).await.unwrap();
        assert_eq!((view.next_cleanup_at, view.cleanup_ended_at.is_some(), database.count("cleanups")), (None, true, 1), "{engine:?}");
        let later = at(&database, due).await;
        assert_eq!((later.clean_up().await.unwrap(), database.count("cleanups")), (None, 1), "{engine:?}: nothing is due");
        assert_eq!(later.find_settings(PROJECT).await.unwrap().cleanup_ended_at, view.cleanup_ended_at, "{engine:?}: it stays told");
        metadata.update_settings(keeping(Some(1))).await.unwrap();
        database.execute("update projects set deleted_at = created_at, purge_at = created_at");
        let later = at(&database, due).await;
        assert_eq!((clean(&later).await, database.count("cleanups")), (0, 1), "{engine:?}");
        database.execute("update projects set deleted_at = null, purge_at = null");
        assert_eq!(later.find_settings(PROJECT).await.unwrap().next_cleanup_at, Some(due_again()), "{engine:?}");
        database.execute("delete from settings");
        assert_eq!((clean(&at(&database, due_again).await).await, database.count("cleanups")), (0, 0), "{engine:?}");
    }
}

#[tokio::test]
async fn how_many_are_kept_is_said_by_maintainers_of_a_project_alone() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        let by = |role: Role| UpdateSettings { principal: principal().acting_as(role), ..keeping(Some(5)) };
        metadata.update_settings(by(Role::Maintainer)).await.unwrap();
        let change = SettingsChange { duplicate_policy: Some(None), ..keeping(Some(5)).change };
        let refused = metadata.update_settings(UpdateSettings { change, ..by(Role::Maintainer) }).await;
        assert!(matches!(refused, Err(Error::RoleInsufficient(Role::Owner))), "{engine:?} {refused:?}");
        for scope in ["instance", "namespaces/root"] {
            let refused = metadata.update_settings(UpdateSettings { scope: scope.parse().unwrap(), ..keeping(Some(5)) }).await;
            assert!(matches!(refused, Err(Error::ArgumentInvalid { field: "settings.keep_revisions", .. })), "{scope} {refused:?}");
            let change = SettingsChange::default();
            let refused = UpdateSettings { scope: scope.parse().unwrap(), change, ..by(Role::Maintainer) };
            assert!(matches!(metadata.update_settings(refused).await, Err(Error::RoleInsufficient(Role::Owner))), "{scope}");
        }
        let tried = UpdateSettings { validate_only: true, ..keeping(Some(9)) };
        assert_eq!(i32::from(metadata.update_settings(tried).await.unwrap().in_force.keep_revisions.unwrap()), 9);
        assert_eq!(i32::from(metadata.find_settings(PROJECT).await.unwrap().in_force.keep_revisions.unwrap()), 5);
    }
}

#[tokio::test]
async fn a_draft_keeps_all_of_its_files() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        layers(&metadata, &of_package("tool", "1.0"), "a", 3).await;
        metadata.update_settings(keeping(Some(1))).await.unwrap();
        database.execute("update versions set state = 'draft'");
        assert_eq!(clean(&at(&database, due).await).await, 0, "{engine:?}");
    }
}

#[tokio::test]
async fn whoever_removes_a_project_need_not_know_of_its_cleanups() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        metadata.update_settings(keeping(Some(1))).await.unwrap();
        assert_eq!(database.count("cleanups"), 1, "{engine:?}");
        match database.url().strip_prefix("sqlite:") {
            Some(path) => execute_all(Path::new(path), "pragma foreign_keys = on; delete from projects"),
            None => database.execute("delete from projects"),
        }
        assert_eq!(database.count("cleanups"), 0, "{engine:?}");
    }
}

/// When the next run is due, as the database writes it.
fn next_run(database: &Database) -> Vec<String> {
    database.texts("select cast(next_run_at as text) as text from cleanups")
}

#[tokio::test]
async fn a_project_that_can_not_be_cleaned_up_is_put_off_and_one_that_is_busy_is_not() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        layers(&metadata, &of_package("tool", "1.0"), "a", 2).await;
        metadata.update_settings(keeping(Some(1))).await.unwrap();
        let (later, first) = (at(&database, due).await, next_run(&database));
        if engine == Engine::Postgres {
            let busy = database.transaction("select 1 from projects for update");
            let refused = later.clean_up().await;
            assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
            assert_eq!(next_run(&database), first, "it is tried again soon");
            busy.commit();
        }
        database.execute(r#"update settings set document = '{"keep_revisions": "few"}'"#);
        assert!(later.clean_up().await.is_err(), "{engine:?}");
        assert_ne!(next_run(&database), first, "{engine:?}: others have their turn");
        assert_eq!(later.clean_up().await.unwrap(), None, "{engine:?}");
    }
}
