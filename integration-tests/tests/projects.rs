//! Projects over REST.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use integration_tests::rest::Rest;
use integration_tests::{BOTH, Builder};
use reqwest::Method;
use serde_json::{Value, json};

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
    let send = async |method: Method, path: &str, body: Value| rest.send(rest.request(method, path).json(&body)).await;
    let changed = send(Method::PUT, "/api/v4/projects/root%2Fdemo", json!({ "description": "of tools", "visibility": "public" })).await;
    assert_eq!(
        (changed.status, &changed.json()["description"], &changed.json()["visibility"]),
        (200, &json!("of tools"), &json!("public"))
    );
    let owned = json!({ "project_access": null, "group_access": { "access_level": 50, "notification_level": 3 } });
    assert_eq!(changed.json()["permissions"], owned, "by the namespace of that name");
    for (body, told) in
        [(json!({}), "at least one parameter"), (json!({ "visibility": "secret" }), "visibility does not have a valid value")]
    {
        let refused = send(Method::PUT, "/api/v4/projects/1", body).await;
        assert_eq!((refused.status, refused.text().contains(told)), (400, true), "{}", refused.text());
    }
    let anybody = rest.send(rest.anonymous(Method::GET, "/api/v4/projects/1")).await;
    assert_eq!((anybody.status, &anybody.json()["permissions"]), (200, &json!({ "project_access": null, "group_access": null })));

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
        let send = async |method: Method, path: &str, body: Value| rest.send(rest.request(method, path).json(&body)).await;
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
        assert_eq!(rest.get("/api/v4/groups/team/projects").await.text(), "[]", "those of the group alone");
        let below = rest.get("/api/v4/groups/team/projects?include_subgroups=true").await;
        assert_eq!((&below.json()[0]["path"], below.header("x-total")), (&json!("app"), "1"));
        assert_eq!(rest.get("/api/v4/groups/team%2Ftools/projects").await.json()[0]["path"], "app");
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

async fn send(rest: &Rest, method: Method, path: &str, body: Value) -> Value {
    let answer = rest.send(rest.request(method, path).json(&body)).await;
    assert!(answer.status < 300, "{path} {body}: {}", answer.text());
    answer.json()
}

/// `root/demo`, where `dora` is a developer; `team/app` and `team/tools/deep`, below a group where she is a reporter; `root/open`, which is
/// public, and `root/other`, of which she does not know. With her client.
async fn filled(rest: &Rest) -> Rest {
    let dora = send(rest, Method::POST, "/api/v4/users", json!({ "username": "dora" })).await["id"].clone();
    let team = send(rest, Method::POST, "/api/v4/groups", json!({ "path": "team" })).await["id"].clone();
    let tools = send(rest, Method::POST, "/api/v4/groups", json!({ "path": "tools", "parent_id": team })).await["id"].clone();
    for (name, group) in [("app", team), ("deep", tools)] {
        send(rest, Method::POST, "/api/v4/projects", json!({ "name": name, "namespace_id": group })).await;
    }
    send(rest, Method::POST, "/api/v4/projects", json!({ "name": "open", "visibility": "public" })).await;
    rest.create_project("other").await;
    for (place, level) in [("projects/1", 30), ("groups/team", 20)] {
        send(rest, Method::POST, &format!("/api/v4/{place}/members"), json!({ "user_id": dora, "access_level": level })).await;
    }
    let path = format!("/api/v4/users/{dora}/personal_access_tokens");
    let token = send(rest, Method::POST, &path, json!({ "name": "own", "scopes": ["api"] })).await;
    rest.with_token(token["token"].as_str().unwrap())
}

