//! Every REST route with every kind of caller, every scope, every visibility and every way to send a token.

use consign_types::access::methods::need;
use consign_types::access::{Need, Role, Scope};
use consign_types::version::Visibility;
use integration_tests::rest::Answer;
use integration_tests::{Engine, TOKEN};
use reqwest::{Method, RequestBuilder};

use crate::cast::*;
use crate::world::*;

/// The ways to send a token.
const TRANSPORTS: [fn(RequestBuilder, &str) -> RequestBuilder; 5] = [
    |request, secret| request.header("private-token", secret),
    |request, secret| request.header("job-token", secret),
    |request, secret| request.header("deploy-token", secret),
    |request, secret| request.basic_auth("anybody", Some(secret)),
    |request, secret| request.bearer_auth(secret),
];

/// A route, and the method of the metadata plane that decides about it.
const ROUTES: [(&str, &str, &str); 4] = [
    ("GET", "", "ProjectService/GetProject"),
    ("GET", "/packages/generic/tool/1.0/f", "FileService/PrepareDownloads"),
    ("HEAD", "/packages/generic/tool/1.0/f", "FileService/PrepareDownloads"),
    ("PUT", "/packages/generic/tool/1.0/g", "FileService/PrepareUploads"),
];

fn status_of(verdict: &Verdict, allowed: u16) -> u16 {
    match verdict {
        Verdict::Allowed => allowed,
        Verdict::Unauthenticated => 401,
        Verdict::Unknown => 404,
        Verdict::Role | Verdict::Scope => 403,
    }
}

fn check(answer: &Answer, verdict: &Verdict, allowed: u16, shown: &str) {
    assert_eq!(answer.status, status_of(verdict, allowed), "{shown}: {}", answer.text());
    let challenge = if *verdict == Verdict::Unauthenticated { r#"Basic realm="GitLab Packages Registry""# } else { "" };
    assert_eq!(answer.header("www-authenticate"), challenge, "{shown}");
    if *verdict == Verdict::Unknown && !answer.body.is_empty() {
        assert_eq!(answer.text(), r#"{"message":"404 Project Not Found"}"#, "{shown}");
    }
}

/// A request of a caller, by one of the transports.
fn request(
    world: &World,
    (method, path): (&str, &str),
    secret: Option<&str>,
    transport: fn(RequestBuilder, &str) -> RequestBuilder,
) -> RequestBuilder {
    let request = world.rest.anonymous(method.parse::<Method>().unwrap(), path);
    let request = if method == "PUT" { request.body("the same") } else { request };
    secret.into_iter().fold(request, transport)
}

/// Compares the answers to requests about a project. Returns how many those were.
async fn compare(world: &World, base: &str, caller: &Caller, visibility: Visibility) -> usize {
    for ((method, route, decides), transport) in ROUTES.iter().flat_map(|route| TRANSPORTS.map(|transport| (*route, transport))) {
        let verdict = caller.expected(need(&format!("{PACKAGE}.{decides}")).unwrap(), visibility);
        let answer = world.rest.send(request(world, (method, &format!("{base}{route}")), caller.secret.as_deref(), transport)).await;
        check(&answer, &verdict, if method == "PUT" { 201 } else { 200 }, &format!("{method} {route} {visibility} {caller:?}"));
    }
    ROUTES.len() * TRANSPORTS.len()
}

#[tokio::test]
async fn every_route_takes_its_role_and_its_scope_however_the_token_comes() {
    let cast = Cast::start(Engine::Sqlite).await;
    let mut cells = 0;
    for (visibility, _, path) in &cast.projects {
        let base = format!("/api/v4/{path}");
        let put = cast.world.rest.put(&format!("{base}/packages/generic/tool/1.0/f"), "hello").await;
        assert_eq!(put.status, 201, "{}", put.text());
        for caller in &cast.callers {
            cells += compare(&cast.world, &base, caller, *visibility).await;
        }
    }
    for caller in &cast.callers {
        for transport in TRANSPORTS {
            let asked = |method| request(&cast.world, (method, "/api/v4/projects"), caller.secret.as_deref(), transport);
            let list = caller.expected_as(Need { role: Role::Guest, scope: Scope::Read }, Some(Role::Guest));
            check(&cast.world.rest.send(asked("GET")).await, &list, 200, &format!("{caller:?}"));
            // To a namespace of one's own.
            let create =
                caller.expected_as(Need { role: Role::Maintainer, scope: Scope::Admin }, caller.secret.as_ref().map(|_| Role::Owner));
            let form = asked("POST").header("content-type", "application/x-www-form-urlencoded").body("name=own");
            let answer = cast.world.rest.send(form).await;
            let made = if answer.status == 400 { 400 } else { 201 };
            check(&answer, &create, made, &format!("{caller:?}"));
            cells += 2;
        }
    }
    assert!(cells > 2_500, "{cells} cells");
}

#[tokio::test]
async fn what_is_private_looks_as_if_it_were_not_there() {
    let cast = Cast::start(Engine::Sqlite).await;
    let base = |project: &str| format!("/api/v4/projects/team%2F{project}/packages/generic");
    assert_eq!(cast.world.rest.put(&format!("{}/tool/1.0/f", base("private")), "hello").await.status, 201);
    let stranger = cast.world.personal("users/stranger", &Scope::ALL).await;

    for secret in [None, Some(stranger.as_str())] {
        for (method, path) in [("GET", "tool/1.0/f"), ("HEAD", "tool/1.0/f"), ("PUT", "tool/1.0/f"), ("GET", "tool/2.0/f")] {
            let mut answers = Vec::new();
            for project in ["private", "absent"] {
                let asked = (method, &*format!("{}/{path}", base(project)));
                let mut answer = cast.world.rest.send(request(&cast.world, asked, secret, TRANSPORTS[0])).await;
                answer.headers.remove("date");
                answers.push((answer.status, answer.headers, answer.body));
            }
            assert_eq!(answers[0], answers[1], "{method} {path} {secret:?}");
            assert_eq!(answers[0].0, if secret.is_some() { 404 } else { 401 });
        }
    }
    // A token that means nothing is not taken for none.
    let public = format!("{}/tool/1.0/f", base("public"));
    assert_eq!(cast.world.rest.put(&public, "hello").await.status, 201);
    for (secret, status) in [(None, 200), (Some("nonsense, of nobody"), 401), (Some(TOKEN), 200)] {
        let request = request(&cast.world, ("GET", &public), secret, TRANSPORTS[0]);
        assert_eq!(cast.world.rest.send(request).await.status, status);
    }
}
