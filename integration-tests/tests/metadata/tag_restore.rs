//! What tags pointed at, and going back there.

use consign_proto::metadata::{
    ListTagHistoryRequest, PublishVersionRequest, RestoreTagRequest, RestoreTagResponse, TagHistoryEntry, UpdateTagRequest,
};
use consign_types::Reason;
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::publishing::{files, publish, publish_request};
use integration_tests::tagging::{
    create, delete, facts, get, history, keep_open, move_to, new_tag, reason, seal, tag_name, update, version_name, without,
};
use integration_tests::{BOTH, Builder};
use tonic::Status;

async fn restore(grpc: &Grpc, request: RestoreTagRequest) -> Result<RestoreTagResponse, Status> {
    Ok(grpc.tags().restore_tag(authorized(request)).await?.into_inner())
}

fn as_of(tag: &str, sequence: i64) -> RestoreTagRequest {
    RestoreTagRequest { name: tag_name(tag), sequence, ..RestoreTagRequest::default() }
}

fn versions(entries: &[TagHistoryEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.version.rsplit('/').next().unwrap()).collect()
}

#[tokio::test]
async fn a_history_has_every_span_and_outlives_the_tag() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let sealed = seal(&grpc, &["1.0", "2.0"]).await;
        assert_eq!(reason(history(&grpc, "stable", 0).await), Some(Reason::TagNotFound), "there never was one");

        let mut request = new_tag("stable", "1.0");
        request.reason = "the first".to_owned();
        let created = create(&grpc, request).await.unwrap();
        let moved = update(&grpc, UpdateTagRequest { reason: "better".to_owned(), ..move_to("stable", "2.0") }).await.unwrap();
        update(&grpc, move_to("stable", "2.0")).await.unwrap();
        let mut request = without("stable");
        request.reason = "worse".to_owned();
        let deleted = delete(&grpc, request).await.unwrap();

        let entries = history(&grpc, "stable", 0).await.unwrap();
        assert_eq!(versions(&entries), ["", "2.0", "1.0"], "a move to where it stands is none");
        assert_eq!(entries.iter().map(|entry| entry.reason.as_str()).collect::<Vec<_>>(), ["worse", "better", "the first"]);
        assert_eq!(entries.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), [deleted.sequence, moved.sequence, created.sequence]);
        assert_eq!(entries[0].content_digest, "", "a deleted tag has no content");
        assert_eq!((&entries[1].content_digest, &entries[2].content_digest), (&sealed[1].content_digest, &sealed[0].content_digest));
        let actor = created.tag.unwrap().actor;
        assert!(entries.iter().all(|entry| entry.actor == actor));
        assert_eq!(entries[0].end_time, None, "what is last lasts");
        assert!(entries.windows(2).all(|pair| pair[1].end_time.is_some() && pair[1].end_time == pair[0].start_time));
        assert_eq!(entries[1].start_time, moved.tag.unwrap().update_time);

        for size in [1, 2] {
            assert_eq!(history(&grpc, "stable", size).await.unwrap(), entries, "pages of {size}");
        }
        let page =
            |page_size, page_token: &str, tag| ListTagHistoryRequest { name: tag_name(tag), page_size, page_token: page_token.to_owned() };
        let first = grpc.tags().list_tag_history(authorized(page(1, "", "stable"))).await.unwrap().into_inner();
        let other = grpc.tags().list_tag_history(authorized(page(1, &first.next_page_token, "other"))).await;
        assert_eq!(reason(other), Some(Reason::PageTokenInvalid));
        let negative = grpc.tags().list_tag_history(authorized(page(-1, "", "stable"))).await;
        assert_eq!(reason(negative), Some(Reason::ArgumentInvalid));
    }
}

