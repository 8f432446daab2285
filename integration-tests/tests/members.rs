//! Users and members over REST.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use consign_proto::metadata::ListAuditEntriesRequest;
use consign_proto::metadata::audit_service_client::AuditServiceClient;
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::rest::{Answer, Rest, file};
use integration_tests::{BOTH, Builder};
use reqwest::Method;
use serde_json::{Value, json};

async fn send(rest: &Rest, method: Method, path: &str, body: Value) -> Answer {
    rest.send(rest.request(method, path).json(&body)).await
}

/// Makes a user; returns the number, and a client with a token of the user's own.
async fn user(rest: &Rest, name: &str) -> (i64, Rest) {
    let new = json!({ "username": name, "name": "Somebody", "email": format!("{name}@host.example") });
    let made = send(rest, Method::POST, "/api/v4/users", new).await;
    assert_eq!((made.status, &made.json()["username"], &made.json()["is_admin"]), (201, &json!(name), &json!(false)), "{}", made.text());
    let id = made.json()["id"].as_i64().unwrap();
    let path = format!("/api/v4/users/{id}/personal_access_tokens");
    let token = send(rest, Method::POST, &path, json!({ "name": "own", "scopes": ["api"] })).await;
    (id, rest.with_token(token.json()["token"].as_str().unwrap()))
}

#[tokio::test]
async fn a_user_gets_a_role_another_one_and_none() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        let (id, theirs) = user(&rest, "dora").await;
        let members = "/api/v4/projects/root%2Fdemo/members";
        assert_eq!(theirs.put(&file("tool", "1.0", "f"), "hello").await.status, 404);

        let made = send(&rest, Method::POST, members, json!({ "user_id": id, "access_level": 30, "expires_at": "2099-01-02" })).await;
        let member = made.json();
        assert_eq!(made.status, 201, "{member}");
        let told = (&member["id"], &member["username"], &member["name"], &member["access_level"], &member["expires_at"], &member["state"]);
        assert_eq!(told, (&json!(id), &json!("dora"), &json!("Somebody"), &json!(30), &json!("2099-01-02"), &json!("active")));
        assert_eq!(theirs.put(&file("tool", "1.0", "f"), "hello").await.status, 201);

        let one = format!("{members}/{id}");
        let changed = send(&rest, Method::PUT, &one, json!({ "access_level": "20", "expires_at": null })).await;
        assert_eq!((changed.status, &changed.json()["access_level"], &changed.json()["expires_at"]), (200, &json!(20), &json!(null)));
        assert_eq!(theirs.put(&file("tool", "1.0", "f"), "hello").await.status, 403);
        assert_eq!(rest.get(&one).await.json()["access_level"], 20);

        assert_eq!(send(&rest, Method::DELETE, &one, json!({})).await.status, 204);
        assert_eq!((rest.get(&one).await.status, theirs.get("/api/v4/projects/1").await.status), (404, 404));
    }
}

#[tokio::test]
async fn roles_in_a_group_count_below_it() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        let (id, theirs) = user(&rest, "gwen").await;
        let (project, group) = ("/api/v4/projects/1/members", "/api/v4/groups/root/members");
        let made = send(&rest, Method::POST, group, json!({ "username": "gwen", "access_level": 40 })).await;
        assert_eq!((made.status, &made.json()["id"]), (201, &json!(id)), "{}", made.text());

        let own = rest.get(project).await;
        assert_eq!((own.text(), own.header("x-total")), ("[]", "0"), "it was not given there");
        let all = rest.get(&format!("{project}/all?query=GWE")).await;
        assert_eq!((&all.json()[0]["access_level"], all.header("x-total")), (&json!(40), "1"));
        assert_eq!(rest.get(&format!("{project}/{id}")).await.status, 404);
        assert_eq!(theirs.get(&format!("{project}/all/{id}")).await.json()["access_level"], 40);
        // The highest one counts.
        assert_eq!(send(&rest, Method::POST, project, json!({ "user_id": id, "access_level": 10 })).await.status, 201);
        assert_eq!(rest.get(&format!("{project}/all/{id}")).await.json()["access_level"], 40);
        let all = rest.get(&format!("{project}/all?query=gwen")).await;
        let told = (all.json().as_array().unwrap().len(), all.json()[0]["access_level"].clone(), all.header("x-total").to_owned());
        assert_eq!(told, (1, json!(40), "1".to_owned()), "each person once");
        assert_eq!(rest.get(&format!("{project}/{id}")).await.json()["access_level"], 10);
        // A maintainer gives no role.
        let refused = send(&theirs, Method::POST, project, json!({ "user_id": 1, "access_level": 50 })).await;
        assert_eq!(refused.status, 403, "{}", refused.text());
    }
}

