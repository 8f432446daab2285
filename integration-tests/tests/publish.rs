//! Publishing over REST, as curl and GitLab's clients do.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use integration_tests::rest::{Answer, Rest, file};
use integration_tests::service::Stored;
use integration_tests::{BOTH, Builder};
use reqwest::Method;
use serde_json::{Value, json};

const HELLO_SHA256: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

fn json_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).expect("the body is JSON")
}

#[tokio::test]
async fn a_published_file_comes_back_as_it_was() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        let path = file("tool", "1.0.0", "bin/tool");

        let answer = rest.put(&path, "hello").await;
        assert_eq!((answer.status, answer.text()), (201, r#"{"message":"201 Created"}"#));

        let found = rest.get(&path).await;
        assert_eq!((found.status, found.text()), (200, "hello"));
        assert_eq!(found.header("content-type"), "application/octet-stream");
        assert_eq!(found.header("content-disposition"), r#"attachment; filename="tool"; filename*=UTF-8''tool"#);
        assert_eq!(found.header("content-transfer-encoding"), "binary");
        assert_eq!(found.header("x-checksum-sha256"), HELLO_SHA256);
        assert_eq!(found.header("etag"), format!("\"{HELLO_SHA256}\""));
        assert_eq!(found.header("accept-ranges"), "bytes");
        assert_eq!(found.header("x-content-type-options"), "nosniff");
        assert_eq!(found.header("x-frame-options"), "SAMEORIGIN");
        assert_eq!(rest.get(&path.replace("root%2Fdemo", "1")).await.text(), "hello");
        assert_eq!(rest.get(&path.replace("1.0.0", "1%2E0%2E0")).await.text(), "hello");
    }
}

#[tokio::test]
async fn head_answers_as_get_without_a_body() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        let path = file("tool", "1.0", "f");
        rest.put(&path, "hello").await;

        let answer = rest.send(rest.request(Method::HEAD, &path)).await;

        assert_eq!((answer.status, answer.header("content-length"), answer.body.len()), (200, "5", 0));
        assert_eq!(answer.header("x-checksum-sha256"), HELLO_SHA256);
        assert_eq!(rest.send(rest.request(Method::HEAD, &file("tool", "1.0", "g"))).await.status, 404);
    }
}

#[tokio::test]
async fn the_record_of_a_file_is_answered_where_it_is_selected() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;

        let answer = rest.put(&(file("tool", "1.0", "a/b@2.txt") + "?select=package_file"), "hello").await;

        assert_eq!(answer.status, 200);
        let record = json_of(&answer);
        assert_eq!(record["file_name"], "a%2Fb%402.txt");
        assert_eq!(record["file"]["url"], "/api/v4/projects/1/packages/generic/tool/1.0/a/b@2.txt");
        assert_eq!((&record["size"], &record["file_sha256"]), (&json!(5), &json!(HELLO_SHA256)));
        assert!(record["id"].is_i64() && record["package_id"].is_i64() && record["file_store"].is_i64());
    }
}

#[tokio::test]
async fn the_same_bytes_once_more_are_a_retry_and_other_bytes_are_served_from_then_on() {
    for engine in BOTH {
        let (service, rest) = Builder::on(engine).demo().await;
        let (path, select) = (file("tool", "1.0", "f"), file("tool", "1.0", "f?select=package_file"));
        let first = json_of(&rest.put(&select, "hello").await);

        assert_eq!(json_of(&rest.put(&select, "hello").await)["id"], first["id"]);
        assert_eq!(service.stored().blobs.len(), 1, "the same bytes are stored once");
        assert_ne!(json_of(&rest.put(&select, "other").await)["id"], first["id"]);
        assert_eq!(rest.get(&path).await.text(), "other");
    }
}

