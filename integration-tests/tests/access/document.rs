//! The document of the REST routes: each of them is judged by the written table.

use std::collections::BTreeSet;

use integration_tests::rest::{Answer, Rest};
use integration_tests::{Builder, Engine};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::{rest, rest_above};

/// Routes that say the same to everybody.
const OF_NOBODY: [(&str, &str); 1] = [("OPTIONS", "/api/v4/projects/7/packages/generic/tool/1.0/f")];

/// Whether a path is one of those that the document means; a name in it stands for one segment, and the last one for several.
fn is_of(path: &str, documented: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let (path, documented): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), documented.split('/').collect());
    path.len() == documented.len() && path.iter().zip(&documented).all(|(part, name)| part == name || name.starts_with('{'))
}

#[tokio::test]
async fn every_route_of_the_document_has_its_rows_in_the_matrix() {
    let (_service, rest) = Builder::on(Engine::Sqlite).demo().await;
    let document = rest.send(rest.anonymous(Method::GET, "/api/v4/openapi.json")).await;
    assert_eq!((document.status, document.header("content-type")), (200, "application/json"));
    let document = document.json();
    assert_eq!(document["openapi"], "3.1.0");

    let of_projects = rest::ROUTES.iter().map(|(method, path, ..)| (*method, format!("/api/v4/projects/7{path}")));
    let of_groups = rest_above::OF_GROUPS.iter().map(|(method, path, ..)| (*method, format!("/api/v4/groups/7{path}")));
    let others = rest_above::OF_ONESELF.iter().chain(&rest_above::OF_OTHERS);
    let made =
        [rest_above::OF_ANOTHER, rest_above::OF_INSTANCE, rest_above::LIST_GROUPS, rest_above::MAKE_USER, rest_above::make_group("")];
    let others = others.chain(&made).map(|(method, path, ..)| (*method, format!("/api/v4{path}")));
    let lists = ["GET", "POST"].map(|method| (method, "/api/v4/projects".to_owned()));
    let open = OF_NOBODY.map(|(method, path)| (method, path.to_owned()));
    let rows: Vec<(&str, String)> = of_projects.chain(of_groups).chain(others).chain(lists).chain(open).collect();

    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(method, _)| *method != "parameters") {
            let method = method.to_uppercase();
            assert!(rows.iter().any(|(known, row)| *known == method && is_of(row, path)), "{method} {path} has no row");
            assert!(!operation["summary"].as_str().unwrap_or_default().is_empty(), "{method} {path} says nothing");
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
        }
        for name in path.split(['{', '}']).skip(1).step_by(2) {
            let told = item["parameters"].as_array().unwrap().iter().any(|parameter| parameter["name"] == name);
            assert!(told, "{path}: {name}");
        }
    }
    assert!(ids.len() >= 79, "{}", ids.len());
}

#[tokio::test]
async fn the_document_says_what_bodies_must_have_how_each_route_refuses_and_what_each_schema_is() {
    let (_service, rest) = Builder::on(Engine::Sqlite).demo().await;
    let document = rest.get("/api/v4/openapi.json").await.json();
    let (text, schemas) = (document.to_string(), document["components"]["schemas"].as_object().unwrap());
    for (name, schema) in schemas {
        assert!(text.contains(&format!("\"#/components/schemas/{name}\"")), "nothing refers to {name}");
        assert!(!name.ends_with(|last: char| last.is_ascii_digit()), "{name} is the name of two schemas");
        let is_vague =
            ["Wanted", "Fields", "Parameters", "Place", "Links", "Assets", "Status", "Access", "Version"].contains(&name.as_str());
        assert!(!is_vague && schema.is_object(), "{name}");
    }
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(method, _)| *method != "parameters" && *method != "options") {
            for status in ["400", "401", "403", "404", "429", "500", "503"] {
                assert!(operation["responses"][status].is_object() || path.ends_with("/openapi.json"), "{method} {path}: {status}");
            }
            let Some(body) = operation["requestBody"].as_object() else { continue };
            for (media_type, content) in body["content"].as_object().unwrap() {
                let must = content["schema"].get("required").or(content["schema"].get("anyOf"));
                let is_bytes = content["schema"]["format"] == "binary";
                assert!(must.is_some() || is_bytes || body.get("required") != Some(&true.into()), "{method} {path}: {media_type}");
            }
        }
    }
    let needs =
        |path: &str, media_type: &str| document["paths"][path]["post"]["requestBody"]["content"][media_type]["schema"]["required"].clone();
    let tokens = "/api/v4/projects/{id}/access_tokens";
    assert_eq!(needs(tokens, "application/json"), serde_json::json!(["name", "scopes"]));
    assert_eq!(needs(tokens, "application/x-www-form-urlencoded"), serde_json::json!(["name", "scopes[]"]));
    assert_eq!(schemas["ReleaseLinkFields"]["required"], serde_json::json!(["name", "url"]));
}

