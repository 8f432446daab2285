//! Where streams begin, and how they go on.

use consign_proto::metadata::watch_events_response::Item;
use consign_proto::metadata::{WatchEventsRequest, YankVersionRequest};
use consign_types::Reason;
use integration_tests::grpc::{authorized, refusal};
use integration_tests::promoting::PROJECT;
use integration_tests::tagging::{keep_open, seal, version_name};
use integration_tests::{BOTH, Builder, Engine};
use tonic::Code;

use crate::{from, list, next, take, watch};

#[tokio::test]
async fn a_stream_begins_where_it_is_told_and_goes_on() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0.0"]).await;
        for parent in [PROJECT, "projects/-"] {
            let mut stream = watch(&grpc, from(parent, 0)).await.unwrap();
            let known = take(&mut stream, 3).await;
            assert_eq!(
                known.iter().map(|(event, _)| event.r#type.as_str()).collect::<Vec<_>>(),
                ["project.created", "version.created", "version.published"]
            );
            let version = if parent == PROJECT { "2.0.0" } else { "3.0.0" };
            seal(&grpc, &[if parent == PROJECT { "2.0.0" } else { "3.0.0" }]).await;
            if parent != PROJECT {
                take(&mut stream, 2).await;
            }
            let new = take(&mut stream, 2).await;
            assert!(new.iter().all(|(event, _)| event.subject.ends_with(version)), "{new:?}");
            // Between the two events of one change, too.
            let cursor = known[1].1.clone();
            let mut again = watch(&grpc, WatchEventsRequest { cursor, ..from(parent, 0) }).await.unwrap();
            assert_eq!(take(&mut again, 1).await[0].0, known[2].0);
        }
        let mut later = watch(&grpc, from(PROJECT, 1)).await.unwrap();
        assert!(take(&mut later, 1).await[0].0.subject.ends_with("2.0.0"));
        // All was told: the first message says so.
        let newest = list(&grpc, PROJECT, "").await.last().unwrap().sequence;
        let mut quiet = watch(&grpc, from(PROJECT, newest)).await.unwrap();
        let heartbeat = next(&mut quiet).await.unwrap();
        assert_eq!(heartbeat.item, Some(Item::HeartbeatSequence(newest)));
        for (parent, version) in [(PROJECT, "now-one"), ("projects/-", "now-all")] {
            let mut new = watch(&grpc, WatchEventsRequest { from_now: true, ..from(parent, 0) }).await.unwrap();
            assert!(matches!(next(&mut new).await.unwrap().item, Some(Item::HeartbeatSequence(_))), "nothing that is there is told");
            keep_open(&grpc, version, b"new").await;
            assert!(take(&mut new, 1).await[0].0.subject.ends_with(version));
        }
        let filter = "type = \"version.yanked\"".to_owned();
        let mut filtered = watch(&grpc, WatchEventsRequest { filter: filter.clone(), ..from("projects/-", 0) }).await.unwrap();
        let passed = next(&mut filtered).await.unwrap();
        assert_eq!(passed.item, Some(Item::HeartbeatSequence(0)));
        // What does not fit is passed over, and not looked at again.
        let yank = YankVersionRequest { name: version_name("2.0.0"), reason: "broken".to_owned(), ..Default::default() };
        grpc.packages().yank_version(authorized(yank)).await.unwrap();
        let request = WatchEventsRequest { filter, cursor: passed.cursor, ..from("projects/-", 0) };
        assert_eq!(take(&mut watch(&grpc, request).await.unwrap(), 1).await[0].0.r#type, "version.yanked");
    }
}

#[tokio::test]
async fn a_request_for_a_stream_that_contradicts_itself_is_refused() {
    let (_service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    seal(&grpc, &["1.0.0"]).await;
    let cursor = take(&mut watch(&grpc, from(PROJECT, 0)).await.unwrap(), 1).await.remove(0).1;
    let cases = [
        (from(PROJECT, -1), Reason::ArgumentInvalid),
        (from("projects/-", 1), Reason::ArgumentInvalid),
        (WatchEventsRequest { cursor: cursor.clone(), ..from(PROJECT, 1) }, Reason::ArgumentInvalid),
        (WatchEventsRequest { cursor: cursor.clone(), ..from("projects/-", 0) }, Reason::PageTokenInvalid),
        (WatchEventsRequest { cursor: "!".to_owned(), ..from(PROJECT, 0) }, Reason::PageTokenInvalid),
        (WatchEventsRequest { from_now: true, ..from(PROJECT, 1) }, Reason::ArgumentInvalid),
        (WatchEventsRequest { from_now: true, cursor: cursor.clone(), ..from(PROJECT, 0) }, Reason::ArgumentInvalid),
        (WatchEventsRequest { filter: "type = ".to_owned(), ..from(PROJECT, 0) }, Reason::FilterInvalid),
        (WatchEventsRequest { filter: "data = 1".to_owned(), ..from(PROJECT, 0) }, Reason::FilterInvalid),
        (from("projects/9", 0), Reason::ProjectNotFound),
        (from("nonsense", 0), Reason::NameInvalid),
    ];
    for (request, expected) in cases {
        let refused = watch(&grpc, request.clone()).await.err().and_then(|status| refusal(&status).1);
        assert_eq!(refused, Some(expected), "{request:?}");
    }
}

#[tokio::test]
async fn who_has_as_many_streams_as_one_may_have_gets_another_when_one_ends() {
    let (service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(watch(&grpc, from(PROJECT, 0)).await.unwrap());
    }
    let refused = watch(&grpc, from(PROJECT, 0)).await.map(|_| ()).unwrap_err();
    assert_eq!((refused.code(), refusal(&refused).1), (Code::ResourceExhausted, Some(Reason::RateLimited)));
    assert_eq!(service.database().count("events"), 1, "to watch leaves nothing behind");
    streams.pop();
    let opened = async || watch(&grpc, from(PROJECT, 0)).await.ok();
    integration_tests::wait::until("the share of a stream that ended", opened).await;
}