#[tokio::test]
async fn who_makes_a_group_owns_it() {
    for engine in BOTH {
        let (service, rest) = Builder::on(engine).demo().await;
        let (id, olga) = user(&rest, "olga").await;
        let made = send(&rest, Method::POST, "/api/v4/groups", json!({ "path": "team" })).await;
        assert_eq!(made.status, 201, "{}", made.text());
        assert_eq!(owners(&rest, "team").await, [("root".to_owned(), 50)]);
        let new = json!({ "user_id": id, "access_level": 50 });
        assert_eq!(send(&rest, Method::POST, "/api/v4/groups/team/members", new).await.status, 201);
        let parent = made.json()["id"].clone();
        let below = send(&olga, Method::POST, "/api/v4/groups", json!({ "path": "below", "parent_id": parent })).await;
        assert_eq!(below.status, 201, "{}", below.text());
        assert_eq!(owners(&olga, "team%2Fbelow").await, [("olga".to_owned(), 50)]);
        // It stays its maker's, whatever becomes of the role above.
        assert_eq!(rest.send(rest.request(Method::DELETE, &format!("/api/v4/groups/team/members/{id}"))).await.status, 204);
        assert_eq!(owners(&olga, "team%2Fbelow").await, [("olga".to_owned(), 50)]);

        let new = json!({ "name": "ci", "scopes": ["api"], "access_level": 50 });
        let token = send(&rest, Method::POST, "/api/v4/groups/team/access_tokens", new).await.json();
        let bot = rest.with_token(token["token"].as_str().unwrap());
        let of_bot = send(&bot, Method::POST, "/api/v4/groups", json!({ "path": "bot", "parent_id": parent })).await;
        assert_eq!(of_bot.status, 201, "{}", of_bot.text());
        assert_eq!(owners(&rest, "team%2Fbot").await, [], "the token of a group is nobody");

        let client = AuditServiceClient::new(Grpc::to(service.grpc()).channel());
        let wanted = ListAuditEntriesRequest { parent: "instance".to_owned(), page_size: 1000, ..Default::default() };
        let entries = { client }.list_audit_entries(authorized(wanted)).await.unwrap().into_inner().audit_entries;
        let noted = entries.iter().filter(|entry| entry.method == "CreateMember" && entry.resource == "namespaces/team/below");
        let actors: Vec<&str> = noted.map(|entry| entry.actor.as_str()).collect();
        assert_eq!(actors, ["olga"], "{engine:?}");
    }
}

/// The members of a group itself, by name and level.
async fn owners(rest: &Rest, group: &str) -> Vec<(String, i64)> {
    let members = rest.get(&format!("/api/v4/groups/{group}/members")).await;
    assert_eq!(members.status, 200, "{}", members.text());
    let told = |member: &Value| (member["username"].as_str().unwrap().to_owned(), member["access_level"].as_i64().unwrap());
    members.json().as_array().unwrap().iter().map(told).collect()
}

