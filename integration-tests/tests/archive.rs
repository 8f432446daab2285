//! Whole versions as archives, read by the programs that people have.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;

use consign_proto::metadata::{PublishVersionRequest, QuarantineVersionRequest};
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::rest::{Answer, Rest, file};
use integration_tests::{BOTH, Builder, Engine, wait};
use reqwest::Method;
use serde_json::json;
use tokio::process::Command;

type Files = BTreeMap<String, Vec<u8>>;

const FORMATS: [&str; 2] = ["tar", "zip"];

/// The address of a version of `tool` as an archive.
fn archive(version: &str, format: &str) -> String {
    format!("/api/v4/projects/root%2Fdemo/packages/generic/tool/{version}?format={format}")
}

async fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().await.unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What real programs find in an archive.
async fn unpacked(bytes: &[u8], format: &str) -> Files {
    let directory = tempfile::tempdir().unwrap();
    let (file, target) = (directory.path().join("archive"), directory.path().join("target"));
    std::fs::write(&file, bytes).unwrap();
    std::fs::create_dir(&target).unwrap();
    let (file, into) = (file.to_str().unwrap(), target.to_str().unwrap());
    if format == "tar" {
        run("tar", &["-xf", file, "-C", into]).await;
    } else {
        run("python3", &["-m", "zipfile", "-t", file]).await;
        run("python3", &["-m", "zipfile", "-e", file, into]).await;
    }
    let mut files = Files::new();
    collect(&target, &target, &mut files);
    files
}

fn collect(root: &Path, directory: &Path, files: &mut Files) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            files.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap());
        }
    }
}

async fn publish(rest: &Rest, version: &str, files: &Files) {
    for (path, content) in files {
        let answer = rest.put(&file("tool", version, &path.replace(' ', "%20")), content.clone()).await;
        assert_eq!(answer.status, 201, "{path}: {}", answer.text());
    }
}

fn ask(rest: &Rest, method: Method, path: &str) -> impl Future<Output = Answer> {
    let (rest, request) = (rest.clone(), rest.request(method, path));
    async move { rest.send(request).await }
}

#[tokio::test]
async fn an_archive_has_every_file_as_it_was_published() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        let large: Vec<u8> = (0..5_000_001_u32).map(|n| n.wrapping_mul(0x9E37_79B9).to_le_bytes()[3]).collect();
        let long = ["a".repeat(250), "b c".repeat(80), "d".repeat(250), "e".repeat(200)].join("/");
        let files = Files::from([
            ("README".to_owned(), b"read me".to_vec()),
            ("bin/tool+1@linux~2.gz".to_owned(), large),
            ("bin/empty".to_owned(), Vec::new()),
            ("caf\u{e9}/menu".to_owned(), b"coffee".to_vec()),
            (format!("{}/f", "x".repeat(97)), b"99 bytes of path".to_vec()),
            (format!("{}/f", "y".repeat(99)), b"101 bytes of path".to_vec()),
            (long, vec![7; 512]),
        ]);
        publish(&rest, "1.0+b", &files).await;
        for format in FORMATS {
            let answer = rest.get(&archive("1.0+b", format)).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let media_type = if format == "tar" { "application/x-tar" } else { "application/zip" };
            assert_eq!(answer.header("content-type"), media_type);
            assert_eq!(answer.header("content-disposition"), format!("attachment; filename=\"tool-1.0+b.{format}\""));
            assert!(unpacked(&answer.body, format).await == files, "{engine:?} {format}");

            let head = ask(&rest, Method::HEAD, &archive("1.0+b", format)).await;
            let told = |answer: &Answer| {
                ["content-type", "content-disposition", "accept-ranges", "etag"].map(|name| answer.header(name).to_owned())
            };
            assert_eq!((head.status, told(&head), head.body.len()), (200, told(&answer), 0));
        }
    }
}

#[tokio::test]
async fn a_version_of_more_than_a_thousand_files_is_archived_whole() {
    let (_service, rest) = Builder::on(Engine::Sqlite).demo().await;
    let files: Files = (0..1100).map(|n| (format!("d{}/f{n}", n % 7), format!("content {n}").into_bytes())).collect();
    let all: Vec<_> = files.iter().collect();
    let publishing = all.chunks(100).map(|part| {
        let (rest, part) = (rest.clone(), part.iter().map(|(path, content)| ((*path).clone(), (*content).clone())).collect());
        tokio::spawn(async move { publish(&rest, "1.0", &part).await })
    });
    for part in publishing.collect::<Vec<_>>() {
        part.await.unwrap();
    }
    for format in FORMATS {
        assert!(unpacked(&rest.get(&archive("1.0", format)).await.body, format).await == files, "{format}");
    }
    let counted = async || {
        let listed = rest.get("/api/v4/projects/1/packages").await.json();
        Some(()).filter(|()| !listed[0]["last_downloaded_at"].is_null())
    };
    wait::until("the count of the downloads", counted).await;
}

