//! The users for whom tokens of projects and groups act.

use super::*;

#[tokio::test]
async fn the_token_of_a_project_or_group_acts_for_a_user_of_its_own() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        let (_, stranger) = user(&rest, "eve").await;
        for (path, start) in [("/api/v4/projects/1/access_tokens", "project_1_bot_"), ("/api/v4/groups/root/access_tokens", "group_1_bot_")]
        {
            let token = make(&rest, path, json!({ "name": "ci", "scopes": ["read_api"], "access_level": 20 })).await;
            let bearer = rest.with_token(token["token"].as_str().unwrap());
            let me = bearer.get("/api/v4/user").await;
            let bot = me.json();
            assert_eq!((me.status, &bot["bot"], &bot["name"], &bot["state"]), (200, &json!(true), &json!("ci"), &json!("active")), "{bot}");
            let username = bot["username"].as_str().unwrap();
            assert!(username.starts_with(start), "{username}");
            assert_eq!(bot["id"], token["user_id"]);
            let id = bot["id"].as_i64().unwrap();
            assert!(id > 1 << 52 && id < 1 << 53, "nobody else has it, and a double holds it: {id}");

            let one = format!("/api/v4/users/{id}");
            for who in [&rest, &bearer] {
                let found = who.get(&one).await;
                assert_eq!((found.status, &found.json()["username"], &found.json()["bot"]), (200, &json!(username), &json!(true)));
            }
            let unknown = stranger.get(&one).await;
            assert_eq!((unknown.status, unknown.text()), (404, r#"{"message":"404 User Not Found"}"#));
            assert_eq!(send(&rest, Method::DELETE, &format!("{path}/{}", token["id"]), json!({})).await.status, 204);
            assert_eq!(rest.get(&one).await.json()["state"], "blocked");
        }
        // A personal token acts for its user, and for nobody besides.
        let personal = make(&rest, "/api/v4/user/personal_access_tokens", json!({ "name": "x", "scopes": ["api"] })).await;
        assert_eq!((&personal["user_id"], &rest.get("/api/v4/user").await.json()["bot"]), (&json!(1), &json!(false)));
        let none = format!("/api/v4/users/{}", (1_i64 << 52) + personal["id"].as_i64().unwrap());
        assert_eq!(rest.get(&none).await.status, 404);
    }
}

#[tokio::test]
async fn who_acts_by_a_token_is_called_the_same_everywhere() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        for (path, start) in [("/api/v4/projects/1/access_tokens", "project_1_bot_"), ("/api/v4/groups/root/access_tokens", "group_1_bot_")]
        {
            let token = make(&rest, path, json!({ "name": "ci", "scopes": ["api"], "access_level": 30 })).await;
            let bearer = rest.with_token(token["token"].as_str().unwrap());
            let username = format!("{start}{}", token["id"]);
            assert_eq!(bearer.get("/api/v4/user").await.json()["username"], username);
            let me = send(&bearer, Method::POST, "/api/graphql", json!({ "query": "{ currentUser { username name } }" })).await;
            assert_eq!(me.json(), json!({ "data": { "currentUser": { "username": username, "name": "ci" } } }));
            let release = make(&bearer, "/api/v4/projects/1/releases", json!({ "tag_name": username })).await;
            assert_eq!(release["author"], json!({ "username": username, "name": username }));
            assert_eq!(rest.get(&format!("/api/v4/projects/1/releases/{username}")).await.json()["author"], release["author"]);
        }
    }
}
