//! Releases and their links, over GitLab's API.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use consign_proto::metadata::release_service_client::ReleaseServiceClient;
use consign_proto::metadata::{CreateReleaseRequest, GetReleaseRequest, Release, UpdateReleaseRequest};
use consign_types::Reason;
use integration_tests::grpc::{Grpc, authorized, refusal};
use integration_tests::rest::{Answer, Rest};
use integration_tests::{BOTH, Builder, Engine, TOKEN};
use prost_types::FieldMask;
use reqwest::redirect::Policy;
use reqwest::{Client, Method};
use serde_json::{Value, json};

const RELEASES: &str = "/api/v4/projects/root%2Fdemo/releases";

async fn send(rest: &Rest, method: Method, path: &str, body: Value) -> Answer {
    rest.send(rest.request(method, path).json(&body)).await
}

#[tokio::test]
async fn a_release_is_made_read_changed_and_removed_with_its_links() {
    for engine in BOTH {
        let (service, rest) = Builder::on(engine).demo().await;
        let new = json!({
            "tag_name": "app/v1.0",
            "name": "The first",
            "description": "# Notes\n\nAll of it.",
            "milestones": ["x"],
            "ref": "main",
            "assets": { "links": [
                { "name": "tool", "url": "https://host/tool", "link_type": "package", "filepath": "/bin/tool" },
                { "name": "book", "url": "https://host/book" },
            ] },
        });
        let made = send(&rest, Method::POST, RELEASES, new.clone()).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let release = made.json();
        assert_eq!((&release["tag_name"], &release["name"]), (&json!("app/v1.0"), &json!("The first")));
        assert_eq!((&release["assets"]["count"], &release["author"]["username"]), (&json!(2), &json!("root")));
        let path = format!("{RELEASES}/app%2Fv1.0");
        let (origin, links) = (format!("http://{}", service.http()), &release["assets"]["links"]);
        assert_eq!(release["_links"]["self"], format!("{origin}{path}"));
        let first = json!({
            "id": 1,
            "name": "tool",
            "url": "https://host/tool",
            "direct_asset_url": format!("{origin}{path}/downloads/bin/tool"),
            "link_type": "package",
        });
        assert_eq!((&links[0], &links[1]["direct_asset_url"]), (&first, &json!("https://host/book")));
        assert_eq!(rest.get(&path).await.json(), release);

        let again = send(&rest, Method::POST, RELEASES, new).await;
        assert_eq!((again.status, again.text()), (409, r#"{"message":"Release already exists"}"#));
        let link = json!({ "name": "more", "url": "https://host/more", "link_type": "image" });
        let added = send(&rest, Method::POST, &format!("{path}/assets/links"), link.clone()).await;
        assert_eq!((added.status, &added.json()["id"]), (201, &json!(3)), "{}", added.text());
        refuses_taken_links(&rest, &path).await;
        assert_eq!(send(&rest, Method::DELETE, &format!("{path}/assets/links/1"), json!({})).await.json()["name"], "tool");
        assert_eq!(send(&rest, Method::DELETE, &format!("{path}/assets/links/1"), json!({})).await.status, 404);
        let left = rest.get(&format!("{path}/assets/links?per_page=1")).await;
        assert_eq!((&left.json()[0]["name"], left.header("x-total")), (&json!("book"), "2"));

        let changed = send(&rest, Method::PUT, &path, json!({ "name": "Still the first", "released_at": "2099-01-02T03:04:05Z" })).await;
        assert_eq!(changed.json()["name"], "Still the first");
        assert_eq!(changed.json()["description"], "# Notes\n\nAll of it.");

        let second = send(&rest, Method::POST, RELEASES, json!({ "tag_name": "v0" })).await.json();
        assert_eq!((&second["name"], &second["assets"]["links"]), (&json!("v0"), &json!([])));
        let listed = rest.get(&format!("{RELEASES}?per_page=1")).await;
        assert_eq!((&listed.json()[0]["tag_name"], listed.header("x-next-page")), (&json!("app/v1.0"), "2"));
        assert_eq!(rest.get(&format!("{RELEASES}?per_page=1&page=2")).await.json()[0]["tag_name"], "v0");

        assert_eq!(send(&rest, Method::DELETE, &path, json!({})).await.json()["tag_name"], "app/v1.0");
        assert_eq!((rest.get(&path).await.status, rest.get(RELEASES).await.json().as_array().unwrap().len()), (404, 1));
        let methods: Vec<String> =
            service.database().texts("select method as text from audit_entries where project_id = 1 order by number");
        let expected =
            ["CreateProject", "CreateRelease", "CreateReleaseLink", "DeleteReleaseLink", "UpdateRelease", "CreateRelease", "DeleteRelease"];
        assert_eq!(methods, expected, "{engine:?}");
        let resources =
            service.database().texts("select distinct resource as text from audit_entries where method like '%Release%' order by 1");
        assert_eq!(resources, ["projects/root%2Fdemo/releases/app/v1.0", "projects/root%2Fdemo/releases/v0"]);
    }
}

/// No two links of a release have a name, an address or a place in common.
async fn refuses_taken_links(rest: &Rest, path: &str) {
    for (name, url, at, field) in [
        ("more", "https://host/x", "/x", "name"),
        ("x", "https://host/more", "/x", "url"),
        ("x", "https://host/x", "/bin/tool", "filepath"),
    ] {
        let link = json!({ "name": name, "url": url, "filepath": at });
        let taken = send(rest, Method::POST, &format!("{path}/assets/links"), link).await;
        assert_eq!((taken.status, taken.json()), (400, json!({ "message": { field: ["has already been taken"] } })));
    }
}

#[tokio::test]
async fn a_link_is_followed_by_its_path_and_a_release_to_come_is_upcoming() {
    let (service, rest) = Builder::on(Engine::Sqlite).demo().await;
    let links = json!({ "links": [{ "name": "tool", "url": "https://host/tool", "filepath": "/bin/tool" }] });
    assert_eq!(send(&rest, Method::POST, RELEASES, json!({ "tag_name": "v1", "assets": links })).await.status, 201);
    let path = format!("{RELEASES}/v1");
    let follow = Client::builder().redirect(Policy::none()).build().unwrap();
    let follow = follow.get(format!("http://{}{path}/downloads/bin/tool", service.http())).header("private-token", TOKEN);
    let follow = follow.send().await.unwrap();
    assert_eq!((follow.status().as_u16(), follow.headers()["location"].to_str().unwrap()), (302, "https://host/tool"));
    assert_eq!(rest.get(&format!("{path}/downloads/bin/none")).await.status, 404);

    for (released_at, upcoming) in [("2099-01-02T03:04:05Z", true), ("2020-01-02T03:04:05Z", false)] {
        let changed = send(&rest, Method::PUT, &path, json!({ "released_at": released_at, "description": "x".repeat(100_000) })).await;
        assert_eq!((changed.status, &changed.json()["upcoming_release"]), (200, &json!(upcoming)), "{}", changed.text());
    }
}

#[tokio::test]
async fn releases_that_are_too_long_for_one_message_are_listed_all_the_same() {
    let (_service, rest) = Builder::on(Engine::Sqlite).demo().await;
    for number in 0..40 {
        let long = json!({ "tag_name": format!("v{number}"), "description": "x".repeat(120_000) });
        assert_eq!(send(&rest, Method::POST, RELEASES, long).await.status, 201);
    }
    for (query, count, next, pages) in
        [("per_page=100", 40, "", "1"), ("per_page=39", 39, "2", "2"), ("per_page=30&page=2", 10, "", "2"), ("per_page=40", 40, "", "1")]
    {
        let listed = rest.get(&format!("{RELEASES}?{query}")).await;
        let releases = listed.json();
        let tags: std::collections::HashSet<&str> =
            releases.as_array().unwrap().iter().map(|release| release["tag_name"].as_str().unwrap()).collect();
        assert_eq!((listed.status, tags.len(), listed.header("x-next-page")), (200, count, next), "{query}");
        let headers = ["content-type", "x-total", "x-total-pages"].map(|name| listed.header(name));
        assert_eq!(headers, ["application/json", "40", pages], "{query}");
        assert_eq!(listed.header("link").contains("rel=\"next\""), !next.is_empty(), "{query}");
    }
}

#[tokio::test]
async fn what_is_no_release_and_who_may_make_none_is_refused() {
    let (_service, rest) = Builder::on(Engine::Sqlite).demo().await;
    assert_eq!(send(&rest, Method::POST, RELEASES, json!({ "tag_name": "v1" })).await.status, 201);
    let link = |name: &str, url: &str| json!({ "name": name, "url": url });
    for (method, path, body, status) in [
        (Method::POST, RELEASES.to_owned(), json!({}), 400),
        (Method::POST, RELEASES.to_owned(), json!({ "tag_name": "a b" }), 400),
        (Method::POST, RELEASES.to_owned(), json!({ "tag_name": "v2", "released_at": "soon" }), 400),
        (Method::POST, RELEASES.to_owned(), json!({ "tag_name": "v2", "assets": { "links": [link("a", "javascript:x")] } }), 400),
        (
            Method::POST,
            RELEASES.to_owned(),
            json!({ "tag_name": "v2", "assets": { "links": [link("a", "http://h/a"), link("a", "http://h/b")] } }),
            400,
        ),
        (Method::POST, RELEASES.to_owned(), json!({ "tag_name": "v2", "description": "\u{7}" }), 400),
        (Method::PUT, format!("{RELEASES}/v1"), json!({}), 400),
        (Method::PUT, format!("{RELEASES}/v9"), json!({ "name": "x" }), 404),
        (Method::DELETE, format!("{RELEASES}/v9"), json!({}), 404),
        (Method::POST, format!("{RELEASES}/v9/assets/links"), link("a", "http://h/a"), 404),
        (Method::POST, format!("{RELEASES}/v1/assets/links"), json!({ "name": "a" }), 400),
        (Method::POST, format!("{RELEASES}/v1/assets/links"), json!({ "name": "a", "url": "http://h", "link_type": "tar" }), 400),
        (Method::POST, format!("{RELEASES}/v1/assets/links"), link("", "http://h/a"), 400),
        (Method::DELETE, format!("{RELEASES}/v1/assets/links/x"), json!({}), 400),
        (Method::POST, "/api/v4/projects/absent/releases".to_owned(), json!({ "tag_name": "v1" }), 404),
    ] {
        let answer = send(&rest, method.clone(), &path, body.clone()).await;
        assert_eq!(answer.status, status, "{method} {path} {body}: {}", answer.text());
    }
    let same_path = json!({ "tag_name": "v2", "assets": { "links": [
        { "name": "a", "url": "http://h/a", "filepath": "/x" },
        { "name": "b", "url": "http://h/b", "filepath": "/x" },
    ] } });
    let same_path = send(&rest, Method::POST, RELEASES, same_path).await;
    let told = json!({ "message": "Validation failed: Links have duplicate values (/x)" });
    assert_eq!((same_path.status, same_path.json()), (400, told));
    let heavy: Vec<Value> = (0..100).map(|number| link(&format!("l{number}"), &format!("http://h/{number}{}", "x".repeat(2000)))).collect();
    let heavy = send(&rest, Method::POST, RELEASES, json!({ "tag_name": "v2", "assets": { "links": heavy } })).await;
    assert_eq!(heavy.status, 400, "{}", heavy.text());
    assert_eq!(rest.get(&format!("{RELEASES}/v2")).await.status, 404, "nothing is left of what was refused");
    let many: Vec<Value> = (0..1001).map(|number| link(&format!("l{number}"), &format!("http://h/{number}"))).collect();
    let many = send(&rest, Method::POST, RELEASES, json!({ "tag_name": "v2", "assets": { "links": many } })).await;
    assert_eq!(many.status, 400, "{}", many.text());
    assert_eq!(rest.get(RELEASES).await.json().as_array().unwrap().len(), 1);
    let reader = rest.send(rest.anonymous(Method::GET, RELEASES)).await;
    assert_eq!((reader.status, reader.text()), (404, r#"{"message":"404 Project Not Found"}"#));
}

#[tokio::test]
async fn releases_come_in_the_order_that_is_asked_for() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        for (tag, at) in [("v1", "2030-01-01T00:00:00Z"), ("v2", "2010-01-01T00:00:00Z"), ("v3", "2020-01-01T00:00:00Z")] {
            let made = send(&rest, Method::POST, RELEASES, json!({ "tag_name": tag, "released_at": at })).await;
            assert_eq!(made.status, 201, "{}", made.text());
        }
        for (query, expected) in [
            ("", ["v1", "v3", "v2"]),
            ("order_by=released_at&sort=asc", ["v2", "v3", "v1"]),
            ("order_by=created_at", ["v3", "v2", "v1"]),
            ("order_by=created_at&sort=asc", ["v1", "v2", "v3"]),
            ("sort=asc", ["v2", "v3", "v1"]),
        ] {
            let mut found = Vec::new();
            for page in 1..=3 {
                let page = rest.get(&format!("{RELEASES}?{query}&per_page=1&page={page}")).await;
                assert_eq!((page.status, page.header("x-total")), (200, "3"), "{}", page.text());
                found.push(page.json()[0]["tag_name"].as_str().unwrap().to_owned());
            }
            assert_eq!(found, expected, "{engine:?} {query}");
            assert_eq!(rest.get(&format!("{RELEASES}?{query}")).await.json()[1]["tag_name"], expected[1], "{engine:?} {query}");
        }
        for (query, field) in [("order_by=tag", "order_by"), ("sort=up", "sort")] {
            let refused = rest.get(&format!("{RELEASES}?{query}")).await;
            assert_eq!((refused.status, refused.json()), (400, json!({ "error": format!("{field} does not have a valid value") })));
        }
    }
}

#[tokio::test]
async fn notes_of_a_megabyte_are_kept_and_listed_with_those_of_others() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        let notes = |number: usize| format!("# {number}\n").repeat(1_000_000).chars().take(1_000_000).collect::<String>();
        for number in 1..=5 {
            let made = send(&rest, Method::POST, RELEASES, json!({ "tag_name": format!("v{number}"), "description": notes(number) })).await;
            assert_eq!(made.status, 201, "{}", &made.text()[..200.min(made.text().len())]);
        }
        let long = json!({ "tag_name": "v6", "description": "x".repeat(1_000_001) });
        assert_eq!(send(&rest, Method::POST, RELEASES, long).await.status, 400);
        let listed = rest.get(&format!("{RELEASES}?sort=asc")).await;
        let (json, total) = (listed.json(), listed.header("x-total"));
        let listed: Vec<&str> = json.as_array().unwrap().iter().map(|release| release["description"].as_str().unwrap()).collect();
        assert!(total == "5" && listed.len() == 5 && (1..=5).all(|number| listed[number - 1] == notes(number)), "{engine:?}");
        let behind = rest.get(&format!("{RELEASES}?sort=asc&per_page=4&page=2")).await;
        assert_eq!((&behind.json()[0]["tag_name"], behind.json().as_array().unwrap().len()), (&json!("v5"), 1));
    }
}

