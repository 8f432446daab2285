//! Events: what watchers are told, in order, each once, and none of what did not happen.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use consign_proto::access::scope_numbers;
use consign_proto::metadata::gate::Condition;
use consign_proto::metadata::promotion_review::Decision;
use consign_proto::metadata::token::Kind;
use consign_proto::metadata::watch_events_response::Item;
use consign_proto::metadata::{
    ApprovalCondition, BatchUpdateTagsRequest, CreatePromotionRequest, CreateTagRequest, CreateTokenRequest, CreateVersionRequest,
    DeleteMemberRequest, DeleteProjectRequest, DeleteVersionRequest, Event, HoldStageRequest, ListEventsRequest, ListEventsResponse,
    RecordDeploymentRequest, ReviewPromotionRequest, RevokeTokenRequest, Role, RollbackStageRequest, Stage, TagUpdate, WatchEventsRequest,
    WatchEventsResponse, YankVersionRequest,
};
use consign_types::access::Scope;
use consign_types::{Digest, Reason};
use integration_tests::grpc::{Grpc, authorized, refusal};
use integration_tests::promoting::{
    PROJECT, add_stage, bearing, closed, gated, member, placing, project_token, promoted, review, stage_name,
};
use integration_tests::publishing::PACKAGE;
use integration_tests::rest::Rest;
use integration_tests::tagging::{
    add_rule, create, delete, keep_open, move_to, new_tag, protected, reason, seal, seal_in, tag_name, update, version_name, without,
};
use integration_tests::{BOTH, Builder, Engine, TestService};
use tonic::{Code, Status, Streaming};

const REQUEST: &str = "123e4567-e89b-12d3-a456-426614174000";

async fn page(grpc: &Grpc, request: ListEventsRequest) -> Result<ListEventsResponse, Status> {
    Ok(grpc.events().list_events(authorized(request)).await?.into_inner())
}

async fn list(grpc: &Grpc, parent: &str, filter: &str) -> Vec<Event> {
    let request = ListEventsRequest { parent: parent.to_owned(), filter: filter.to_owned(), page_size: 1000, ..Default::default() };
    page(grpc, request).await.unwrap().events
}

