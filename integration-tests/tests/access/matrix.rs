//! Every method with every kind of caller, every scope and every visibility, against the written table.

use std::collections::BTreeSet;

use bytes::Bytes;
use consign_proto::DESCRIPTORS;
use consign_proto::metadata::DeleteNamespaceRequest;
use consign_types::Reason;
use consign_types::access::methods::{DELETE_WITHIN, need};
use consign_types::access::{Need, Role, Scope};
use consign_types::version::Visibility;
use integration_tests::grpc::refusal;
use integration_tests::{BOTH, TOKEN};
use prost::Message;
use prost_types::FileDescriptorSet;

use crate::calls::{calls_in, calls_in_namespace, calls_of_anyone, calls_of_instance};
use crate::cast::*;
use crate::world::*;

const SERVED: [&str; 11] = [
    "ProjectService",
    "PackageService",
    "FileService",
    "TagService",
    "TokenService",
    "UserService",
    "ReleaseService",
    "AuditService",
    "EventService",
    "PromotionService",
    "AttestationService",
];

fn needed(method: &str) -> Need {
    need(&format!("{PACKAGE}.{method}")).unwrap()
}

#[test]
fn every_method_has_its_row_and_its_call() {
    let files = FileDescriptorSet::decode(DESCRIPTORS).unwrap().file;
    let services = files.iter().flat_map(|file| &file.service).filter(|service| SERVED.contains(&service.name()));
    let methods: BTreeSet<String> =
        services.flat_map(|service| service.method.iter().map(|method| format!("{}/{}", service.name(), method.name()))).collect();
    let calls = [calls_in("projects/1"), calls_in_namespace("namespaces/team"), calls_of_instance(), calls_of_anyone()];
    let called: BTreeSet<String> = calls.into_iter().flatten().map(|(method, _)| method.to_owned()).collect();
    for method in &methods {
        assert!(need(&format!("{PACKAGE}.{method}")).is_some(), "{method} has no row");
        // Whoever exchanges an ID token is judged by that.
        assert_eq!(called.contains(method), method != "TokenService/ExchangeToken", "{method}");
    }
    assert!(called.is_subset(&methods), "{called:?}");
}

#[tokio::test]
async fn every_method_takes_its_role_and_its_scope_whoever_calls_and_whatever_is_visible() {
    let mut compared = 0;
    for engine in BOTH {
        let cast = Cast::start(engine).await;
        for (turn, (visibility, id, path)) in cast.projects.iter().enumerate() {
            // By its number and by its path, in turns.
            for (caller, name) in cast.callers.iter().zip([id, path].into_iter().cycle().skip(turn)) {
                compared += compare(&cast.world, &calls_in(name), caller, *visibility).await;
            }
        }
        for caller in &cast.callers {
            compared += compare_above(&cast, caller).await;
        }
    }
    assert!(compared > 10_000, "{compared} cells");
}