fn paths(listed: &Value) -> Vec<&str> {
    listed.as_array().unwrap_or_else(|| panic!("{listed}")).iter().map(|project| project["path"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn projects_are_listed_by_what_the_caller_was_given_in_them() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        let dora = filled(&rest).await;
        for (query, expected) in [
            ("", &["app", "deep", "demo", "open"][..]),
            ("&membership=true", &["app", "deep", "demo"]),
            ("&membership=false", &["app", "deep", "demo", "open"]),
            ("&min_access_level=20", &["app", "deep", "demo"]),
            ("&min_access_level=30", &["demo"]),
            ("&min_access_level=10&membership=1", &["app", "deep", "demo"]),
            ("&min_access_level=40", &[]),
            ("&owned=true", &[]),
            ("&membership=true&search=ee", &["deep"]),
            ("&membership=true&visibility=public", &[]),
            ("&id_after=1&id_before=4", &["app", "deep"]),
        ] {
            let listed = dora.get(&format!("/api/v4/projects?order_by=id&sort=asc{query}")).await;
            let json = listed.json();
            let mut found = paths(&json);
            found.sort_unstable();
            assert_eq!((found, listed.header("x-total")), (expected.to_vec(), expected.len().to_string().as_str()), "{engine:?} {query}");
        }
        for (query, told) in [
            ("min_access_level=7", "min_access_level does not have a valid value"),
            ("min_access_level=x", "min_access_level is invalid"),
            ("id_after=x", "id_after is invalid"),
        ] {
            let refused = dora.get(&format!("/api/v4/projects?{query}")).await;
            assert_eq!((refused.status, refused.json()), (400, json!({ "error": told })), "{query}");
        }
        for query in ["owned=true", "membership=true", "min_access_level=50"] {
            let own = rest.get(&format!("/api/v4/projects?{query}")).await;
            assert_eq!((own.status, own.header("x-total")), (200, "5"), "{engine:?} {query}: what it made itself");
        }
        let nobody = rest.send(rest.anonymous(Method::GET, "/api/v4/projects?membership=true")).await;
        assert_eq!((nobody.status, nobody.text()), (200, "[]"));

        let roles = async |path: &str| dora.get(&format!("/api/v4/projects/{path}")).await.json()["permissions"].clone();
        let access = |level: i32| json!({ "access_level": level, "notification_level": 3 });
        assert_eq!(roles("root%2Fdemo").await, json!({ "project_access": access(30), "group_access": null }));
        assert_eq!(roles("team%2Ftools%2Fdeep").await, json!({ "project_access": null, "group_access": access(20) }));
        assert_eq!(roles("root%2Fopen").await, json!({ "project_access": null, "group_access": null }));
    }
}

#[tokio::test]
async fn of_an_administrator_counts_what_was_given_to_it() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        filled(&rest).await;
        let ada = send(&rest, Method::POST, "/api/v4/users", json!({ "username": "ada", "admin": true })).await["id"].clone();
        let path = format!("/api/v4/users/{ada}/personal_access_tokens");
        let token = send(&rest, Method::POST, &path, json!({ "name": "own", "scopes": ["api"] })).await;
        let admin = rest.with_token(token["token"].as_str().unwrap());
        for (place, level) in [("projects/1", 30), ("groups/team", 20)] {
            send(&rest, Method::POST, &format!("/api/v4/{place}/members"), json!({ "user_id": ada, "access_level": level })).await;
        }
        for (query, expected) in [
            ("", &["app", "deep", "demo", "open", "other"][..]),
            ("&membership=true", &["app", "deep", "demo"]),
            ("&min_access_level=20", &["app", "deep", "demo"]),
            ("&min_access_level=30", &["demo"]),
            ("&owned=true", &[]),
        ] {
            let listed = admin.get(&format!("/api/v4/projects?order_by=path&sort=asc{query}")).await;
            let json = listed.json();
            let mut found = paths(&json);
            found.sort_unstable();
            assert_eq!((listed.status, found), (200, expected.to_vec()), "{engine:?} {query}");
        }
        let access = |level: i32| json!({ "access_level": level, "notification_level": 3 });
        for (path, own, above) in
            [("root%2Fdemo", access(30), Value::Null), ("team%2Fapp", Value::Null, access(20)), ("root%2Fother", Value::Null, Value::Null)]
        {
            let told = admin.get(&format!("/api/v4/projects/{path}")).await.json()["permissions"].clone();
            assert_eq!(told, json!({ "project_access": own, "group_access": above }), "{engine:?} {path}");
        }
        let changed = admin.request(Method::PUT, "/api/v4/projects/root%2Fother").json(&json!({ "description": "seen" }));
        assert_eq!(admin.send(changed).await.status, 200, "an administrator may do everything all the same");
    }
}

#[tokio::test]
async fn a_project_in_short_has_its_names_its_place_and_its_times_alone() {
    let (_service, rest) = Builder::by_default().demo().await;
    send(&rest, Method::PUT, "/api/v4/projects/1", json!({ "visibility": "public" })).await;
    let long = rest.get("/api/v4/projects").await.json()[0].clone();
    let short = rest.get("/api/v4/projects?simple=true").await.json()[0].clone();
    let (long, short) = (long.as_object().unwrap(), short.as_object().unwrap());
    let mut left_out: Vec<&String> = long.keys().filter(|name| !short.contains_key(*name)).collect();
    left_out.sort_unstable();
    assert_eq!(left_out, ["archived", "packages_enabled", "permissions", "visibility"]);
    assert!(short.iter().all(|(name, value)| long[name] == *value), "{short:?}");
    let anybody = rest.send(rest.anonymous(Method::GET, "/api/v4/projects")).await.json()[0].clone();
    assert_eq!(anybody.as_object().unwrap().keys().collect::<Vec<_>>(), short.keys().collect::<Vec<_>>());
    assert_eq!(rest.get("/api/v4/groups/root/projects?simple=1").await.json()[0].get("permissions"), None);
}

