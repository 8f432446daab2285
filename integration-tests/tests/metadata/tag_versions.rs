//! Tags and the versions that they point at: publishing, states, deletion, lists.

use consign_proto::metadata::{
    CreateVersionRequest, DeleteVersionRequest, ListTagsRequest, ListTagsResponse, PublishVersionRequest, QuarantineVersionRequest,
    ReleaseVersionRequest, UndeleteVersionRequest, YankVersionRequest,
};
use consign_types::{ContentDigest, Reason};
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::publishing::{PACKAGE, brought, files, get_version, publish, publish_request, refused};
use integration_tests::tagging::{
    create, get, history, keep_open, move_to, new_tag, reason, seal, seal_in, tag_name, update, version_name,
};
use integration_tests::{BOTH, Builder};
use tonic::{Code, Status};

async fn list(grpc: &Grpc, request: ListTagsRequest) -> Result<ListTagsResponse, Status> {
    Ok(grpc.tags().list_tags(authorized(request)).await?.into_inner())
}

/// The tags of a list, by their names without the project's.
async fn listed(grpc: &Grpc, package: &str, filter: &str, order_by: &str) -> Vec<String> {
    let parent = format!("projects/1/packages/{package}");
    let request = ListTagsRequest { parent, filter: filter.to_owned(), order_by: order_by.to_owned(), ..ListTagsRequest::default() };
    let tags = list(grpc, request).await.unwrap().tags;
    tags.iter().map(|tag| tag.name.trim_start_matches("projects/1/packages/").replace("/tags/", ":")).collect()
}

/// The pages of a list, each with the last segments of its tags in one word, and the tokens between them.
async fn paged(grpc: &Grpc, mut request: ListTagsRequest) -> (Vec<String>, Vec<String>) {
    let (mut pages, mut tokens) = (Vec::new(), Vec::new());
    loop {
        let page = list(grpc, request.clone()).await.unwrap();
        pages.push(page.tags.iter().map(|tag| tag.tag_id.as_str()).collect());
        if page.next_page_token.is_empty() {
            return (pages, tokens);
        }
        tokens.push(page.next_page_token.clone());
        request.page_token = page.next_page_token;
    }
}

fn tagged(tags: &[&str], request: PublishVersionRequest) -> PublishVersionRequest {
    PublishVersionRequest { tag_ids: tags.iter().map(|&tag| tag.to_owned()).collect(), ..request }
}

#[tokio::test]
async fn tags_are_listed_by_name_and_by_time_and_as_far_as_they_fit() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let content = seal(&grpc, &["1.0", "2.0"]).await[0].content_digest.clone();
        seal_in(&grpc, "projects/1/packages/app", &["1.0"]).await;
        for (tag, version) in [("b", "1.0"), ("c", "2.0"), ("a", "1.0")] {
            create(&grpc, new_tag(tag, version)).await.unwrap();
        }
        let app = "projects/1/packages/app";
        let request = new_tag("z", "1.0");
        let version = format!("{app}/versions/1.0");
        create(&grpc, consign_proto::metadata::CreateTagRequest { parent: app.to_owned(), version, ..request }).await.unwrap();
        update(&grpc, move_to("c", "1.0")).await.unwrap();

        for (package, filter, order, expected) in [
            ("tool", "", "", vec!["tool:a", "tool:b", "tool:c"]),
            ("-", "", "tag_id", vec!["app:z", "tool:a", "tool:b", "tool:c"]),
            ("-", "", "tag_id desc", vec!["tool:c", "tool:b", "tool:a", "app:z"]),
            ("-", "", "update_time", vec!["tool:b", "tool:a", "app:z", "tool:c"]),
            ("tool", "", "update_time desc", vec!["tool:c", "tool:a", "tool:b"]),
            ("tool", "tag_id = \"a\" OR tag_id > \"b\"", "", vec!["tool:a", "tool:c"]),
            ("-", "version = \"1.0\" AND NOT tag_id = \"a\"", "", vec!["app:z", "tool:b", "tool:c"]),
            ("tool", "version = \"2.0\"", "", vec![]),
            (
                "-",
                "actor != \"nobody\" AND update_time > \"2000-01-01T00:00:00Z\"",
                "update_time",
                vec!["tool:b", "tool:a", "app:z", "tool:c"],
            ),
            ("-", "create_time > \"2999-01-01T00:00:00Z\"", "", vec![]),
            ("absent", "", "", vec![]),
        ] {
            assert_eq!(listed(&grpc, package, filter, order).await, expected, "{package} {filter} {order}");
        }
        let hex = ContentDigest::try_from(&content[..]).unwrap();
        assert_eq!(listed(&grpc, "tool", &format!("content_digest = \"{hex}\""), "").await, ["tool:a", "tool:b", "tool:c"]);
    }
}

