//! What is told of a token is what was asked for.

use consign_proto::metadata::{self as wire, CreateTokenRequest};
use integration_tests::grpc::{Grpc, authorized};

use super::*;

#[tokio::test]
async fn the_words_by_which_a_token_was_asked_for_are_given_back() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        for path in ["/api/v4/projects/1/access_tokens", "/api/v4/groups/root/access_tokens", "/api/v4/user/personal_access_tokens"] {
            let scopes = json!(["read_package_registry", "write_package_registry", "read_package_registry"]);
            let token = make(&rest, path, json!({ "name": "ci", "description": "Ä\nci", "scopes": scopes })).await;
            let kept = json!(["read_package_registry", "write_package_registry"]);
            assert_eq!((&token["description"], &token["scopes"]), (&json!("Ä\nci"), &kept), "{path}");
            let list = if path.starts_with("/api/v4/user") { "/api/v4/personal_access_tokens" } else { path };
            let one = rest.get(&format!("{list}/{}", token["id"])).await;
            assert_eq!((one.status, &one.json()["description"], &one.json()["scopes"]), (200, &json!("Ä\nci"), &kept), "{path}");
            assert_eq!(one.json()["token"], Value::Null);
            let rotated = send(&rest, Method::POST, &format!("{list}/{}/rotate", token["id"]), json!({})).await;
            assert_eq!((rotated.status, &rotated.json()["scopes"], &rotated.json()["description"]), (200, &kept, &json!("Ä\nci")));
            let plain = make(&rest, path, json!({ "name": "ci", "scopes": ["api"] })).await;
            assert_eq!((&plain["description"], &plain["scopes"]), (&Value::Null, &json!(["api"])));
        }
        let long = json!({ "name": "x", "scopes": ["api"], "description": "x".repeat(4097) });
        let refused = send(&rest, Method::POST, "/api/v4/projects/1/access_tokens", long).await;
        assert!(refused.status == 400 && refused.text().contains("at most 4096 bytes"), "{}", refused.text());
    }
}

#[tokio::test]
async fn a_deploy_token_has_the_user_name_that_was_asked_for() {
    let (_service, rest) = Builder::by_default().demo().await;
    for path in ["/api/v4/projects/1/deploy_tokens", "/api/v4/groups/root/deploy_tokens"] {
        let new = |username: &str| json!({ "name": "mirror", "scopes": ["read_package_registry"], "username": username });
        let token = make(&rest, path, new("mirror+1.x_y-z")).await;
        assert_eq!(token["username"], "mirror+1.x_y-z");
        assert_eq!(rest.get(&format!("{path}/{}", token["id"])).await.json()["username"], "mirror+1.x_y-z");
        let token = make(&rest, path, new("")).await;
        assert_eq!(token["username"], format!("gitlab+deploy-token-{}", token["id"]));
        for username in ["a b", "ä", "a/b", &"a".repeat(256)] {
            let refused = send(&rest, Method::POST, path, new(username)).await;
            let told = r#"{"message":{"username":["can contain only letters, digits, '_', '-', '+', and '.'"]}}"#;
            assert_eq!((refused.status, refused.text()), (400, told), "{username}");
        }
    }
}

#[tokio::test]
async fn a_token_that_was_made_over_grpc_shows_what_its_rights_mean() {
    use wire::Scope::{Publish, Read, TagMove};
    use wire::token::Kind::{Deploy, Project};

    let (service, rest) = Builder::by_default().demo().await;
    let grpc = Grpc::to(service.grpc());
    let made = async |scopes: &[wire::Scope], kind: wire::token::Kind| {
        let request = CreateTokenRequest {
            parent: "projects/1".to_owned(),
            kind: kind.into(),
            display_name: "x".to_owned(),
            scopes: scopes.iter().map(|scope| (*scope).into()).collect(),
            ..CreateTokenRequest::default()
        };
        grpc.tokens().create_token(authorized(request)).await.unwrap().into_inner().token.unwrap()
    };
    for (scopes, kind, words) in [
        (&[Read][..], Project, json!(["read_api"])),
        (&[Read, TagMove], Project, json!(["read", "tag:move"])),
        (&[Read, Publish], Deploy, json!(["read_package_registry", "write_package_registry"])),
    ] {
        let token = made(scopes, kind).await;
        let list = if kind == Deploy { "deploy_tokens" } else { "access_tokens" };
        let shown = rest.get(&format!("/api/v4/projects/1/{list}/{}", token.id)).await.json();
        assert_eq!((&shown["scopes"], &json!(token.scope_names)), (&words, &words));
    }
    let both = CreateTokenRequest {
        parent: "projects/1".to_owned(),
        kind: Project.into(),
        display_name: "x".to_owned(),
        scopes: vec![Read.into()],
        scope_names: vec!["api".to_owned()],
        ..CreateTokenRequest::default()
    };
    for broken in [
        both.clone(),
        CreateTokenRequest { scopes: Vec::new(), scope_names: vec!["write_repository".to_owned()], ..both.clone() },
        CreateTokenRequest { scope_names: Vec::new(), username: "x".to_owned(), ..both },
    ] {
        let status = grpc.tokens().create_token(authorized(broken)).await.unwrap_err();
        assert_eq!(integration_tests::grpc::refusal(&status).1, Some(consign_types::Reason::ArgumentInvalid), "{status}");
    }
}

#[tokio::test]
async fn a_planner_is_given_back_as_one_and_may_what_a_guest_may() {
    let (_service, rest) = Builder::by_default().demo().await;
    let (id, theirs) = user(&rest, "polly").await;
    let members = "/api/v4/projects/1/members";
    let made = send(&rest, Method::POST, members, json!({ "user_id": id, "access_level": 15 })).await;
    assert_eq!((made.status, &made.json()["access_level"]), (201, &json!(15)));
    assert_eq!(rest.get(&format!("{members}/{id}")).await.json()["access_level"], 15);
    assert_eq!((theirs.get("/api/v4/projects/1").await.status, theirs.get(&file("tool", "1.0", "f")).await.status), (200, 403));
    let token = make(&rest, "/api/v4/projects/1/access_tokens", json!({ "name": "x", "scopes": ["api"], "access_level": 15 })).await;
    assert_eq!(token["access_level"], 15);
}
