//! Projects over REST.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use integration_tests::{BOTH, Builder};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn a_project_is_made_and_found() {
    for engine in BOTH {
        let (service, rest) = Builder::on(engine).demo().await;

        for path in ["/api/v4/projects/1", "/api/v4/projects/root%2Fdemo"] {
            let project = rest.get(path).await.json();
            assert_eq!((&project["id"], &project["path_with_namespace"]), (&json!(1), &json!("root/demo")));
        }
        let json = rest.request(Method::POST, "/api/v4/projects").json(&json!({ "name": "My Tool", "namespace_id": 1 }));
        let made = rest.send(json).await;
        assert_eq!((made.status, &made.json()["path_with_namespace"]), (201, &json!("root/my-tool")));

        let again = rest.request(Method::POST, "/api/v4/projects").json(&json!({ "name": "demo" }));
        let again = rest.send(again).await;
        assert_eq!((again.status, again.json()), (400, json!({ "message": { "path": ["has already been taken"] } })));
        assert_eq!(rest.get("/api/v4/projects/99").await.text(), r#"{"message":"404 Project Not Found"}"#);

        let first = rest.get("/api/v4/projects?per_page=1&search=o&sort=asc").await;
        assert_eq!((&first.json()[0]["path"], first.header("x-total"), first.header("x-next-page")), (&json!("demo"), "2", "2"));
        let link = next(first.header("link"));
        assert!(link.starts_with(&format!("http://{}/api/v4/projects?", service.http())), "{link}");
        let behind_a_proxy = rest.request(Method::GET, "/api/v4/projects?per_page=1").header("x-forwarded-proto", "https");
        let proxied = rest.send(behind_a_proxy.header("x-forwarded-host", "consign.example")).await;
        assert!(next(proxied.header("link")).starts_with("https://consign.example/api/v4/projects?"), "{}", proxied.header("link"));
        let second = rest.get(link.split_once("/api").map(|(_, rest)| format!("/api{rest}")).unwrap().as_str()).await;
        assert_eq!((&second.json()[0]["path"], second.header("x-next-page"), second.header("x-page")), (&json!("my-tool"), "", "2"));
        assert_eq!(rest.get("/api/v4/projects").await.json()[0]["path"], "my-tool", "the newest first");
    }
}

/// The address of the next page.
fn next(link: &str) -> String {
    let next = link.split(", ").find(|link| link.ends_with("rel=\"next\"")).unwrap_or_default();
    next.split(['<', '>']).nth(1).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_project_is_changed_and_deleted_and_tells_what_its_reader_may() {
    let (_service, rest) = Builder::by_default().demo().await;
    let send = async |method: Method, path: &str, body: serde_json::Value| rest.send(rest.request(method, path).json(&body)).await;
    let changed = send(Method::PUT, "/api/v4/projects/root%2Fdemo", json!({ "description": "of tools", "visibility": "public" })).await;
    assert_eq!(
        (changed.status, &changed.json()["description"], &changed.json()["visibility"]),
        (200, &json!("of tools"), &json!("public"))
    );
    assert_eq!(changed.json()["permissions"]["project_access"]["access_level"], 50);
    for (body, told) in
        [(json!({}), "at least one parameter"), (json!({ "visibility": "secret" }), "visibility does not have a valid value")]
    {
        let refused = send(Method::PUT, "/api/v4/projects/1", body).await;
        assert_eq!((refused.status, refused.text().contains(told)), (400, true), "{}", refused.text());
    }
    let anybody = rest.send(rest.anonymous(Method::GET, "/api/v4/projects/1")).await;
    assert_eq!((anybody.status, &anybody.json()["permissions"]["project_access"]["access_level"]), (200, &json!(20)));

    for path in ["/api/v4/projects/1/issues?state=opened", "/api/v4/projects/1/repository/commits/0123abc/merge_requests"] {
        assert_eq!(rest.get(path).await.text(), "[]", "{path}");
    }
    let deleted = send(Method::DELETE, "/api/v4/projects/1", json!({})).await;
    assert_eq!((deleted.status, deleted.text()), (202, r#"{"message":"202 Accepted"}"#));
    assert_eq!(rest.get("/api/v4/projects/1").await.status, 404);
}

#[tokio::test]
async fn groups_are_made_nested_listed_and_removed() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        let send = async |method: Method, path: &str, body: serde_json::Value| rest.send(rest.request(method, path).json(&body)).await;
        let team = send(Method::POST, "/api/v4/groups", json!({ "name": "The Team", "path": "team" })).await;
        assert_eq!((team.status, &team.json()["full_path"], &team.json()["parent_id"]), (201, &json!("team"), &json!(null)));
        let id = team.json()["id"].clone();
        let tools = send(Method::POST, "/api/v4/groups", json!({ "name": "Tools", "parent_id": id })).await;
        assert_eq!((&tools.json()["full_path"], &tools.json()["parent_id"]), (&json!("team/tools"), &id));
        for path in ["/api/v4/groups/team%2Ftools", &format!("/api/v4/groups/{}", tools.json()["id"])] {
            assert_eq!(rest.get(path).await.json()["full_path"], "team/tools");
        }
        let project = send(Method::POST, "/api/v4/projects", json!({ "name": "app", "namespace_id": tools.json()["id"] })).await;
        assert_eq!(project.json()["path_with_namespace"], "team/tools/app");
        assert_eq!(rest.get("/api/v4/groups/team/projects").await.json()[0]["path"], "app");
        assert_eq!(rest.get("/api/v4/groups?search=tools").await.json().as_array().map(Vec::len), Some(1));
        let full = send(Method::DELETE, "/api/v4/groups/team", json!({})).await;
        assert_eq!(full.status, 409, "{}", full.text());
        let other = send(Method::POST, "/api/v4/groups", json!({ "path": "other" })).await;
        assert_eq!(send(Method::DELETE, &format!("/api/v4/groups/{}", other.json()["id"]), json!({})).await.status, 202);
        for (path, status) in [("/api/v4/groups/other", 404), ("/api/v4/groups/absent", 404), ("/api/v4/groups/..", 404)] {
            assert_eq!(rest.get(path).await.status, status, "{path}");
        }
        assert_eq!(rest.send(rest.anonymous(Method::GET, "/api/v4/groups/team")).await.text(), r#"{"message":"404 Group Not Found"}"#);
    }
}

#[tokio::test]
async fn whoever_is_signed_in_is_told_who_that_is_and_what_is_spoken_to() {
    let (_service, rest) = Builder::by_default().demo().await;
    let me = rest.get("/api/v4/user").await.json();
    assert_eq!((&me["id"], &me["username"], &me["is_admin"], &me["state"]), (&json!(1), &json!("root"), &json!(true), &json!("active")));
    for path in ["/api/v4/version", "/api/v4/metadata"] {
        let version = rest.get(path).await.json();
        assert!(
            version["version"].as_str().is_some_and(|version| version.starts_with("18.")) && version["revision"].is_string(),
            "{version}"
        );
    }
    for path in ["/api/v4/user", "/api/v4/version", "/api/v4/metadata"] {
        assert_eq!(rest.send(rest.anonymous(Method::GET, path)).await.status, 401, "{path}");
        assert_eq!(rest.with_token("nonsense, of nobody").get(path).await.status, 401, "{path}");
    }
}