#[tokio::test]
async fn of_a_file_that_was_replaced_the_newest_is_archived_and_latest_names_a_version() {
    let (_service, rest) = Builder::on(Engine::Sqlite).demo().await;
    for (version, content) in [("1.0.0", "old"), ("1.0.0", "new"), ("0.9.0", "older")] {
        assert_eq!(rest.put(&file("tool", version, "f"), content).await.status, 201);
    }
    for format in FORMATS {
        let answer = rest.get(&archive("latest", format)).await;
        assert_eq!(unpacked(&answer.body, format).await, Files::from([("f".to_owned(), b"new".to_vec())]));
        assert_eq!(answer.header("content-location"), archive("1.0.0", format));
        assert_eq!(answer.header("etag"), "", "an open version may change");
    }
}

#[tokio::test]
async fn the_archive_of_a_sealed_version_has_an_entity_tag() {
    let (service, rest) = Builder::on(Engine::Sqlite).demo().await;
    rest.put(&file("tool", "1.0", "f"), "hello").await;
    let seal = PublishVersionRequest {
        parent: "projects/1/packages/tool".to_owned(),
        version_id: "1.0".to_owned(),
        ..PublishVersionRequest::default()
    };
    Grpc::to(service.grpc()).packages().publish_version(authorized(seal)).await.unwrap();
    let tags =
        [rest.get(&archive("1.0", "tar")).await, rest.get(&archive("1.0", "zip")).await].map(|answer| answer.header("etag").to_owned());
    assert!(tags[0].ends_with("-tar\"") && tags[1].ends_with("-zip\""), "{tags:?}");
    for (tag, status) in [(&tags[0], 304), (&tags[1], 200)] {
        let request = rest.request(Method::GET, &archive("1.0", "tar")).header("if-none-match", tag);
        assert_eq!(rest.send(request).await.status, status);
    }
}

#[tokio::test]
async fn what_is_no_archive_is_refused() {
    let (service, rest) = Builder::on(Engine::Sqlite).demo().await;
    rest.put(&file("tool", "1.0", "f"), "hello").await;
    let plain = archive("1.0", "tar").replace("?format=tar", "");
    for (path, status, body) in [
        (plain, 404, json!({ "message": "404 Not found" })),
        (archive("1.0", "rar"), 400, json!({ "error": "format does not have a valid value" })),
        (archive("1.0", ""), 400, json!({ "error": "format does not have a valid value" })),
        (archive("1.1", "tar"), 404, json!({ "message": "404 Not found" })),
        (archive("1.0", "zip").replace("tool", "none"), 404, json!({ "message": "404 Not found" })),
        (archive("1.0", "zip").replace("tool", "a%20b"), 400, json!({ "error": "package_name is invalid" })),
        (archive("..1", "zip"), 400, json!({ "error": "package_version is invalid" })),
        (archive("1.0", "tar").replace("demo", "none"), 404, json!({ "message": "404 Project Not Found" })),
        (archive("1.0", "rar").replace("demo", "none"), 400, json!({ "error": "format does not have a valid value" })),
    ] {
        let answer = rest.get(&path).await;
        assert_eq!((answer.status, answer.json()), (status, body), "{path}");
        assert_eq!(ask(&rest, Method::HEAD, &path).await.status, status, "{path}");
    }
    assert_eq!(rest.put(&archive("1.0", "tar"), "x").await.status, 405);
    let (name, reason) = ("projects/1/packages/tool/versions/1.0".to_owned(), "bad".to_owned());
    let quarantine = QuarantineVersionRequest { name, reason, ..Default::default() };
    Grpc::to(service.grpc()).packages().quarantine_version(authorized(quarantine)).await.unwrap();
    for method in [Method::GET, Method::HEAD] {
        assert_eq!(ask(&rest, method, &archive("1.0", "tar")).await.status, 403);
    }
}

#[tokio::test]
async fn only_an_archive_that_is_sent_counts_as_downloaded() {
    let (service, rest) = Builder::on(Engine::Sqlite).demo().await;
    for version in ["1.0", "2.0"] {
        rest.put(&file("tool", version, "f"), version).await;
        let (parent, version_id) = ("projects/1/packages/tool".to_owned(), version.to_owned());
        let seal = PublishVersionRequest { parent, version_id, ..PublishVersionRequest::default() };
        Grpc::to(service.grpc()).packages().publish_version(authorized(seal)).await.unwrap();
    }
    let head = ask(&rest, Method::HEAD, &archive("1.0", "tar")).await;
    assert_eq!(head.status, 200);
    let known = rest.request(Method::GET, &archive("1.0", "tar")).header("if-none-match", head.header("etag"));
    assert_eq!(rest.send(known).await.status, 304);
    assert_eq!(rest.get(&archive("2.0", "tar")).await.status, 200);
    let times = async || {
        let listed = rest.get("/api/v4/projects/1/packages?order_by=version").await.json();
        [0, 1].map(|place| listed[place]["last_downloaded_at"].clone())
    };
    let counted = async || Some(times().await).filter(|times| !times[1].is_null());
    assert!(wait::until("the count of the download", counted).await[0].is_null());
}

