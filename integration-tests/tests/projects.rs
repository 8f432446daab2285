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

        let first = rest.get("/api/v4/projects?per_page=1").await;
        assert_eq!(first.json().as_array().map(Vec::len), Some(1));
        let link = first.header("link").split(['<', '>']).nth(1).unwrap();
        assert!(link.starts_with(&format!("http://{}/api/v4/projects?", service.http())), "{link}");
        let next = link.split_once("/api").unwrap().1.to_owned();
        let behind_a_proxy = rest.request(Method::GET, "/api/v4/projects?per_page=1").header("x-forwarded-proto", "https");
        let link = rest.send(behind_a_proxy.header("x-forwarded-host", "consign.example")).await.header("link").to_owned();
        assert!(link.starts_with("<https://consign.example/api/v4/projects?"), "{link}");
        let second = rest.get(&format!("/api{next}")).await;
        assert_eq!((&second.json()[0]["path"], second.header("link")), (&json!("my-tool"), ""));
    }
}
