//! What GitLab says of the files of generic packages, rule by rule: names, answers, statuses, credentials.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;

use consign_proto::metadata::{QuarantineVersionRequest, YankVersionRequest};
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::rest::{Answer, Rest, file};
use integration_tests::{Builder, TOKEN, wait};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const PROJECT: &str = "/api/v4/projects/root%2Fdemo";
const DUPLICATE: &str = r#"{"message":"400 Bad request - Duplicate package is not allowed"}"#;

async fn send(rest: &Rest, method: Method, path: &str, body: Value) -> Answer {
    rest.send(rest.request(method, path).json(&body)).await
}

/// The secret of a new token of the project: one of its `access_tokens` or its `deploy_tokens`.
async fn token(rest: &Rest, kind: &str, level: i32, scopes: &[&str]) -> String {
    let new = json!({ "name": "test", "scopes": scopes, "access_level": level });
    let made = send(rest, Method::POST, &format!("{PROJECT}/{kind}"), new).await;
    made.json()["token"].as_str().unwrap_or_else(|| panic!("{}", made.text())).to_owned()
}

/// The names of an object's fields, sorted.
fn keys(object: &Value) -> Vec<String> {
    let mut names: Vec<String> = object.as_object().unwrap_or_else(|| panic!("{object}")).keys().cloned().collect();
    names.sort();
    names
}