#[tokio::test]
async fn tags_are_listed_in_pages_and_a_token_is_good_for_its_own_list() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0"]).await;
        for tag in ["a", "b", "c", "d", "e"] {
            create(&grpc, new_tag(tag, "1.0")).await.unwrap();
        }
        for order_by in ["tag_id", "tag_id desc", "update_time", "update_time desc"] {
            let order_by = order_by.to_owned();
            let request = ListTagsRequest { parent: PACKAGE.to_owned(), page_size: 2, order_by, ..ListTagsRequest::default() };
            let other = ListTagsRequest { filter: "tag_id = \"a\"".to_owned(), ..request.clone() };
            let expected = if request.order_by.ends_with("desc") { ["ed", "cb", "a"] } else { ["ab", "cd", "e"] };
            let (pages, tokens) = paged(&grpc, request.clone()).await;
            assert_eq!(pages, expected, "{}", request.order_by);
            for page_token in tokens {
                assert_eq!(reason(list(&grpc, ListTagsRequest { page_token, ..other.clone() }).await), Some(Reason::PageTokenInvalid));
            }
        }
        let good = || ListTagsRequest { parent: PACKAGE.to_owned(), ..ListTagsRequest::default() };
        for (request, expected) in [
            (ListTagsRequest { page_token: "nonsense".to_owned(), ..good() }, Reason::PageTokenInvalid),
            (ListTagsRequest { page_size: -1, ..good() }, Reason::ArgumentInvalid),
            (ListTagsRequest { order_by: "actor".to_owned(), ..good() }, Reason::ArgumentInvalid),
            (ListTagsRequest { order_by: "tag_id up".to_owned(), ..good() }, Reason::ArgumentInvalid),
            (ListTagsRequest { filter: "color = \"red\"".to_owned(), ..good() }, Reason::FilterInvalid),
            (ListTagsRequest { filter: "tag_id =".to_owned(), ..good() }, Reason::FilterInvalid),
            (ListTagsRequest { parent: "projects/9/packages/-".to_owned(), ..good() }, Reason::ProjectNotFound),
            (ListTagsRequest { parent: "projects/1".to_owned(), ..good() }, Reason::NameInvalid),
        ] {
            let shown = format!("{request:?}");
            assert_eq!(reason(list(&grpc, request).await), Some(expected), "{shown}");
        }
    }
}

#[tokio::test]
async fn a_publish_moves_its_tags_with_it() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let set = brought(&grpc, PACKAGE, "1.0", &[("a", b"one")]).await;
        let first = publish(&grpc, tagged(&["latest", "stable"], set)).await.unwrap();
        assert_eq!(first.version.as_ref().unwrap().tag_ids, ["latest", "stable"]);
        let set = brought(&grpc, PACKAGE, "2.0", &[("a", b"two")]).await;
        let second = publish(&grpc, tagged(&["latest"], set.clone())).await.unwrap();

        let latest = get(&grpc, "latest").await.unwrap();
        let version = second.version.unwrap();
        assert_eq!((&latest.version, &latest.content_digest), (&version.name, &version.content_digest));
        assert_eq!(latest.sequence, second.sequence, "one change");
        assert_eq!(get_version(&grpc, "1.0").await.unwrap().tag_ids, ["stable"]);
        assert_eq!(get_version(&grpc, "2.0").await.unwrap().tag_ids, ["latest"]);

        // The version stands already, and its tags move nevertheless; once more, nothing is to be done.
        publish(&grpc, tagged(&["stable"], set.clone())).await.unwrap();
        let stable = get(&grpc, "stable").await.unwrap();
        assert_eq!(stable.version, version_name("2.0"));
        let again = publish(&grpc, tagged(&["stable"], set.clone())).await.unwrap();
        assert!(again.replayed);
        assert_eq!(get(&grpc, "stable").await.unwrap(), stable);

        let set = brought(&grpc, PACKAGE, "3.0", &[("a", b"three")]).await;
        publish(&grpc, PublishVersionRequest { validate_only: true, ..tagged(&["stable"], set.clone()) }).await.unwrap();
        assert_eq!(reason(publish(&grpc, tagged(&["stable", "a/b"], set)).await), Some(Reason::NameInvalid));
        assert_eq!(refused(get_version(&grpc, "3.0").await), (Code::NotFound, Some(Reason::VersionNotFound)));
        assert_eq!(get(&grpc, "stable").await.unwrap(), stable, "nothing moved");
    }
}