#[tokio::test]
async fn a_version_that_no_directory_can_have_is_no_archive() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        for path in ["a", "a-b", "a.d/a", "a0", "b/c", "b/c/d/e"] {
            assert_eq!(rest.put(&file("tool", "1.0", path), path).await.status, 201);
        }
        let words = "409 Conflict - `b/c` is a file, and a folder of `b/c/d/e` too: no directory can have both";
        for format in FORMATS {
            let refused = rest.get(&archive("1.0", format)).await;
            assert_eq!((refused.status, refused.json()), (409, json!({ "message": words })), "{engine:?}");
            assert_eq!(ask(&rest, Method::HEAD, &archive("1.0", format)).await.status, 409);
        }
        assert_eq!(rest.get(&file("tool", "1.0", "b/c/d/e")).await.text(), "b/c/d/e", "each file is there");
        let package = rest.get("/api/v4/projects/1/packages").await.json()[0]["id"].clone();
        let files = rest.get(&format!("/api/v4/projects/1/packages/{package}/package_files")).await.json();
        let clash = files.as_array().unwrap().iter().find(|file| file["file_name"] == "b%2Fc").unwrap()["id"].clone();
        assert_eq!(ask(&rest, Method::DELETE, &format!("/api/v4/projects/1/packages/{package}/package_files/{clash}")).await.status, 204);
        for format in FORMATS {
            assert_eq!(unpacked(&rest.get(&archive("1.0", format)).await.body, format).await.len(), 5);
        }
    }
}

#[tokio::test]
async fn archives_are_for_those_who_may_fetch_the_files() {
    let (_service, rest) = Builder::on(Engine::Sqlite).demo().await;
    rest.put(&file("tool", "1.0", "f"), "hello").await;
    let path = archive("1.0", "tar");
    let anonymous = rest.send(rest.anonymous(Method::GET, &path)).await;
    let challenge = r#"Basic realm="GitLab Packages Registry""#;
    assert_eq!((anonymous.status, anonymous.header("www-authenticate")), (401, challenge));
    assert_eq!(rest.with_token("nonsense, of nobody").get(&path).await.status, 401);
    let form = json!({ "name": "mirror", "scopes": ["read_package_registry"] });
    let deploy = rest.send(rest.request(Method::POST, "/api/v4/projects/1/deploy_tokens").json(&form)).await.json();
    let request = rest.anonymous(Method::GET, &path).header("deploy-token", deploy["token"].as_str().unwrap());
    assert_eq!(unpacked(&rest.send(request).await.body, "tar").await.len(), 1);

    let public = rest.request(Method::PUT, "/api/v4/projects/1").json(&json!({ "visibility": "public" }));
    assert_eq!(rest.send(public).await.status, 200);
    let nonsense = rest.anonymous(Method::GET, &path).basic_auth("anybody", Some("nonsense, of nobody"));
    for request in [rest.anonymous(Method::GET, &path), nonsense] {
        assert_eq!(rest.send(request).await.status, 200);
    }
}

#[tokio::test]
async fn a_file_that_is_damaged_breaks_the_archive_off() {
    let (service, rest) = Builder::on(Engine::Sqlite).demo().await;
    // The first is large enough for a part of it to be sent before the second is opened.
    for (path, size) in [("a", 1_000_000), ("b", 3_000_000), ("c", 1000)] {
        assert_eq!(rest.put(&file("tool", "1.0", path), vec![path.as_bytes()[0]; size]).await.status, 201);
    }
    let blobs = service.stored().blobs;
    let damaged = blobs.iter().max_by_key(|blob| std::fs::metadata(blob).unwrap().len()).unwrap();
    let mut bytes = std::fs::read(damaged).unwrap();
    bytes[2_000_000] ^= 1;
    std::fs::write(damaged, bytes).unwrap();
    for format in FORMATS {
        assert!(rest.attempt(rest.request(Method::GET, &archive("1.0", format))).await.is_err(), "{format}");
    }
    // Also where it breaks off between two files, no program takes what came for all of it.
    std::fs::remove_file(damaged).unwrap();
    let mut answer = rest.request(Method::GET, &archive("1.0", "tar")).send().await.unwrap();
    let mut came = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        came.extend_from_slice(&chunk);
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("came.tar");
    std::fs::write(&path, came).unwrap();
    let listed = Command::new("tar").arg("-tf").arg(&path).output().await.unwrap();
    assert!(!listed.status.success(), "{}", String::from_utf8_lossy(&listed.stdout));
}
