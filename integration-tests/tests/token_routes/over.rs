//! Tokens that count no more, those that come together, and those that come too often.

use super::*;

const REVOKED: &str = r#"{"error":"invalid_token","error_description":"Token was revoked. You have to re-authorize from the user."}"#;

fn told(answer: &Answer) -> (u16, Value) {
    (answer.status, answer.json())
}

fn revoked() -> (u16, Value) {
    (401, serde_json::from_str(REVOKED).unwrap())
}

#[tokio::test]
async fn whoever_has_the_whole_secret_is_told_that_it_was_revoked() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        let path = "/api/v4/projects/1/access_tokens";
        let token = make(&rest, path, json!({ "name": "x", "scopes": ["api"] })).await;
        let secret = token["token"].as_str().unwrap();
        let bearer = rest.with_token(secret);
        let one = format!("{path}/{}", token["id"]);
        let second = send(&rest, Method::POST, &format!("{one}/rotate"), json!({})).await.json();
        // It was given another secret: of this one the same is said.
        assert_eq!(told(&bearer.get("/api/v4/projects/1").await), revoked());
        let bearer = rest.with_token(second["token"].as_str().unwrap());
        assert_eq!(bearer.get("/api/v4/projects/1").await.status, 200);
        assert_eq!(send(&rest, Method::DELETE, &one, json!({})).await.status, 204);
        let answer = bearer.get(&file("tool", "1.0", "f")).await;
        assert_eq!((told(&answer), answer.header("www-authenticate")), (revoked(), r#"Basic realm="GitLab Packages Registry""#));
        // Who guesses learns nothing, not even of one whose beginning is right.
        for guess in [&secret[..secret.len() - 1], "consign_prj_", "a guess"] {
            let answer = rest.with_token(guess).get("/api/v4/projects/1").await;
            assert_eq!(told(&answer), (401, json!({ "message": "401 Unauthorized" })), "{guess}");
        }
        let queried = rest.anonymous(Method::POST, "/api/graphql").json(&json!({ "query": "{ currentUser { username } }" }));
        let answer = rest.send(queried.header("private-token", secret)).await;
        assert_eq!(answer.status, 401, "{}", answer.text());
    }
}

#[tokio::test]
async fn a_token_without_the_scope_is_told_so() {
    let (_service, rest) = Builder::by_default().demo().await;
    let token = make(&rest, "/api/v4/projects/1/access_tokens", json!({ "name": "x", "scopes": ["read_api"], "access_level": 30 })).await;
    let refused = rest.with_token(token["token"].as_str().unwrap()).put(&file("tool", "1.0", "f"), "hello").await;
    let (status, mut body) = told(&refused);
    let description = body["error_description"].take();
    assert_eq!((status, &body), (403, &json!({ "error": "insufficient_scope", "error_description": null, "scope": "api" })));
    assert!(description.as_str().unwrap().starts_with("The request requires higher privileges"), "{description}");
    assert_eq!((refused.header("content-type"), refused.header("www-authenticate")), ("application/json", ""));
}

/// Asks the token in use to give itself another secret, at this place.
async fn rotate_itself(by: &Rest, place: &str) -> Answer {
    send(by, Method::POST, &format!("/api/v4/{place}/self/rotate"), json!({})).await
}

