//! Tags over gRPC: made, read, moved from where they are expected, removed.

use bytes::Bytes;
use consign_proto::metadata::{
    BatchUpdateTagsRequest, BatchUpdateTagsResponse, CreateProjectRequest, CreateTagRequest, DeleteTagRequest, GetTagRequest, Tag,
    TagUpdate, UpdateTagRequest,
};
use consign_types::Reason;
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::publishing::{PACKAGE, get_version, refused};
use integration_tests::tagging::{
    create, delete, facts, get, history, move_if, move_to, new_tag, reason, seal, seal_in, tag_name, update, version_name, without,
};
use integration_tests::{BOTH, Builder, Engine};
use prost_types::FieldMask;
use tonic::{Code, Status};

async fn batch(grpc: &Grpc, updates: Vec<TagUpdate>) -> Result<BatchUpdateTagsResponse, Status> {
    let request = BatchUpdateTagsRequest { parent: "projects/1".to_owned(), updates, ..BatchUpdateTagsRequest::default() };
    Ok(grpc.tags().batch_update_tags(authorized(request)).await?.into_inner())
}

/// A move of a tag of any package, which is created where it is not there.
fn any(package: &str, tag: &str, version: &str) -> TagUpdate {
    let package = format!("projects/1/packages/{package}");
    let (name, version) = (format!("{package}/tags/{tag}"), format!("{package}/versions/{version}"));
    TagUpdate { name, version, allow_missing: true, ..TagUpdate::default() }
}

#[tokio::test]
async fn a_tag_is_created_once_and_points_at_a_version_and_its_content() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let sealed = seal(&grpc, &["1.0", "2.0"]).await;
        assert_eq!(reason(get(&grpc, "latest").await), Some(Reason::TagNotFound));

        // No name means anything by itself.
        let created = create(&grpc, new_tag("latest", "1.0")).await.unwrap();

        let tag = created.tag.unwrap();
        assert_eq!((tag.name.as_str(), tag.tag_id.as_str()), ("projects/1/packages/tool/tags/latest", "latest"));
        assert_eq!((tag.version.as_str(), &tag.content_digest), (&*version_name("1.0"), &sealed[0].content_digest));
        assert_eq!((tag.actor.as_str(), tag.immutable), (&*sealed[0].creator, false));
        assert!(tag.create_time.is_some() && tag.create_time == tag.update_time && !tag.etag.is_empty());
        assert_eq!(tag.sequence, created.sequence);
        assert_eq!(get(&grpc, "latest").await.unwrap(), tag);

        let again = create(&grpc, new_tag("latest", "1.0")).await.unwrap();
        assert_eq!(again.tag.unwrap(), tag, "to create what is there is no change");
        let elsewhere = create(&grpc, new_tag("latest", "2.0")).await;
        assert_eq!(refused(elsewhere), (Code::AlreadyExists, Some(Reason::NameTaken)));
        assert_eq!(get(&grpc, "latest").await.unwrap(), tag);
        assert_eq!(history(&grpc, "latest", 0).await.unwrap().len(), 1);

        create(&grpc, new_tag("a+b_c-1.x", "1.0")).await.unwrap();
        assert_eq!(get_version(&grpc, "1.0").await.unwrap().tag_ids, ["a+b_c-1.x", "latest"]);
        assert_eq!(get_version(&grpc, "2.0").await.unwrap().tag_ids, [""; 0]);
    }
}