#[tokio::test]
async fn a_tag_goes_back_to_what_it_pointed_at() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let before = seal(&grpc, &["1.0", "2.0", "3.0"]).await[0].etag.clone();
        let created = create(&grpc, new_tag("stable", "1.0")).await.unwrap();
        let moved = update(&grpc, move_to("stable", "2.0")).await.unwrap();
        create(&grpc, new_tag("other", "3.0")).await.unwrap();

        let stale = RestoreTagRequest { etag: before, ..as_of("stable", created.sequence) };
        assert_eq!(reason(restore(&grpc, stale).await), Some(Reason::EtagMismatch));
        let request = RestoreTagRequest { etag: moved.tag.unwrap().etag, reason: "worse".to_owned(), ..as_of("stable", created.sequence) };
        let restored = restore(&grpc, request).await.unwrap();
        let tag = restored.tag.unwrap();
        assert_eq!((tag.version.as_str(), restored.previous_version.as_str()), (&*version_name("1.0"), &*version_name("2.0")));
        assert_eq!((tag.sequence, get(&grpc, "stable").await.unwrap()), (restored.sequence, tag));

        // A change of something else counts too: it is as of then.
        let again = restore(&grpc, as_of("stable", moved.sequence + 1)).await.unwrap();
        assert_eq!(again.tag.unwrap().version, version_name("2.0"));
        let entries = history(&grpc, "stable", 0).await.unwrap();
        assert_eq!(versions(&entries), ["2.0", "1.0", "2.0", "1.0"]);
        assert_eq!(entries[1].reason, "worse");
    }
}

#[tokio::test]
async fn a_deleted_tag_comes_back_and_one_that_was_not_there_does_not() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0"]).await;
        let created = create(&grpc, new_tag("stable", "1.0")).await.unwrap();
        let deleted = delete(&grpc, without("stable")).await.unwrap();

        for (tag, sequence) in [("stable", created.sequence - 1), ("stable", deleted.sequence), ("never", deleted.sequence)] {
            assert_eq!(reason(restore(&grpc, as_of(tag, sequence)).await), Some(Reason::TagNotFound), "{tag} {sequence}");
        }
        assert_eq!(reason(get(&grpc, "stable").await), Some(Reason::TagNotFound));
        let id = "0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e".to_owned();
        let request = RestoreTagRequest { request_id: id, ..as_of("stable", created.sequence) };
        let restored = restore(&grpc, request.clone()).await.unwrap();
        assert_eq!((restored.tag.as_ref().unwrap().version.as_str(), restored.previous_version.as_str()), (&*version_name("1.0"), ""));
        assert_eq!(restore(&grpc, request.clone()).await.unwrap(), restored, "the first answer again");
        let other = RestoreTagRequest { sequence: deleted.sequence, ..request };
        assert_eq!(reason(restore(&grpc, other).await), Some(Reason::RequestIdReused));
        assert_eq!(versions(&history(&grpc, "stable", 0).await.unwrap()), ["1.0", "", "1.0"]);
    }
}

#[tokio::test]
async fn what_an_open_version_no_longer_is_does_not_come_back() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        keep_open(&grpc, "1.0", b"one").await;
        seal(&grpc, &["2.0"]).await;
        let created = create(&grpc, new_tag("stable", "1.0")).await.unwrap();
        update(&grpc, move_to("stable", "2.0")).await.unwrap();
        let same = restore(&grpc, as_of("stable", created.sequence)).await.unwrap();
        assert_eq!(same.tag.unwrap().content_digest, created.tag.as_ref().unwrap().content_digest, "it has the same files still");
        update(&grpc, move_to("stable", "2.0")).await.unwrap();

        let set = files(&grpc, "1.0", &[("b", b"two")]).await;
        publish(&grpc, PublishVersionRequest { keep_open: true, ..publish_request("1.0", set) }).await.unwrap();

        let (refused, details) = facts(restore(&grpc, as_of("stable", created.sequence)).await);
        assert_eq!(refused, Some(Reason::ContentUnexpected));
        assert_ne!(details["expected_digest"], details["actual_digest"]);
        assert_eq!(get(&grpc, "stable").await.unwrap().version, version_name("2.0"));
    }
}