/// What happened to what, without the name of the project.
fn told(events: &[Event]) -> Vec<(&str, &str)> {
    events.iter().map(|event| (event.r#type.as_str(), event.subject.strip_prefix("projects/1").unwrap())).collect()
}

fn data(event: &Event) -> serde_json::Value {
    serde_json::from_slice(&event.data).unwrap()
}

async fn watch(grpc: &Grpc, request: WatchEventsRequest) -> Result<Streaming<WatchEventsResponse>, Status> {
    Ok(grpc.events().watch_events(authorized(request)).await?.into_inner())
}

fn from(parent: &str, after_sequence: i64) -> WatchEventsRequest {
    WatchEventsRequest { parent: parent.to_owned(), after_sequence, ..Default::default() }
}

/// The next message, which comes within a time that no pause of a busy machine lasts.
async fn next(stream: &mut Streaming<WatchEventsResponse>) -> Result<WatchEventsResponse, Status> {
    let next = tokio::time::timeout(Duration::from_mins(1), stream.message()).await.expect("a stream does not fall silent");
    next.map(|message| message.expect("a stream ends by a status"))
}

/// The events that come next.
async fn take(stream: &mut Streaming<WatchEventsResponse>, count: usize) -> Vec<(Event, String)> {
    let mut events = Vec::new();
    let taken = async {
        while events.len() < count {
            let message = next(stream).await.unwrap();
            if let Some(Item::Event(event)) = message.item {
                events.push((event, message.cursor));
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(1), taken).await.expect("what happened is told");
    events
}

#[tokio::test]
async fn what_is_published_tagged_and_yanked_is_told() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        keep_open(&grpc, "1.0.0", b"one").await;
        keep_open(&grpc, "1.0.0", b"one").await;
        keep_open(&grpc, "1.0.0", b"two").await;
        let sealed = seal(&grpc, &["2.0.0"]).await;
        add_rule(&grpc, protected("rel-*", Role::Developer, Role::Maintainer, Role::Maintainer)).await.unwrap();
        create(&grpc, new_tag("stable", "1.0.0")).await.unwrap();
        update(&grpc, move_to("stable", "2.0.0")).await.unwrap();
        update(&grpc, move_to("stable", "2.0.0")).await.unwrap();
        delete(&grpc, without("stable")).await.unwrap();
        let yank = YankVersionRequest { name: version_name("2.0.0"), reason: "broken".to_owned(), ..Default::default() };
        grpc.packages().yank_version(authorized(yank)).await.unwrap();
        create(&grpc, new_tag("old", "1.0.0")).await.unwrap();
        let gone = DeleteVersionRequest { name: version_name("1.0.0"), force: true, request_id: REQUEST.to_owned(), ..Default::default() };
        grpc.packages().delete_version(authorized(gone.clone())).await.unwrap();
        grpc.packages().delete_version(authorized(gone)).await.unwrap();

        let events = list(&grpc, PROJECT, "").await;
        let (one, two, tag) = ("/packages/tool/versions/1.0.0", "/packages/tool/versions/2.0.0", "/packages/tool/tags/stable");
        let expected = [
            ("project.created", ""),
            ("version.created", one),
            ("version.changed", one),
            ("version.created", two),
            ("version.published", two),
            ("tag_rule.created", "/tagRules/1"),
            ("tag.created", tag),
            ("tag.moved", tag),
            ("tag.deleted", tag),
            ("version.yanked", two),
            ("tag.created", "/packages/tool/tags/old"),
            ("version.deleted", one),
            ("tag.deleted", "/packages/tool/tags/old"),
        ];
        assert_eq!(told(&events), expected);
        assert!(events.is_sorted_by_key(|event| event.sequence) && events[3].sequence == events[4].sequence);
        assert_eq!(events[11].request_id, REQUEST);
        let content = Digest::try_from(sealed[0].content_digest.as_ref()).unwrap().to_string();
        assert_eq!(data(&events[4]), serde_json::json!({"state": "published", "content_digest": content, "added_files": 1}));
        assert_eq!(data(&events[7]), serde_json::json!({"version": "2.0.0", "content_digest": content, "previous_version": "1.0.0"}));
        let mut ids: Vec<&str> = events.iter().map(|event| event.event_id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), events.len());
        assert!(events.iter().all(|event| event.project == PROJECT && event.actor == "root" && event.time.is_some()));
    }
}

#[tokio::test]
async fn each_step_of_a_promotion_is_told() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0.0", "2.0.0"]).await;
        add_stage(&grpc, "qa", Stage::default()).await;
        let approval = ApprovalCondition { count: 1, ..ApprovalCondition::default() };
        add_stage(&grpc, "production", gated([("approval", Condition::Approval(approval))])).await;
        let after = list(&grpc, PROJECT, "").await.last().unwrap().sequence;
        let alice = member(&grpc, "alice", Role::Maintainer).await;

        let first = promoted(&grpc, placing("qa", "1.0.0")).await;
        let superseded = promoted(&grpc, placing("production", "1.0.0")).await;
        let waiting = promoted(&grpc, placing("production", "2.0.0")).await;
        let asked = CreatePromotionRequest { validate_only: true, ..placing("qa", "2.0.0") };
        promoted(&grpc, asked).await;
        let yes = ReviewPromotionRequest { ..review(&waiting.name, Decision::Approved) };
        grpc.promotions().review_promotion(bearing(yes, &alice)).await.unwrap();
        closed(&grpc, &waiting.name).await;
        let second = promoted(&grpc, placing("qa", "2.0.0")).await;
        let back = RollbackStageRequest {
            name: stage_name("qa"),
            expected_current_promotion: second.name.clone(),
            justification: "it is slow".to_owned(),
            ..RollbackStageRequest::default()
        };
        let back = grpc.promotions().rollback_stage(authorized(back)).await.unwrap().into_inner().promotion.unwrap();
        let hold = HoldStageRequest { name: stage_name("qa"), reason: "an incident".to_owned(), ..HoldStageRequest::default() };
        grpc.promotions().hold_stage(authorized(hold)).await.unwrap();
        let runs = RecordDeploymentRequest { stage: stage_name("qa"), runtime: "cluster".to_owned(), ..Default::default() };
        grpc.promotions().record_deployment(authorized(runs)).await.unwrap();

        let events = list(&grpc, PROJECT, &format!("sequence > {after}")).await;
        let name = |promotion: &consign_proto::metadata::Promotion| promotion.name.strip_prefix(PROJECT).unwrap().to_owned();
        let (first, superseded, waiting, second, back) = (name(&first), name(&superseded), name(&waiting), name(&second), name(&back));
        let expected = [
            ("promotion.created", first.as_str()),
            ("promotion.succeeded", &first),
            ("promotion.created", &superseded),
            ("promotion.created", &waiting),
            ("promotion.superseded", &superseded),
            ("promotion.reviewed", &waiting),
            ("promotion.succeeded", &waiting),
            ("promotion.created", &second),
            ("promotion.succeeded", &second),
            ("promotion.succeeded", &back),
            ("stage.held", "/stages/qa"),
            ("deployment.recorded", "/stages/qa"),
        ];
        assert_eq!(told(&events), expected);
        let placed = data(&events[8]);
        assert_eq!((&placed["stage"], &placed["state"], &placed["item_count"]), (&"qa".into(), &"succeeded".into(), &1.into()));
        let item = &placed["items"][0];
        assert_eq!((&item["package"], &item["version"], &item["replaced_version"]), (&"tool".into(), &"2.0.0".into(), &"1.0.0".into()));
        assert_eq!(data(&events[9])["rollback_target"], 1);
        assert_eq!(data(&events[11]), serde_json::json!({"runtime": "cluster", "drift_count": 0}));
        assert_eq!(events[5].actor, "alice");
    }
}

