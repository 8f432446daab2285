//! Publishing over REST, as curl and GitLab's clients do.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use integration_tests::rest::{Rest, file};
use integration_tests::service::Stored;
use integration_tests::{BOTH, Builder};
use reqwest::Method;
use serde_json::json;

const HELLO_SHA256: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

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
async fn the_record_of_a_file_is_answered_where_it_is_selected() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;

        let answer = rest.put(&(file("tool", "1.0", "a/b@2.txt") + "?select=package_file"), "hello").await;

        assert_eq!(answer.status, 200);
        let record = answer.json();
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
        let first = rest.put(&select, "hello").await.json();

        assert_eq!(rest.put(&select, "hello").await.json()["id"], first["id"]);
        assert_eq!(service.stored().blobs.len(), 1, "the same bytes are stored once");
        assert_ne!(rest.put(&select, "other").await.json()["id"], first["id"]);
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
async fn what_is_refused_after_it_was_sent_reserves_nothing() {
    for engine in BOTH {
        let (service, rest) = Builder::on(engine).with("--duplicates", "reject").with("--max-file-bytes", 5).demo().await;
        let path = file("tool", "1.0", "f");
        assert_eq!(rest.put(&path, "hello").await.status, 201);
        let cut = |body: String| rest.request(Method::PUT, &path).header("content-type", "multipart/form-data; boundary=cut").body(body);
        let chunks = |chunks: [&'static str; 2]| reqwest::Body::wrap_stream(tokio_stream::iter(chunks.map(Ok::<_, std::io::Error>)));
        let duplicate = json!({ "message": "400 Bad request - Duplicate package is not allowed" });
        for (request, told) in [
            (rest.request(Method::PUT, &path).body("other"), duplicate.clone()),
            (rest.request(Method::PUT, &path).body(chunks(["ot", "her"])), duplicate.clone()),
            (cut(form(&[("file", "f", "other")])), duplicate),
            (cut(form(&[("file", "f", "new"), ("status", "", "gone")])), json!({ "error": "status does not have a valid value" })),
            (
                rest.request(Method::PUT, &file("tool", "1.0", "g")).body(chunks(["hel", "lo!"])),
                json!({ "message": "400 Bad request - File is too large" }),
            ),
        ] {
            let refused = rest.send(request).await;
            assert_eq!((refused.status, refused.json(), refused.header("content-type")), (400, told.clone(), "application/json"));
            assert_eq!(service.database().count("leases"), 0, "{engine:?} {told}");
        }
        let broken = tokio_stream::iter([Ok("hel"), Err(std::io::Error::other("gone"))]);
        let request = rest.request(Method::PUT, &file("tool", "1.0", "g")).body(reqwest::Body::wrap_stream(broken));
        assert!(request.send().await.is_err());
        let given_back = async || (service.database().count("leases") == 0).then_some(());
        integration_tests::wait::until("the end of the lease", given_back).await;
        assert_eq!(rest.get(&path).await.text(), "hello");
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
        (file("a%20b", "1.0", "c%20d"), "package_name is invalid, file_name is invalid"),
        (
            file("a%20b", "..1", "~x?path=..&status=gone&select=all"),
            "package_name is invalid, package_version is invalid, path is invalid, file_name is invalid, \
             status does not have a valid value, select does not have a valid value",
        ),
    ] {
        let answer = rest.put(&path, "hello").await;
        assert_eq!((answer.status, answer.json()), (400, json!({ "error": error })), "{path}");
        let unknown = rest.put(&path.replace("root%2Fdemo", "77"), "hello").await;
        assert_eq!((unknown.status, unknown.json()), (400, json!({ "error": error })), "whether there is a project or not: {path}");
    }
    assert_eq!(service.stored(), Stored::default());
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
            versions.insert(answer.json()["package_id"].as_i64());
        }
        assert_eq!(versions.len(), 1);
        for n in 0..64 {
            assert_eq!(rest.get(&file("tool", "1.0", &format!("f{n}"))).await.text(), format!("body {n}"));
        }
        service.stop().await;
    }
}