#[tokio::test]
async fn a_tag_moves_only_from_the_version_where_it_is_expected() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let sealed = seal(&grpc, &["1.0", "2.0", "3.0"]).await;
        let expecting =
            |version: &str, expected: &str| UpdateTagRequest { expected_version: version_name(expected), ..move_to("stable", version) };
        assert_eq!(reason(update(&grpc, move_to("stable", "1.0")).await), Some(Reason::TagNotFound));
        let absent = UpdateTagRequest { allow_missing: true, ..expecting("2.0", "1.0") };
        let (moved, details) = facts(update(&grpc, absent).await);
        assert_eq!((moved, details["actual_version"].as_str()), (Some(Reason::TagMoved), ""));

        let made = update(&grpc, UpdateTagRequest { allow_missing: true, ..move_to("stable", "1.0") }).await.unwrap();
        assert_eq!((made.tag.as_ref().unwrap().version.as_str(), made.previous_version.as_str()), (&*version_name("1.0"), ""));
        let moved = update(&grpc, expecting("2.0", "1.0")).await.unwrap();
        let (before, tag) = (made.tag.unwrap(), moved.tag.unwrap());
        assert_eq!((tag.version.as_str(), moved.previous_version.as_str()), (&*version_name("2.0"), &*version_name("1.0")));
        assert_eq!((&tag.content_digest, tag.create_time), (&sealed[1].content_digest, before.create_time));
        assert!(tag.etag != before.etag && tag.sequence > before.sequence && tag.sequence == moved.sequence);

        let late = update(&grpc, expecting("3.0", "1.0")).await;
        assert_eq!(refused(late.clone()), (Code::Aborted, Some(Reason::TagMoved)));
        let (_, details) = facts(late);
        assert_eq!((details["expected_version"].as_str(), details["actual_version"].as_str()), ("1.0", "2.0"));
        assert_eq!(details["resource"], tag_name("stable"));

        let same = update(&grpc, expecting("2.0", "2.0")).await.unwrap();
        assert_eq!((same.tag.unwrap(), same.previous_version), (tag.clone(), version_name("2.0")), "it is there already");
        assert_eq!(get(&grpc, "stable").await.unwrap(), tag);
    }
}

#[tokio::test]
async fn an_etag_guards_moves_and_removals() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0", "2.0"]).await;
        let old = create(&grpc, new_tag("stable", "1.0")).await.unwrap().tag.unwrap().etag;
        let new = update(&grpc, move_if("stable", "2.0", &old)).await.unwrap().tag.unwrap();

        let mismatch = (Code::Aborted, Some(Reason::EtagMismatch));
        assert_eq!(refused(update(&grpc, move_if("stable", "1.0", &old)).await), mismatch);
        assert_eq!(refused(delete(&grpc, DeleteTagRequest { etag: old.clone(), ..without("stable") }).await), mismatch);
        assert_eq!(get(&grpc, "stable").await.unwrap(), new);

        let deleted = delete(&grpc, DeleteTagRequest { etag: new.etag.clone(), ..without("stable") }).await.unwrap();
        assert_eq!(deleted.previous_version, version_name("2.0"));
        assert!(deleted.sequence > new.sequence);
        assert_eq!(reason(delete(&grpc, without("stable")).await), Some(Reason::TagNotFound));
        assert_eq!(reason(get(&grpc, "stable").await), Some(Reason::TagNotFound));

        let again = create(&grpc, new_tag("stable", "2.0")).await.unwrap().tag.unwrap();
        assert!(again.etag != new.etag && again.create_time != new.create_time, "it is another tag of that name");
    }
}

