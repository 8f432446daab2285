//! What tokens see of projects, packages and bytes that are not theirs.

use bytes::Bytes;
use consign_proto::metadata::{self as wire, CreateTokenRequest, RevokeTokenRequest};
use consign_types::access::{Role, Scope};
use integration_tests::grpc::refusal;
use integration_tests::rest::file;
use integration_tests::{Engine, TOKEN, wait};
use prost::Message;
use tonic::Status;

use crate::calls::calls_in;
use crate::world::*;

/// All versions of all projects.
const EVERYWHERE: &str = "projects/-/packages/-/versions/-";

#[tokio::test]
async fn lists_over_all_projects_show_those_that_the_token_is_for() {
    let world = World::start(Engine::Sqlite).await;
    assert_eq!(world.rest.put(&file("tool", "1.0", "f"), "here").await.status, 201);
    assert_eq!(world.rest.put("/api/v4/projects/2/packages/generic/tool/1.0/f", "here").await.status, 201);
    let (_, secret) = world.token(wanted(2, Role::Reporter, &[Scope::Read])).await;
    let all = "projects/-".to_owned();

    let packages = wire::ListPackagesRequest { parent: all.clone(), ..Default::default() }.encode_to_vec();
    let packages = world.call("PackageService/ListPackages", &secret, packages.into()).await.unwrap();
    let packages = wire::ListPackagesResponse::decode(packages).unwrap().packages;
    assert_eq!(packages.iter().map(|package| package.name.as_str()).collect::<Vec<_>>(), ["projects/2/packages/tool"]);
    let versions = wire::SearchVersionsRequest { parent: all.clone(), ..Default::default() }.encode_to_vec();
    let versions = world.call("PackageService/SearchVersions", &secret, versions.into()).await.unwrap();
    assert_eq!(wire::SearchVersionsResponse::decode(versions).unwrap().versions.len(), 1);
    let sha256 = Bytes::copy_from_slice(consign_types::Digest::of(b"here").as_bytes());
    let found = wire::FindByDigestRequest { parent: all, sha256, ..Default::default() }.encode_to_vec();
    let found = world.call("PackageService/FindByDigest", &secret, found.into()).await.unwrap();
    assert_eq!(wire::FindByDigestResponse::decode(found).unwrap().files.len(), 1);
    let files = wire::ListFilesRequest { parent: EVERYWHERE.to_owned(), ..Default::default() }.encode_to_vec();
    let files = world.call("FileService/ListFiles", &secret, files.into()).await.unwrap();
    let files = wire::ListFilesResponse::decode(files).unwrap().files;
    assert_eq!(files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["projects/2/packages/tool/versions/1.0/files/f"]);
    let projects = world.call("ProjectService/ListProjects", &secret, Bytes::new()).await.unwrap();
    let projects = wire::ListProjectsResponse::decode(projects).unwrap().projects;
    assert_eq!(projects.iter().map(|project| project.name.as_str()).collect::<Vec<_>>(), ["projects/2"]);
}