#[tokio::test]
async fn a_token_gives_itself_another_secret_only_at_its_own_place() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        rest.create_project("other").await;
        let (_, theirs) = user(&rest, "dora").await;
        let new = json!({ "name": "x", "scopes": ["api"], "access_level": 40 });
        let project = make(&rest, "/api/v4/projects/1/access_tokens", new.clone()).await;
        let group = make(&rest, "/api/v4/groups/root/access_tokens", new.clone()).await;
        let deploy = make(&rest, "/api/v4/projects/1/deploy_tokens", json!({ "name": "x", "scopes": ["read_package_registry"] })).await;
        let own = make(&theirs, "/api/v4/user/personal_access_tokens", json!({ "name": "x", "scopes": ["api"] })).await;
        let (of_project, of_group, personal) = ("projects/1/access_tokens", "groups/root/access_tokens", "personal_access_tokens");
        for (token, place, status, message) in [
            (&own, of_project, 405, "405 Method Not Allowed"),
            (&own, "projects/999/access_tokens", 405, "405 Method Not Allowed"),
            (&own, of_group, 405, "405 Method Not Allowed"),
            (&deploy, of_project, 405, "405 Method Not Allowed"),
            (&deploy, personal, 405, "405 Method Not Allowed"),
            (&project, of_group, 405, "405 Method Not Allowed"),
            (&group, of_project, 405, "405 Method Not Allowed"),
            (&project, "projects/999/access_tokens", 404, "404 Project Not Found"),
            (&project, "projects/root%2Fother/access_tokens", 404, "404 Project Not Found"),
            (&group, "groups/absent/access_tokens", 404, "404 Group Not Found"),
        ] {
            let bearer = rest.with_token(token["token"].as_str().unwrap());
            let refused = rotate_itself(&bearer, place).await;
            assert_eq!(told(&refused), (status, json!({ "message": message })), "{place}");
            assert_eq!((refused.header("content-type"), refused.header("www-authenticate")), ("application/json", ""));
            assert_eq!(bearer.get("/api/v4/personal_access_tokens/self").await.status, 200, "its secret is still the same");
        }
        // In GitLab the token of a project is a personal one too: of a user of its own.
        let other = make(&rest, "/api/v4/projects/1/access_tokens", new).await;
        for (token, place) in [(&project, "projects/root%2Fdemo/access_tokens"), (&group, of_group), (&own, personal), (&other, personal)] {
            let rotated = rotate_itself(&rest.with_token(token["token"].as_str().unwrap()), place).await;
            assert_eq!((rotated.status, &rotated.json()["id"]), (200, &token["id"]), "{place} {}", rotated.text());
            let bearer = rest.with_token(rotated.json()["token"].as_str().unwrap());
            assert_eq!(bearer.get("/api/v4/version").await.status, 200);
        }
    }
}