#[tokio::test]
async fn what_is_refused_is_not_told() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0.0"]).await;
        add_rule(&grpc, protected("rel-*", Role::Owner, Role::Owner, Role::Owner)).await.unwrap();
        let before = list(&grpc, PROJECT, "").await;
        let developer = project_token(&grpc, Role::Developer, &Scope::ALL).await;
        let refused = grpc.tags().create_tag(bearing(new_tag("rel-1", "1.0.0"), &developer)).await;
        assert_eq!(reason(refused), Some(Reason::TagProtected));
        // The second one is refused, so the first is not done.
        let updates = ["ok", "rel-1"].map(|tag| TagUpdate {
            name: tag_name(tag),
            version: version_name("1.0.0"),
            allow_missing: true,
            ..Default::default()
        });
        let both = BatchUpdateTagsRequest { parent: PROJECT.to_owned(), updates: updates.to_vec(), ..Default::default() };
        assert_eq!(reason(grpc.tags().batch_update_tags(bearing(both, &developer)).await), Some(Reason::TagProtected));
        let absent = CreateVersionRequest { parent: PACKAGE.to_owned(), version_id: "1.0.0".to_owned(), ..Default::default() };
        assert_eq!(reason(grpc.packages().create_version(authorized(absent)).await), Some(Reason::NameTaken));
        assert_eq!(list(&grpc, PROJECT, "").await, before);
    }
}

/// All events, read in pages.
async fn walked(grpc: &Grpc, parent: &str, order_by: &str) -> Vec<Event> {
    let (mut events, mut page_token) = (Vec::new(), String::new());
    loop {
        let (parent, order_by) = (parent.to_owned(), order_by.to_owned());
        let request = ListEventsRequest { parent, page_size: 3, page_token, order_by, ..Default::default() };
        let answer = page(grpc, request).await.unwrap();
        events.extend(answer.events);
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            return events;
        }
    }
}

#[tokio::test]
async fn a_list_is_filtered_paged_and_turned_around() {
    for engine in BOTH {
        let (service, grpc) = Builder::on(engine).demo_grpc().await;
        Rest::to(service.http()).create_project("other").await;
        seal(&grpc, &["1.0.0", "2.0.0", "3.0.0"]).await;
        let all = list(&grpc, PROJECT, "").await;
        assert_eq!(all.len(), 7);
        for (parent, count) in [(PROJECT, 7), ("projects/-", 8), ("namespaces/root", 8)] {
            let (rising, mut falling) = (walked(&grpc, parent, "").await, walked(&grpc, parent, "time desc").await);
            falling.reverse();
            assert_eq!((rising.len(), &rising), (count, &falling), "{parent}");
        }
        for (filter, count) in [
            ("type = \"version.published\"", 3),
            ("type : \"version\" AND NOT subject : \"3.0\"", 4),
            ("actor = \"nobody\"", 0),
            ("project = \"projects/1\" AND time > \"2020-01-01T00:00:00Z\"", 7),
        ] {
            assert_eq!(list(&grpc, PROJECT, filter).await.len(), count, "{filter}");
        }
        let with = |filter: &str, order_by: &str| ListEventsRequest {
            parent: PROJECT.to_owned(),
            filter: filter.to_owned(),
            order_by: order_by.to_owned(),
            ..Default::default()
        };
        assert_eq!(reason(page(&grpc, with("data = 1", "")).await), Some(Reason::FilterInvalid));
        assert_eq!(reason(page(&grpc, with("", "type")).await), Some(Reason::ArgumentInvalid));
    }
}

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

/// How a stream ends, whatever it tells before.
async fn end(mut stream: Streaming<WatchEventsResponse>) -> Status {
    loop {
        if let Err(end) = next(&mut stream).await {
            return end;
        }
    }
}

