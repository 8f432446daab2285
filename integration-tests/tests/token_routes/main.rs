//! GitLab's routes for tokens.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bots;
mod lists;
mod over;
mod told;

use integration_tests::rest::{Answer, Rest, file};
use integration_tests::{BOTH, Builder, Engine};
use reqwest::Method;
use serde_json::{Value, json};

/// A user, by number, with a token of the user's own.
async fn user(rest: &Rest, name: &str) -> (i64, Rest) {
    let made = send(rest, Method::POST, "/api/v4/users", json!({ "username": name })).await;
    let id = made.json()["id"].as_i64().unwrap();
    let path = format!("/api/v4/users/{id}/personal_access_tokens");
    let token = send(rest, Method::POST, &path, json!({ "name": "own", "scopes": ["api"] })).await;
    (id, rest.with_token(token.json()["token"].as_str().unwrap()))
}

/// Makes a token at this path.
async fn make(rest: &Rest, path: &str, body: Value) -> Value {
    let made = send(rest, Method::POST, path, body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()
}

/// The day in so many days, as the service counts them.
#[expect(clippy::disallowed_methods, reason = "the service under test goes by the system's clock")]
fn day(after: i64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let then = i64::try_from(now.as_micros()).unwrap() + after * 86_400_000_000;
    consign_types::Timestamp::from_micros(then).to_string()[..10].to_owned()
}

async fn send(rest: &Rest, method: Method, path: &str, body: Value) -> Answer {
    rest.send(rest.request(method, path).json(&body)).await
}

#[tokio::test]
async fn tokens_of_a_project_are_made_used_rotated_and_ended() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        let path = "/api/v4/projects/root%2Fdemo/access_tokens";
        let new = json!({ "name": "ci", "scopes": ["api"], "access_level": 30, "expires_at": "2099-01-02" });
        let made = send(&rest, Method::POST, path, new).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let token = made.json();
        let told = (&token["name"], &token["scopes"], &token["access_level"], &token["expires_at"], &token["active"], &token["revoked"]);
        assert_eq!(told, (&json!("ci"), &json!(["api"]), &json!(30), &json!("2099-01-02"), &json!(true), &json!(false)));
        let bearer = rest.with_token(token["token"].as_str().unwrap());
        assert_eq!(bearer.put(&file("tool", "1.0", "f"), "hello").await.status, 201);
        let one = format!("{path}/{}", token["id"]);
        assert_eq!((&rest.get(&one).await.json()["token"], &rest.get(&one).await.json()["id"]), (&Value::Null, &token["id"]));

        let rotated = send(&rest, Method::POST, &format!("{one}/rotate"), json!({ "expires_at": "2099-02-03" })).await;
        assert_eq!((rotated.status, &rotated.json()["expires_at"]), (200, &json!("2099-02-03")), "{}", rotated.text());
        assert_eq!(bearer.get(&file("tool", "1.0", "f")).await.status, 401);
        let bearer = rest.with_token(rotated.json()["token"].as_str().unwrap());
        assert_eq!(bearer.get(&file("tool", "1.0", "f")).await.text(), "hello");

        assert_eq!(send(&rest, Method::DELETE, &one, json!({})).await.status, 204);
        assert_eq!(bearer.get(&file("tool", "1.0", "f")).await.status, 401);
        let listed = rest.get(path).await;
        assert_eq!(
            (&listed.json()[0]["revoked"], &listed.json()[0]["active"], listed.header("x-total")),
            (&json!(true), &json!(false), "1")
        );
    }
}

