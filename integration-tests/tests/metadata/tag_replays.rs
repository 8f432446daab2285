//! Changes to tags that are sent again, because their answers were lost.

use consign_proto::metadata::{
    BatchUpdateTagsRequest, BatchUpdateTagsResponse, CreateTagRequest, DeleteTagRequest, TagUpdate, UpdateTagRequest,
};
use consign_types::Reason;
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::publishing::refused;
use integration_tests::tagging::{create, delete, get, history, move_to, new_tag, reason, seal, tag_name, update, version_name, without};
use integration_tests::{BOTH, Builder};
use tonic::{Code, Status};

/// One of a few UUIDs.
fn id(last: char) -> String {
    format!("0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6{last}")
}

/// Moves of tags, which are created where they are not there.
fn moves(moves: &[(&str, &str)]) -> BatchUpdateTagsRequest {
    let update = |&(tag, version): &(&str, &str)| TagUpdate {
        name: tag_name(tag),
        version: version_name(version),
        allow_missing: true,
        ..TagUpdate::default()
    };
    let updates = moves.iter().map(update).collect();
    BatchUpdateTagsRequest { parent: "projects/1".to_owned(), updates, ..BatchUpdateTagsRequest::default() }
}

async fn batch(grpc: &Grpc, request: BatchUpdateTagsRequest) -> Result<BatchUpdateTagsResponse, Status> {
    Ok(grpc.tags().batch_update_tags(authorized(request)).await?.into_inner())
}

#[tokio::test]
async fn a_request_id_gives_the_first_answer_again_and_belongs_to_one_request() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0", "2.0"]).await;
        let request = CreateTagRequest { request_id: id('0'), ..new_tag("stable", "1.0") };
        let created = create(&grpc, request.clone()).await.unwrap();
        assert_eq!(create(&grpc, request.clone()).await.unwrap(), created);
        let other = CreateTagRequest { version: version_name("2.0"), ..request.clone() };
        assert_eq!(refused(create(&grpc, other).await), (Code::InvalidArgument, Some(Reason::RequestIdReused)));
        let same = UpdateTagRequest { request_id: id('0'), ..move_to("stable", "1.0") };
        assert!(update(&grpc, same).await.is_ok(), "an id counts for one method alone");

        // It stands there already: that is an answer too.
        let request = UpdateTagRequest { request_id: id('1'), ..move_to("stable", "1.0") };
        let unmoved = update(&grpc, request.clone()).await.unwrap();
        assert_eq!(update(&grpc, request).await.unwrap(), unmoved);

        let expected_version = version_name("1.0");
        let request = UpdateTagRequest { request_id: id('2'), expected_version, ..move_to("stable", "2.0") };
        let moved = update(&grpc, request.clone()).await.unwrap();
        assert_eq!(update(&grpc, request).await.unwrap(), moved, "though it is not where it was expected any more");

        let request = DeleteTagRequest { request_id: id('3'), ..without("stable") };
        let deleted = delete(&grpc, request.clone()).await.unwrap();
        assert_eq!(delete(&grpc, request.clone()).await.unwrap(), deleted);
        create(&grpc, new_tag("stable", "1.0")).await.unwrap();
        assert_eq!(delete(&grpc, request.clone()).await.unwrap(), deleted);
        let other = DeleteTagRequest { reason: "another".to_owned(), ..request };
        assert_eq!(reason(delete(&grpc, other).await), Some(Reason::RequestIdReused));
        assert_eq!(get(&grpc, "stable").await.unwrap().version, version_name("1.0"), "a replay changes nothing");
        assert_eq!(history(&grpc, "stable", 0).await.unwrap().len(), 4);
    }
}

#[tokio::test]
async fn a_batch_is_repeated_as_a_whole() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0", "2.0"]).await;
        let request = BatchUpdateTagsRequest { request_id: id('0'), ..moves(&[("a", "1.0"), ("b", "2.0")]) };

        let first = batch(&grpc, request.clone()).await.unwrap();
        assert_eq!(batch(&grpc, request).await.unwrap(), first);
        let other = BatchUpdateTagsRequest { request_id: id('0'), ..moves(&[("a", "1.0")]) };
        assert_eq!(reason(batch(&grpc, other).await), Some(Reason::RequestIdReused));
    }
}

#[tokio::test]
async fn a_repeated_request_is_answered_as_the_first_time_whatever_came_since() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0", "2.0"]).await;
        let request = CreateTagRequest { request_id: id('0'), ..new_tag("a", "1.0") };
        let created = create(&grpc, request.clone()).await.unwrap();
        let pair = BatchUpdateTagsRequest { request_id: id('1'), ..moves(&[("a", "2.0"), ("b", "1.0")]) };
        let first = batch(&grpc, pair.clone()).await.unwrap();
        delete(&grpc, without("b")).await.unwrap();

        assert_eq!(create(&grpc, request.clone()).await.unwrap(), created, "it was moved since");
        assert_eq!(batch(&grpc, pair).await.unwrap(), first, "one of its tags was deleted since");
        delete(&grpc, without("a")).await.unwrap();
        assert_eq!(create(&grpc, request).await.unwrap(), created, "it was deleted since");
        assert_eq!(reason(get(&grpc, "a").await), Some(Reason::TagNotFound), "a replay changes nothing");
    }
}