#[tokio::test]
async fn a_digest_that_does_not_fit_is_refused_and_nothing_stays() {
    for engine in BOTH {
        let (service, rest) = Builder::on(engine).demo().await;
        let path = file("tool", "1.0", "f");

        let request = rest.request(Method::PUT, &path).header("x-checksum-sha256", HELLO_SHA256).body("hullo");
        let answer = rest.send(request).await;

        assert_eq!(answer.status, 400);
        assert!(answer.text().contains(HELLO_SHA256), "{}", answer.text());
        assert_eq!(rest.get(&path).await.status, 404);
        assert_eq!(service.stored(), Stored::default());

        let request = rest.request(Method::PUT, &path).header("x-checksum-sha256", HELLO_SHA256).body("hello");
        assert_eq!(rest.send(request).await.status, 201);
        let other = file("tool", "1.0", "other");
        let request = rest.request(Method::PUT, &other).header("x-checksum-sha256", HELLO_SHA256).body("hullo");
        assert_eq!(rest.send(request).await.status, 400, "bytes that are there already do not stand in for those that were sent");
        assert_eq!(rest.get(&other).await.status, 404);
        let request = rest.request(Method::PUT, &path).header("x-checksum-sha256", "abc").body("hello");
        let answer = rest.send(request).await;
        assert_eq!((answer.status, answer.text()), (400, r#"{"error":"X-Checksum-SHA256 is invalid"}"#));
    }
}

#[tokio::test]
async fn a_body_without_a_length_and_an_empty_one_are_published() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        let chunks = tokio_stream::iter(["hel", "lo"].map(Ok::<_, std::io::Error>));

        assert_eq!(rest.put(&file("tool", "1.0", "chunked"), reqwest::Body::wrap_stream(chunks)).await.status, 201);
        assert_eq!(rest.get(&file("tool", "1.0", "chunked")).await.text(), "hello");

        assert_eq!(rest.put(&file("tool", "1.0", "empty"), "").await.status, 201);
        let empty = rest.get(&file("tool", "1.0", "empty")).await;
        assert_eq!((empty.status, empty.body.len(), empty.header("content-length")), (200, 0, "0"));
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_nothing_behind() {
    for engine in BOTH {
        let (service, rest) = Builder::on(engine).demo().await;
        let path = file("tool", "1.0", "f");
        let broken = tokio_stream::iter([Ok(vec![7; 3 << 20]), Err(std::io::Error::other("gone"))]);

        let request = rest.request(Method::PUT, &path).body(reqwest::Body::wrap_stream(broken));
        assert!(request.send().await.is_err());

        assert_eq!(rest.get(&path).await.status, 404);
        let gone = async || (service.stored() == Stored::default()).then_some(());
        integration_tests::wait::until("the removal of the spool", gone).await;
    }
}

#[tokio::test]
async fn a_file_over_the_limit_is_refused_whether_its_size_is_known_or_not() {
    for engine in BOTH {
        let (service, rest) = Builder::on(engine).with("--max-file-bytes", 4).demo().await;
        let path = file("tool", "1.0", "f");
        let refusal = (400, r#"{"message":"400 Bad request - File is too large"}"#);

        let answer = rest.put(&path, "hello").await;
        assert_eq!((answer.status, answer.text()), refusal);
        let chunks = tokio_stream::iter(["hel", "lo"].map(Ok::<_, std::io::Error>));
        let answer = rest.put(&path, reqwest::Body::wrap_stream(chunks)).await;
        assert_eq!((answer.status, answer.text()), refusal);

        assert_eq!(rest.put(&path, "four").await.status, 201);
        assert_eq!(service.stored().spools.len(), 0);
    }
}

#[tokio::test]
async fn who_has_no_valid_token_is_challenged() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        let path = file("tool", "1.0", "f");
        rest.put(&path, "hello").await;

        for method in [Method::GET, Method::PUT] {
            let anonymous = rest.anonymous(method.clone(), &path);
            let wrong = rest.anonymous(method, &path).header("private-token", "wrong");
            for request in [anonymous, wrong] {
                let answer = rest.send(request).await;
                assert_eq!((answer.status, answer.text()), (401, r#"{"message":"401 Unauthorized"}"#));
                assert_eq!(answer.header("www-authenticate"), r#"Basic realm="GitLab Packages Registry""#);
            }
        }
        let basic = rest.anonymous(Method::GET, &path).basic_auth("anybody", Some(integration_tests::TOKEN));
        assert_eq!(rest.send(basic).await.text(), "hello");
        let bearer = rest.anonymous(Method::GET, &path).bearer_auth(integration_tests::TOKEN);
        assert_eq!(rest.send(bearer).await.text(), "hello");
    }
}

#[tokio::test]
async fn names_and_parameters_are_refused_as_gitlab_refuses_them() {
    let (service, rest) = Builder::on(integration_tests::Engine::Sqlite).demo().await;
    for (path, error) in [
        (file("a%20b", "1.0", "f"), "package_name is invalid"),
        (file("tool", "..1", "f"), "package_version is invalid"),
        (file("tool", "latest", "f"), "package_version is invalid"),
        (file("tool", "1.0", "a%20b"), "file_name is invalid"),
        (file("tool", "1.0", "%2e%2e%2ff"), "path is invalid"),
        (file("tool", "1.0", "f?status=processing"), "status does not have a valid value"),
        (file("tool", "1.0", "f?select=all"), "select does not have a valid value"),
    ] {
        let answer = rest.put(&path, "hello").await;
        assert_eq!((answer.status, json_of(&answer)), (400, json!({ "error": error })), "{path}");
        let unknown = rest.put(&path.replace("root%2Fdemo", "77"), "hello").await;
        assert_eq!(unknown.status, 404, "who asks for an unknown project learns nothing else: {path}");
    }
    assert_eq!(service.stored(), Stored::default());
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        rest.put(&file("tool", "1.0", "dir/f"), "hello").await;
        let not_found = (404, r#"{"message":"404 Not found"}"#);
        for path in [file("tool", "1.0", "g"), file("tool", "1.0", "dir"), file("tool", "2.0", "f"), file("other", "1.0", "f")] {
            let answer = rest.get(&path).await;
            assert_eq!((answer.status, answer.text()), not_found, "{path}");
        }
        let answer = rest.get(&file("tool", "1.0", "f").replace("demo", "nobody")).await;
        assert_eq!((answer.status, answer.text()), (404, r#"{"message":"404 Project Not Found"}"#));
        assert_eq!(rest.get("/nowhere").await.status, 404);
        assert_eq!(rest.send(rest.request(Method::DELETE, &file("tool", "1.0", "dir/f"))).await.status, 405);
    }
}

#[tokio::test]
async fn a_range_and_a_condition_are_honoured() {
    let (_service, rest) = Builder::on(integration_tests::Engine::Sqlite).demo().await;
    let path = file("tool", "1.0", "f");
    rest.put(&path, "0123456789").await;
    let etag = rest.get(&path).await.header("etag").to_owned();
    let get = async |headers: &[(&str, &str)]| {
        let request = headers.iter().fold(rest.request(Method::GET, &path), |request, (name, value)| request.header(*name, *value));
        let answer = rest.send(request).await;
        (answer.status, answer.text().to_owned(), answer.header("content-range").to_owned())
    };
    let whole = (200, "0123456789".to_owned(), String::new());

    assert_eq!(get(&[("range", "bytes=3-5")]).await, (206, "345".to_owned(), "bytes 3-5/10".to_owned()));
    assert_eq!(get(&[("range", "bytes=7-")]).await, (206, "789".to_owned(), "bytes 7-9/10".to_owned()));
    assert_eq!(get(&[("range", "bytes=-2")]).await, (206, "89".to_owned(), "bytes 8-9/10".to_owned()));
    assert_eq!(get(&[("range", "bytes=-99")]).await, (206, "0123456789".to_owned(), "bytes 0-9/10".to_owned()));
    assert_eq!(get(&[("range", "bytes=0-99")]).await, (206, "0123456789".to_owned(), "bytes 0-9/10".to_owned()));
    assert_eq!(get(&[("range", "bytes=10-")]).await.0, 416);
    assert_eq!(get(&[("range", "bytes=10-")]).await.2, "bytes */10");
    assert_eq!(get(&[("range", "bytes=0-1,4-5")]).await, whole);
    assert_eq!(get(&[("range", "bytes=3-5"), ("if-range", &etag)]).await.0, 206);
    assert_eq!(get(&[("range", "bytes=3-5"), ("if-range", "\"other\"")]).await, whole);
    assert_eq!(get(&[("if-none-match", &etag)]).await, (304, String::new(), String::new()));
    assert_eq!(get(&[("if-none-match", "\"other\"")]).await, whole);
}

#[tokio::test]
async fn a_hidden_version_is_still_fetched_by_name() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        assert_eq!(rest.put(&file("tool", "1.0", "f?status=hidden"), "hello").await.status, 201);
        assert_eq!(rest.get(&file("tool", "1.0", "f")).await.text(), "hello");
    }
}

#[tokio::test]
async fn a_duplicate_is_refused_where_the_policy_rejects_it() {
    for engine in BOTH {
        let builder = Builder::on(engine).with("--duplicates", "reject").with("--duplicate-exceptions", ".*-SNAPSHOT");
        let (_service, rest) = builder.demo().await;
        let path = file("tool", "1.0", "f");
        assert_eq!(rest.put(&path, "hello").await.status, 201);

        assert_eq!(rest.put(&path, "hello").await.status, 201, "the same bytes are a retry");
        for other in ["jello", "something else"] {
            let answer = rest.put(&path, other).await;
            let refusal = r#"{"message":"400 Bad request - Duplicate package is not allowed"}"#;
            assert_eq!((answer.status, answer.text()), (400, refusal));
        }
        assert_eq!(rest.get(&path).await.text(), "hello");
        assert_eq!(rest.put(&file("tool", "1.0", "g"), "other file").await.status, 201);
        for body in ["one", "two"] {
            assert_eq!(rest.put(&file("tool", "1-SNAPSHOT", "f"), body).await.status, 201, "excepted");
        }
    }
}

#[tokio::test]
async fn a_project_is_made_and_found() {
    for engine in BOTH {
        let (service, rest) = Builder::on(engine).demo().await;

        for path in ["/api/v4/projects/1", "/api/v4/projects/root%2Fdemo"] {
            let project = json_of(&rest.get(path).await);
            assert_eq!((&project["id"], &project["path_with_namespace"]), (&json!(1), &json!("root/demo")));
        }
        let json = rest.request(Method::POST, "/api/v4/projects").json(&json!({ "name": "My Tool", "namespace_id": 1 }));
        let made = rest.send(json).await;
        assert_eq!((made.status, &json_of(&made)["path_with_namespace"]), (201, &json!("root/my-tool")));

        let again = rest.request(Method::POST, "/api/v4/projects").json(&json!({ "name": "demo" }));
        let again = rest.send(again).await;
        assert_eq!((again.status, json_of(&again)), (400, json!({ "message": { "path": ["has already been taken"] } })));
        assert_eq!(rest.get("/api/v4/projects/99").await.text(), r#"{"message":"404 Project Not Found"}"#);

        let first = rest.get("/api/v4/projects?per_page=1").await;
        assert_eq!(json_of(&first).as_array().map(Vec::len), Some(1));
        let link = first.header("link").split(['<', '>']).nth(1).unwrap();
        assert!(link.starts_with(&format!("http://{}/api/v4/projects?", service.http())), "{link}");
        let next = link.split_once("/api").unwrap().1.to_owned();
        let behind_a_proxy = rest.request(Method::GET, "/api/v4/projects?per_page=1").header("x-forwarded-proto", "https");
        let link = rest.send(behind_a_proxy.header("x-forwarded-host", "consign.example")).await.header("link").to_owned();
        assert!(link.starts_with("<https://consign.example/api/v4/projects?"), "{link}");
        let second = rest.get(&format!("/api{next}")).await;
        assert_eq!((&json_of(&second)[0]["path"], second.header("link")), (&json!("my-tool"), ""));
    }
}

#[tokio::test]
async fn what_was_published_is_there_after_a_restart() {
    for engine in BOTH {
        let (mut service, rest) = Builder::on(engine).demo().await;
        rest.put(&file("tool", "1.0", "f"), "hello").await;

        service.restart().await;

        assert_eq!(Rest::to(service.http()).get(&file("tool", "1.0", "f")).await.text(), "hello");
    }
}

#[tokio::test]
async fn sixty_four_first_files_of_a_new_version_all_arrive_and_make_one_version() {
    for engine in BOTH {
        let (service, rest) = Builder::on(engine).demo().await;
        let puts = (0..64).map(|n| {
            let rest = rest.clone();
            tokio::spawn(async move { rest.put(&file("tool", "1.0", &format!("f{n}?select=package_file")), format!("body {n}")).await })
        });
        let mut versions = std::collections::HashSet::new();
        for put in puts.collect::<Vec<_>>() {
            let answer = put.await.unwrap();
            assert_eq!(answer.status, 200, "{engine:?}: {}", answer.text());
            versions.insert(json_of(&answer)["package_id"].as_i64());
        }
        assert_eq!(versions.len(), 1);
        for n in 0..64 {
            assert_eq!(rest.get(&file("tool", "1.0", &format!("f{n}"))).await.text(), format!("body {n}"));
        }
        service.stop().await;
    }
}
