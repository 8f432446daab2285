//! What GitLab says of packages, protection rules and tokens, rule by rule.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use integration_tests::Builder;
use integration_tests::rest::{Answer, Rest, file};
use reqwest::Method;
use serde_json::{Value, json};

const PROJECT: &str = "/api/v4/projects/root%2Fdemo";

async fn send(rest: &Rest, method: Method, path: &str, body: Value) -> Answer {
    rest.send(rest.request(method, path).json(&body)).await
}

/// The secret of a new token of the project with this access level.
async fn token(rest: &Rest, level: i32) -> String {
    let new = json!({ "name": "test", "scopes": ["api"], "access_level": level });
    let made = send(rest, Method::POST, &format!("{PROJECT}/access_tokens"), new).await;
    made.json()["token"].as_str().unwrap_or_else(|| panic!("{}", made.text())).to_owned()
}

/// The names of an object's fields, sorted.
fn keys(object: &Value) -> Vec<String> {
    let mut names: Vec<String> = object.as_object().unwrap_or_else(|| panic!("{object}")).keys().cloned().collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_belongs_to_another_project_is_not_there_and_parameters_are_judged() {
    let (_service, rest) = Builder::by_default().demo().await;
    rest.create_project("other").await;
    let own = rest.put(&file("tool", "1.0", "f?select=package_file"), "hello").await.json();
    let elsewhere = file("tool", "1.0", "f?select=package_file").replace("demo", "other");
    let foreign = rest.put(&elsewhere, "hello").await.json();
    let (package, foreign_file) = (format!("{PROJECT}/packages/{}", foreign["package_id"]), format!("package_files/{}", foreign["id"]));
    for (method, path) in [
        (Method::GET, package.clone()),
        (Method::GET, format!("{package}/package_files")),
        (Method::GET, format!("{package}/pipelines")),
        (Method::DELETE, package.clone()),
        (Method::DELETE, format!("{package}/{foreign_file}")),
        (Method::DELETE, format!("{PROJECT}/packages/{}/{foreign_file}", own["package_id"])),
    ] {
        let refused = rest.send(rest.request(method.clone(), &path)).await;
        assert_eq!((refused.status, refused.text()), (404, r#"{"message":"404 Not found"}"#), "{method} {path}");
    }
    let package = format!("{PROJECT}/packages/{}", own["package_id"]);
    for (query, field) in [
        ("pipelines?per_page=0", "per_page"),
        ("pipelines?per_page=-2", "per_page"),
        ("pipelines?per_page=21", "per_page"),
        ("package_files?order_by=size", "order_by"),
        ("package_files?sort=up", "sort"),
        ("package_files?per_page=0", "per_page"),
    ] {
        let refused = rest.get(&format!("{package}/{query}")).await;
        assert_eq!((refused.status, refused.json()), (400, json!({ "error": format!("{field} does not have a valid value") })), "{query}");
    }
    for query in ["per_page=1", "per_page=20"] {
        assert_eq!(rest.get(&format!("{package}/pipelines?{query}")).await.text(), "[]", "{query}");
    }
    let keyset = rest.get(&format!("{PROJECT}/packages?pagination=keyset&per_page=1")).await;
    assert_eq!((keyset.status, keyset.header("x-page"), keyset.header("x-total")), (200, "1", "1"));
}

#[tokio::test]
async fn a_project_in_a_group_in_a_group_is_named_in_one_segment_and_left_out_where_that_is_asked() {
    let (_service, rest) = Builder::by_default().demo().await;
    let group = send(&rest, Method::POST, "/api/v4/groups", json!({ "path": "sub", "parent_id": 1 })).await.json();
    let new = json!({ "name": "deep.er", "namespace_id": group["id"] });
    assert_eq!(send(&rest, Method::POST, "/api/v4/projects", new).await.status, 201);
    for (id, body) in [("root%2Fsub%2Fdeep.er", "raw"), ("root%2fsub%2fdeep%2Eer", "escaped"), ("2", "number")] {
        let path = file("tool", "1.0", body).replace("root%2Fdemo", id);
        assert_eq!(rest.put(&path, body).await.status, 201, "{id}");
        assert_eq!(rest.get(&path).await.text(), body, "{id}");
    }
    for (query, count) in [("", 1), ("?exclude_subgroups=false", 1), ("?exclude_subgroups=true", 0), ("?exclude_subgroups=1", 0)] {
        let listed = rest.get(&format!("/api/v4/groups/root/packages{query}")).await;
        assert_eq!(listed.json().as_array().map(Vec::len), Some(count), "{query}");
    }
    let listed = rest.get("/api/v4/groups/root/packages").await.json();
    let mut fields = keys(&rest.get("/api/v4/projects/2/packages").await.json()[0]);
    assert!(!fields.contains(&"versions".to_owned()), "{fields:?}");
    fields.extend(["project_id", "project_path"].map(str::to_owned));
    fields.sort();
    assert_eq!(keys(&listed[0]), fields);
}

#[tokio::test]
async fn a_stranger_deletes_nothing_and_learns_nothing_of_what_is_private() {
    let (_service, rest) = Builder::by_default().demo().await;
    let made = rest.put(&file("tool", "1.0", "f?select=package_file"), "hello").await.json();
    let id = send(&rest, Method::POST, "/api/v4/users", json!({ "username": "stranger" })).await.json()["id"].clone();
    let path = format!("/api/v4/users/{id}/personal_access_tokens");
    let own = send(&rest, Method::POST, &path, json!({ "name": "own", "scopes": ["api"] })).await.json();
    let stranger = rest.with_token(own["token"].as_str().unwrap());
    let package = format!("{PROJECT}/packages/{}", made["package_id"]);
    let one = format!("{package}/package_files/{}", made["id"]);
    for (visibility, read, change, told) in
        [("private", 404, 404, r#"{"message":"404 Project Not Found"}"#), ("public", 200, 403, r#"{"message":"403 Forbidden"#)]
    {
        assert_eq!(send(&rest, Method::PUT, PROJECT, json!({ "visibility": visibility })).await.status, 200);
        for path in [file("tool", "1.0", "f"), package.clone(), format!("{package}/package_files"), format!("{package}/pipelines")] {
            assert_eq!(stranger.get(&path).await.status, read, "{visibility} {path}");
        }
        for (method, path) in [(Method::PUT, file("tool", "1.0", "g")), (Method::DELETE, one.clone()), (Method::DELETE, package.clone())] {
            let refused = stranger.send(stranger.request(method.clone(), &path)).await;
            assert!(refused.status == change && refused.text().starts_with(told), "{visibility} {method} {path}: {}", refused.text());
        }
    }
    assert_eq!(rest.get(&file("tool", "1.0", "f")).await.text(), "hello");
}

#[tokio::test]
async fn every_rule_that_fits_must_be_met_and_no_two_have_one_pattern() {
    let (_service, rest) = Builder::by_default().demo().await;
    let rules = format!("{PROJECT}/packages/protection/rules");
    for (pattern, level) in [("kept-*", "maintainer"), ("*-web", "owner"), ("root", "admin")] {
        let new = json!({ "package_name_pattern": pattern, "package_type": "generic", "minimum_access_level_for_push": level });
        assert_eq!(send(&rest, Method::POST, &rules, new).await.status, 201);
    }
    for (level, taken) in [(30, &["app"][..]), (40, &["app", "kept-lib"]), (50, &["app", "kept-lib", "kept-web"])] {
        let by = rest.with_token(&token(&rest, level).await);
        for package in ["app", "kept-lib", "kept-web", "root"] {
            let answer = by.put(&file(package, "1.0", "f"), "hello").await;
            let expected = if taken.contains(&package) { "201 Created" } else { "403 Forbidden - Package protected." };
            assert_eq!(answer.json(), json!({ "message": expected }), "{level} {package}");
        }
    }
    assert_eq!(rest.put(&file("root", "1.0", "f"), "hello").await.status, 201);
    let second = rest.get(&rules).await.json()[1]["id"].clone();
    let taken = send(&rest, Method::PATCH, &format!("{rules}/{second}"), json!({ "package_name_pattern": "kept-*" })).await;
    assert_eq!((taken.status, taken.json()), (422, json!({ "message": ["Package name pattern has already been taken"] })));
}

#[tokio::test]
async fn tokens_look_as_gitlabs_and_their_secrets_are_told_once() {
    let (_service, rest) = Builder::by_default().demo().await;
    let personal = vec!["active", "created_at", "description", "expires_at", "id", "last_used_at", "name", "revoked", "scopes", "user_id"];
    let below = [vec!["access_level"], personal.clone()].concat();
    let deploy = vec!["expired", "expires_at", "id", "name", "revoked", "scopes", "username"];
    let (day, instant) = ("2099-01-02", "2099-01-02T00:00:00.000Z");
    for (create, lists, scope, mut fields, end) in [
        ("user/personal_access_tokens", "personal_access_tokens", "api", personal, day),
        ("projects/1/access_tokens", "projects/1/access_tokens", "api", below.clone(), day),
        ("groups/1/access_tokens", "groups/1/access_tokens", "api", below, day),
        ("projects/1/deploy_tokens", "projects/1/deploy_tokens", "read_package_registry", deploy.clone(), instant),
        ("groups/1/deploy_tokens", "groups/1/deploy_tokens", "read_package_registry", deploy, instant),
    ] {
        let new = json!({ "name": "ci", "scopes": [scope], "expires_at": day });
        let made = send(&rest, Method::POST, &format!("/api/v4/{create}"), new).await;
        let token = made.json();
        assert_eq!((made.status, &token["expires_at"], &token["scopes"]), (201, &json!(end), &json!([scope])), "{create}");
        assert!(token["id"].is_i64() && (token.get("access_level").is_none() || token["access_level"] == 40), "{token}");
        let one = rest.get(&format!("/api/v4/{lists}/{}", token["id"])).await.json();
        assert_eq!(keys(&one), fields, "{create}");
        let listed = rest.get(&format!("/api/v4/{lists}")).await.json();
        assert!(listed.as_array().unwrap().iter().all(|listed| keys(listed) == fields), "{listed}");
        fields.push("token");
        fields.sort_unstable();
        assert_eq!(keys(&token), fields, "{create}");
        let by = rest.with_token(token["token"].as_str().unwrap());
        if create.starts_with("user") {
            assert_eq!(by.get("/api/v4/personal_access_tokens/self").await.json()["id"], token["id"]);
            assert_eq!(send(&by, Method::DELETE, "/api/v4/personal_access_tokens/self", json!({})).await.text(), "");
            assert_eq!(by.get("/api/v4/user").await.status, 401);
        }
    }
}

#[tokio::test]
async fn a_token_of_a_project_rotates_itself() {
    let (_service, rest) = Builder::by_default().demo().await;
    let by = rest.with_token(&token(&rest, 40).await);
    let rotated = send(&by, Method::POST, &format!("{PROJECT}/access_tokens/self/rotate"), json!({})).await;
    assert_eq!((rotated.status, rotated.json()["token"].is_string()), (200, true), "{}", rotated.text());
    assert_eq!(by.get(PROJECT).await.status, 401);
}

#[tokio::test]
async fn packages_of_one_project_have_no_order_by_project() {
    let (_service, rest) = Builder::by_default().demo().await;
    let refused = rest.get(&format!("{PROJECT}/packages?order_by=project_path")).await;
    assert_eq!((refused.status, refused.text()), (400, r#"{"error":"order_by does not have a valid value"}"#));
    assert_eq!(rest.get("/api/v4/groups/root/packages?order_by=project_path").await.status, 200);
}

/// What the planes call the fields of requests, and what no client of this API has ever heard of.
const OF_THE_PLANES: [&str; 14] = [
    "update_mask",
    "page_token",
    "page_size",
    "parent",
    "display_name",
    "expire_time",
    "release_time",
    "package_pattern",
    "project_id",
    "version_id",
    "minimum_publish_role",
    "request_id",
    "`filter`",
    "protection_rule",
];

#[tokio::test]
async fn a_refusal_speaks_of_the_parameters_that_the_request_has() {
    let (_service, rest) = Builder::by_default().demo().await;
    let (long, huge) = ("x".repeat(5000), "x".repeat(1_100_000));
    let links: Vec<Value> = (0..1001).map(|n| json!({ "name": format!("l{n}"), "url": format!("https://host/{n}") })).collect();
    let releases = format!("{PROJECT}/releases");
    assert_eq!(send(&rest, Method::POST, &releases, json!({ "tag_name": "v1" })).await.status, 201);
    let rules = format!("{PROJECT}/packages/protection/rules");
    let rule =
        |pattern: &str| json!({ "package_name_pattern": pattern, "package_type": "generic", "minimum_access_level_for_push": "owner" });
    let mut wrong = Vec::new();
    for (method, path, body, word) in [
        (Method::POST, "/api/v4/projects", json!({ "name": long, "path": "n" }), "`name`"),
        (Method::POST, "/api/v4/projects", json!({ "name": "n", "path": "not a path" }), "`path`"),
        (Method::PUT, PROJECT, json!({ "name": long }), "`name`"),
        (Method::PUT, PROJECT, json!({ "description": long }), "`description`"),
        (Method::POST, "/api/v4/groups", json!({ "name": "g", "path": "not a path" }), "`path`"),
        (Method::POST, "/api/v4/groups", json!({ "name": long, "path": "g" }), "`name`"),
        (Method::POST, "/api/v4/users", json!({ "username": "u", "name": long }), "`name`"),
        (Method::POST, "/api/v4/users", json!({ "username": "not a name" }), "`username`"),
        (Method::POST, &rules, rule(&long), "`package_name_pattern`"),
        (Method::POST, &releases, json!({ "tag_name": "v2", "description": huge }), "description"),
        (Method::POST, &releases, json!({ "tag_name": "v2", "name": long }), "name"),
        (Method::POST, &releases, json!({ "tag_name": long }), "tag_name"),
        (Method::POST, &releases, json!({ "tag_name": "v2", "assets": { "links": links } }), "`links`"),
        (Method::POST, &format!("{releases}/v1/assets/links"), json!({ "name": long, "url": "https://host/x" }), "name"),
        (Method::POST, &format!("{releases}/v1/assets/links"), json!({ "name": "x", "url": "not an address" }), "url"),
        (Method::POST, &format!("{PROJECT}/access_tokens"), json!({ "name": long, "scopes": ["api"] }), "`name`"),
        (
            Method::POST,
            &format!("{PROJECT}/access_tokens"),
            json!({ "name": "t", "scopes": ["api"], "expires_at": "2001-01-01" }),
            "`expires_at`",
        ),
        (Method::GET, &format!("{PROJECT}/packages?package_name={long}"), json!(null), "`package_name`: longer than 2048 bytes"),
        (Method::GET, &format!("{PROJECT}/packages?package_name=x&package_version={long}"), json!(null), "`package_version`: longer"),
        (Method::GET, &format!("/api/v4/groups/root/packages?package_name={long}"), json!(null), "`package_name`: longer"),
        (Method::GET, &format!("/api/v4/groups/root/projects?search={long}"), json!(null), "`search`: longer"),
        (Method::GET, &format!("/api/v4/projects?search={long}"), json!(null), "`search`: longer"),
        (Method::GET, "/api/v4/projects?pagination=keyset&cursor=x", json!(null), "`cursor`: not a token of this list"),
        (Method::GET, &format!("/api/v4/groups?search={long}"), json!(null), "`search`: longer"),
        (Method::GET, &format!("/api/v4/users?search={long}"), json!(null), "`search`: longer"),
        (Method::GET, &format!("/api/v4/users?search=x&username={long}"), json!(null), "`username`: longer"),
        (Method::GET, &format!("{PROJECT}/members?query={long}"), json!(null), "`query`: longer"),
        (Method::GET, &format!("/api/v4/personal_access_tokens?search={long}"), json!(null), "`search`: longer"),
    ] {
        let refused = send(&rest, method.clone(), path, body).await;
        let told = refused.json();
        let told = told["message"].as_str().or(told["error"].as_str()).unwrap_or_default().to_owned();
        let is_strange = OF_THE_PLANES.iter().any(|strange| told.contains(strange));
        if refused.status != 400 || is_strange || !told.contains(word) {
            wrong.push(format!("{method} {path}: {word}: {} {told}", refused.status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn fields_may_stand_behind_the_question_mark_and_the_body_goes_before_them() {
    let (_service, rest) = Builder::by_default().demo().await;
    let send = async |method: Method, path: &str, body: Option<Value>| {
        let request = rest.request(method, path);
        let answer = rest.send(if let Some(body) = body { request.json(&body) } else { request }).await;
        assert_eq!(answer.header("content-type"), "application/json", "{path}");
        (answer.status, answer.json())
    };
    let (status, project) = send(Method::POST, "/api/v4/projects?name=behind&visibility=public", None).await;
    assert_eq!((status, &project["path"], &project["visibility"]), (201, &json!("behind"), &json!("public")));
    let (status, project) =
        send(Method::PUT, "/api/v4/projects/1?visibility=public&description=q", Some(json!({ "description": "b" }))).await;
    assert_eq!((status, &project["visibility"], &project["description"]), (200, &json!("public"), &json!("b")));
    let token = "/api/v4/projects/1/access_tokens?name=t&scopes[]=api&access_level=30&expires_at=2098-01-01";
    let (status, token) = send(Method::POST, token, None).await;
    assert_eq!((status, &token["scopes"], &token["expires_at"]), (201, &json!(["api"]), &json!("2098-01-01")));
    let rotated = format!("/api/v4/projects/1/access_tokens/{}/rotate?expires_at=2097-01-01", token["id"]);
    let (status, token) = send(Method::POST, &rotated, None).await;
    assert_eq!((status, &token["expires_at"]), (200, &json!("2097-01-01")));
    let refused = send(Method::POST, "/api/v4/projects?name=%FF", None).await;
    assert_eq!(refused.0, 400, "{refused:?}");
    let wrong = send(Method::POST, "/api/v4/projects?name=x", Some(json!(["x"]))).await;
    assert_eq!(wrong, (400, json!({ "error": "body has a field of the wrong type" })));
}

#[tokio::test]
async fn a_route_that_is_not_there_is_told_from_a_thing_that_is_not() {
    let (_service, rest) = Builder::by_default().demo().await;
    for path in ["/api/v4/groups/root/subgroups", "/api/v4/projects/1/repository/tags", "/api/v4", "/nothing"] {
        let answer = rest.get(path).await;
        assert_eq!((answer.status, answer.json()), (404, json!({ "error": "404 Not Found" })), "{path}");
        assert_eq!(answer.header("content-type"), "application/json");
    }
}
