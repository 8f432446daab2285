//! A service with packages, and how it is asked.

use consign_proto::metadata::{QuarantineVersionRequest, YankVersionRequest};
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::rest::{Answer, Rest};
use integration_tests::{Builder, Engine, TestService};
use reqwest::Method;
use serde_json::{Value, json};

pub(crate) const HIDDEN: &str =
    "The resource that you are attempting to access does not exist or you don't have permission to perform this action";

pub(crate) async fn ask(rest: &Rest, query: &str, variables: Value) -> Answer {
    rest.send(rest.request(Method::POST, "/api/graphql").json(&json!({ "query": query, "variables": variables }))).await
}

/// The data of an answer without errors.
pub(crate) async fn data(rest: &Rest, query: &str, variables: Value) -> Value {
    let answer = ask(rest, query, variables).await;
    assert_eq!((answer.status, answer.json().get("errors")), (200, None), "{query}: {}", answer.text());
    answer.json()["data"].clone()
}

/// The first error of an answer that is no refusal by HTTP.
pub(crate) async fn error(rest: &Rest, query: &str, variables: Value) -> String {
    let answer = ask(rest, query, variables).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["errors"][0]["message"].as_str().unwrap_or_else(|| panic!("{query}: {}", answer.text())).to_owned()
}

pub(crate) async fn post(rest: &Rest, path: &str, body: Value) -> Value {
    let answer = rest.send(rest.request(Method::POST, path).json(&body)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

/// The same service for a token of the project with this role.
pub(crate) async fn as_role(rest: &Rest, level: i32) -> Rest {
    let new = json!({ "name": "test", "scopes": ["api"], "access_level": level });
    let token = post(rest, "/api/v4/projects/1/access_tokens", new).await["token"].clone();
    rest.with_token(token.as_str().unwrap())
}

/// `root/demo` with `tool` 1.0, 1.1 (hidden), 2.0 (deprecated), 3.0 (error) and `Other` 1.0, and `root/sub/deep` with `lib` 1.0.
pub(crate) async fn filled(engine: Engine) -> (TestService, Rest) {
    let (service, rest) = Builder::on(engine).demo().await;
    for path in ["tool/1.0/f", "tool/1.1/f?status=hidden", "tool/2.0/f", "tool/3.0/f", "Other/1.0/f"] {
        assert_eq!(rest.put(&format!("/api/v4/projects/1/packages/generic/{path}"), path).await.status, 201);
    }
    let group = post(&rest, "/api/v4/groups", json!({ "path": "sub", "parent_id": 1 })).await;
    post(&rest, "/api/v4/projects", json!({ "name": "deep", "namespace_id": group["id"] })).await;
    assert_eq!(rest.put("/api/v4/projects/2/packages/generic/lib/1.0/to/f", "deep").await.status, 201);
    let mut packages = Grpc::to(service.grpc()).packages();
    let (name, reason) = ("projects/1/packages/tool/versions/2.0".to_owned(), "old".to_owned());
    packages.yank_version(authorized(YankVersionRequest { name, reason, ..Default::default() })).await.unwrap();
    let (name, reason) = ("projects/1/packages/tool/versions/3.0".to_owned(), "bad".to_owned());
    packages.quarantine_version(authorized(QuarantineVersionRequest { name, reason, ..Default::default() })).await.unwrap();
    (service, rest)
}

/// `name version status` of each node.
pub(crate) fn shown(packages: &Value) -> Vec<String> {
    let word = |node: &Value| ["name", "version", "status"].map(|field| node[field].as_str().unwrap_or_default()).join(" ");
    packages["nodes"].as_array().unwrap_or_else(|| panic!("{packages}")).iter().map(word).collect()
}

/// The numbers of `tool` 1.0, 1.1, 2.0, 3.0, of `Other` 1.0 and of `lib` 1.0.
pub(crate) async fn package_numbers(rest: &Rest) -> Vec<i64> {
    let mut ids = Vec::new();
    for query in [
        "1/packages?status=default&package_name=tool",
        "1/packages?status=hidden",
        "1/packages?status=deprecated",
        "1/packages?status=error",
        "1/packages?package_name=Other",
        "2/packages",
    ] {
        ids.push(rest.get(&format!("/api/v4/projects/{query}")).await.json()[0]["id"].as_i64().unwrap_or_else(|| panic!("{query}")));
    }
    ids
}

/// The numbers of their files, one each.
pub(crate) async fn file_numbers(rest: &Rest) -> Vec<i64> {
    let mut ids = Vec::new();
    for package in package_numbers(rest).await {
        let query = format!("{{ package(id: \"gid://gitlab/Packages::Package/{package}\") {{ packageFiles {{ nodes {{ id }} }} }} }}");
        let id = data(rest, &query, json!({})).await["package"]["packageFiles"]["nodes"][0]["id"].clone();
        ids.push(id.as_str().unwrap().rsplit('/').next().unwrap().parse().unwrap());
    }
    ids
}