#[tokio::test]
async fn a_token_for_some_packages_touches_no_others() {
    let world = World::start(Engine::Sqlite).await;
    for package in ["app-web", "lib"] {
        assert_eq!(world.rest.put(&file(package, "1.0", "f"), package).await.status, 201);
    }
    let globs = vec!["app-*".to_owned()];
    let (_, secret) = world.token(CreateTokenRequest { package_patterns: globs, ..wanted(1, Role::Owner, &Scope::ALL) }).await;
    let rest = world.rest.with_token(&secret);

    assert_eq!(rest.put(&file("app-web", "2.0", "f"), "new").await.status, 201);
    assert_eq!(rest.get(&file("app-web", "1.0", "f")).await.text(), "app-web");
    let refused = (rest.put(&file("lib", "2.0", "f"), "new").await, rest.get(&file("lib", "1.0", "f")).await);
    for answer in [refused.0, refused.1] {
        assert_eq!((answer.status, answer.json()["error"].as_str()), (403, Some("insufficient_scope")), "{}", answer.text());
    }
    // What is about more than one package is refused, for it would tell of others; but not that the project is there.
    let seen = ["ProjectService/GetProject"];
    for (method, message) in calls_in("projects/1") {
        let answer = world.call(method, &secret, message).await;
        let refused = verdict(&answer) == Verdict::Scope;
        assert_eq!(refused, !seen.contains(&method), "{method}: {answer:?}");
    }
    let lists = [
        (
            "PackageService/ListVersions",
            wire::ListVersionsRequest { parent: "projects/1/packages/-".to_owned(), ..Default::default() }.encode_to_vec(),
        ),
        ("TagService/ListTags", wire::ListTagsRequest { parent: "projects/1/packages/-".to_owned(), ..Default::default() }.encode_to_vec()),
        (
            "PackageService/ListPackages",
            wire::ListPackagesRequest { parent: "projects/-".to_owned(), ..Default::default() }.encode_to_vec(),
        ),
        (
            "PackageService/SearchVersions",
            wire::SearchVersionsRequest { parent: "projects/-".to_owned(), ..Default::default() }.encode_to_vec(),
        ),
        ("FileService/ListFiles", wire::ListFilesRequest { parent: EVERYWHERE.to_owned(), ..Default::default() }.encode_to_vec()),
    ];
    for (method, message) in lists {
        assert_eq!(verdict(&world.call(method, &secret, message.into()).await), Verdict::Scope, "{method}");
    }
    let own = wire::ListVersionsRequest { parent: "projects/1/packages/app-web".to_owned(), ..Default::default() }.encode_to_vec();
    assert!(world.call("PackageService/ListVersions", &secret, own.into()).await.is_ok());
    let delete = wire::DeleteProjectRequest { name: "projects/1".to_owned(), ..Default::default() }.encode_to_vec();
    assert_eq!(verdict(&world.call("ProjectService/DeleteProject", &secret, delete.into()).await), Verdict::Scope);
}

