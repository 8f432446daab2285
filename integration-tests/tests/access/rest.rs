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
pub(crate) const TRANSPORTS: [fn(RequestBuilder, &str) -> RequestBuilder; 5] = [
    |request, secret| request.header("private-token", secret),
    |request, secret| request.header("job-token", secret),
    |request, secret| request.header("deploy-token", secret),
    |request, secret| request.basic_auth("anybody", Some(secret)),
    |request, secret| request.bearer_auth(secret),
];

/// A route below a project, the method of the metadata plane that decides about it, what is sent, and how those are answered who may.
type Route = (&'static str, &'static str, &'static str, &'static str, &'static [u16]);

pub(crate) const ROUTES: [Route; 48] = [
    ("GET", "", "ProjectService/GetProject", "", &[200]),
    ("GET", "/packages/generic/tool/1.0/f", "FileService/PrepareDownloads", "", &[200]),
    ("HEAD", "/packages/generic/tool/1.0/f", "FileService/PrepareDownloads", "", &[200]),
    ("GET", "/packages/generic/tool/1.0?format=zip", "FileService/PrepareDownloads", "", &[200]),
    ("HEAD", "/packages/generic/tool/1.0?format=tar", "FileService/PrepareDownloads", "", &[200]),
    ("PATCH", "/packages/generic/tool/1.0/g?upload=6a6f6b65-0000-4000-8000-000000000000.1", "FileService/PrepareUploads", "", &[404]),
    ("HEAD", "/packages/generic/tool/1.0/g?upload=6a6f6b65-0000-4000-8000-000000000000.1", "FileService/PrepareUploads", "", &[404]),
    ("DELETE", "/packages/generic/tool/1.0/g?upload=6a6f6b65-0000-4000-8000-000000000000.1", "FileService/PrepareUploads", "", &[404]),
    ("PUT", "/packages/generic/tool/1.0/g", "PackageService/PublishVersion", "the same", &[201]),
    ("GET", "/packages/protection/rules", "PackageService/ListProtectionRules", "", &[200]),
    ("POST", "/packages/protection/rules", "PackageService/CreateProtectionRule", RULE, &[201, 422]),
    ("PATCH", "/packages/protection/rules/999", "PackageService/UpdateProtectionRule", RULE, &[404]),
    ("DELETE", "/packages/protection/rules/999", "PackageService/DeleteProtectionRule", "", &[404]),
    ("PUT", "", "ProjectService/UpdateProject", "description=x", &[200]),
    ("GET", "/releases", "ReleaseService/ListReleases", "", &[200]),
    ("POST", "/releases", "ReleaseService/CreateRelease", "tag_name=v1", &[201, 409]),
    ("GET", "/releases/absent", "ReleaseService/GetRelease", "", &[404]),
    ("PUT", "/releases/absent", "ReleaseService/UpdateRelease", "name=x", &[404]),
    ("DELETE", "/releases/absent", "ReleaseService/DeleteRelease", "", &[404]),
    ("POST", "/releases/absent/assets/links", "ReleaseService/CreateReleaseLink", "name=x&url=https://host/x", &[404]),
    ("GET", "/releases/absent/downloads/x", "ReleaseService/GetRelease", "", &[404]),
    ("GET", "/access_tokens", "TokenService/ListTokens", "", &[200]),
    ("GET", "/access_tokens/999", "TokenService/GetToken", "", &[404]),
    ("POST", "/access_tokens/999/rotate", "TokenService/RotateToken", "", &[404]),
    ("DELETE", "/access_tokens/999", "TokenService/RevokeToken", "", &[404]),
    ("GET", "/deploy_tokens", "TokenService/ListTokens", "", &[200]),
    ("GET", "/deploy_tokens/999", "TokenService/GetToken", "", &[404]),
    ("GET", "/issues", "ProjectService/GetProject", "", &[200]),
    ("GET", "/repository/commits/abc/merge_requests", "ProjectService/GetProject", "", &[200]),
    ("GET", "/packages/999/pipelines", "PackageService/SearchVersions", "", &[404]),
    ("GET", "/packages", "PackageService/SearchVersions", "", &[200]),
    ("GET", "/packages/999", "PackageService/SearchVersions", "", &[404]),
    ("GET", "/packages/999/package_files", "PackageService/SearchVersions", "", &[404]),
    ("DELETE", "/packages/999", "PackageService/SearchVersions", "", &[404]),
    ("DELETE", "/packages/999/package_files/1", "PackageService/SearchVersions", "", &[404]),
    ("DELETE", "/releases/absent/assets/links/1", "ReleaseService/DeleteReleaseLink", "", &[404]),
    ("GET", "/releases/absent/assets/links", "ReleaseService/GetRelease", "", &[404]),
    ("POST", "/access_tokens", "TokenService/CreateToken", PAST_TOKEN, &[400]),
    ("POST", "/deploy_tokens", "TokenService/CreateToken", PAST_TOKEN, &[400]),
    ("DELETE", "/deploy_tokens/999", "TokenService/RevokeToken", "", &[404]),
    ("GET", "/members", "UserService/ListMembers", "", &[200]),
    ("GET", "/members/all", "UserService/ListMembers", "", &[200]),
    ("GET", "/members/99999", "UserService/ListMembers", "", &[404]),
    ("GET", "/members/all/99999", "UserService/ListMembers", "", &[404]),
    ("POST", "/members", "UserService/CreateMember", NO_MEMBER, &[404]),
    ("PUT", "/members/99999", "UserService/UpdateMember", NO_MEMBER, &[404]),
    ("DELETE", "/members/99999", "UserService/DeleteMember", "", &[404]),
    ("DELETE", "", "ProjectService/DeleteProject", "", &[]),
];

/// Whether a route is one of those where nobody is asked for a token, and what is private is not there.
fn is_silent(method: &str, route: &str) -> bool {
    let is_read = method == "GET" && (route.is_empty() || route.starts_with("/releases"));
    is_read || matches!(route, "/packages" | "/issues") || route.starts_with("/packages/999") || route.starts_with("/repository")
}

/// Making a token whose end has been: what is wrong with it is told to those who may make one.
pub(crate) const PAST_TOKEN: &str = "name=x&scopes[]=read_api&expires_at=2001-01-01";

/// A role for a user who is not there.
pub(crate) const NO_MEMBER: &str = "user_id=99999&access_level=10";

/// A rule that touches none of the packages here.
const RULE: &str = "package_name_pattern=matrix-*&package_type=generic&minimum_access_level_for_push=maintainer";

fn check(answer: &Answer, verdict: &Verdict, (method, route, allowed): (&str, &str, &[u16]), shown: &str) {
    let is_silent = is_silent(method, route);
    let statuses = match verdict {
        Verdict::Allowed => allowed,
        Verdict::Unauthenticated if is_silent => &[404],
        Verdict::Unauthenticated => &[401],
        Verdict::Unknown => &[404],
        Verdict::Role | Verdict::Scope => &[403],
    };
    assert!(statuses.contains(&answer.status), "{shown}: {} {}", answer.status, answer.text());
    let challenge = if *verdict == Verdict::Unauthenticated && !is_silent { r#"Basic realm="GitLab Packages Registry""# } else { "" };
    assert_eq!(answer.header("www-authenticate"), challenge, "{shown}");
    if *verdict == Verdict::Allowed && answer.status == 404 && !answer.body.is_empty() {
        let told = match route {
            route if route.contains("/protection/") => "404 Package protection rule Not Found",
            route if route.contains("_tokens/") => "404 Token Not Found",
            "/members" => "404 User Not Found",
            _ => "404 Not found",
        };
        assert_eq!(answer.text(), format!("{{\"message\":\"{told}\"}}"), "{shown}");
    }
    if *verdict == Verdict::Unknown && !answer.body.is_empty() {
        assert_eq!(answer.text(), r#"{"message":"404 Project Not Found"}"#, "{shown}");
    }
}

/// A request of a caller, by one of the transports.
pub(crate) fn request(
    world: &World,
    (method, path, body): (&str, &str, &'static str),
    secret: Option<&str>,
    transport: fn(RequestBuilder, &str) -> RequestBuilder,
) -> RequestBuilder {
    let request = world.rest.anonymous(method.parse::<Method>().unwrap(), path);
    let form = ("content-type", "application/x-www-form-urlencoded");
    let request = if body.is_empty() { request } else { request.header(form.0, form.1).body(body) };
    secret.into_iter().fold(request, transport)
}

/// Compares the answers to requests about a project. Returns how many those were.
async fn compare(world: &World, base: &str, caller: &Caller, visibility: Visibility) -> usize {
    let mut cells = 0;
    for ((method, route, decides, body, allowed), transport) in
        ROUTES.iter().flat_map(|route| TRANSPORTS.map(|transport| (*route, transport)))
    {
        let verdict = caller.expected(need(&format!("{PACKAGE}.{decides}")).unwrap(), visibility);
        if allowed.is_empty() && verdict == Verdict::Allowed {
            // What is gone can't be asked about again.
            continue;
        }
        let answer = world.rest.send(request(world, (method, &format!("{base}{route}"), body), caller.secret.as_deref(), transport)).await;
        check(&answer, &verdict, (method, route, allowed), &format!("{method} {route} {visibility} {caller:?}"));
        cells += 1;
    }
    cells
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
            let asked = |method, body| request(&cast.world, (method, "/api/v4/projects", body), caller.secret.as_deref(), transport);
            let list = caller.expected_as(Need { role: Role::Guest, scope: Scope::Read }, Some(Role::Guest));
            check(&cast.world.rest.send(asked("GET", "")).await, &list, ("GET", "", &[200]), &format!("{caller:?}"));
            // To a namespace of one's own.
            let create =
                caller.expected_as(Need { role: Role::Maintainer, scope: Scope::Admin }, caller.secret.as_ref().map(|_| Role::Owner));
            let answer = cast.world.rest.send(asked("POST", "name=own")).await;
            check(&answer, &create, ("POST", "", &[201, 400]), &format!("{caller:?}"));
            cells += 2;
        }
    }
    assert!(cells > 30_000, "{cells} cells");
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
                let asked = (method, &*format!("{}/{path}", base(project)), "");
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
        let request = request(&cast.world, ("GET", &public, ""), secret, TRANSPORTS[0]);
        assert_eq!(cast.world.rest.send(request).await.status, status);
    }
}