#[tokio::test]
async fn over_grpc_a_repeated_request_changes_nothing_and_an_old_etag_is_refused() {
    for engine in BOTH {
        let (service, _rest) = Builder::on(engine).demo().await;
        let mut releases = ReleaseServiceClient::new(Grpc::to(service.grpc()).channel());
        let parent = "projects/1".to_owned();
        let release = |description: &str, etag: &str| {
            Some(Release { tag: "v1".to_owned(), description: description.to_owned(), etag: etag.to_owned(), ..Release::default() })
        };
        let request_id = "0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e".to_owned();
        let new = CreateReleaseRequest { parent: parent.clone(), release: release("one", ""), request_id };
        let first = releases.create_release(authorized(new.clone())).await.unwrap().into_inner().release.unwrap();
        let again = releases.create_release(authorized(new)).await.unwrap().into_inner().release.unwrap();
        assert_eq!(first, again);

        let update = |description: &str, etag: &str, paths: &[&str]| {
            let update_mask = Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() });
            UpdateReleaseRequest { parent: parent.clone(), release: release(description, etag), update_mask, ..Default::default() }
        };
        let changed = releases.update_release(authorized(update("two", &first.etag, &["description"]))).await.unwrap().into_inner();
        assert_ne!(changed.release.unwrap().etag, first.etag);
        let emptied = releases.update_release(authorized(update("", "", &["description"]))).await.unwrap().into_inner().release.unwrap();
        assert_eq!((emptied.description.as_str(), emptied.display_name.as_str()), ("", "v1"));
        for (broken, reason) in [
            (update("three", &first.etag, &["description"]), Reason::EtagMismatch),
            (update("three", "", &["links"]), Reason::ArgumentInvalid),
            (update("three", "", &["release_time"]), Reason::ArgumentInvalid),
        ] {
            assert_eq!(refusal(&releases.update_release(authorized(broken)).await.unwrap_err()).1, Some(reason));
        }
        let absent = GetReleaseRequest { parent: parent.clone(), tag: "v2".to_owned() };
        let refused = releases.get_release(authorized(absent)).await.unwrap_err();
        assert_eq!((refusal(&refused).1, refused.message()), (Some(Reason::ReleaseNotFound), "release `v2` not found"));
    }
}