/// A form with these parts: a name, a file name where it is a file, and what is in it.
fn form(parts: &[(&str, &str, &str)]) -> String {
    let part = |(name, file, text): &(&str, &str, &str)| {
        let file = if file.is_empty() { String::new() } else { format!("; filename=\"{file}\"\r\nContent-Type: text/plain") };
        format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{text}\r\n")
    };
    parts.iter().map(part).collect::<String>() + "--cut--\r\n"
}

#[tokio::test]
async fn of_a_form_the_one_file_is_published_and_its_fields_are_heard() {
    for engine in BOTH {
        let (service, rest) = Builder::on(engine).demo().await;
        let put = async |path: &str, body: String| {
            rest.send(rest.request(Method::PUT, path).header("content-type", "multipart/form-data; boundary=cut").body(body)).await
        };
        let path = file("tool", "1.0", "f");
        let answer = put(&path, form(&[("file", "other.txt", "hello")])).await;
        assert_eq!((answer.status, answer.text()), (201, r#"{"message":"201 Created"}"#));
        assert_eq!(rest.get(&path).await.text(), "hello");

        let large = "x".repeat(3 << 20);
        let told =
            put(&file("tool", "1.1", "f"), form(&[("status", "", "hidden"), ("file", "f", &large), ("select", "", "package_file")])).await;
        assert_eq!((told.status, &told.json()["size"]), (200, &json!(3 << 20)));
        assert_eq!(rest.get("/api/v4/projects/1/packages?status=hidden").await.json()[0]["version"], "1.1");

        // Where it goes may be said before the file or behind it; what the URL says counts more.
        let put_form = async |query: &str, parts: &[(&str, &str, &str)]| put(&file("tool", "1.2", &format!("f{query}")), form(parts)).await;
        for (query, before, behind, place) in
            [("", "a/b", "", "a/b/f"), ("", "", "c", "c/f"), ("?path=url", "form", "", "url/f"), ("", "", "", "f")]
        {
            let fields = [("path", "", before), ("file", "x", place), ("path", "", behind), ("select", "", "package_file")];
            let parts: Vec<_> = fields.into_iter().filter(|(name, _, text)| *name != "path" || !text.is_empty()).collect();
            let told = put_form(query, &parts).await;
            assert_eq!((told.status, &told.json()["file_name"]), (200, &json!(place.replace('/', "%2F"))), "{query} {before} {behind}");
            assert_eq!(rest.get(&file("tool", "1.2", place)).await.text(), place);
        }
        let stored = service.stored().blobs.len();
        for (body, told) in [
            (form(&[("file", "f", "hello"), ("path", "", "../up"), ("status", "", "gone")]), "path is invalid, status does not have a"),
            (form(&[("status", "", "default")]), "file is missing, or there are several"),
            (form(&[("a", "a", "one"), ("b", "b", "two")]), "file is missing, or there are several"),
            (form(&[("file", "f", "new")]).replace("--cut--", "--cut"), "broke off"),
            (form(&[("status", "", &"x".repeat(5000)), ("file", "f", "new")]), "broke off"),
            (form(&[("file", "f", "other bytes"), ("status", "", "gone")]), "status does not have a valid value"),
        ] {
            let refused = put(&file("tool", "2.0", "f"), body).await;
            assert!(refused.status == 400 && refused.text().contains(told), "{told}: {} {}", refused.status, refused.text());
        }
        assert_eq!(rest.get(&file("tool", "2.0", "f")).await.status, 404);
        // A header without an end is not looked for in more than a few megabytes, nor are fields without number.
        let head = "--cut\r\nContent-Disposition: form-data; name=\"a\"; filename=\"a\"; x=\"";
        let fields: Vec<(&str, &str, &str)> = (0..101).map(|_| ("a", "", "b")).collect();
        for endless in [format!("{head}{}", "x".repeat(12 << 20)), "x".repeat(12 << 20), form(&fields)] {
            let request = rest.request(Method::PUT, &file("tool", "2.0", "f")).header("content-type", "multipart/form-data; boundary=cut");
            // Who is still sending may see the connection end before the answer.
            if let Ok(refused) = rest.attempt(request.body(endless)).await {
                assert!(refused.status == 400 && refused.text().contains("broke off"), "{} {}", refused.status, refused.text());
            }
        }
        // What was sent before the last field said nonsense is left to the collector.
        let gone = async || (service.stored().blobs.len() <= stored + 1 && service.stored().spools.is_empty()).then_some(());
        integration_tests::wait::until("the removal of the spools", gone).await;
        // With nothing to say of itself, a body is what it is.
        let plain = rest.request(Method::PUT, &file("tool", "3.0", "f")).header("content-type", "application/x-www-form-urlencoded");
        assert_eq!(rest.send(plain.body("a=b&c=d")).await.status, 201);
        assert_eq!(rest.get(&file("tool", "3.0", "f")).await.text(), "a=b&c=d");
    }
}

#[tokio::test]
async fn where_it_is_strict_the_same_bytes_are_judged_as_any_others() {
    for engine in BOTH {
        for (duplicates, status, rows) in [("allow", 201, 2), ("reject", 400, 1)] {
            let (service, rest) = Builder::on(engine).flag("--strict-gitlab").with("--duplicates", duplicates).demo().await;
            let path = file("tool", "1.0", "f");
            assert_eq!(rest.put(&path, "hello").await.status, 201);
            let again = rest.put(&path, "hello").await;
            assert_eq!((again.status, again.header("x-consign-idempotent")), (status, ""), "{engine:?} {duplicates}");
            let package = rest.get("/api/v4/projects/1/packages").await.json()[0]["id"].clone();
            let files = format!("/api/v4/projects/1/packages/{package}/package_files");
            let listed = rest.get(&files).await.json();
            let listed: Vec<_> = listed.as_array().unwrap().iter().map(|file| file["file_sha256"].clone()).collect();
            assert_eq!(listed, vec![json!(HELLO_SHA256); rows]);
            assert_eq!(service.stored().blobs.len(), 1, "what is the same is kept once");
            // The newest is served, and the one below it once that is deleted.
            let newest = rest.get(&format!("{files}?sort=desc")).await.json()[0]["id"].clone();
            assert_eq!(rest.send(rest.request(Method::DELETE, &format!("{files}/{newest}"))).await.status, 204);
            assert_eq!(rest.get(&path).await.status, if rows == 2 { 200 } else { 404 });
        }
    }
}

#[tokio::test]
async fn where_the_gateway_is_strict_a_form_is_stored_as_it_came_and_latest_is_no_version() {
    let (_service, rest) = Builder::by_default().flag("--strict-gitlab").demo().await;
    let body = form(&[("file", "other.txt", "hello")]);
    let request = rest.request(Method::PUT, &file("tool", "1.0", "f")).header("content-type", "multipart/form-data; boundary=cut");
    assert_eq!(rest.send(request.body(body.clone())).await.status, 201);
    assert_eq!(rest.get(&file("tool", "1.0", "f")).await.text(), body);
    let latest = rest.get(&file("tool", "latest", "f")).await;
    assert_eq!((latest.status, latest.text()), (400, r#"{"error":"package_version is invalid"}"#));
}

#[tokio::test]
async fn a_declared_digest_is_compared_in_whichever_header_it_comes() {
    let (_service, rest) = Builder::by_default().demo().await;
    let base64 = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";
    for (number, (name, value)) in [
        ("repr-digest", format!("sha-256=:{base64}:")),
        ("content-digest", format!("sha-256=:{base64}:")),
        ("digest", format!("SHA-256={base64}")),
    ]
    .into_iter()
    .enumerate()
    {
        let path = file("tool", "1.0", &format!("f{number}"));
        let put = async |body: &'static str| rest.send(rest.request(Method::PUT, &path).header(name, &value).body(body)).await.status;
        assert_eq!((put("hullo").await, rest.get(&path).await.status), (400, 404), "{name}");
        assert_eq!(put("hello").await, 201, "{name}");
        assert_eq!(rest.get(&path).await.header("repr-digest"), format!("sha-256=:{base64}:"));
    }
    let path = file("tool", "1.0", "f");
    let both = rest.request(Method::PUT, &path).header("x-checksum-sha256", HELLO_SHA256).header("digest", "sha-256=AA==").body("hello");
    let refused = rest.send(both).await;
    assert_eq!((refused.status, refused.text()), (400, r#"{"error":"Digest is invalid"}"#));
}