#[tokio::test]
async fn projects_are_read_by_keys_and_told_only_of_the_next_page() {
    for (engine, flag) in BOTH.into_iter().flat_map(|engine| [(engine, false), (engine, true)]) {
        let builder = if flag { Builder::on(engine).flag("--strict-gitlab") } else { Builder::on(engine) };
        let (service, rest) = builder.demo().await;
        filled(&rest).await;
        let (mut found, mut path) = (Vec::new(), "/api/v4/projects?pagination=keyset&order_by=id&sort=asc&per_page=2".to_owned());
        loop {
            let page = rest.get(&path).await;
            assert_eq!(page.status, 200, "{}", page.text());
            assert!(!page.headers.keys().any(|name| name.as_str().starts_with("x-page") || name.as_str().starts_with("x-total")));
            found.extend(paths(&page.json()).into_iter().map(str::to_owned));
            let link = page.header("link");
            if link.is_empty() {
                break;
            }
            assert!(link.ends_with("; rel=\"next\"") && !link.contains(", "), "{link}");
            let base = format!("<http://{}", service.http());
            path = link.strip_prefix(&base).and_then(|link| link.split_once('>')).unwrap_or_else(|| panic!("{link}")).0.to_owned();
        }
        assert_eq!(found, ["demo", "app", "deep", "open", "other"], "{engine:?}");
        let refused = rest.get("/api/v4/projects?pagination=keyset&order_by=id&cursor=nonsense").await;
        assert_eq!(refused.status, 400, "{}", refused.text());
        let other = rest.get("/api/v4/projects?pagination=keyset&order_by=path&per_page=1&sort=asc").await;
        let below = rest.get("/api/v4/projects/1/packages?pagination=keyset").await;
        if flag {
            let told = json!({ "error": "Keyset pagination is not yet available for this type of request" });
            assert_eq!((other.status, other.json()), (405, told.clone()));
            assert_eq!((below.status, below.json()), (405, told));
        } else {
            assert_eq!((other.status, paths(&other.json())), (200, vec!["demo"]));
            assert_eq!((below.status, below.header("x-page")), (200, "1"));
        }
    }
}

#[tokio::test]
async fn a_group_is_deleted_with_what_is_in_it_if_the_gateway_is_strict() {
    for (engine, strict) in BOTH.into_iter().flat_map(|engine| [(engine, false), (engine, true)]) {
        let builder = if strict { Builder::on(engine).flag("--strict-gitlab") } else { Builder::on(engine) };
        let (_service, rest) = builder.demo().await;
        let dora = filled(&rest).await;
        let delete = async |rest: &Rest, path: &str| rest.send(rest.request(Method::DELETE, path)).await;
        assert_eq!(delete(&dora, "/api/v4/groups/team").await.status, 403);
        let deleted = delete(&rest, "/api/v4/groups/team").await;
        if !strict {
            assert_eq!(deleted.status, 409, "{}", deleted.text());
            assert_eq!(rest.get("/api/v4/projects/team%2Fapp").await.status, 200);
            continue;
        }
        assert_eq!((deleted.status, deleted.text()), (202, r#"{"message":"202 Accepted"}"#));
        for path in ["groups/team", "groups/team%2Ftools"] {
            let gone = rest.get(&format!("/api/v4/{path}")).await;
            assert_eq!((gone.status, gone.text()), (404, r#"{"message":"404 Group Not Found"}"#), "{path}");
        }
        for path in ["team%2Fapp", "team%2Ftools%2Fdeep"] {
            assert_eq!(rest.get(&format!("/api/v4/projects/{path}")).await.text(), r#"{"message":"404 Project Not Found"}"#, "{path}");
        }
        assert_eq!(paths(&rest.get("/api/v4/groups").await.json()), ["dora", "root"]);
        let json = rest.get("/api/v4/projects?order_by=id&sort=asc").await.json();
        assert_eq!(paths(&json), ["demo", "open", "other"], "what is elsewhere stays");
        assert_eq!(delete(&rest, "/api/v4/groups/team").await.status, 404);
    }
}
