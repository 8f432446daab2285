//! Bodies that nobody means well with.

use std::time::Instant;

use integration_tests::Engine;
use reqwest::Method;
use serde_json::json;

use crate::asking::{ask, filled};

#[tokio::test]
async fn hostile_bodies_are_refused_and_break_nothing() {
    let (_service, rest) = filled(Engine::Sqlite).await;
    let query = r#"{"query":"{ metadata { version } }"}"#;
    let send = async |kind: &str, body: Vec<u8>| {
        let request = rest.request(Method::POST, "/api/graphql").header("content-type", kind).body(body);
        rest.send(request).await
    };
    for (what, kind, body, status) in [
        ("a query", "application/json; charset=utf-8", query.into(), 200),
        ("no JSON", "application/json", b"query".to_vec(), 400),
        ("nothing", "application/json", Vec::new(), 400),
        ("no text", "application/json", vec![0xff; 100], 400),
        ("no query", "application/json", b"{}".to_vec(), 200),
        ("another query", "application/json", br#"{"query":7}"#.to_vec(), 400),
        ("a batch of what is no query", "application/json", b"[7]".to_vec(), 400),
        ("an open batch", "application/json", format!("[{query},").into_bytes(), 400),
        ("a batch in a batch", "application/json", format!("[[{query}]]").into_bytes(), 400),
        ("a deep batch", "application/json", b"[".repeat(60_000), 400),
        ("variables that are a list", "application/json", br#"{"query":"{a}","variables":[1]}"#.to_vec(), 422),
        ("variables that are no JSON", "application/json", br#"{"query":"{a}","variables":"{"}"#.to_vec(), 422),
        (
            "variables that are deep",
            "application/json",
            format!(r#"{{"query":"{{a}}","variables":"{}"}}"#, "[".repeat(60_000)).into_bytes(),
            422,
        ),
        ("10 MB", "application/json", vec![b' '; 10 << 20], 413),
        ("a little too much", "application/json", vec![b' '; (64 << 10) + 1], 413),
        ("deep JSON", "application/json", format!(r#"{{"query":"{{a}}","variables":{}"#, "[".repeat(60_000)).into_bytes(), 400),
        ("a form without a query", "application/x-www-form-urlencoded", b"x=1&&=&%ff".to_vec(), 200),
        ("a form whose variables are no JSON", "application/x-www-form-urlencoded", b"query={a}&variables={".to_vec(), 422),
        ("a form of 10 MB", "application/x-www-form-urlencoded", vec![b'='; 10 << 20], 413),
        ("no parts", "multipart/form-data; boundary=x", b"--x--".to_vec(), 200),
        ("an open part", "multipart/form-data; boundary=x", b"--x\r\ncontent-disposition: form-data; name=query\r\n\r\n".to_vec(), 400),
        ("parts without a boundary", "multipart/form-data", b"--x--".to_vec(), 400),
        ("plain text", "text/plain", query.into(), 415),
        ("bare GraphQL", "application/graphql", b"{metadata{version}}".to_vec(), 415),
    ] {
        let answer = send(kind, body).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        assert!(what == "a query" || answer.json()["errors"][0]["message"].is_string(), "{what}: {}", answer.text());
    }
}

#[tokio::test]
async fn hostile_queries_are_refused_and_break_nothing() {
    let (_service, rest) = filled(Engine::Sqlite).await;
    let open = |text: &str| text.repeat(30_000 / text.len());
    for text in [
        String::new(),
        "{".to_owned(),
        "subscription { x }".to_owned(),
        "{ unknown }".to_owned(),
        open("{a"),
        format!("{{ a(x: {}", open("[")),
        format!("{{ a(x: {}{}) }}", open("["), open("]")),
        format!("{{ a(x: {}", open("{a:")),
        format!("query($a: {}Int{}) {{ a }}", open("["), open("]")),
        format!("{{ metadata {{ {} }} }}", open("... { version ")),
        format!("{}{}", open("{a"), open("}")),
        format!("{{ metadata {{ version }} }} {}", open("fragment F on Query { a } ")),
        "\u{0}\u{feff}\u{202e}".to_owned(),
    ] {
        let began = Instant::now();
        let answer = ask(&rest, &text, json!({})).await;
        let shown: String = text.chars().take(40).collect();
        assert!(answer.status == 200 && answer.json()["errors"][0]["message"].is_string(), "{shown}: {} {}", answer.status, answer.text());
        assert!(began.elapsed().as_secs() < 5, "{shown} took {:?}", began.elapsed());
    }
    for query in ["", "query=", "query=%ff", "query={a}&variables=[", "query={a}&variables=7", "%", "query={a&query={b"] {
        let answer = rest.get(&format!("/api/graphql?{query}")).await;
        assert!(matches!(answer.status, 200 | 422) && answer.json()["errors"][0]["message"].is_string(), "{query}: {}", answer.text());
    }
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        assert_eq!(rest.send(rest.request(method, "/api/graphql?query={metadata{version}}")).await.status, 405);
    }
    let two = rest.request(Method::POST, "/api/graphql").header("job-token", "another").json(&json!({ "query": "{ __typename }" }));
    assert_eq!(rest.send(two).await.status, 401, "two tokens");
    assert_eq!(ask(&rest, "{ metadata { version } }", json!({})).await.status, 200, "it goes on");
}
