//! Fetching over REST, as curl and GitLab's clients do.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use consign_proto::metadata::{PublishFile, PublishVersionRequest, Stage};
use consign_types::Digest;
use integration_tests::grpc::Grpc;
use integration_tests::rest::file;
use integration_tests::{BOTH, Builder, promoting, publishing};
use reqwest::Method;
use serde_json::json;

const HELLO_SHA256: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

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
    let (then, now) = (("if-modified-since", "Mon, 01 Jan 2024 00:00:00 GMT"), rest.get(&path).await.header("last-modified").to_owned());
    let old = then.1;
    for (conditions, status) in [
        (&[then][..], 200),
        (&[("if-modified-since", &now)], 304),
        (&[("if-modified-since", &now), ("if-none-match", "\"other\"")], 200),
        (&[("if-unmodified-since", &now)], 200),
        (&[("if-unmodified-since", old)], 412),
        (&[("if-unmodified-since", old), ("if-match", &etag)], 200),
        (&[("if-match", "\"other\"")], 412),
        (&[("if-match", "*")], 200),
    ] {
        assert_eq!(get(conditions).await.0, status, "{conditions:?}");
    }
    assert_eq!(get(&[("range", "bytes=10-")]).await.2, "bytes */10");
    assert_eq!(get(&[("range", "bytes=3-5"), ("if-range", &etag)]).await.0, 206);
    assert_eq!(get(&[("range", "bytes=3-5"), ("if-range", "\"other\"")]).await, whole);
    assert_eq!(get(&[("if-none-match", &etag)]).await, (304, String::new(), String::new()));
    assert_eq!(get(&[("if-none-match", "\"other\"")]).await, whole);

    let said = ["etag", "content-type", "content-range", "last-modified"];
    let octets = "application/octet-stream";
    for (name, value, status, body, headers) in [
        ("if-none-match", &*etag, 304, "", [&*etag, octets, "", &now]),
        ("if-modified-since", &now, 304, "", [&etag, octets, "", &now]),
        ("if-match", "\"other\"", 412, r#"{"message":"412 Precondition Failed"}"#, ["", "application/json", "", ""]),
        ("range", "bytes=10-", 416, r#"{"message":"416 Range Not Satisfiable"}"#, ["", "application/json", "bytes */10", ""]),
    ] {
        let answer = rest.send(rest.request(Method::GET, &path).header(name, value)).await;
        assert_eq!((answer.status, answer.text(), said.map(|name| answer.header(name))), (status, body, headers), "{name}");
        let head = rest.send(rest.request(Method::HEAD, &path).header(name, value)).await;
        assert_eq!((head.status, head.text(), said.map(|name| head.header(name))), (status, "", headers), "{name}");
    }
}

#[tokio::test]
async fn several_ranges_come_in_one_answer() {
    let (_service, rest) = Builder::by_default().demo().await;
    let path = file("tool", "1.0", "f");
    rest.put(&path, "0123456789").await;
    let get = async |method: Method, range: &str| rest.send(rest.request(method, &path).header("range", range)).await;
    let etag = format!("\"{}\"", Digest::of(b"0123456789"));
    let boundary = etag.trim_matches('"');
    let part = |range: &str, bytes: &str| {
        format!("\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes {range}/10\r\n\r\n{bytes}")
    };
    let body = format!("{}{}{}\r\n--{boundary}--\r\n", part("7-9", "789"), part("0-1", "01"), part("4-4", "4"));

    let answer = get(Method::GET, "bytes=7-, 0-1, 4-4").await;
    assert_eq!((answer.status, answer.text()), (206, body.as_str()));
    let told = |answer: &integration_tests::rest::Answer| {
        ["content-type", "content-length", "etag", "accept-ranges", "content-range"].map(|name| answer.header(name).to_owned())
    };
    let media_type = format!("multipart/byteranges; boundary={boundary}");
    assert_eq!(told(&answer), [media_type.as_str(), &body.len().to_string(), &etag, "bytes", ""]);
    let head = get(Method::HEAD, "bytes=7-, 0-1, 4-4").await;
    assert_eq!((head.status, told(&head), head.body.len()), (206, told(&answer), 0));

    // One of them is not there: what is left is sent as one range is.
    let one = get(Method::GET, "bytes=10-,2-3").await;
    assert_eq!((one.status, one.text(), one.header("content-range")), (206, "23", "bytes 2-3/10"));
    assert_eq!(get(Method::GET, "bytes=10-,11-").await.status, 416);
    // Nobody makes an answer longer than the file, or of any number of parts.
    for range in ["bytes=0-,0-,0-", "bytes=0-5,3-9", &format!("bytes={}", vec!["0-0"; 17].join(",")), "bytes=0-1,5-3"] {
        let whole = get(Method::GET, range).await;
        assert_eq!((whole.status, whole.text(), whole.header("content-range")), (200, "0123456789", ""), "{range}");
    }
    let changed = rest.request(Method::GET, &path).header("range", "bytes=0-1,4-5").header("if-range", "\"other\"");
    assert_eq!(rest.send(changed).await.text(), "0123456789");
}

#[tokio::test]
async fn several_ranges_of_a_large_file_are_its_bytes() {
    let (_service, rest) = Builder::by_default().demo().await;
    let bytes: Vec<u8> = (0..6_000_000_u32).map(|n| n.wrapping_mul(0x9E37_79B9).to_le_bytes()[3]).collect();
    let path = file("tool", "1.0", "f");
    assert_eq!(rest.put(&path, bytes.clone()).await.status, 201);
    let answer = rest.send(rest.request(Method::GET, &path).header("range", "bytes=100-3000099,5999999-,0-1")).await;
    assert_eq!((answer.status, answer.body.len().to_string()), (206, answer.header("content-length").to_owned()));
    let boundary = answer.header("content-type").split_once("boundary=").unwrap().1.to_owned();
    let mut rest_of = answer.body.as_slice();
    for wanted in [&bytes[100..3_000_100], &bytes[5_999_999..], &bytes[..2]] {
        let head = rest_of.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
        let (found, after) = rest_of[head..].split_at(wanted.len());
        assert!(found == wanted, "{} bytes", wanted.len());
        rest_of = after;
    }
    assert_eq!(rest_of, format!("\r\n--{boundary}--\r\n").as_bytes());
}

#[tokio::test]
async fn a_folder_may_stand_in_the_query() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        assert_eq!(rest.put(&file("tool", "1.0", "f?path=to%2Fhere"), "hello").await.status, 201);
        for path in [file("tool", "1.0", "to/here/f"), file("tool", "1.0", "f?path=to/here"), file("tool", "1.0", "here%2Ff?path=to")] {
            for method in [Method::GET, Method::HEAD] {
                let answer = rest.send(rest.request(method, &path)).await;
                assert_eq!((answer.status, answer.header("content-length")), (200, "5"), "{path}");
            }
        }
        for (path, status, body) in [
            (file("tool", "1.0", "f?path=to"), 404, r#"{"message":"404 Not found"}"#),
            (file("tool", "1.0", "f?path=../to"), 400, r#"{"error":"path is invalid"}"#),
            (file("tool", "latest", "f?path=to/here"), 200, "hello"),
        ] {
            let answer = rest.get(&path).await;
            assert_eq!((answer.status, answer.text()), (status, body), "{path}");
        }
    }
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
async fn latest_stands_for_the_highest_version_that_is_not_hidden() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        for (version, status) in [("1.9.0", ""), ("1.10.0", ""), ("2.0.0", "?status=hidden"), ("3.0.0-rc.1", "")] {
            assert_eq!(rest.put(&file("tool", version, &format!("bin/f{status}")), version).await.status, 201);
        }
        let found = rest.get(&file("tool", "latest", "bin/f")).await;
        assert_eq!((found.status, found.text()), (200, "1.10.0"));
        assert_eq!(found.header("content-location"), file("tool", "1.10.0", "bin/f"));
        let part = rest.request(Method::GET, &file("tool", "latest", "bin/f")).header("range", "bytes=0-1");
        assert_eq!(rest.send(part).await.text(), "1.");
        assert_eq!(rest.send(rest.request(Method::HEAD, &file("tool", "latest", "bin/f"))).await.status, 200);
        for (path, status) in [(file("tool", "latest", "g"), 404), (file("other", "latest", "f"), 404)] {
            assert_eq!(rest.get(&path).await.status, status, "{path}");
        }
        assert_eq!(rest.send(rest.anonymous(Method::GET, &file("tool", "latest", "bin/f"))).await.status, 401);
        assert_eq!(rest.put(&file("tool", "latest", "f"), "x").await.text(), r#"{"error":"package_version is invalid"}"#);
    }
}

#[tokio::test]
async fn a_name_and_a_password_that_mean_nothing_are_passed_over_where_the_file_is_public() {
    let (_service, rest) = Builder::by_default().demo().await;
    let path = file("tool", "1.0", "f");
    assert_eq!(rest.put(&path, "hello").await.status, 201);
    let basic = async |method: Method| {
        let request = rest.anonymous(method.clone(), &path).basic_auth("anybody", Some("nonsense, of nobody"));
        rest.send(if method == Method::PUT { request.body("x") } else { request }).await
    };
    assert_eq!(basic(Method::GET).await.status, 401);
    let public = rest.request(Method::PUT, "/api/v4/projects/1").json(&serde_json::json!({ "visibility": "public" }));
    assert_eq!(rest.send(public).await.status, 200);
    assert_eq!((basic(Method::GET).await.text().to_owned(), basic(Method::HEAD).await.status), ("hello".to_owned(), 200));
    assert_eq!(basic(Method::PUT).await.status, 401);
    assert_eq!(rest.with_token("nonsense, of nobody").get(&path).await.status, 401);
    // Tokens that mean something are heard.
    let signed_in = rest.anonymous(Method::GET, &path).basic_auth("anybody", Some(integration_tests::TOKEN));
    assert_eq!(rest.send(signed_in).await.status, 200);
}

#[tokio::test]
async fn of_many_files_that_are_placed_each_is_served_as_it_was_placed() {
    for engine in BOTH {
        let (service, rest) = Builder::on(engine).demo().await;
        let grpc = Grpc::to(service.grpc());
        // More than are told of a version at once.
        let receipt = publishing::upload(&grpc, "1.0", "f", b"placed").await;
        let file_at = |number: i32| PublishFile { path: format!("f{number:04}"), receipt: receipt.clone(), ..PublishFile::default() };
        let request = publishing::publish_request("1.0", (0..=1000).map(file_at).collect());
        publishing::publish(&grpc, PublishVersionRequest { keep_open: true, ..request }).await.unwrap();
        promoting::add_stage(&grpc, "qa", Stage::default()).await;
        promoting::promoted(&grpc, promoting::placing("qa", "1.0")).await;
        for path in ["f0000", "f1000", "f1001"] {
            assert_eq!(rest.put(&file("tool", "1.0", path), "later").await.status, 201);
        }

        let (digest, absent) = (format!("\"{}\"", Digest::of(b"placed")), r#"{"message":"404 Not found"}"#);
        for (path, status, body, etag) in [
            ("f0000", 200, "placed", &*digest),
            ("f0999", 200, "placed", &digest),
            ("f1000", 200, "placed", &digest),
            ("f1001", 404, absent, ""),
            ("none", 404, absent, ""),
        ] {
            let answer = rest.get(&file("tool", "stage:qa", path)).await;
            assert_eq!((answer.status, answer.text(), answer.header("etag")), (status, body, etag), "{engine:?} {path}");
        }
        assert_eq!(rest.get(&file("tool", "1.0", "f1000")).await.text(), "later");
    }
}

#[tokio::test]
async fn folders_may_have_any_letters_and_addresses_have_them_encoded() {
    let (_service, rest) = Builder::by_default().demo().await;
    let folders = ["c%23", "a%20b", "why%3F", "50%25", "%2523", "%C3%BC%E2%82%AC", "x%26y%3Dz%3B%22"];
    for folder in folders {
        let path = file("tool", "1.0", &format!("{folder}/f"));
        let made = rest.put(&format!("{path}?select=package_file"), folder).await;
        assert_eq!(made.status, 200, "{}", made.text());
        let url = format!("/api/v4/projects/1/packages/generic/tool/1.0/{folder}/f");
        assert_eq!(made.json()["file"]["url"], url);
        let fetched = rest.get(&url).await;
        assert_eq!((fetched.status, fetched.text()), (200, folder), "{url}");
        let latest = rest.get(&file("tool", "latest", &format!("{folder}/f"))).await;
        assert_eq!((latest.status, latest.text(), latest.header("content-location")), (200, folder, path.as_str()));
    }
    let query = "{ project(fullPath: \"root/demo\") { packages { nodes { id } } } }";
    let ask = async |query: &str| rest.send(rest.request(Method::POST, "/api/graphql").json(&json!({ "query": query }))).await.json();
    let id = ask(query).await["data"]["project"]["packages"]["nodes"][0]["id"].as_str().unwrap().to_owned();
    let files = ask(&format!("{{ package(id: \"{id}\") {{ packageFiles {{ nodes {{ downloadPath }} }} }} }}")).await;
    let paths = folders.map(|folder| json!({ "downloadPath": format!("/api/v4/projects/1/packages/generic/tool/1.0/{folder}/f") }));
    assert_eq!(files["data"]["package"]["packageFiles"]["nodes"], json!(paths));
}