#[tokio::test]
async fn deploy_tokens_come_from_forms_and_personal_ones_know_themselves() {
    let (_service, rest) = Builder::on(Engine::Sqlite).demo().await;
    let path = "/api/v4/projects/1/deploy_tokens";
    let form = rest.request(Method::POST, path).header("content-type", "application/x-www-form-urlencoded");
    let form = form.body("name=mirror&scopes[]=read_package_registry&scopes%5B%5D=write_package_registry");
    let deploy = rest.send(form).await.json();
    assert_eq!(deploy["scopes"], json!(["read_package_registry", "write_package_registry"]));
    assert_eq!(deploy["username"], format!("gitlab+deploy-token-{}", deploy["id"]));
    let secret = deploy["token"].as_str().unwrap();
    let put = rest.anonymous(Method::PUT, &file("tool", "1.0", "f")).header("deploy-token", secret).body("hello");
    assert_eq!(rest.send(put).await.status, 201);
    assert_eq!(rest.get("/api/v4/projects/1/access_tokens").await.text(), "[]", "a deploy token is none of these");
    let as_other = format!("/api/v4/projects/1/access_tokens/{}", deploy["id"]);
    for (method, path) in [(Method::POST, format!("{as_other}/rotate")), (Method::DELETE, as_other.clone())] {
        let refused = rest.send(rest.request(method, &path)).await;
        assert_eq!((refused.status, refused.text()), (404, r#"{"message":"404 Token Not Found"}"#));
    }
    let put = rest.anonymous(Method::PUT, &file("tool", "1.0", "g")).header("deploy-token", secret).body("hello");
    assert_eq!(rest.send(put).await.status, 201, "its secret is still the same");
    let one = format!("{path}/{}", deploy["id"]);
    assert_eq!((rest.get(&one).await.status, send(&rest, Method::DELETE, &one, json!({})).await.status), (200, 204));
    assert_eq!(rest.get(&one).await.json()["revoked"], true);

    let personal = send(&rest, Method::POST, "/api/v4/user/personal_access_tokens", json!({ "name": "me", "scopes": ["read_api"] })).await;
    assert_eq!((personal.status, &personal.json()["scopes"], &personal.json()["user_id"]), (201, &json!(["read_api"]), &json!(1)));
    let me = rest.with_token(personal.json()["token"].as_str().unwrap());
    assert_eq!(me.get("/api/v4/user").await.json()["username"], "root");
    let itself = send(&me, Method::POST, "/api/v4/personal_access_tokens/self/rotate", json!({})).await;
    assert_eq!(itself.status, 200, "{}", itself.text());
    let me = rest.with_token(itself.json()["token"].as_str().unwrap());
    assert_eq!(me.get("/api/v4/personal_access_tokens/self").await.json()["scopes"], json!(["read_api"]));
    let id = personal.json()["id"].clone();
    assert_eq!(rest.get("/api/v4/personal_access_tokens?user_id=1").await.json()[1]["id"], id);
    assert_eq!(send(&rest, Method::DELETE, &format!("/api/v4/personal_access_tokens/{id}"), json!({})).await.status, 204);
    assert_eq!(me.get("/api/v4/user").await.status, 401);

    let group =
        send(&rest, Method::POST, "/api/v4/groups/root/access_tokens", json!({ "name": "all", "scopes": ["read"], "access_level": 20 }));
    assert_eq!(group.await.json()["access_level"], 20);
    for (path, body, told) in [
        (path, json!({ "name": "x" }), "scopes is missing"),
        (path, json!({ "scopes": ["read_package_registry"] }), "name is missing"),
        (path, json!({ "name": "x", "scopes": ["read_repository"] }), "scopes does not have a valid value"),
        (path, json!({ "name": "x", "scopes": ["api"] }), "a deploy token reads and publishes"),
        ("/api/v4/projects/1/access_tokens", json!({ "name": "x", "scopes": ["api"], "access_level": 60 }), "access_level does not have"),
        ("/api/v4/projects/1/access_tokens", json!({ "name": "x", "scopes": ["api"], "expires_at": "soon" }), "expires_at is invalid"),
        ("/api/v4/projects/1/access_tokens", json!({ "name": "x", "scopes": ["api"], "expires_at": "2001-01-01" }), "in the future"),
    ] {
        let refused = send(&rest, Method::POST, path, body.clone()).await;
        assert!(refused.status == 400 && refused.text().contains(told), "{body}: {} {}", refused.status, refused.text());
    }
    assert_eq!(rest.get("/api/v4/projects/1/access_tokens/99").await.status, 404);
    assert_eq!(rest.send(rest.anonymous(Method::GET, "/api/v4/projects/1/access_tokens")).await.status, 401);
}