#[tokio::test]
async fn tags_of_many_packages_move_together_or_not_at_all() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        for package in ["app", "lib"] {
            seal_in(&grpc, &format!("projects/1/packages/{package}"), &["1.0", "2.0"]).await;
        }
        let first = batch(&grpc, vec![any("app", "stable", "1.0"), any("lib", "stable", "1.0")]).await.unwrap();
        assert!(first.results.iter().all(|result| result.previous_version.is_empty()));

        let bad = [
            (
                TagUpdate { expected_version: "projects/1/packages/lib/versions/2.0".to_owned(), ..any("lib", "stable", "2.0") },
                Reason::TagMoved,
            ),
            (TagUpdate { etag: "stale".to_owned(), ..any("lib", "stable", "2.0") }, Reason::EtagMismatch),
            (TagUpdate { allow_missing: false, ..any("lib", "new", "2.0") }, Reason::TagNotFound),
            (any("lib", "stable", "3.0"), Reason::VersionNotFound),
            (any("app", "stable", "2.0"), Reason::ArgumentInvalid),
            (
                TagUpdate { version: "projects/1/packages/app/versions/2.0".to_owned(), ..any("lib", "stable", "2.0") },
                Reason::ArgumentInvalid,
            ),
            (any("lib", "a/b", "2.0"), Reason::NameInvalid),
        ];
        for (update, expected) in bad {
            let shown = format!("{update:?}");
            assert_eq!(reason(batch(&grpc, vec![any("app", "stable", "2.0"), update]).await), Some(expected), "{shown}");
        }
        assert_eq!(reason(batch(&grpc, vec![]).await), Some(Reason::ArgumentInvalid));
        let tag = async |name: String| grpc.tags().get_tag(authorized(GetTagRequest { name })).await.unwrap().into_inner().tag.unwrap();
        for result in &first.results {
            let before = result.tag.as_ref().unwrap();
            assert_eq!(&tag(before.name.clone()).await, before, "nothing moved");
        }

        let expected_version = "projects/1/packages/app/versions/1.0".to_owned();
        let updates = vec![
            any("lib", "stable", "2.0"),
            TagUpdate { expected_version, ..any("app", "stable", "2.0") },
            any("app", "new", "1.0"),
            any("app", "new-too", "1.0"),
        ];
        let moved = batch(&grpc, updates).await.unwrap();
        let shown = moved.results.iter().map(|result| (result.tag.as_ref().unwrap().name.as_str(), result.previous_version.as_str()));
        let expected = [
            ("projects/1/packages/lib/tags/stable", "projects/1/packages/lib/versions/1.0"),
            ("projects/1/packages/app/tags/stable", "projects/1/packages/app/versions/1.0"),
            ("projects/1/packages/app/tags/new", ""),
            ("projects/1/packages/app/tags/new-too", ""),
        ];
        assert_eq!(shown.collect::<Vec<_>>(), expected);
        for result in moved.results {
            let now = result.tag.unwrap();
            assert_eq!(now.sequence, moved.sequence, "one change");
            assert_eq!(tag(now.name.clone()).await, now);
        }
    }
}