#[tokio::test]
async fn what_is_wrong_with_a_member_or_a_user_is_told() {
    let (_service, rest) = Builder::by_default().demo().await;
    let (id, theirs) = user(&rest, "mia").await;
    let members = "/api/v4/projects/1/members";
    assert_eq!(send(&rest, Method::POST, members, json!({ "user_id": id, "access_level": 20 })).await.status, 201);
    for (method, path, body, status, told) in [
        (Method::POST, members, json!({ "user_id": id, "access_level": 20 }), 409, "Member already exists"),
        (Method::POST, members, json!({ "user_id": 99, "access_level": 20 }), 404, "404 User Not Found"),
        (Method::POST, members, json!({ "user_id": id }), 400, "access_level is missing"),
        (Method::POST, members, json!({ "access_level": 20 }), 400, "exactly one parameter must be provided"),
        (Method::POST, members, json!({ "user_id": "x", "access_level": 20 }), 400, "user_id is invalid"),
        (Method::POST, members, json!({ "user_id": id, "access_level": 60 }), 400, "access_level does not have a valid value"),
        (Method::POST, members, json!({ "user_id": id, "access_level": 20, "expires_at": "soon" }), 400, "expires_at is invalid"),
        (Method::PUT, "/api/v4/projects/1/members/99", json!({ "access_level": 20 }), 404, "404 Not found"),
        (Method::DELETE, "/api/v4/projects/1/members/x", json!({}), 400, "user_id is invalid"),
        (Method::POST, "/api/v4/users", json!({ "username": "mia" }), 409, "Username has already been taken"),
        (Method::POST, "/api/v4/users", json!({ "username": "a b" }), 400, "user name"),
        (Method::POST, "/api/v4/users", json!({}), 400, "username is missing"),
        (Method::GET, "/api/v4/users/99", json!({}), 404, "404 User Not Found"),
    ] {
        let refused = send(&rest, method.clone(), path, body.clone()).await;
        assert!(refused.status == status && refused.text().contains(told), "{method} {path} {body}: {} {}", refused.status, refused.text());
    }
    let found = rest.get("/api/v4/users?username=mia").await;
    assert_eq!((&found.json()[0]["id"], &found.json()[0]["email"], found.header("x-total")), (&json!(id), &json!("mia@host.example"), "1"));
    assert_eq!(rest.get("/api/v4/users?search=SOMEB").await.json()[0]["username"], "mia");
    let own = theirs.get(&format!("/api/v4/users/{id}")).await;
    assert_eq!((own.status, &own.json()["name"]), (200, &json!("Somebody")));
    assert_eq!(send(&theirs, Method::POST, "/api/v4/users", json!({ "username": "other" })).await.status, 403);
}

#[tokio::test]
async fn each_person_is_a_member_once_with_the_highest_role_that_counts() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        let group = async |path: &str, parent: Option<&Value>| {
            let made = send(&rest, Method::POST, "/api/v4/groups", json!({ "name": path, "path": path, "parent_id": parent })).await;
            assert_eq!(made.status, 201, "{}", made.text());
            made.json()["id"].clone()
        };
        let above = group("team", None).await;
        let below = group("sub", Some(&above)).await;
        let new = json!({ "name": "app", "namespace_id": below });
        let project = send(&rest, Method::POST, "/api/v4/projects", new).await.json()["id"].clone();
        let places = [format!("groups/{above}"), format!("groups/{below}"), format!("projects/{project}")];
        for (name, levels, highest) in
            [("ann", [50, 30, 20], 50), ("bob", [10, 30, 20], 30), ("cleo", [20, 20, 20], 20), ("dan", [15, 10, 40], 40)]
        {
            let (id, _) = user(&rest, name).await;
            for (place, level) in places.iter().zip(levels) {
                let new = json!({ "user_id": id, "access_level": level });
                assert_eq!(send(&rest, Method::POST, &format!("/api/v4/{place}/members"), new).await.status, 201);
            }
            let all = rest.get(&format!("/api/v4/{}/members/all?query={name}", places[2])).await;
            assert_eq!((all.json().as_array().unwrap().len(), &all.json()[0]["access_level"]), (1, &json!(highest)), "{name}");
            assert!(!rest.get(&format!("/api/v4/{}/members", places[2])).await.json().as_array().unwrap().is_empty());
        }
        let all = rest.get(&format!("/api/v4/{}/members/all?per_page=2&page=2", places[2])).await;
        let names: Vec<_> = all.json().as_array().unwrap().iter().map(|member| member["username"].clone()).collect();
        assert_eq!((names, all.header("x-total"), all.header("x-total-pages")), (vec![json!("cleo"), json!("dan")], "5", "3"));
    }
}