/// Compares the answers to calls about a project. Returns how many those were.
async fn compare(world: &World, calls: &[(&'static str, Bytes)], caller: &Caller, visibility: Visibility) -> usize {
    for (method, message) in calls {
        let answer = world.call_as(method, caller.secret.as_deref(), message.clone()).await;
        let expected = caller.expected(needed(method), visibility);
        assert_eq!(verdict(&answer), expected, "{method} {visibility} {caller:?}: {answer:?}");
    }
    calls.len()
}

/// Compares the answers to calls about a namespace, the instance, and what is anybody's.
async fn compare_above(cast: &Cast, caller: &Caller) -> usize {
    let mut cells = 0;
    for (method, message) in calls_in_namespace("namespaces/team") {
        let answer = cast.world.call_as(method, caller.secret.as_deref(), message).await;
        // There is a public project below, so everybody sees the namespace.
        let expected = caller.expected_as(needed(method), caller.role.or(Some(Role::Guest)));
        assert_eq!(verdict(&answer), expected, "{method} {caller:?}: {answer:?}");
        cells += 1;
    }
    let (method, etag) = ("ProjectService/DeleteNamespace", "of-long-ago".to_owned());
    let forced = DeleteNamespaceRequest { name: "namespaces/team".to_owned(), etag, force: true, ..Default::default() };
    let answer = cast.world.call_as(method, caller.secret.as_deref(), forced.encode_to_vec().into()).await;
    let expected = match caller.expected_as(needed(method), caller.role.or(Some(Role::Guest))) {
        Verdict::Allowed => caller.expected_as(DELETE_WITHIN, caller.role),
        refused => refused,
    };
    assert_eq!(verdict(&answer), expected, "{method} by force {caller:?}: {answer:?}");
    for (method, message) in calls_of_instance() {
        let answer = cast.world.call_as(method, caller.secret.as_deref(), message).await;
        let is_admin = caller.role == Some(Role::Admin);
        let need = if is_admin { needed(method) } else { Need { role: Role::Admin, ..needed(method) } };
        let expected = caller.expected_as(need, if is_admin { Some(Role::Admin) } else { Some(Role::Guest) });
        assert_eq!(verdict(&answer), expected, "{method} {caller:?}: {answer:?}");
        cells += 1;
    }
    for (method, message) in calls_of_anyone() {
        let answer = cast.world.call_as(method, caller.secret.as_deref(), message).await;
        if method == "UserService/UpdateUser" && caller.secret.is_some() && caller.role != Some(Role::Admin) {
            // Another's.
            assert_eq!(refusal(&answer.unwrap_err()).1, Some(Reason::UserNotFound), "{caller:?}");
            continue;
        }
        let asks_for_token = !matches!(method, "ProjectService/ListProjects" | "ProjectService/ListNamespaces");
        let takes_scope = !method.starts_with("TokenService/");
        let expected = match () {
            () if caller.secret.is_none() && asks_for_token => Verdict::Unauthenticated,
            () if takes_scope && !needed(method).scope.is_within(&caller.scopes.iter().copied().collect()) => Verdict::Scope,
            () => Verdict::Allowed,
        };
        assert_eq!(verdict(&answer), expected, "{method} {caller:?}: {answer:?}");
        cells += 1;
    }
    cells
}

#[tokio::test]
async fn the_token_of_a_project_acts_in_it_alone() {
    for engine in BOTH {
        let world = World::start(engine).await;
        for (role, scopes) in Role::ALL[..5].iter().flat_map(|role| SCOPE_SETS.map(|scopes| (*role, scopes))) {
            let (_, secret) = world.token(wanted(1, role, scopes)).await;
            let caller = Caller { role: Some(role), secret: Some(secret), scopes: scopes.to_vec() };
            let both: Vec<_> = ["projects/1", "projects/root%2Fdemo"].into_iter().flat_map(calls_in).collect();
            compare(&world, &both, &caller, Visibility::Private).await;
        }
        // What is of others is not there, whatever the role.
        let (_, secret) = world.token(wanted(1, Role::Owner, &Scope::ALL)).await;
        for project in ["projects/2", "projects/root%2Fother", "projects/999", "projects/root%2Fabsent"] {
            for (method, message) in calls_in(project) {
                let answer = world.call(method, &secret, message).await;
                assert_eq!(verdict(&answer), Verdict::Unknown, "{method} in {project}: {answer:?}");
                assert!(answer.unwrap_err().message().contains(project), "{method}");
            }
        }
        for (method, message) in calls_of_instance().into_iter().chain(calls_in_namespace("namespaces/root")) {
            let expected = if matches!(method, "ProjectService/GetNamespace" | "ProjectService/ListProjects") {
                Verdict::Allowed
            } else {
                Verdict::Role
            };
            assert_eq!(verdict(&world.call(method, &secret, message.clone()).await), expected, "{method}");
            assert_eq!(verdict(&world.call(method, TOKEN, message).await), Verdict::Allowed, "{method}");
        }
        for (method, message) in calls_in_namespace("namespaces/elsewhere") {
            assert_eq!(verdict(&world.call(method, &secret, message).await), Verdict::Unknown, "{method}");
        }
    }
}