#[tokio::test]
async fn a_project_has_two_names_and_answers_have_its_number() {
    let (_service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    seal(&grpc, &["1.0"]).await;
    let parent = "projects/root%2Fdemo".to_owned();
    let package = format!("{parent}/packages/tool");
    let version = format!("{package}/versions/1.0");
    let made = create(&grpc, CreateTagRequest { parent: package.clone(), version, ..new_tag("stable", "1.0") }).await.unwrap();
    assert_eq!(made.tag.unwrap(), get(&grpc, "stable").await.unwrap());
    let name = format!("{package}/tags/stable");
    let deleted = delete(&grpc, DeleteTagRequest { name, ..DeleteTagRequest::default() }).await.unwrap();
    assert_eq!(deleted.previous_version, version_name("1.0"));

    let made = create(&grpc, CreateTagRequest { parent: package, ..new_tag("stable", "1.0") }).await.unwrap();
    assert_eq!(made.tag.unwrap(), get(&grpc, "stable").await.unwrap(), "two names of one project");
    let request = BatchUpdateTagsRequest { parent, updates: vec![any("tool", "stable", "1.0")], ..BatchUpdateTagsRequest::default() };
    let moved = grpc.tags().batch_update_tags(authorized(request)).await.unwrap().into_inner();
    assert_eq!(moved.results[0].tag, Some(get(&grpc, "stable").await.unwrap()));
}

#[tokio::test]
async fn a_version_of_another_project_is_none_of_the_package() {
    let (_service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    seal(&grpc, &["1.0"]).await;
    let create_other = CreateProjectRequest { project_id: "elsewhere".to_owned(), ..CreateProjectRequest::default() };
    grpc.projects().create_project(authorized(create_other)).await.unwrap();
    seal_in(&grpc, "projects/2/packages/tool", &["1.0"]).await;

    let version = "projects/2/packages/tool/versions/1.0".to_owned();
    let foreign = create(&grpc, CreateTagRequest { version: version.clone(), ..new_tag("stable", "1.0") }).await;
    assert_eq!(reason(foreign), Some(Reason::ArgumentInvalid));
    create(&grpc, new_tag("stable", "1.0")).await.unwrap();
    let foreign = update(&grpc, UpdateTagRequest { expected_version: version, ..move_to("stable", "1.0") }).await;
    assert_eq!(reason(foreign), Some(Reason::ArgumentInvalid));
}

#[tokio::test]
async fn what_a_request_says_wrong_is_named() {
    let (_service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    seal(&grpc, &["1.0"]).await;
    seal_in(&grpc, "projects/1/packages/other", &["1.0"]).await;
    let long = "x".repeat(256);
    for tag in ["", ".", "..", "a/b", "a b", "ä", &long] {
        assert_eq!(refused(create(&grpc, new_tag(tag, "1.0")).await), (Code::InvalidArgument, Some(Reason::NameInvalid)), "`{tag}`");
    }
    create(&grpc, new_tag(&long[1..], "1.0")).await.unwrap();
    let of = |version: &str| CreateTagRequest { version: version.to_owned(), ..new_tag("stable", "1.0") };
    for (request, expected) in [
        (of("projects/1/packages/other/versions/1.0"), Reason::ArgumentInvalid),
        (of("nonsense"), Reason::NameInvalid),
        (of(&version_name("9.0")), Reason::VersionNotFound),
        (CreateTagRequest { parent: "nonsense".to_owned(), ..of(&version_name("1.0")) }, Reason::NameInvalid),
        (CreateTagRequest { reason: "x".repeat(4097), ..of(&version_name("1.0")) }, Reason::ArgumentInvalid),
        (CreateTagRequest { request_id: "1".to_owned(), ..of(&version_name("1.0")) }, Reason::ArgumentInvalid),
    ] {
        let shown = format!("{request:?}");
        assert_eq!(reason(create(&grpc, request).await), Some(expected), "{shown}");
    }
    assert_eq!(reason(get(&grpc, "stable").await), Some(Reason::TagNotFound));

    create(&grpc, new_tag("stable", "1.0")).await.unwrap();
    let mask = |path: &str| Some(FieldMask { paths: vec![path.to_owned()] });
    let other = "projects/1/packages/other/versions/1.0".to_owned();
    let good = || move_to("stable", "1.0");
    for (request, expected) in [
        (UpdateTagRequest { update_mask: mask("actor"), ..good() }, Some(Reason::ArgumentInvalid)),
        (UpdateTagRequest { update_mask: mask("version"), ..good() }, None),
        (UpdateTagRequest { tag: None, ..good() }, Some(Reason::ArgumentInvalid)),
        (UpdateTagRequest { expected_version: other.clone(), ..good() }, Some(Reason::ArgumentInvalid)),
        (UpdateTagRequest { tag: Some(Tag { version: other, ..good().tag.unwrap() }), ..good() }, Some(Reason::ArgumentInvalid)),
        (UpdateTagRequest { tag: Some(Tag { content_digest: Bytes::from_static(b"x"), ..good().tag.unwrap() }), ..good() }, None),
    ] {
        let shown = format!("{request:?}");
        assert_eq!(update(&grpc, request).await.err().and_then(|status| facts(Err::<(), _>(status)).0), expected, "{shown}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_tag_that_is_not_found() {
    let (_service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    let elsewhere = GetTagRequest { name: "projects/9/packages/tool/tags/stable".to_owned() };
    assert_eq!(reason(grpc.tags().get_tag(authorized(elsewhere)).await), Some(Reason::ProjectNotFound));
    assert_eq!(refused(get(&grpc, "stable").await), (Code::NotFound, Some(Reason::TagNotFound)), "`{PACKAGE}` is not there either");
    assert_eq!(reason(delete(&grpc, without("stable")).await), Some(Reason::TagNotFound));
    assert_eq!(reason(history(&grpc, "stable", 0).await), Some(Reason::TagNotFound));
    assert_eq!(reason(create(&grpc, new_tag("stable", "1.0")).await), Some(Reason::VersionNotFound));
}
