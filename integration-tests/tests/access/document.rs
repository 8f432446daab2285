//! The document of the REST routes: each of them is judged by the written table.

use std::collections::BTreeSet;

use integration_tests::{Builder, Engine};

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
    let document = rest.send(rest.anonymous(reqwest::Method::GET, "/api/v4/openapi.json")).await;
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
