//! The REST routes that are about no project, as `rest` has those that are: groups, users and their tokens, the instance.

use consign_proto::metadata::{CreateNamespaceRequest, CreateProjectRequest};
use consign_types::access::methods::need;
use consign_types::access::{Need, Role, Scope};
use integration_tests::{Engine, TOKEN};

use crate::cast::*;
use crate::rest::{NO_MEMBER, PAST_TOKEN, TRANSPORTS, request};
use crate::world::*;

/// How a route answers those who may not know what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Nobody is asked for a token: what they may not know of is not there.
    Silent,
    /// Whoever comes without a token is asked for one.
    Asks,
}

/// A route, the method of the metadata plane that decides about it, what is sent, and how those are answered who may.
pub(crate) type Route = (&'static str, &'static str, Manner, &'static str, &'static str, &'static [u16]);

pub(crate) const OF_GROUPS: [Route; 20] = [
    ("GET", "", Manner::Silent, "ProjectService/GetNamespace", "", &[200]),
    // What is listed is what the caller may read of it.
    ("GET", "/projects", Manner::Silent, "ProjectService/GetNamespace", "", &[200]),
    ("GET", "/packages", Manner::Silent, "ProjectService/GetNamespace", "", &[200]),
    ("DELETE", "", Manner::Asks, "ProjectService/DeleteNamespace", "", &[409]),
    ("GET", "/access_tokens", Manner::Asks, "TokenService/ListTokens", "", &[200]),
    ("POST", "/access_tokens", Manner::Asks, "TokenService/CreateToken", PAST_TOKEN, &[400]),
    ("GET", "/access_tokens/999", Manner::Asks, "TokenService/GetToken", "", &[404]),
    ("POST", "/access_tokens/999/rotate", Manner::Asks, "TokenService/RotateToken", "", &[404]),
    ("DELETE", "/access_tokens/999", Manner::Asks, "TokenService/RevokeToken", "", &[404]),
    ("GET", "/deploy_tokens", Manner::Asks, "TokenService/ListTokens", "", &[200]),
    ("GET", "/deploy_tokens/999", Manner::Asks, "TokenService/GetToken", "", &[404]),
    ("DELETE", "/deploy_tokens/999", Manner::Asks, "TokenService/RevokeToken", "", &[404]),
    ("POST", "/deploy_tokens", Manner::Asks, "TokenService/CreateToken", PAST_TOKEN, &[400]),
    ("GET", "/members", Manner::Asks, "UserService/ListMembers", "", &[200]),
    ("GET", "/members/all", Manner::Asks, "UserService/ListMembers", "", &[200]),
    ("GET", "/members/99999", Manner::Asks, "UserService/ListMembers", "", &[404]),
    ("GET", "/members/all/99999", Manner::Asks, "UserService/ListMembers", "", &[404]),
    ("POST", "/members", Manner::Asks, "UserService/CreateMember", NO_MEMBER, &[404]),
    ("PUT", "/members/99999", Manner::Asks, "UserService/UpdateMember", NO_MEMBER, &[404]),
    ("DELETE", "/members/99999", Manner::Asks, "UserService/DeleteMember", "", &[404]),
];

/// Routes about the caller alone, who may do there what the owner of a project may.
pub(crate) const OF_ONESELF: [Route; 8] = [
    ("GET", "/version", Manner::Asks, "TokenService/WhoAmI", "", &[200]),
    ("GET", "/metadata", Manner::Asks, "TokenService/WhoAmI", "", &[200]),
    ("GET", "/user", Manner::Asks, "UserService/GetUser", "", &[200]),
    ("GET", "/users", Manner::Asks, "UserService/ListUsers", "", &[200]),
    ("GET", "/users/99999", Manner::Asks, "UserService/GetUser", "", &[404]),
    ("POST", "/user/personal_access_tokens", Manner::Asks, "TokenService/CreateToken", PAST_TOKEN, &[400]),
    ("GET", "/personal_access_tokens", Manner::Asks, "TokenService/ListTokens", "", &[200]),
    ("GET", "/personal_access_tokens/self", Manner::Asks, "TokenService/WhoAmI", "", &[200]),
];

/// Routes about the personal tokens of others, for which all but administrators are asked for another token.
pub(crate) const OF_OTHERS: [Route; 4] = [
    ("GET", "/personal_access_tokens/99999", Manner::Asks, "TokenService/GetToken", "", &[404]),
    ("POST", "/personal_access_tokens/99999/rotate", Manner::Asks, "TokenService/RotateToken", "", &[404]),
    ("DELETE", "/personal_access_tokens/99999", Manner::Asks, "TokenService/RevokeToken", "", &[404]),
    ("GET", "/personal_access_tokens?user_id=1", Manner::Asks, "TokenService/ListTokens", "", &[200]),
];

/// Making a token of the administrator, as seen by others.
pub(crate) const OF_ANOTHER: Route =
    ("POST", "/users/1/personal_access_tokens", Manner::Asks, "TokenService/CreateToken", PAST_TOKEN, &[400]);

/// The deploy tokens of all projects and groups, for administrators.
pub(crate) const OF_INSTANCE: Route = ("GET", "/deploy_tokens", Manner::Asks, "TokenService/ListTokens", "", &[200]);

pub(crate) const LIST_GROUPS: Route = ("GET", "/groups", Manner::Silent, "ProjectService/ListNamespaces", "", &[200]);

/// Making a user of a name that is taken, for administrators.
pub(crate) const MAKE_USER: Route = ("POST", "/users", Manner::Asks, "UserService/CreateUser", "username=root", &[409]);

/// Making a group of a name that is taken.
pub(crate) fn make_group(body: &'static str) -> Route {
    ("POST", "/groups", Manner::Asks, "ProjectService/CreateNamespace", body, &[400])
}

fn needed((_, _, _, decides, _, _): &Route) -> Need {
    let found = need(&format!("{PACKAGE}.{decides}")).unwrap();
    // Whoever is signed in may ask who that is.
    if *decides == "TokenService/WhoAmI" { Need { role: Role::Guest, scope: found.scope } } else { found }
}

/// Sends a request in every way that there is to send its token. Returns how many those were.
async fn compare(world: &World, base: &str, route: &Route, caller: &Caller, expected: &Verdict, unknown: &str) -> usize {
    let (method, path, manner, _, body, allowed) = route;
    for transport in TRANSPORTS {
        let asked = (*method, &*format!("{base}{path}"), *body);
        let answer = world.rest.send(request(world, asked, caller.secret.as_deref(), transport)).await;
        let statuses = match expected {
            Verdict::Allowed => allowed,
            Verdict::Unauthenticated if *manner == Manner::Silent => &[404][..],
            Verdict::Unauthenticated => &[401],
            Verdict::Unknown => &[404],
            Verdict::Role | Verdict::Scope => &[403],
        };
        let shown = format!("{method} {base}{path} {caller:?} {expected:?}: {} {}", answer.status, answer.text());
        assert!(statuses.contains(&answer.status), "{shown}");
        if answer.status == 404 && *expected != Verdict::Allowed {
            assert_eq!(answer.text(), format!("{{\"message\":\"{unknown}\"}}"), "{shown}");
        }
    }
    TRANSPORTS.len()
}

/// A group with nothing but a private project in it: who has no role there may not know of it.
async fn closed_group(world: &World) -> i64 {
    let new = CreateNamespaceRequest { path: "team/closed".to_owned(), ..Default::default() };
    let made = world.grpc().projects().create_namespace(bearing(new, TOKEN)).await.unwrap().into_inner().namespace.unwrap();
    let parent = "namespaces/team/closed".to_owned();
    let new = CreateProjectRequest { parent, project_id: "inner".to_owned(), ..Default::default() };
    world.grpc().projects().create_project(bearing(new, TOKEN)).await.unwrap();
    made.id
}

#[tokio::test]
async fn every_route_of_groups_takes_its_role_and_its_scope() {
    let cast = Cast::start(Engine::Sqlite).await;
    let closed = closed_group(&cast.world).await;
    let mut cells = 0;
    for (base, is_known) in [("team".to_owned(), true), ("team%2Fclosed".to_owned(), false), (closed.to_string(), false)] {
        for (route, caller) in OF_GROUPS.iter().flat_map(|route| cast.callers.iter().map(move |caller| (route, caller))) {
            // There is a public project in one of them, so everybody may know of it.
            let expected = caller.expected_as(needed(route), caller.role.max(is_known.then_some(Role::Guest)));
            cells += compare(&cast.world, &format!("/api/v4/groups/{base}"), route, caller, &expected, "404 Group Not Found").await;
        }
    }
    for caller in &cast.callers {
        let expected = caller.expected_as(needed(&LIST_GROUPS), Some(Role::Guest));
        cells += compare(&cast.world, "/api/v4", &LIST_GROUPS, caller, &expected, "").await;
        // At the top only administrators make groups; in a group its owners do, and have its path read first.
        let admin = caller.role.filter(|role| *role == Role::Admin).or(Some(Role::Guest));
        let mut in_group = caller.expected_as(needed(&make_group("")), caller.role.or(Some(Role::Guest)));
        if in_group == Verdict::Allowed && !caller.scopes.contains(&Scope::Read) {
            in_group = Verdict::Scope;
        }
        for (body, expected) in [("path=team", caller.expected_as(needed(&make_group("")), admin)), ("path=closed&parent_id=2", in_group)] {
            cells += compare(&cast.world, "/api/v4", &make_group(body), caller, &expected, "").await;
        }
    }
    assert!(cells > 11_000, "{cells} cells");
}

#[tokio::test]
async fn every_route_of_users_takes_its_scope_and_is_about_oneself() {
    let cast = Cast::start(Engine::Sqlite).await;
    let mut cells = 0;
    for caller in &cast.callers {
        for route in &OF_ONESELF {
            let expected = match route.3 {
                "TokenService/WhoAmI" if caller.secret.is_some() => Verdict::Allowed,
                _ => caller.expected_as(needed(route), caller.secret.as_ref().map(|_| Role::Owner)),
            };
            cells += compare(&cast.world, "/api/v4", route, caller, &expected, "").await;
        }
        let expected = caller.expected_as(needed(&MAKE_USER), caller.role.filter(|role| *role == Role::Admin).or(Some(Role::Guest)));
        cells += compare(&cast.world, "/api/v4", &MAKE_USER, caller, &expected, "").await;
        let admin = caller.role.filter(|role| *role == Role::Admin);
        for route in &OF_OTHERS {
            let expected = admin.map_or(Verdict::Unauthenticated, |admin| caller.expected_as(needed(route), Some(admin)));
            cells += compare(&cast.world, "/api/v4", route, caller, &expected, "").await;
        }
        let expected = caller.expected_as(needed(&OF_ANOTHER), admin);
        cells += compare(&cast.world, "/api/v4", &OF_ANOTHER, caller, &expected, "404 User Not Found").await;
        let expected = caller.expected_as(Need { role: Role::Admin, ..needed(&OF_INSTANCE) }, admin.or(Some(Role::Guest)));
        cells += compare(&cast.world, "/api/v4", &OF_INSTANCE, caller, &expected, "").await;
    }
    assert!(cells > 2_500, "{cells} cells");
}
