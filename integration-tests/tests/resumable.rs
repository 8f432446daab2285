//! Uploads of a file by several requests, as the draft of the IETF has them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use consign_types::Digest;
use integration_tests::rest::{Answer, Rest, file};
use integration_tests::service::Stored;
use integration_tests::{BOTH, Builder, Engine, TOKEN, wait};
use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

const PROGRAM: &str = env!("CARGO_BIN_EXE_service-under-test");
const PROBLEM: &str = "https://iana.org/assignments/http-problem-types#";

fn content(bytes: usize) -> Vec<u8> {
    (0..u32::try_from(bytes).unwrap()).map(|n| n.wrapping_mul(0x9E37_79B9).to_le_bytes()[3]).collect()
}

/// Begins an upload.
async fn create(rest: &Rest, path: &str, body: &[u8], complete: &str, headers: &[(&str, &str)]) -> Answer {
    let request = rest.request(Method::PUT, path).header("upload-complete", complete).body(body.to_vec());
    rest.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

/// Begins an upload that goes on, and returns the address of the upload, without the host.
async fn begin(rest: &Rest, path: &str, body: &[u8], headers: &[(&str, &str)]) -> String {
    let answer = create(rest, path, body, "?0", headers).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!((answer.header("upload-complete"), answer.header("upload-offset")), ("?0", body.len().to_string().as_str()));
    assert!(answer.header("upload-limit").contains("max-size=") && answer.header("upload-limit").contains("max-age=86400"));
    let place = answer.header("location");
    let start = place.find("/api/").unwrap();
    assert!(place.starts_with("http://127.0.0.1:") && place[start..].starts_with(path.split('?').next().unwrap()), "{place}");
    place[start..].to_owned()
}

async fn append(rest: &Rest, upload: &str, offset: usize, body: &[u8], complete: &str) -> Answer {
    let request = rest.request(Method::PATCH, upload).header("content-type", "application/partial-upload");
    let request = request.header("upload-complete", complete).header("upload-offset", offset);
    rest.send(request.body(body.to_vec())).await
}

/// How far an upload has come, and whether it is complete.
async fn progress(rest: &Rest, upload: &str) -> (usize, String) {
    let answer = rest.send(rest.request(Method::HEAD, upload)).await;
    assert_eq!((answer.status, answer.header("cache-control")), (204, "no-store"));
    assert!(answer.header("upload-limit").contains("max-size="));
    (answer.header("upload-offset").parse().unwrap(), answer.header("upload-complete").to_owned())
}

/// Sends a part of what it has promised, and breaks off.
async fn break_off(rest: &Rest, host: std::net::SocketAddr, upload: &str, offset: usize, promised: usize, body: &[u8]) -> usize {
    let mut stream = TcpStream::connect(host).await.unwrap();
    let head = format!(
        "PATCH {upload} HTTP/1.1\r\nHost: here\r\nPRIVATE-TOKEN: {TOKEN}\r\nContent-Type: application/partial-upload\r\n\
         Upload-Complete: ?1\r\nUpload-Offset: {offset}\r\nContent-Length: {promised}\r\n\r\n"
    );
    stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    stream.shutdown().await.unwrap();
    drop(stream);
    let came = async || Some(progress(rest, upload).await.0).filter(|came| *came > offset);
    wait::until("what came before the break", came).await
}

#[tokio::test]
async fn a_file_comes_by_several_requests_and_goes_on_after_a_break() {
    for engine in BOTH {
        let (service, rest) = Builder::on(engine).demo().await;
        let (bytes, path) = (content(4_000_000), file("tool", "1.0", "dir/f"));
        let upload = begin(&rest, &path, &bytes[..1_000_000], &[]).await;
        assert_eq!(progress(&rest, &upload).await, (1_000_000, "?0".to_owned()));

        let answer = append(&rest, &upload, 1_000_000, &bytes[1_000_000..1_500_000], "?0").await;
        assert_eq!((answer.status, answer.header("upload-offset"), answer.header("upload-complete")), (204, "1500000", "?0"));
        assert_eq!(rest.get(&path).await.status, 404, "nothing is visible yet");
        let came = break_off(&rest, service.http(), &upload, 1_500_000, 2_500_000, &bytes[1_500_000..3_500_000]).await;
        assert!(came <= 3_500_000, "{came}");
        let (came, complete) = progress(&rest, &upload).await;
        assert_eq!(complete, "?0");

        let answer = append(&rest, &upload, came, &bytes[came..], "?1").await;
        assert_eq!((answer.status, answer.text()), (201, r#"{"message":"201 Created"}"#));
        assert_eq!(answer.header("upload-complete"), "?1");
        let found = rest.get(&path).await;
        assert!(found.body == bytes && found.header("x-checksum-sha256") == Digest::of(&bytes).to_string(), "{engine:?}");
        assert_eq!(progress(&rest, &upload).await, (4_000_000, "?1".to_owned()));
        assert_eq!(service.stored().spools.len(), 0);
    }
}

#[tokio::test]
async fn an_upload_goes_on_after_the_service_was_killed() {
    let mut service = Builder::on(Engine::Sqlite).spawn(PROGRAM, &[]).await;
    let rest = Rest::to(service.http());
    rest.create_project("demo").await;
    let (bytes, path) = (content(3_000_000), file("tool", "1.0", "f"));
    let length = [("upload-length", "3000000")];
    let upload = begin(&rest, &path, &bytes[..2_000_000], &length).await;

    service.kill().await;
    service.start(&[]).await;

    let rest = Rest::to(service.http());
    let head = rest.send(rest.request(Method::HEAD, &upload)).await;
    assert_eq!((head.header("upload-offset"), head.header("upload-length")), ("2000000", "3000000"));
    let came = break_off(&rest, service.http(), &upload, 2_000_000, 1_000_000, &bytes[2_000_000..2_900_000]).await;
    service.kill().await;
    service.start(&[]).await;
    let rest = Rest::to(service.http());
    assert_eq!(progress(&rest, &upload).await, (came, "?0".to_owned()), "what was told is durable");
    assert_eq!(append(&rest, &upload, came, &bytes[came..], "?1").await.status, 201);
    assert!(rest.get(&path).await.body == bytes);
}

#[tokio::test]
async fn a_death_before_the_publish_leaves_an_upload_that_is_not_complete() {
    let mut service = Builder::on(Engine::Sqlite).spawn(PROGRAM, &[]).await;
    Rest::to(service.http()).create_project("demo").await;
    service.kill().await;
    service.start(&[("CONSIGN_TEST_KILL_AT", "blob durable")]).await;
    let rest = Rest::to(service.http());
    let (bytes, path) = (content(1_000_000), file("tool", "1.0", "f"));
    let declared = [("upload-length", "1000000"), ("x-checksum-sha256", &Digest::of(&bytes).to_string())];
    let upload = begin(&rest, &path, &bytes[..600_000], &declared).await;
    let last = rest.request(Method::PATCH, &upload).header("content-type", "application/partial-upload");
    let last = last.header("upload-complete", "?1").header("upload-offset", 600_000).body(bytes[600_000..].to_vec());
    assert!(last.send().await.is_err(), "the service must die before it answers");
    service.ended().await;
    service.start(&[]).await;

    let rest = Rest::to(service.http());
    assert_eq!(rest.get(&path).await.status, 404);
    assert_eq!(progress(&rest, &upload).await, (1_000_000, "?0".to_owned()), "all bytes came, and the file is not there");
    assert_eq!(rest.put(&path, bytes.clone()).await.status, 201);
    assert_eq!(progress(&rest, &upload).await, (1_000_000, "?0".to_owned()), "it is there by another's doing");
    assert_eq!(append(&rest, &upload, 1_000_000, b"", "?1").await.status, 201);
    assert!(rest.get(&path).await.body == bytes);
    assert_eq!(progress(&rest, &upload).await, (1_000_000, "?1".to_owned()));
}

#[tokio::test]
async fn an_upload_whose_end_nobody_remembers_is_over() {
    let mut service = Builder::on(Engine::Sqlite).spawn(PROGRAM, &[]).await;
    let rest = Rest::to(service.http());
    rest.create_project("demo").await;
    let bytes = content(100_000);
    let others: Vec<u8> = bytes.iter().rev().copied().collect();
    let declared = [("upload-length", "100000"), ("x-checksum-sha256", &Digest::of(&others).to_string())];
    let mut uploads = Vec::new();
    for (name, bytes, headers) in [("untold", &bytes, &[][..]), ("told", &others, &declared)] {
        let path = file("tool", "1.0", name);
        let upload = begin(&rest, &path, &bytes[..60_000], headers).await;
        assert_eq!(append(&rest, &upload, 60_000, &bytes[60_000..], "?1").await.status, 201);
        assert_eq!(progress(&rest, &upload).await, (100_000, "?1".to_owned()), "{name}");
        uploads.push((path, upload));
    }
    service.kill().await;
    service.start(&[]).await;

    let rest = Rest::to(service.http());
    let (path, upload) = &uploads[0];
    let head = rest.send(rest.request(Method::HEAD, upload)).await;
    assert_eq!((head.status, head.header("upload-offset"), head.header("upload-complete")), (404, "", ""));
    for (offset, body, complete) in [(0, &bytes[..], "?1"), (0, &bytes[..10], "?0"), (100_000, b"", "?1")] {
        let answer = append(&rest, upload, offset, body, complete).await;
        assert_eq!((answer.status, answer.text()), (404, r#"{"message":"404 Not found"}"#), "{offset} {complete}");
    }
    assert!(rest.get(path).await.body == bytes, "its file stays");
    let anew = begin(&rest, path, &bytes[..60_000], &[]).await;
    assert_eq!(append(&rest, &anew, 60_000, &bytes[60_000..], "?1").await.status, 201);
    assert_eq!(progress(&rest, &uploads[1].1).await, (100_000, "?1".to_owned()), "what was declared is found again");
}

#[tokio::test]
async fn what_comes_in_one_go_is_answered_as_any_other_file() {
    let (service, rest) = Builder::on(Engine::Sqlite).demo().await;
    let path = file("tool", "1.0", "f");
    let answer = create(&rest, &path, b"hello", "?1", &[]).await;
    assert_eq!((answer.status, answer.text(), answer.header("upload-complete")), (201, r#"{"message":"201 Created"}"#, "?1"));
    let answer = create(&rest, &format!("{path}?select=package_file"), b"hello", "?1", &[("upload-length", "5")]).await;
    assert_eq!((answer.status, answer.json()["size"].as_i64(), answer.header("upload-complete")), (200, Some(5), "?1"));
    assert_eq!(create(&rest, &file("tool", "1.0", "empty"), b"", "?1", &[]).await.status, 201);
    assert_eq!(rest.get(&path).await.text(), "hello");

    let upload = begin(&rest, &file("tool", "1.0", "none"), b"", &[("upload-length", "0")]).await;
    assert_eq!(append(&rest, &upload, 0, b"", "?1").await.status, 201);
    assert_eq!(rest.get(&file("tool", "1.0", "none")).await.body, b"");
    assert_eq!(service.stored().spools.len(), 0);

    let options = rest.send(rest.anonymous(Method::OPTIONS, &path)).await;
    assert_eq!((options.status, options.header("accept-patch")), (204, "application/partial-upload"));
    assert_eq!(options.header("upload-limit"), "max-age=86400");
}

#[tokio::test]
async fn what_was_said_at_the_beginning_holds_at_the_end() {
    let (_service, rest) = Builder::on(Engine::Sqlite).demo().await;
    let bytes = content(100_000);
    let path = file("tool", "1.0", "f") + "?path=deep/down&status=hidden&select=package_file";
    let upload = begin(&rest, &path, &bytes[..40_000], &[("upload-length", "100000")]).await;
    let answer = append(&rest, &upload, 40_000, &bytes[40_000..], "?1").await;
    assert_eq!((answer.status, answer.json()["size"].as_i64()), (200, Some(100_000)), "{}", answer.text());
    assert!(rest.get(&file("tool", "1.0", "deep/down/f")).await.body == bytes);
    assert_eq!(rest.get("/api/v4/projects/1/packages").await.json(), json!([]), "the package is hidden");

    let other = Digest::of(b"other").to_string();
    let path = file("tool", "1.0", "g");
    let upload = begin(&rest, &path, &bytes[..40_000], &[("x-checksum-sha256", &other)]).await;
    let answer = append(&rest, &upload, 40_000, &bytes[40_000..], "?1").await;
    assert_eq!((answer.status, answer.header("upload-complete")), (400, "?1"), "{}", answer.text());
    assert!(answer.text().contains(&other), "{}", answer.text());
    assert_eq!(rest.get(&path).await.status, 404);
}

fn problem(answer: &Answer) -> (u16, String) {
    assert_eq!(answer.header("content-type"), "application/problem+json", "{}", answer.text());
    (answer.status, answer.json()["type"].as_str().unwrap().strip_prefix(PROBLEM).unwrap().to_owned())
}

#[tokio::test]
async fn bytes_that_do_not_belong_there_are_refused_and_the_upload_goes_on() {
    let (service, rest) = Builder::on(Engine::Sqlite).demo().await;
    let (bytes, path) = (content(100_000), file("tool", "1.0", "f"));
    let upload = begin(&rest, &path, &bytes[..40_000], &[("upload-length", "100000")]).await;
    for offset in [0, 39_999, 40_001] {
        let answer = append(&rest, &upload, offset, &bytes[40_000..50_000], "?0").await;
        assert_eq!(problem(&answer), (409, "mismatching-upload-offset".to_owned()));
        let told = answer.json();
        assert_eq!((&told["expected-offset"], &told["provided-offset"]), (&json!(40_000), &json!(offset)));
        assert_eq!((answer.header("upload-offset"), answer.header("upload-complete")), ("40000", "?0"));
    }
    let length = (400, "inconsistent-upload-length".to_owned());
    assert_eq!(problem(&append(&rest, &upload, 40_000, &bytes[40_000..99_999], "?1").await), length);
    assert_eq!(problem(&append(&rest, &upload, 40_000, &bytes[..60_001], "?0").await), length);
    assert_eq!(problem(&create(&rest, &path, b"hello", "?1", &[("upload-length", "6")]).await), length);
    for complete in ["true", "0", "?2", ""] {
        let refused = create(&rest, &path, b"part", complete, &[("upload-length", "100")]).await;
        assert_eq!((refused.status, refused.text()), (400, r#"{"error":"Upload-Complete must be ?0 or ?1"}"#), "{complete}");
    }
    let other = format!("sha-256=:{}:", "A".repeat(43) + "=");
    assert_eq!(create(&rest, &path, b"hello", "?1", &[("content-digest", &other)]).await.status, 400, "all of it hashes to something else");
    let chunks = tokio_stream::iter([Ok::<_, std::io::Error>(bytes[40_000..50_000].to_vec())]);
    let request = rest.request(Method::PATCH, &upload).header("content-type", "application/partial-upload");
    let request = request.header("upload-complete", "?1").header("upload-offset", 40_000);
    let short = rest.send(request.body(reqwest::Body::wrap_stream(chunks))).await;
    assert_eq!(problem(&short), length, "though it does not say how much it brings");
    let (came, complete) = progress(&rest, &upload).await;
    assert_eq!((came, complete.as_str()), (50_000, "?0"), "what it brought is kept");

    let untyped = rest.request(Method::PATCH, &upload).header("upload-complete", "?0").header("upload-offset", 50_000).body("x");
    assert_eq!(rest.send(untyped).await.status, 415);
    for (missing, present) in [("Upload-Offset", ("upload-complete", "?0")), ("Upload-Complete", ("upload-offset", "50000"))] {
        let request = rest.request(Method::PATCH, &upload).header("content-type", "application/partial-upload");
        let answer = rest.send(request.header(present.0, present.1).body("x")).await;
        assert_eq!((answer.status, answer.json()), (400, json!({ "error": format!("{missing} is missing") })));
    }

    assert_eq!(append(&rest, &upload, 50_000, &bytes[50_000..], "?1").await.status, 201);
    assert_eq!(append(&rest, &upload, 100_000, b"", "?1").await.status, 201, "whoever did not hear of it asks again");
    assert_eq!(append(&rest, &upload, 50_000, &bytes[50_000..], "?1").await.status, 201, "or sends the last bytes again");
    assert_eq!(problem(&append(&rest, &upload, 40_000, b"", "?1").await), (400, "completed-upload".to_owned()));
    assert_eq!(problem(&append(&rest, &upload, 100_000, b"x", "?1").await), length);
    assert!(rest.get(&path).await.body == bytes);
    assert_eq!(service.stored().spools.len(), 0);
}

#[tokio::test]
async fn a_cancelled_upload_leaves_nothing() {
    let (service, rest) = Builder::on(Engine::Sqlite).demo().await;
    let path = file("tool", "1.0", "f");
    let upload = begin(&rest, &path, &content(1_000_000), &[]).await;
    assert_eq!(rest.send(rest.request(Method::DELETE, &upload)).await.status, 204);
    assert_eq!(service.stored(), Stored::default());
    for method in [Method::HEAD, Method::DELETE] {
        assert_eq!(rest.send(rest.request(method, &upload)).await.status, 404, "it is there no more");
    }
    let late = append(&rest, &upload, 1_000_000, b"more", "?1").await;
    assert_eq!((late.status, late.text()), (404, r#"{"message":"404 Not found"}"#));
    assert_eq!(rest.get(&path).await.status, 404);
    for method in [Method::DELETE, Method::PATCH] {
        assert_eq!(rest.send(rest.request(method, &path)).await.status, 405, "of a file itself");
    }
}

#[tokio::test]
async fn a_cancelled_upload_gives_its_room_back_at_once() {
    for engine in BOTH {
        let (service, rest) = Builder::on(engine).with("--quota-bytes", 1_500_000).demo().await;
        let length = [("upload-length", "1000000")];
        let upload = begin(&rest, &file("tool", "1.0", "f"), &content(500_000), &length).await;
        let full = create(&rest, &file("tool", "1.0", "g"), b"", "?0", &length).await;
        assert_eq!((full.status, full.text()), (403, r#"{"message":"403 Forbidden - Quota exceeded"}"#));
        assert_eq!(rest.send(rest.request(Method::DELETE, &upload)).await.status, 204);
        assert_eq!(service.database().count("leases"), 0);
        // So does a file that is refused.
        let other = rest.request(Method::PUT, &file("tool", "1.0", "g")).header("x-checksum-sha256", Digest::of(b"other").to_string());
        assert_eq!(rest.send(other.body(content(1_000_000))).await.status, 400);
        assert_eq!(service.database().count("leases"), 0);
        begin(&rest, &file("tool", "1.0", "g"), b"", &length).await;
    }
}

#[tokio::test]
async fn an_upload_is_nobody_elses() {
    let (service, rest) = Builder::on(Engine::Sqlite).demo().await;
    let upload = begin(&rest, &file("tool", "1.0", "f"), &content(1_000_000), &[]).await;
    let token = async |level: i64| {
        let new = json!({ "name": "other", "scopes": ["api"], "access_level": level, "expires_at": "2099-01-02" });
        let made = rest.send(rest.request(Method::POST, "/api/v4/projects/1/access_tokens").json(&new)).await.json();
        rest.with_token(made["token"].as_str().unwrap())
    };
    for (other, status) in [(token(30).await, 404), (token(10).await, 403), (rest.with_token("nonsense, of nobody"), 401)] {
        for method in [Method::HEAD, Method::DELETE] {
            assert_eq!(other.send(other.request(method, &upload)).await.status, status);
        }
        assert_eq!(append(&other, &upload, 1_000_000, b"mine", "?1").await.status, status);
    }
    assert_eq!(rest.send(rest.anonymous(Method::HEAD, &upload)).await.status, 401);
    assert_eq!(service.database().count("leases"), 1, "whoever looks for another's begins none");
    let (address, query) = upload.split_once('?').unwrap();
    for strange in [
        upload.replace("upload=", "upload=0"),
        format!("{address}?upload=1"),
        format!("{upload}&length=7"),
        format!("{upload}&sha256=7"),
        format!("{}?{query}", file("tool", "1.1", "f")),
    ] {
        assert_eq!(rest.send(rest.request(Method::HEAD, &strange)).await.status, 404, "{strange}");
    }
    assert_eq!(progress(&rest, &upload).await.0, 1_000_000);
    assert_eq!(service.stored().spools.len(), 3, "the bytes, their checksums, and how far they came");
}

#[tokio::test]
async fn each_request_may_come_to_another_gateway() {
    let keys = tempfile::tempdir().unwrap();
    let key_file = keys.path().join("keys");
    let metadata = Builder::on(Engine::Postgres).role("metadata").with("--key-file", key_file.display()).start().await;
    let blob = Builder::by_default().role("blob").with("--key-file", key_file.display()).start().await;
    let (one, rest) = Builder::gateway(&metadata, &blob).demo().await;
    let other = Builder::gateway(&metadata, &blob).start().await;
    let (bytes, path) = (content(3_000_000), file("tool", "1.0", "f"));
    let upload = begin(&rest, &path, &bytes[..1_000_000], &[]).await;
    let came = break_off(&rest, one.http(), &upload, 1_000_000, 2_000_000, &bytes[1_000_000..2_500_000]).await;
    one.stop().await;

    let rest = Rest::to(other.http());
    let (now, _) = progress(&rest, &upload).await;
    assert!(now >= came, "it never decreases");
    let answer = append(&rest, &upload, now, &bytes[now..], "?1").await;
    assert_eq!((answer.status, answer.header("upload-complete")), (201, "?1"), "{}", answer.text());
    assert!(rest.get(&path).await.body == bytes);
    assert_eq!(progress(&rest, &upload).await, (3_000_000, "?1".to_owned()));
    assert_eq!(rest.send(rest.request(Method::DELETE, &upload)).await.status, 204);
    assert!(rest.get(&path).await.body == bytes, "what was published stays");
}