#[tokio::test]
async fn a_stream_ends_with_the_token() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let request = CreateTokenRequest {
            parent: PROJECT.to_owned(),
            kind: Kind::Project.into(),
            display_name: "to be revoked".to_owned(),
            role: Role::Reporter.into(),
            scopes: scope_numbers(&[Scope::Read]),
            ..CreateTokenRequest::default()
        };
        let made = grpc.tokens().create_token(authorized(request)).await.unwrap().into_inner();
        let mut streams = Vec::new();
        for parent in [PROJECT, "projects/-", "namespaces/root"] {
            let stream = grpc.events().watch_events(bearing(from(parent, 0), &made.secret)).await;
            streams.extend(stream.map(tonic::Response::into_inner));
        }
        assert!(streams.len() >= 2);
        let revoke = RevokeTokenRequest { name: made.token.unwrap().name, ..RevokeTokenRequest::default() };
        grpc.tokens().revoke_token(authorized(revoke)).await.unwrap();
        for stream in streams {
            assert_eq!(end(stream).await.code(), Code::Unauthenticated);
        }
    }
}

#[tokio::test]
async fn who_is_a_member_no_longer_is_told_no_more() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0.0"]).await;
        let rob = member(&grpc, "rob", Role::Reporter).await;
        let read = || bearing(from("projects/-", 0), &rob);
        let mut stream = grpc.events().watch_events(read()).await.unwrap().into_inner();
        take(&mut stream, 3).await;
        let gone = DeleteMemberRequest { name: format!("{PROJECT}/members/rob"), ..DeleteMemberRequest::default() };
        grpc.users().delete_member(authorized(gone)).await.unwrap();
        // Who is asked for anew a moment later may do no more than is left.
        let is_seen = async || {
            let mut again = grpc.events().watch_events(read()).await.unwrap().into_inner();
            matches!(next(&mut again).await.unwrap().item, Some(Item::HeartbeatSequence(0))).then_some(())
        };
        integration_tests::wait::until("the role to be gone", is_seen).await;
        seal(&grpc, &["2.0.0"]).await;
        let told = next(&mut stream).await.unwrap().item;
        assert_eq!(told, Some(Item::HeartbeatSequence(0)));
    }
}

#[tokio::test]
async fn a_deleted_project_tells_its_members_so_and_a_service_that_stops_tells_all() {
    for engine in BOTH {
        let (service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0.0"]).await;
        let reader = project_token(&grpc, Role::Reporter, &[Scope::Read]).await;
        let of_token = grpc.events().watch_events(bearing(from(PROJECT, 0), &reader)).await.unwrap().into_inner();
        let mut streams = [watch(&grpc, from(PROJECT, 0)).await.unwrap(), watch(&grpc, from("projects/-", 0)).await.unwrap()];
        let gone = DeleteProjectRequest { name: PROJECT.to_owned(), ..Default::default() };
        grpc.projects().delete_project(authorized(gone)).await.unwrap();
        for stream in &mut streams {
            assert_eq!(take(stream, 4).await[3].0.r#type, "project.deleted");
        }
        assert_eq!(end(of_token).await.code(), Code::Unauthenticated, "its tokens count no longer");
        let stopped = tokio::spawn(TestService::stop(service));
        for stream in streams {
            let end = end(stream).await;
            assert_eq!((end.code(), refusal(&end).1), (Code::Unavailable, Some(Reason::Draining)));
        }
        stopped.await.unwrap();
    }
}

#[tokio::test]
async fn who_may_not_read_a_project_is_told_nothing_of_it() {
    for engine in BOTH {
        let (service, grpc) = Builder::on(engine).demo_grpc().await;
        Rest::to(service.http()).create_project("other").await;
        seal(&grpc, &["1.0.0"]).await;
        let reader = member(&grpc, "rob", Role::Reporter).await;
        let all = || ListEventsRequest { parent: "projects/-".to_owned(), page_size: 1000, ..Default::default() };
        let seen = grpc.events().list_events(bearing(all(), &reader)).await.unwrap().into_inner().events;
        assert!(seen.len() == 3 && seen.iter().all(|event| event.project == PROJECT), "{seen:?}");
        let elsewhere = ListEventsRequest { parent: "projects/2".to_owned(), ..Default::default() };
        assert_eq!(reason(grpc.events().list_events(bearing(elsewhere, &reader)).await), Some(Reason::ProjectNotFound));
        let mut stream = grpc.events().watch_events(bearing(from("projects/-", 0), &reader)).await.unwrap().into_inner();
        assert!(take(&mut stream, 3).await.iter().all(|(event, _)| event.project == PROJECT));
        let told = next(&mut stream).await.unwrap().item;
        assert!(matches!(told, Some(Item::HeartbeatSequence(0))), "{told:?}");
    }
}

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