#[tokio::test]
async fn a_token_that_counts_no_more_gets_no_other_secret() {
    for engine in BOTH {
        let (service, rest) = Builder::on(engine).demo().await;
        let (project, own) = ("/api/v4/projects/1/access_tokens", "/api/v4/personal_access_tokens");
        for path in [project, own] {
            let at = if path == own { "/api/v4/user/personal_access_tokens" } else { path };
            let new = json!({ "name": "x", "scopes": ["api"] });
            let (ended, over) = (make(&rest, at, new.clone()).await, make(&rest, at, new).await);
            assert_eq!(send(&rest, Method::DELETE, &format!("{path}/{}", ended["id"]), json!({})).await.status, 204);
            let past = service.database().ago(60);
            service.database().execute(&format!("update tokens set expires_at = {past} where id = {}", over["id"]));
            for token in [&ended, &over] {
                let one = format!("{path}/{}", token["id"]);
                let refused = send(&rest, Method::POST, &format!("{one}/rotate"), json!({})).await;
                let message = refused.json()["message"].as_str().unwrap().to_owned();
                assert_eq!((refused.status, refused.header("www-authenticate")), (400, ""), "the caller's own counts: {message}");
                assert!(message.starts_with("400 Bad request - token `") && message.ends_with("is revoked or expired"), "{message}");
                assert_eq!(refused.header("content-type"), "application/json");
                assert_eq!(rest.get(&one).await.json()["active"], false);
            }
            assert_eq!(rest.get(&format!("{path}/{}", over["id"])).await.json()["revoked"], false);
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_rotation_is_told() {
    let (_service, rest) = Builder::by_default().demo().await;
    let (project, own) = ("/api/v4/projects/1/access_tokens", "/api/v4/personal_access_tokens");
    let token = make(&rest, project, json!({ "name": "x", "scopes": ["api"] })).await;
    let id = token["id"].to_string();
    for (path, body, told) in [
        (format!("{project}/{id}/rotate"), json!({ "expires_at": "soon" }), json!({ "error": "expires_at is invalid" })),
        (format!("{project}/self/rotate"), json!({ "expires_at": "soon" }), json!({ "error": "expires_at is invalid" })),
        (format!("{project}/x/rotate"), json!({}), json!({ "error": "token_id is invalid" })),
        (format!("{own}/x/rotate"), json!({}), json!({ "error": "id is invalid" })),
        (
            format!("{project}/{id}/rotate"),
            json!({ "expires_at": "2001-01-01" }),
            json!({ "message": "400 Bad request - `expires_at`: must be in the future" }),
        ),
    ] {
        let by = if path.contains("self") { rest.with_token(token["token"].as_str().unwrap()) } else { rest.clone() };
        let refused = send(&by, Method::POST, &path, body.clone()).await;
        assert_eq!((refused.status, refused.json()), (400, told), "{path} {body}");
        assert_eq!((refused.header("content-type"), refused.header("www-authenticate")), ("application/json", ""));
    }
    for path in [format!("{project}/{id}/rotate"), format!("{own}/self/rotate")] {
        let refused = rest.get(&path).await;
        assert_eq!((refused.status, refused.text()), (405, r#"{"message":"405 Method Not Allowed"}"#), "{path}");
    }
}

#[tokio::test]
async fn a_rotated_token_counts_for_a_week_where_nobody_says() {
    let (_service, rest) = Builder::by_default().demo().await;
    let path = "/api/v4/projects/1/access_tokens";
    let token = make(&rest, path, json!({ "name": "x", "scopes": ["api"], "expires_at": "2099-01-02" })).await;
    let rotated = send(&rest, Method::POST, &format!("{path}/{}/rotate", token["id"]), json!({})).await;
    assert_eq!((rotated.status, &rotated.json()["expires_at"]), (200, &json!(day(7))), "{}", rotated.text());
    // None prolongs itself.
    let soon = make(&rest, path, json!({ "name": "x", "scopes": ["api"], "expires_at": day(2) })).await;
    let bearer = rest.with_token(soon["token"].as_str().unwrap());
    let itself = send(&bearer, Method::POST, &format!("{path}/self/rotate"), json!({})).await;
    assert_eq!((itself.status, &itself.json()["expires_at"], &itself.json()["id"]), (200, &json!(day(2)), &soon["id"]));
}

#[tokio::test]
async fn a_secret_of_before_a_rotation_ends_the_token_when_it_is_to_rotate_it() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        let (_, theirs) = user(&rest, "dora").await;
        let (project, own) = ("/api/v4/projects/1/access_tokens", "/api/v4/personal_access_tokens");
        for (by, path) in [("self", project), ("id", project), ("self", own), ("id", own)] {
            let at = if path == own { "/api/v4/user/personal_access_tokens" } else { path };
            let maker = if path == own { &theirs } else { &rest };
            let token = make(maker, at, json!({ "name": "x", "scopes": ["api"] })).await;
            let thief = rest.with_token(token["token"].as_str().unwrap());
            let rotated = send(&thief, Method::POST, &format!("{path}/self/rotate"), json!({})).await;
            assert_eq!(rotated.status, 200, "{}", rotated.text());
            let bearer = rest.with_token(rotated.json()["token"].as_str().unwrap());
            assert_eq!(told(&thief.get("/api/v4/version").await), revoked());
            assert_eq!(bearer.get("/api/v4/version").await.status, 200, "to use it elsewhere ends nothing");

            let number = token["id"].to_string();
            let which = if by == "self" { by } else { &*number };
            assert_eq!(told(&send(&thief, Method::POST, &format!("{path}/{which}/rotate"), json!({})).await), revoked(), "{by} {path}");
            assert_eq!(told(&bearer.get("/api/v4/version").await), revoked(), "{by} {path}");
            let ended = maker.get(&format!("{path}/{}", token["id"])).await.json();
            assert_eq!((&ended["revoked"], &ended["active"]), (&json!(true), &json!(false)));
        }
    }
}

#[tokio::test]
async fn of_two_different_tokens_none_counts_unless_all_is_as_in_gitlab() {
    for strict in [false, true] {
        let builder = Builder::by_default();
        let builder = if strict { builder.flag("--strict-gitlab") } else { builder };
        let (_service, rest) = builder.demo().await;
        let deploy = make(&rest, "/api/v4/projects/1/deploy_tokens", json!({ "name": "x", "scopes": ["read_package_registry"] })).await;
        let deploy = deploy["token"].as_str().unwrap();
        let ask = |first: (&'static str, &str), second: (&'static str, &str)| {
            let request = rest.anonymous(Method::GET, "/api/v4/personal_access_tokens/self");
            rest.send(request.header(first.0, first.1).header(second.0, second.1))
        };
        let root = integration_tests::TOKEN;
        let bearer = format!("Bearer {root}");
        for (first, second, counting) in [
            (("private-token", root), ("deploy-token", deploy), "deploy"),
            (("job-token", deploy), ("authorization", &*bearer), "root"),
            (("private-token", root), ("job-token", deploy), "root"),
        ] {
            let answer = ask(first, second).await;
            let shown = if answer.json()["username"].is_string() { "deploy" } else { "root" };
            let expected = if strict { (200, counting) } else { (401, "root") };
            assert_eq!((answer.status, shown), expected, "{first:?} {second:?} {}", answer.text());
        }
        let same = ask(("private-token", root), ("authorization", &bearer)).await;
        assert_eq!(same.status, 200, "the same one twice is one");
    }
}