#[tokio::test]
async fn guests_read_where_the_service_lets_them() {
    for (flag, status) in [(None, 403), (Some("--guests-read"), 200), (Some("--strict-gitlab"), 200)] {
        let (_service, rest) = flag.into_iter().fold(Builder::by_default(), Builder::flag).demo().await;
        assert_eq!(rest.put(&file("tool", "1.0", "f"), "hello").await.status, 201);
        let (id, guest) = user(&rest, "guy").await;
        let (_, stranger) = user(&rest, "eve").await;
        let new = json!({ "user_id": id, "access_level": 10 });
        assert_eq!(send(&rest, Method::POST, "/api/v4/projects/1/members", new).await.status, 201);
        let fetched = guest.get(&file("tool", "1.0", "f")).await;
        assert_eq!(fetched.status, status, "{flag:?} {}", fetched.text());
        let listed = guest.get("/api/v4/projects/1/packages").await;
        assert_eq!(listed.status, status, "{flag:?} {}", listed.text());
        assert_eq!(guest.get("/api/v4/projects/1/releases").await.status, status);
        // They do nothing more by it, and others nothing at all.
        let refused = guest.put(&file("tool", "1.0", "g"), "hello").await;
        let told = (refused.status, refused.text(), refused.header("content-type"), refused.header("www-authenticate"));
        assert_eq!(told, (403, r#"{"message":"403 Forbidden - this takes the role of developer"}"#, "application/json", ""));
        assert_eq!(guest.get("/api/v4/projects/1/members").await.status, 403);
        assert_eq!(guest.get("/api/v4/projects/1/packages/protection/rules").await.status, 403);
        assert_eq!((stranger.get("/api/v4/projects/1").await.status, stranger.get(&file("tool", "1.0", "f")).await.status), (404, 404));
        if status == 200 {
            assert_eq!((fetched.text(), listed.header("x-total")), ("hello", "1"));
        }
    }
}

#[tokio::test]
async fn nobody_is_asked_for_a_token_where_projects_and_releases_are_looked_at() {
    let (_service, rest) = Builder::by_default().demo().await;
    let one = "/api/v4/projects/1";
    for path in ["", "/releases", "/releases/v1", "/releases/v1/assets/links", "/releases/v1/downloads/x", "/packages"] {
        for project in [one, "/api/v4/projects/root%2Fdemo", "/api/v4/projects/99"] {
            let answer = rest.send(rest.anonymous(Method::GET, &format!("{project}{path}"))).await;
            let told = (answer.status, answer.text(), answer.header("www-authenticate"));
            assert_eq!(told, (404, r#"{"message":"404 Project Not Found"}"#, ""), "{project}{path}");
        }
    }
    for (method, path) in [(Method::PUT, one.to_owned()), (Method::DELETE, one.to_owned()), (Method::POST, format!("{one}/releases"))] {
        let answer = rest.send(rest.anonymous(method.clone(), &path).json(&json!({}))).await;
        let told = (answer.status, answer.text(), answer.header("www-authenticate"));
        assert_eq!(told, (401, r#"{"message":"401 Unauthorized"}"#, r#"Basic realm="GitLab Packages Registry""#), "{method} {path}");
    }
}