#[tokio::test]
async fn a_tag_that_a_publish_names_twice_is_moved_once() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        for (version, content) in [("1.0", b"one".as_slice()), ("2.0", b"two")] {
            let set = brought(&grpc, PACKAGE, version, &[("a", content)]).await;
            publish(&grpc, tagged(&["stable", "stable"], set)).await.unwrap();
            assert_eq!(get(&grpc, "stable").await.unwrap().version, version_name(version));
        }
        assert_eq!(history(&grpc, "stable", 0).await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_tag_on_an_open_version_pins_what_it_is_at_that_moment() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        keep_open(&grpc, "1.0", b"one").await;
        let pinned = create(&grpc, new_tag("stable", "1.0")).await.unwrap().tag.unwrap();
        let set = files(&grpc, "1.0", &[("b", b"two")]).await;
        let sealed = publish(&grpc, publish_request("1.0", set)).await.unwrap().version.unwrap();

        assert_eq!(get(&grpc, "stable").await.unwrap(), pinned, "what is added later does not change it");
        assert_ne!(pinned.content_digest, sealed.content_digest);
        let alone = publish(&grpc, brought(&grpc, PACKAGE, "2.0", &[("a", b"one")]).await).await.unwrap().version.unwrap();
        assert_eq!(pinned.content_digest, alone.content_digest, "it is what a version of those files has");

        let refused = create(&grpc, new_tag("stable", "1.0")).await;
        assert_eq!(reason(refused), Some(Reason::NameTaken), "the same version is another content now");
        let moved = update(&grpc, move_to("stable", "1.0")).await.unwrap();
        assert_eq!((moved.tag.unwrap().content_digest, moved.previous_version), (sealed.content_digest, sealed.name));
        assert_eq!(history(&grpc, "stable", 0).await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn drafts_and_what_is_quarantined_or_deleted_take_no_tags() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0", "2.0", "3.0"]).await;
        let draft = CreateVersionRequest { parent: PACKAGE.to_owned(), version_id: "4.0".to_owned(), ..CreateVersionRequest::default() };
        grpc.packages().create_version(authorized(draft)).await.unwrap();
        let name = version_name("2.0");
        let quarantine = QuarantineVersionRequest { name, reason: "bad".to_owned(), ..QuarantineVersionRequest::default() };
        grpc.packages().quarantine_version(authorized(quarantine)).await.unwrap();
        let name = version_name("3.0");
        let yank = YankVersionRequest { name, reason: "worse".to_owned(), ..YankVersionRequest::default() };
        grpc.packages().yank_version(authorized(yank)).await.unwrap();
        create(&grpc, new_tag("stable", "1.0")).await.unwrap();

        let conflict = (Code::FailedPrecondition, Some(Reason::VersionStateConflict));
        for version in ["2.0", "4.0"] {
            assert_eq!(refused(create(&grpc, new_tag("new", version)).await), conflict, "{version}");
            assert_eq!(refused(update(&grpc, move_to("stable", version)).await), conflict, "{version}");
        }
        assert_eq!(get(&grpc, "stable").await.unwrap().version, version_name("1.0"));
        create(&grpc, new_tag("yanked", "3.0")).await.unwrap();

        let release = ReleaseVersionRequest { name: version_name("2.0"), reason: "good".to_owned(), ..ReleaseVersionRequest::default() };
        grpc.packages().release_version(authorized(release)).await.unwrap();
        update(&grpc, move_to("stable", "2.0")).await.unwrap();
    }
}

#[tokio::test]
async fn a_deleted_version_takes_its_tags_with_it_for_good() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0", "2.0"]).await;
        create(&grpc, new_tag("stable", "1.0")).await.unwrap();
        create(&grpc, new_tag("other", "2.0")).await.unwrap();
        let name = version_name("1.0");
        let delete = DeleteVersionRequest { name: name.clone(), ..DeleteVersionRequest::default() };
        let deleted = grpc.packages().delete_version(authorized(delete)).await.unwrap().into_inner();

        assert_eq!(reason(get(&grpc, "stable").await), Some(Reason::TagNotFound));
        let entries = history(&grpc, "stable", 0).await.unwrap();
        assert_eq!((entries[0].version.as_str(), entries[0].sequence), ("", deleted.sequence), "`{}`", tag_name("stable"));
        assert_eq!(entries[1].end_time, entries[0].start_time);
        assert_eq!(get(&grpc, "other").await.unwrap().version, version_name("2.0"));
        let gone = create(&grpc, new_tag("stable", "1.0")).await;
        assert_eq!(reason(gone), Some(Reason::VersionNotFound));

        let undelete = UndeleteVersionRequest { name, ..UndeleteVersionRequest::default() };
        grpc.packages().undelete_version(authorized(undelete)).await.unwrap();
        assert_eq!(reason(get(&grpc, "stable").await), Some(Reason::TagNotFound), "it does not come back with it");
        create(&grpc, new_tag("stable", "1.0")).await.unwrap();
    }
}
