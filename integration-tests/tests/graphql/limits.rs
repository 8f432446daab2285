//! What a query may cost.

use std::fmt::Write as _;
use std::time::Instant;

use integration_tests::{Builder, Engine};
use serde_json::json;

use crate::asking::{ask, data, error, filled};

#[tokio::test]
async fn what_would_cost_too_much_is_refused_before_anything_is_asked() {
    let (_service, rest) = filled(Engine::Sqlite).await;
    let aliases = |many: usize, field: &str| format!("{{ {} }}", (0..many).fold(String::new(), |all, i| all + &format!(" a{i}: {field}")));
    let deep = |levels: usize| {
        format!(
            "{{ group(fullPath: \"root\") {{ {}id{} }} }}",
            "packages(first: 1) { nodes { project { ".repeat(levels),
            " } } }".repeat(levels)
        )
    };
    let mut doubling = "{ ...F0 }".to_owned();
    for number in 0..25 {
        write!(doubling, " fragment F{number} on Query {{ ...F{0} ...F{0} }}", number + 1).unwrap();
    }
    doubling += " fragment F25 on Query { metadata { version } }";
    let nested = "{ project(fullPath: \"root/demo\") {
        packages { nodes { project { packages { nodes { project { packages { nodes { id } } } } } } } } } }";
    for (what, query, told) in [
        ("1000 aliases", aliases(1000, "project(fullPath: \"root/demo\") { id }"), "too large"),
        ("fragments that double", doubling, "too large"),
        ("a circle", "{ ...F } fragment F on Query { ...F ...F }".to_owned(), "too deep"),
        ("depth", deep(7), "deep"),
        ("nested lists", nested.to_owned(), "complex"),
        ("many questions", aliases(300, "metadata { version }") + "#", ""),
        ("many projects", aliases(300, "project(fullPath: \"root/demo\") { id }"), "costly"),
        ("many directives", format!("{{ metadata {{ version {} }} }}", "@skip(if: false) ".repeat(20)), "directive"),
    ] {
        let began = Instant::now();
        let answer = ask(&rest, &query, json!({})).await;
        let message = answer.json()["errors"][0]["message"].as_str().unwrap_or_default().to_owned();
        assert!(answer.status == 200 && message.contains(told) && message.is_empty() == told.is_empty(), "{what}: {}", answer.text());
        assert!(began.elapsed().as_secs() < 5, "{what} took {:?}", began.elapsed());
    }
    // What tools and people ask is within all of it.
    let introspection = include_str!("introspection.graphql");
    let schema = data(&rest, introspection, json!({})).await;
    let types: Vec<&str> = schema["__schema"]["types"].as_array().unwrap().iter().map(|kind| kind["name"].as_str().unwrap()).collect();
    for name in [
        "PackagesPackageID",
        "UntrustedRegexp",
        "PackageSort",
        "UpdateNamespacePackageSettingsInput",
        "PackageFileConnection",
        "PackageDetailsType",
    ] {
        assert!(types.contains(&name), "{name}: {types:?}");
    }
    let usual = "{ project(fullPath: \"root/demo\") { packages { nodes { id name version status canDestroy project { fullPath } } } } }";
    assert_eq!(data(&rest, usual, json!({})).await["project"]["packages"]["nodes"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn each_question_to_the_planes_counts() {
    let (_service, rest) = Builder::by_default().demo().await;
    // The projects of a page are asked for by fifties: each list takes one question, and two more for those.
    for number in 1..=51 {
        rest.create_project(&format!("p{number}")).await;
        assert_eq!(rest.put(&format!("/api/v4/projects/root%2Fp{number}/packages/generic/tool/1.0/f"), "hello").await.status, 201);
    }
    let lists = |many: usize| {
        let lists = (0..many).fold(String::new(), |all, i| all + &format!(" a{i}: packages(first: 100) {{ nodes {{ id }} }}"));
        format!("{{ group(fullPath: \"root\") {{ {lists} }} }}")
    };
    let found = data(&rest, &lists(83), json!({})).await;
    assert_eq!(found["group"]["a82"]["nodes"].as_array().unwrap().len(), 51);
    assert_eq!(error(&rest, &lists(84), json!({})).await, "query is too costly: it takes more than 250 questions to the planes");
}