#[tokio::test]
async fn the_orders_of_a_list_are_those_that_it_has() {
    let (_service, rest) = Builder::on(Engine::Sqlite).demo().await;
    let document = rest.get("/api/v4/openapi.json").await.json();
    for list in ["/api/v4/projects/{id}/packages", "/api/v4/groups/{id}/packages", "/api/v4/projects", "/api/v4/projects/{id}/releases"] {
        let parameters = document["paths"][list]["get"]["parameters"].as_array().unwrap();
        let order_by = parameters.iter().find(|parameter| parameter["name"] == "order_by").unwrap();
        let orders = order_by["schema"]["enum"].as_array().unwrap();
        assert!(orders.len() >= 2, "{list}");
        for order in orders {
            let answer = rest.get(&format!("{}?order_by={}", list.replace("{id}", "1"), order.as_str().unwrap())).await;
            assert_eq!(answer.status, 200, "{list} {order}: {}", answer.text());
        }
    }
}

/// Something for a field, which no other call sends.
fn something(field: &str, path: &str, number: usize) -> Value {
    match field {
        "access_level" => json!(30),
        "user_id" => json!(2),
        "username" if path.ends_with("/members") => json!("dora"),
        "scopes" if path.contains("deploy_tokens") => json!(["read_package_registry"]),
        "scopes" => json!(["api"]),
        "url" => json!(format!("https://host/{number}")),
        "package_type" => json!("generic"),
        "minimum_access_level_for_push" | "minimum_access_level_for_delete" => json!("owner"),
        "visibility" => json!("private"),
        "released_at" => json!("2026-01-02T03:04:05Z"),
        _ => json!(format!("n{number}")),
    }
}

/// The fields that a list in a schema names.
fn fields(named: &Value) -> Vec<String> {
    named.as_array().into_iter().flatten().map(|field| field.as_str().unwrap().to_owned()).collect()
}

async fn sent(rest: &Rest, method: &str, path: &str, named: &[&String], number: &mut usize) -> Answer {
    *number += 1;
    let body: Map<String, Value> = named.iter().map(|field| ((*field).clone(), something(field, path, *number))).collect();
    rest.send(rest.request(Method::from_bytes(method.to_uppercase().as_bytes()).unwrap(), path).json(&body)).await
}

#[tokio::test]
async fn routes_refuse_bodies_without_the_fields_that_the_document_demands_and_take_those_that_have_them() {
    let (_service, rest) = Builder::on(Engine::Sqlite).demo().await;
    let rule = json!({ "package_name_pattern": "x", "package_type": "generic", "minimum_access_level_for_push": "owner" });
    for (path, body) in [
        ("users", json!({ "username": "dora" })),
        ("projects/1/releases", json!({ "tag_name": "v1" })),
        ("projects/1/packages/protection/rules", rule),
    ] {
        assert_eq!(rest.send(rest.request(Method::POST, &format!("/api/v4/{path}")).json(&body)).await.status, 201, "{path}");
    }
    let document = rest.get("/api/v4/openapi.json").await.json();
    let (mut tried, mut number) = (0, 0);
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let all = fields(&schema["required"]);
            let any: Vec<String> = schema["anyOf"].as_array().into_iter().flatten().flat_map(|one| fields(&one["required"])).collect();
            if all.is_empty() && any.is_empty() {
                continue;
            }
            tried += 1;
            let path =
                ["id", "package_protection_rule_id"].iter().fold(path.clone(), |path, name| path.replace(&format!("{{{name}}}"), "1"));
            let path = path.replace("{user_id}", "2").replace("{tag_name}", "v1");
            for missing in &all {
                let others: Vec<&String> = all.iter().filter(|field| *field != missing).chain(any.first()).collect();
                let refused = sent(&rest, method, &path, &others, &mut number).await;
                let told = refused.json()["error"].as_str().unwrap_or_default().to_owned();
                assert!(refused.status == 400 && told.contains(missing.as_str()), "{method} {path}: {missing}: {}", refused.text());
            }
            if !any.is_empty() {
                let refused = sent(&rest, method, &path, &all.iter().collect::<Vec<_>>(), &mut number).await;
                assert_eq!(refused.status, 400, "{method} {path}: {any:?}: {}", refused.text());
            }
            for one in any.iter().map(Some).chain(any.is_empty().then_some(None)) {
                let taken = sent(&rest, method, &path, &all.iter().chain(one).collect::<Vec<_>>(), &mut number).await;
                assert!([200, 201, 409].contains(&taken.status), "{method} {path}: {one:?}: {} {}", taken.status, taken.text());
            }
        }
    }
    assert_eq!(tried, 19, "each of the bodies that must have something");
    for link in [json!({ "name": "x" }), json!({ "url": "https://host/x" })] {
        let body = json!({ "tag_name": "v2", "assets": { "links": [link] } });
        let refused = rest.send(rest.request(Method::POST, "/api/v4/projects/1/releases").json(&body)).await;
        assert_eq!(refused.status, 400, "{link}: {}", refused.text());
    }
}