#[tokio::test]
async fn rest_takes_the_token_of_a_project_in_every_form() {
    let world = World::start(Engine::Sqlite).await;
    let (_, reader) = world.token(wanted(1, Role::Reporter, &[Scope::Read])).await;
    let deploy =
        CreateTokenRequest { kind: wire::token::Kind::Deploy.into(), ..wanted(1, Role::Developer, &[Scope::Read, Scope::Publish]) };
    let (token, publisher) = world.token(deploy).await;
    let (reader, publisher) = (world.rest.with_token(&reader), world.rest.with_token(&publisher));

    assert_eq!(publisher.put(&file("tool", "1.0", "f"), "hello").await.status, 201);
    assert_eq!(reader.get(&file("tool", "1.0", "f")).await.text(), "hello");
    assert_eq!(reader.put(&file("tool", "1.0", "g"), "hello").await.status, 403);
    for rest in [&reader, &publisher] {
        let answer = rest.get("/api/v4/projects/2/packages/generic/tool/1.0/f").await;
        assert_eq!((answer.status, answer.text()), (404, r#"{"message":"404 Project Not Found"}"#));
    }
    assert_eq!(world.rest.with_token("consign_prj_000000000000000000000000000000000000").get(&file("tool", "1.0", "f")).await.status, 401);

    world.tokens().revoke_token(bearing(RevokeTokenRequest { name: token.name, ..Default::default() }, TOKEN)).await.unwrap();
    wait::until("the end of the token", async || (publisher.get(&file("tool", "1.0", "f")).await.status == 401).then_some(())).await;
}

#[tokio::test]
async fn nobody_is_told_of_bytes_that_they_may_not_read_nor_lifts_the_limits_of_the_instance() {
    let world = World::start(Engine::Sqlite).await;
    assert_eq!(world.rest.put("/api/v4/projects/2/packages/generic/tool/1.0/f", "of project 2").await.status, 201);
    assert_eq!(world.rest.put(&file("lib", "1.0", "f"), "of lib").await.status, 201);
    let presence = async |package: &str, content: &str, by: &str| {
        let sha256 = Bytes::copy_from_slice(consign_types::Digest::of(content.as_bytes()).as_bytes());
        let files = vec![wire::UploadFile { path: "f".to_owned(), sha256, ..Default::default() }];
        let request =
            wire::PrepareUploadsRequest { parent: format!("projects/1/packages/{package}/versions/9.0"), files, ..Default::default() };
        let answer = world.call("FileService/PrepareUploads", by, request.encode_to_vec().into()).await.unwrap();
        let plan = wire::PrepareUploadsResponse::decode(answer).unwrap().plans.remove(0);
        matches!(plan.action, Some(wire::upload_plan::Action::Receipt(_)))
    };
    let (_, all) = world.token(wanted(1, Role::Owner, &Scope::ALL)).await;
    let (_, publisher) = world.token(wanted(1, Role::Developer, &[Scope::Publish])).await;
    let limited = CreateTokenRequest { package_patterns: vec!["app-*".to_owned()], ..wanted(1, Role::Owner, &Scope::ALL) };
    let (_, limited) = world.token(limited).await;

    assert!(presence("app-x", "of lib", &all).await);
    assert!(!presence("app-x", "of lib", &publisher).await);
    assert!(!presence("app-x", "of lib", &limited).await);
    assert!(!presence("app-x", "of project 2", &all).await);
    for settings in [
        wire::Settings { dedup_scope: wire::DedupScope::Instance.into(), ..Default::default() },
        wire::Settings { quota_bytes: Some(1 << 40), ..Default::default() },
        wire::Settings { max_file_bytes: Some(1 << 40), ..Default::default() },
    ] {
        let settings = Some(wire::Settings { name: "projects/1".to_owned(), ..settings });
        let request = wire::UpdateSettingsRequest { settings, ..Default::default() }.encode_to_vec();
        assert_eq!(verdict(&world.call("ProjectService/UpdateSettings", &all, request.clone().into()).await), Verdict::Role);
        assert_eq!(verdict(&world.call("ProjectService/UpdateSettings", TOKEN, request.into()).await), Verdict::Allowed);
    }
}

#[tokio::test]
async fn a_maintainer_says_how_many_files_are_kept_and_changes_no_other_setting() {
    let world = World::start(Engine::Sqlite).await;
    let policy = wire::DuplicatePolicy { allowed: Some(false), ..Default::default() };
    let kept = || wire::Settings { keep_revisions: Some(5), ..Default::default() };
    for (role, settings, expected) in [
        (Role::Developer, kept(), Verdict::Role),
        (Role::Maintainer, kept(), Verdict::Allowed),
        (Role::Maintainer, wire::Settings { duplicate_policy: Some(policy.clone()), ..kept() }, Verdict::Role),
        (Role::Maintainer, wire::Settings { default_version_mode: wire::VersionMode::Sealed.into(), ..Default::default() }, Verdict::Role),
        (Role::Owner, wire::Settings { duplicate_policy: Some(policy), ..kept() }, Verdict::Allowed),
    ] {
        let (_, secret) = world.token(wanted(1, role, &Scope::ALL)).await;
        let settings = Some(wire::Settings { name: "projects/1".to_owned(), ..settings });
        let request = wire::UpdateSettingsRequest { settings, ..Default::default() }.encode_to_vec();
        assert_eq!(verdict(&world.call("ProjectService/UpdateSettings", &secret, request.into()).await), expected, "{role}");
    }
}

#[tokio::test]
async fn private_and_absent_look_the_same() {
    let world = World::start(Engine::Sqlite).await;
    assert_eq!(world.rest.put("/api/v4/projects/2/packages/generic/tool/1.0/f", "x").await.status, 201);
    let (_, secret) = world.token(wanted(1, Role::Owner, &Scope::ALL)).await;
    for ((method, private), (_, absent)) in calls_in("projects/2").into_iter().zip(calls_in("projects/9")) {
        let [private, absent] = [private, absent].map(|message| world.call(method, &secret, message));
        let (private, absent) = (private.await.unwrap_err(), absent.await.unwrap_err());
        let told = |status: &Status| {
            (status.code(), status.message().replace("projects/9", "projects/2"), refusal(status).1, status.details().len())
        };
        assert_eq!(told(&private), told(&absent), "{method}");
    }
    let rest = world.rest.with_token(&secret);
    for path in ["", "/packages/generic/tool/1.0/f"] {
        let (private, absent) =
            (rest.get(&format!("/api/v4/projects/2{path}")).await, rest.get(&format!("/api/v4/projects/9{path}")).await);
        assert_eq!((private.status, private.text()), (absent.status, absent.text()));
    }
}