/// What is answered to a request that is sent as it is written: up to the end of the JSON, or up to the wish to see its body.
async fn answered(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let (mut answer, mut piece) = (Vec::<u8>::new(), [0_u8; 1024]);
    while !answer.ends_with(b"}") && !answer.starts_with(b"HTTP/1.1 100") {
        let read = stream.read(&mut piece).await.unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&piece[..read]);
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn every_name_that_gitlab_takes_is_taken() {
    let (_service, rest) = Builder::by_default().demo().await;
    let (longest, commit, deepest) = ("a".repeat(255), "0123abcd".repeat(5), format!("{}/f", "d".repeat(1022)));
    for (package, version, path) in [
        ("A-1.x_y+z", "1.3.350-20201230123456", "my+file.tar.gz"),
        ("tool", "1.2.3g", "my~file.tar.gz"),
        ("tool", "1.2.bananas", "myfile@1.1.tar.gz"),
        ("tool", "v1.2.4-build", ".hidden"),
        ("tool", ".1.2", "-x"),
        ("tool", "1.2.", "authorize"),
        ("tool", "-", "dir/authorize"),
        ("tool", "1.2+b", "a%2Fb"),
        ("my%2Dpkg", "v1%2E0%2E0", "f%2Ezip"),
        ("tool", commit.as_str(), "f"),
        (longest.as_str(), longest.as_str(), deepest.as_str()),
    ] {
        let path = file(package, version, path);
        let made = rest.put(&path, "hello").await;
        assert_eq!((made.status, made.text()), (201, r#"{"message":"201 Created"}"#), "{path}");
        assert_eq!(made.header("content-type"), "application/json");
        assert_eq!(rest.get(&path).await.text(), "hello", "{path}");
    }
}

#[tokio::test]
async fn every_name_that_gitlab_refuses_is_refused_when_published_and_when_fetched() {
    let (service, rest) = Builder::by_default().demo().await;
    let (long, name, deep) = ("a".repeat(256), "a".repeat(1025), format!("{}/f", "d".repeat(1023)));
    for (package, version, path, part) in [
        ("a@b", "1.0", "f", "package_name"),
        ("%C3%A9", "1.0", "f", "package_name"),
        (long.as_str(), "1.0", "f", "package_name"),
        ("tool", "1..2", "f", "package_version"),
        ("tool", "a%20b", "f", "package_version"),
        ("tool", "1.2~rc", "f", "package_version"),
        ("tool", long.as_str(), "f", "package_version"),
        ("tool", "1.0", "@x", "file_name"),
        ("tool", "1.0", "x@", "file_name"),
        ("tool", "1.0", "~x", "file_name"),
        ("tool", "1.0", "x~", "file_name"),
        ("tool", "1.0", "my%20asset.bin", "file_name"),
        ("tool", "1.0", name.as_str(), "file_name"),
        ("tool", "1.0", deep.as_str(), "path"),
    ] {
        let path = file(package, version, path);
        for method in [Method::PUT, Method::GET] {
            let refused = rest.send(rest.request(method, &path)).await;
            assert_eq!((refused.status, refused.json()), (400, json!({ "error": format!("{part} is invalid") })), "{path}");
            let headers = ["content-type", "x-content-type-options", "x-frame-options"].map(|name| refused.header(name));
            assert_eq!(headers, ["application/json", "nosniff", "SAMEORIGIN"]);
        }
    }
    // Clients would not send these as they are.
    for path in [
        "../1.0/f",
        "./1.0/f",
        "my-package/../1.0/f",
        "my-package%2f%2e%2e%2f/1.0/f",
        "tool/./f",
        "tool/..1.2.3/f",
        "tool/1.2.3-4/../../f",
        "tool/%2e%2e%2f1.2.3/f",
        "tool/1.0/../.ssh%2fauthorized_keys",
        "tool/1.0/%2e%2e%2f.ssh%2fauthorized_keys",
    ] {
        for method in ["PUT", "GET"] {
            let headers = format!("host: here\r\nprivate-token: {TOKEN}\r\ncontent-length: 0");
            let told = answered(service.http(), &format!("{method} {PROJECT}/packages/generic/{path} HTTP/1.1\r\n{headers}\r\n\r\n")).await;
            assert!(told.starts_with("HTTP/1.1 400 ") && told.contains(r#"{"error":""#), "{method} {path}: {told}");
        }
    }
}

#[tokio::test]
async fn who_may_not_publish_is_told_before_the_body_is_sent() {
    let (service, rest) = Builder::by_default().demo().await;
    let (developer, reader) = (token(&rest, "access_tokens", 30, &["api"]).await, token(&rest, "access_tokens", 30, &["read_api"]).await);
    let rule = json!({ "package_name_pattern": "kept", "package_type": "generic", "minimum_access_level_for_push": "maintainer" });
    assert_eq!(send(&rest, Method::POST, &format!("{PROJECT}/packages/protection/rules"), rule).await.status, 201);
    for (secret, package, status, told) in [
        (&developer, "kept", "403", r#"{"message":"403 Forbidden - Package protected."}"#),
        (&reader, "free", "403", r#"{"error":"insufficient_scope","#),
        (&developer, "free", "100", ""),
    ] {
        let headers = format!("host: here\r\nexpect: 100-continue\r\ncontent-length: 5\r\nprivate-token: {secret}");
        let answer = answered(service.http(), &format!("PUT {} HTTP/1.1\r\n{headers}\r\n\r\n", file(package, "1.0", "f"))).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains(told), "{package}: {answer}");
    }
}

#[tokio::test]
async fn the_record_of_a_file_has_all_fields_and_lists_have_some_of_them() {
    let (_service, rest) = Builder::by_default().demo().await;
    let path = file("tool", "1.0", "a+b@c.txt?path=path/to&select=package_file");
    let record = rest.put(&path, "hello").await.json();
    assert_eq!((&record["file_name"], &record["size"]), (&json!("path%2Fto%2Fa%2Bb%40c.txt"), &json!(5)));
    for (field, value) in [("file_store", json!(1)), ("verification_state", json!(0)), ("updated_at", record["created_at"].clone())] {
        assert_eq!(record[field], value, "{field}");
    }
    let time = record["created_at"].as_str().unwrap();
    assert_eq!((time.len(), time.ends_with('Z')), ("2021-10-12T12:05:23.387Z".len(), true), "{time}");
    for field in ["retry_at", "failure", "retry_count", "checksum", "started_at"] {
        assert_eq!(record.get(format!("verification_{field}")), Some(&Value::Null), "{field}");
    }
    for field in ["file_md5", "file_sha1", "verified_at", "new_file_path"] {
        assert_eq!(record.get(field), Some(&Value::Null), "{field}");
    }
    assert_eq!(rest.get(record["file"]["url"].as_str().unwrap()).await.text(), "hello");

    let listed = rest.get(&format!("{PROJECT}/packages/{}/package_files", record["package_id"])).await.json();
    let fields = ["created_at", "file_md5", "file_name", "file_sha1", "file_sha256", "id", "package_id", "size"];
    assert_eq!(keys(&listed[0]), fields);
    for field in fields {
        assert_eq!(listed[0][field], record[field], "{field}");
    }
}

#[tokio::test]
async fn a_status_is_that_of_the_whole_package_and_stays_where_none_is_said() {
    let (_service, rest) = Builder::by_default().demo().await;
    let put = async |path: &str| assert_eq!(rest.put(&file("tool", "1.0", path), "hello").await.status, 201, "{path}");
    let list = async |query: &str| rest.get(&format!("{PROJECT}/packages{query}")).await.json();
    put("f").await;
    put("g?status=hidden").await;
    assert_eq!(list("").await, json!([]));
    put("h").await;
    assert_eq!(list("").await, json!([]));
    let hidden = list("?status=hidden").await;
    assert_eq!(hidden[0]["status"], "hidden");
    assert_eq!(keys(&hidden[0]["_links"]), ["delete_api_path"]);
    put("i?status=default").await;

    let fields = ["_links", "created_at", "creator_id", "id", "last_downloaded_at", "name", "package_type", "status", "tags", "version"];
    let shown = list("").await;
    assert_eq!(keys(&shown[0]), fields);
    assert_eq!(keys(&shown[0]["_links"]), ["delete_api_path", "web_path"]);
    assert_eq!((&shown[0]["status"], &shown[0]["package_type"], &shown[0]["tags"]), (&json!("default"), &json!("generic"), &json!([])));
    assert_eq!(rest.put(&file("tool", "2.0", "f"), "hello").await.status, 201);
    let one = rest.get(&format!("{PROJECT}/packages/{}", shown[0]["id"])).await.json();
    assert_eq!(keys(&one["versions"][0]), ["created_at", "id", "pipelines", "tags", "version"]);
    assert_eq!((&one["versions"][0]["version"], &one["versions"][0]["pipelines"]), (&json!("2.0"), &json!([])));

    assert_eq!(rest.get(&file("tool", "1.0", "f")).await.status, 200);
    let noted = async || (!list("?package_version=1.0").await[0]["last_downloaded_at"].is_null()).then_some(());
    wait::until("the note of the download", noted).await;
}

#[tokio::test]
async fn what_is_deprecated_is_fetched_and_what_is_quarantined_is_not() {
    let (service, rest) = Builder::by_default().demo().await;
    for version in ["1.0", "2.0"] {
        assert_eq!(rest.put(&file("tool", version, "f"), "hello").await.status, 201);
    }
    let mut packages = Grpc::to(service.grpc()).packages();
    let (name, reason) = ("projects/1/packages/tool/versions/1.0".to_owned(), "old".to_owned());
    packages.yank_version(authorized(YankVersionRequest { name, reason, ..Default::default() })).await.unwrap();
    let (name, reason) = ("projects/1/packages/tool/versions/2.0".to_owned(), "bad".to_owned());
    packages.quarantine_version(authorized(QuarantineVersionRequest { name, reason, ..Default::default() })).await.unwrap();
    let kept = r#"{"message":"403 Forbidden - Package version is quarantined"}"#;
    for (version, status, body) in [("1.0", 200, "hello"), ("2.0", 403, kept)] {
        let found = rest.get(&file("tool", version, "f")).await;
        assert_eq!((found.status, found.text()), (status, body), "{version}");
        assert_eq!(rest.send(rest.request(Method::HEAD, &file("tool", version, "f"))).await.status, status, "{version}");
    }
}

#[tokio::test]
async fn what_is_no_duplicate_is_published_and_a_strict_gateway_takes_retries_for_duplicates() {
    let (_service, rest) = Builder::by_default().with("--duplicates", "reject").demo().await;
    let path = file("tool", "1.0", "f");
    let first = rest.put(&format!("{path}?select=package_file"), "hello").await.json();
    assert_eq!(rest.put(&path, "other").await.text(), DUPLICATE);
    let delete = format!("{PROJECT}/packages/{}/package_files/{}", first["package_id"], first["id"]);
    assert_eq!(rest.send(rest.request(Method::DELETE, &delete)).await.status, 204);
    assert_eq!(rest.put(&path, "other").await.status, 201, "what is deleted is no duplicate");

    let (_service, rest) = Builder::by_default().with("--duplicates", "reject").flag("--strict-gitlab").demo().await;
    assert_eq!(rest.put(&path, "hello").await.status, 201);
    let again = rest.put(&path, "hello").await;
    assert_eq!((again.status, again.text()), (400, DUPLICATE));
}

#[tokio::test]
async fn a_token_in_the_query_and_a_deploy_token_count_for_files() {
    let (_service, rest) = Builder::by_default().demo().await;
    for name in ["private_token", "job_token", "access_token"] {
        let path = file("tool", "1.0", name);
        for (secret, put, get) in [(TOKEN, 201, 200), ("nonsense", 401, 401)] {
            let tokened = format!("{path}?{name}={secret}");
            assert_eq!(rest.send(rest.anonymous(Method::PUT, &tokened).body("hello")).await.status, put, "{name} {secret}");
            assert_eq!(rest.send(rest.anonymous(Method::GET, &tokened)).await.status, get, "{name} {secret}");
        }
    }
    let (read, write) = ("read_package_registry", "write_package_registry");
    let mut cases = vec![("nonsense".to_owned(), 401, 401)];
    for (scopes, put) in [(&[read][..], 403), (&[write], 201), (&[read, write], 201)] {
        cases.push((token(&rest, "deploy_tokens", 30, scopes).await, put, 200));
    }
    for (secret, put, get) in cases {
        let request = |method: Method| rest.anonymous(method, &file("tool", "1.0", "private_token")).header("deploy-token", &secret);
        let answer = rest.send(request(Method::PUT).body("by a machine")).await;
        assert_eq!(answer.status, put, "{}", answer.text());
        let (challenge, error) = match put {
            401 => (r#"Basic realm="GitLab Packages Registry""#, Value::Null),
            403 => ("", json!("insufficient_scope")),
            _ => ("", Value::Null),
        };
        assert_eq!((answer.header("www-authenticate"), &answer.json()["error"]), (challenge, &error));
        assert_eq!(rest.send(request(Method::GET)).await.status, get);
    }
}

#[expect(clippy::disallowed_methods, reason = "the service under test goes by the system's clock")]
fn soon() -> String {
    jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() + 3).unwrap().to_string()
}

#[tokio::test]
async fn who_comes_with_a_token_whose_time_is_over_or_too_often_is_told_so() {
    let (_service, rest) = Builder::by_default().with("--publishes-per-minute", 1).demo().await;
    let new = json!({ "name": "short", "scopes": ["api"], "expires_at": soon() });
    let made = send(&rest, Method::POST, &format!("{PROJECT}/access_tokens"), new).await;
    let short = rest.with_token(made.json()["token"].as_str().unwrap_or_else(|| panic!("{}", made.text())));
    let ended = async || Some(short.get(&file("tool", "1.0", "f")).await).filter(|answer| answer.status == 401);
    let told = wait::until("the end of the token", ended).await;
    let words = "Token is expired. You can either do re-authorization or token refresh.";
    assert_eq!(told.json(), json!({ "error": "invalid_token", "error_description": words }));
    let headers = ["content-type", "www-authenticate"].map(|name| told.header(name));
    assert_eq!(headers, ["application/json", r#"Basic realm="GitLab Packages Registry""#]);

    let often = rest.with_token(&token(&rest, "access_tokens", 30, &["api"]).await);
    assert_eq!(often.put(&file("tool", "1.0", "f"), "hello").await.status, 201);
    let limited = often.put(&file("tool", "1.0", "g"), "hello").await;
    assert_eq!((limited.status, limited.text(), limited.header("ratelimit-remaining")), (429, "Retry later\n", "0"));
    assert!(limited.header("content-type").starts_with("text/plain"), "{}", limited.header("content-type"));
    for name in ["ratelimit-limit", "ratelimit-observed", "ratelimit-reset", "retry-after"] {
        assert!(limited.header(name).parse::<u64>().is_ok(), "{name}: {}", limited.header(name));
    }
}

#[tokio::test]
async fn what_is_deleted_is_served_no_more_and_its_name_is_free() {
    let (_service, rest) = Builder::by_default().demo().await;
    let path = file("tool", "1.0", "f");
    let select = format!("{path}?select=package_file");
    let (first, second) = (rest.put(&select, "one").await.json(), rest.put(&select, "two").await.json());
    assert_eq!((rest.get(&path).await.text(), &first["package_id"]), ("two", &second["package_id"]));
    let delete = async |what: String| rest.send(rest.request(Method::DELETE, &format!("{PROJECT}/packages/{what}"))).await.status;
    assert_eq!(delete(format!("{}/package_files/{}", second["package_id"], second["id"])).await, 204);
    let older = rest.get(&path).await;
    assert_eq!((older.status, older.text()), (200, "one"), "the one below is the newest now");
    assert_eq!(older.header("x-checksum-sha256"), consign_types::Digest::of(b"one").to_string());

    assert_eq!(delete(first["package_id"].to_string()).await, 204);
    for method in [Method::GET, Method::HEAD] {
        let gone = rest.send(rest.request(method.clone(), &path)).await;
        assert_eq!(gone.status, 404);
        assert!(method == Method::HEAD || gone.text() == r#"{"message":"404 Not found"}"#);
    }
    let again = rest.put(&select, "three").await.json();
    assert!(again["package_id"].is_i64() && again["package_id"] != first["package_id"], "a package of its own");
    assert_eq!(rest.get(&path).await.text(), "three");
}

#[tokio::test]
async fn every_answer_keeps_browsers_from_guessing_and_framing() {
    let (_service, rest) = Builder::by_default().with("--max-file-bytes", 5).demo().await;
    let path = file("tool", "1.0", "f");
    for (request, status, media_type) in [
        (rest.request(Method::PUT, &path).body("hello"), 201, "application/json"),
        (rest.request(Method::PUT, &format!("{path}?select=package_file")).body("hello"), 200, "application/json"),
        (rest.request(Method::PUT, &path).body("too large"), 400, "application/json"),
        (rest.request(Method::GET, &path), 200, "application/octet-stream"),
        (rest.request(Method::GET, &path).header("range", "bytes=9-"), 416, "application/json"),
        (rest.request(Method::GET, &file("tool", "1.0", "none")), 404, "application/json"),
        (rest.anonymous(Method::GET, &path), 401, "application/json"),
        (rest.request(Method::POST, &path), 405, "application/json"),
        (rest.request(Method::GET, "/api/v4/nowhere"), 404, "application/json"),
    ] {
        let answer = rest.send(request).await;
        let headers = ["content-type", "x-content-type-options", "x-frame-options"].map(|name| answer.header(name));
        assert_eq!((answer.status, headers), (status, [media_type, "nosniff", "SAMEORIGIN"]), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_body_that_is_shorter_than_it_says_is_not_published() {
    let (service, rest) = Builder::by_default().demo().await;
    let path = file("tool", "1.0", "f");
    let mut stream = TcpStream::connect(service.http()).await.unwrap();
    let head = format!("PUT {path} HTTP/1.1\r\nhost: here\r\nprivate-token: {TOKEN}\r\ncontent-length: 10\r\n\r\nhello");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    // Whoever still listens is told; the connection may be gone before.
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400 "), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(rest.get(&path).await.status, 404);
    let gone = async || (service.stored() == integration_tests::service::Stored::default()).then_some(());
    wait::until("the removal of the spool", gone).await;
}

#[tokio::test]
async fn where_the_gateway_is_strict_nothing_stands_for_a_version_or_a_folder() {
    let (_service, rest) = Builder::by_default().flag("--strict-gitlab").demo().await;
    assert_eq!(rest.put(&file("tool", "1.0", "a/b"), "hello").await.status, 201);
    for (package, version, path, parts) in [
        ("tool", "1.0", "a%2Fb", "file_name is invalid"),
        ("tool", "latest", "a/b", "package_version is invalid"),
        ("tool", "stage:qa", "a%2Fb", "package_version is invalid, file_name is invalid"),
        ("to%20ol", "latest", "a/%7Eb", "package_name is invalid, package_version is invalid, file_name is invalid"),
    ] {
        let path = file(package, version, path);
        for method in [Method::PUT, Method::GET] {
            let refused = rest.send(rest.request(method, &path)).await;
            assert_eq!((refused.status, refused.json()), (400, json!({ "error": parts })), "{path}");
        }
    }
    assert_eq!(rest.get(&file("tool", "1.0", "a/b")).await.text(), "hello");
}
