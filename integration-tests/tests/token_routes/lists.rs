//! Lists of tokens, and the tokens of others.

use super::*;

async fn names(rest: &Rest, path: &str) -> Vec<String> {
    let listed = rest.get(path).await;
    assert_eq!(listed.status, 200, "{path}: {}", listed.text());
    listed.json().as_array().unwrap().iter().map(|token| token["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn personal_tokens_are_listed_by_what_is_asked_of_them() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        let (id, theirs) = user(&rest, "dora").await;
        let own = "/api/v4/user/personal_access_tokens";
        for (name, expires_at) in [("Beta", "2098-01-02T12:00:00Z"), ("alpha", "2099-01-02")] {
            make(&theirs, own, json!({ "name": name, "scopes": ["read_api"], "expires_at": expires_at })).await;
        }
        let ended = make(&theirs, own, json!({ "name": "gone", "scopes": ["read_api"] })).await;
        assert_eq!(send(&theirs, Method::DELETE, &format!("/api/v4/personal_access_tokens/{}", ended["id"]), json!({})).await.status, 204);
        let (yesterday, tomorrow) = (day(-1), day(1));
        for (query, expected) in [
            ("", &["own", "Beta", "alpha", "gone"][..]),
            ("state=active", &["own", "Beta", "alpha"]),
            ("state=inactive", &["gone"]),
            ("revoked=true", &["gone"]),
            ("revoked=false&search=A", &["Beta", "alpha"]),
            ("search=_", &[]),
            ("expires_before=2098-01-02", &["Beta"]),
            ("expires_before=2098-01-01", &[]),
            ("expires_before=2098-01-02T00:00:00Z", &[]),
            ("expires_before=2098-01-02T12:00:00Z", &["Beta"]),
            ("expires_before=9999-12-31", &["Beta", "alpha"]),
            ("expires_after=2098-01-03", &["alpha"]),
            (&format!("created_after={yesterday}&created_before={tomorrow}T00:00:00Z&search=alpha"), &["alpha"]),
            (&format!("created_after={tomorrow}"), &[]),
            (&format!("created_before={yesterday}"), &[]),
            (&format!("last_used_before={tomorrow}&last_used_after={yesterday}"), &["own"]),
            (&format!("last_used_after={tomorrow}"), &[]),
            // How letters of different cases stand to each other is for the database to say.
            ("sort=name_desc&search=n", &["own", "gone"]),
            ("sort=name_asc&search=n", &["gone", "own"]),
            ("sort=expires_asc&state=active", &["Beta", "alpha", "own"]),
            ("sort=expires_desc&state=active", &["own", "alpha", "Beta"]),
            ("sort=created_desc", &["gone", "alpha", "Beta", "own"]),
            ("sort=created_asc&per_page=1&page=2", &["Beta"]),
            ("sort=last_used_asc&per_page=1", &["own"]),
            ("sort=last_used_desc&per_page=1", &["gone"]),
        ] {
            let expected: Vec<String> = expected.iter().map(|name| (*name).to_owned()).collect();
            let found = integration_tests::wait::until("the note of its use", async || {
                let found = names(&theirs, &format!("/api/v4/personal_access_tokens?{query}")).await;
                (found == expected || !query.contains("last_used")).then_some(found)
            });
            assert_eq!(found.await, expected, "{engine:?} {query}");
        }
        let paged = theirs.get("/api/v4/personal_access_tokens?per_page=2").await;
        assert_eq!((paged.header("x-total"), paged.header("x-total-pages"), paged.header("x-next-page")), ("4", "2", "2"));
        // An administrator has all users', or one's.
        assert_eq!(names(&rest, "/api/v4/personal_access_tokens").await.len(), 5);
        assert_eq!(names(&rest, &format!("/api/v4/personal_access_tokens?user_id={id}&state=active")).await, ["own", "Beta", "alpha"]);
        assert_eq!(names(&theirs, &format!("/api/v4/personal_access_tokens?user_id={id}&search=gone")).await, ["gone"]);
    }
}

#[tokio::test]
async fn what_can_not_be_asked_of_personal_tokens_is_told() {
    let (_service, rest) = Builder::by_default().demo().await;
    for (query, told) in [
        ("state=gone", "state does not have a valid value"),
        ("sort=size_asc", "sort does not have a valid value"),
        ("revoked=perhaps", "revoked is invalid"),
        ("created_after=soon", "created_after is invalid"),
        ("last_used_before=soon", "last_used_before is invalid"),
        ("expires_before=soon", "expires_before is invalid"),
        ("user_id=x", "user_id is invalid"),
    ] {
        let refused = rest.get(&format!("/api/v4/personal_access_tokens?{query}")).await;
        assert_eq!((refused.status, refused.text()), (400, &*format!("{{\"error\":\"{told}\"}}")), "{query}");
    }
}

#[tokio::test]
async fn personal_tokens_of_others_are_for_administrators() {
    let (_service, rest) = Builder::by_default().demo().await;
    let (id, theirs) = user(&rest, "dora").await;
    let (_, stranger) = user(&rest, "eve").await;
    let token = make(&theirs, "/api/v4/user/personal_access_tokens", json!({ "name": "hers", "scopes": ["api"] })).await;
    let one = format!("/api/v4/personal_access_tokens/{}", token["id"]);
    let hers = rest.with_token(token["token"].as_str().unwrap());

    // Whether there is such a token, nobody else learns.
    let unauthorized = r#"{"message":"401 Unauthorized"}"#;
    let list = "/api/v4/personal_access_tokens";
    let project = make(&rest, "/api/v4/projects/1/access_tokens", json!({ "name": "x", "scopes": ["api"], "access_level": 50 })).await;
    let bot = rest.with_token(project["token"].as_str().unwrap());
    for (who, path) in [&stranger, &bot].into_iter().flat_map(|who| [one.clone(), format!("{list}/9999")].map(|path| (who, path))) {
        for (method, path) in [(Method::GET, path.clone()), (Method::DELETE, path.clone()), (Method::POST, format!("{path}/rotate"))] {
            let refused = send(who, method.clone(), &path, json!({})).await;
            let challenge = refused.header("www-authenticate");
            assert_eq!((refused.status, refused.text(), challenge.is_empty()), (401, unauthorized, false), "{method} {path}");
        }
    }
    let refused = stranger.get(&format!("{list}?user_id={id}")).await;
    assert_eq!((refused.status, refused.text()), (401, unauthorized));
    assert_eq!(hers.get("/api/v4/user").await.status, 200, "nothing was done to it");

    let found = rest.get(&one).await;
    assert_eq!((found.status, &found.json()["name"], &found.json()["user_id"]), (200, &json!("hers"), &json!(id)));
    let rotated = send(&rest, Method::POST, &format!("{one}/rotate"), json!({ "expires_at": "2099-01-02" })).await;
    assert_eq!((rotated.status, &rotated.json()["expires_at"], &rotated.json()["user_id"]), (200, &json!("2099-01-02"), &json!(id)));
    let hers = rest.with_token(rotated.json()["token"].as_str().unwrap());
    assert_eq!(hers.get("/api/v4/user").await.json()["username"], "dora");
    let ended = send(&rest, Method::DELETE, &one, json!({})).await;
    assert_eq!((ended.status, ended.text()), (204, ""));
    assert_eq!((rest.get(&one).await.json()["revoked"].clone(), hers.get("/api/v4/user").await.status), (json!(true), 401));
    for (method, path) in
        [(Method::GET, "9999".to_owned()), (Method::DELETE, project["id"].to_string()), (Method::POST, "9999/rotate".to_owned())]
    {
        let refused = send(&rest, method, &format!("{list}/{path}"), json!({})).await;
        assert_eq!((refused.status, refused.text()), (404, r#"{"message":"404 Token Not Found"}"#), "{path}");
    }
}

#[tokio::test]
async fn deploy_tokens_are_listed_where_they_are_and_for_the_instance() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        let (_, theirs) = user(&rest, "dora").await;
        let (project, group) = ("/api/v4/projects/1/deploy_tokens", "/api/v4/groups/root/deploy_tokens");
        for (path, name) in [(project, "one"), (group, "two"), (project, "gone")] {
            make(&rest, path, json!({ "name": name, "scopes": ["read_package_registry"] })).await;
        }
        make(&rest, "/api/v4/projects/1/access_tokens", json!({ "name": "none of these", "scopes": ["api"] })).await;
        let gone = rest.get(&format!("{project}?per_page=1&page=2")).await.json()[0]["id"].clone();
        assert_eq!(send(&rest, Method::DELETE, &format!("{project}/{gone}"), json!({})).await.status, 204);
        for (path, expected) in [
            ("/api/v4/deploy_tokens".to_owned(), &["one", "two", "gone"][..]),
            ("/api/v4/deploy_tokens?active=true".to_owned(), &["one", "two"]),
            ("/api/v4/deploy_tokens?active=false".to_owned(), &["one", "two", "gone"]),
            (format!("{project}?active=true"), &["one"]),
            (project.to_owned(), &["one", "gone"]),
            (format!("{group}?active=1"), &["two"]),
        ] {
            assert_eq!(names(&rest, &path).await, expected, "{path}");
        }
        let refused = theirs.get("/api/v4/deploy_tokens").await;
        assert_eq!(refused.status, 403, "{}", refused.text());
        assert!(refused.text().starts_with(r#"{"message":"403 Forbidden"#));
        let anonymous = rest.send(rest.anonymous(Method::GET, "/api/v4/deploy_tokens")).await;
        assert_eq!((anonymous.status, anonymous.text()), (401, r#"{"message":"401 Unauthorized"}"#));
    }
}
