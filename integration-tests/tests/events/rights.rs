//! Who is told what, and until when.

use consign_proto::access::scope_numbers;
use consign_proto::metadata::token::Kind;
use consign_proto::metadata::watch_events_response::Item;
use consign_proto::metadata::{
    CreateTokenRequest, DeleteMemberRequest, DeleteProjectRequest, ListEventsRequest, RevokeTokenRequest, Role, WatchEventsResponse,
};
use consign_types::Reason;
use consign_types::access::Scope;
use integration_tests::grpc::{authorized, refusal};
use integration_tests::promoting::{PROJECT, bearing, member, project_token};
use integration_tests::rest::Rest;
use integration_tests::tagging::{reason, seal};
use integration_tests::{BOTH, Builder, TestService};
use tonic::{Code, Status, Streaming};

use crate::{from, next, settled, take, watch};

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
        settled(&grpc, 4).await;
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
