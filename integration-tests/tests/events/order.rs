//! What is kept, and in which order it is told.

use consign_proto::metadata::watch_events_response::Item;
use consign_proto::metadata::{CreateTagRequest, Event, WatchEventsRequest};
use integration_tests::grpc::Grpc;
use integration_tests::promoting::PROJECT;
use integration_tests::publishing::PACKAGE;
use integration_tests::rest::Rest;
use integration_tests::tagging::{create, seal, seal_in};
use integration_tests::{BOTH, Builder, Engine};

use crate::{from, list, next, take, watch};

#[tokio::test]
async fn events_that_are_no_longer_kept_are_asked_for_in_vain_and_that_is_said() {
    for engine in BOTH {
        let (service, grpc) = Builder::on(engine).with("--gc-interval-seconds", 1).demo_grpc().await;
        seal(&grpc, &["1.0.0", "2.0.0", "3.0.0"]).await;
        let mut cursors = Vec::new();
        for parent in [PROJECT, "projects/-"] {
            cursors.push(take(&mut watch(&grpc, from(parent, 0)).await.unwrap(), 2).await.remove(1).1);
        }
        let long_ago = match engine {
            Engine::Sqlite => "update events set time = 0 where sequence < 3",
            Engine::Postgres => "update events set time = 'epoch' where sequence < 3",
        };
        service.database().execute(long_ago);
        integration_tests::wait::until("events to be forgotten", async || (service.database().count("events") == 2).then_some(())).await;
        for (parent, cursor) in [PROJECT, "projects/-"].into_iter().zip(cursors) {
            let expected = if parent == PROJECT { 3 } else { 0 };
            let mut stream = watch(&grpc, WatchEventsRequest { cursor, ..from(parent, 0) }).await.unwrap();
            let told = next(&mut stream).await.unwrap();
            assert_eq!(told.item, Some(Item::ResyncSequence(expected)), "{parent}");
            assert_eq!(take(&mut stream, 2).await[0].0.sequence, 3);
            // Behind that message nothing is missing any more.
            let mut on = watch(&grpc, WatchEventsRequest { cursor: told.cursor, ..from(parent, 0) }).await.unwrap();
            assert!(matches!(next(&mut on).await.unwrap().item, Some(Item::Event(event)) if event.sequence == 3), "{parent}");
            // Whoever asks for the oldest that is kept misses nothing.
            let mut oldest = watch(&grpc, from(parent, 0)).await.unwrap();
            assert!(matches!(next(&mut oldest).await.unwrap().item, Some(Item::Event(event)) if event.sequence == 3), "{parent}");
        }
    }
}

/// How many projects are published to at once, and how many tags each of them gets.
const PROJECTS: usize = 4;
const TAGS: usize = 25;

/// Tags a version of a project, one tag after the other.
async fn tag_all(grpc: Grpc, project: usize) {
    let package = format!("projects/{project}/packages/tool");
    seal_in(&grpc, &package, &["1.0.0"]).await;
    for tag in 0..TAGS {
        let request = CreateTagRequest {
            parent: package.clone(),
            tag_id: format!("t{tag}"),
            version: format!("{package}/versions/1.0.0"),
            ..CreateTagRequest::default()
        };
        create(&grpc, request).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_watches_all_projects_misses_nothing_that_is_written_at_once() {
    for engine in BOTH {
        let (service, grpc) = Builder::on(engine).demo_grpc().await;
        for project in 1..PROJECTS {
            Rest::to(service.http()).create_project(&format!("p{project}")).await;
        }
        let mut stream = watch(&grpc, from("projects/-", 0)).await.unwrap();
        let work: Vec<_> = (1..=PROJECTS).map(|project| tokio::spawn(tag_all(Grpc::to(service.grpc()), project))).collect();
        let expected = PROJECTS * (3 + TAGS);
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        while seen.len() < expected {
            // The stream is taken up again in the middle of it all.
            if seen.len() % 10 == 9 {
                stream = watch(&grpc, WatchEventsRequest { cursor: cursor.clone(), ..from("projects/-", 0) }).await.unwrap();
            }
            let (event, behind) = take(&mut stream, 1).await.remove(0);
            cursor = behind;
            seen.push(event);
        }
        for done in work {
            done.await.unwrap();
        }
        for project in 1..=PROJECTS {
            let name = format!("projects/{project}");
            let of_project: Vec<&Event> = seen.iter().filter(|event| event.project == name).collect();
            assert_eq!(of_project, list(&grpc, &name, "").await.iter().collect::<Vec<_>>(), "each once, in the order of its changes");
        }
        assert_eq!(seen, list(&grpc, "projects/-", "").await);
    }
}

#[tokio::test]
async fn nothing_is_told_behind_a_change_that_may_still_be_made() {
    let (service, grpc) = Builder::on(Engine::Postgres).demo_grpc().await;
    seal(&grpc, &["1.0.0"]).await;
    let mut stream = watch(&grpc, from("projects/-", 0)).await.unwrap();
    take(&mut stream, 3).await;
    let database = service.database();
    let open = database.transaction("insert into event_floors values (77, 0, 0, 0, 0)");
    seal(&grpc, &["2.0.0"]).await;
    assert_eq!(list(&grpc, PROJECT, "").await.len(), 5, "in one project changes are made one by one");
    assert_eq!(list(&grpc, "projects/-", "").await.len(), 3, "what is not committed yet may come before");
    open.commit();
    assert_eq!(take(&mut stream, 2).await[1].0.subject, format!("{PACKAGE}/versions/2.0.0"));
}

#[tokio::test]
async fn events_that_were_copied_from_another_cluster_are_told_before_the_new_ones() {
    let (mut service, grpc) = Builder::on(Engine::Postgres).demo_grpc().await;
    seal(&grpc, &["1.0.0"]).await;
    let cursor = take(&mut watch(&grpc, from("projects/-", 0)).await.unwrap(), 1).await.remove(0).1;
    // Another cluster may have counted much further.
    service.shut_down().await;
    service.database().execute("update events set position = position + 1000000000");
    service.database().execute("insert into event_floors values (0, 900000000, 1, 0, 0)");
    service.start_again().await;
    let grpc = Grpc::to(service.grpc());
    seal(&grpc, &["2.0.0"]).await;
    let told = take(&mut watch(&grpc, from("projects/-", 0)).await.unwrap(), 5).await;
    let sequences: Vec<i64> = told.iter().map(|(event, _)| event.sequence).collect();
    assert_eq!(sequences, [0, 1, 1, 2, 2]);
    // Whoever was told of the old cluster goes on with the new events, or is told to begin anew.
    let mut on = watch(&grpc, WatchEventsRequest { cursor, ..from("projects/-", 0) }).await.unwrap();
    assert!(take(&mut on, 2).await[1].0.subject.ends_with("2.0.0"));
}
