//! Every method with every role, every scope and every project, against the written table.

use std::collections::BTreeSet;

use consign_proto::DESCRIPTORS;
use consign_types::access::methods::need;
use consign_types::access::{Role, Scope};
use integration_tests::{BOTH, TOKEN};
use prost::Message;
use prost_types::FileDescriptorSet;

use crate::calls::{calls_above, calls_in};
use crate::world::*;

/// Methods of served services that are only designed.
const NOT_BUILT: [&str; 11] = [
    "PackageService/CreateProtectionRule",
    "PackageService/ListProtectionRules",
    "PackageService/UpdateProtectionRule",
    "PackageService/DeleteProtectionRule",
    "TokenService/ExchangeToken",
    "TokenService/CreateTrustRule",
    "TokenService/GetTrustRule",
    "TokenService/ListTrustRules",
    "TokenService/UpdateTrustRule",
    "TokenService/DeleteTrustRule",
    "TokenService/TestPermissions",
];

const SERVED: [&str; 6] = ["ProjectService", "PackageService", "FileService", "TagService", "TokenService", "AuditService"];

#[test]
fn every_method_has_its_row_and_its_call() {
    let files = FileDescriptorSet::decode(DESCRIPTORS).unwrap().file;
    let services = files.iter().flat_map(|file| &file.service).filter(|service| SERVED.contains(&service.name()));
    let methods: BTreeSet<String> =
        services.flat_map(|service| service.method.iter().map(|method| format!("{}/{}", service.name(), method.name()))).collect();
    let mut called: BTreeSet<String> =
        calls_in("projects/1").into_iter().chain(calls_above()).map(|(method, _)| method.to_owned()).collect();
    called.extend(["ProjectService/ListProjects".to_owned(), "TokenService/WhoAmI".to_owned()]);
    for method in &methods {
        let is_built = !NOT_BUILT.contains(&method.as_str());
        assert_eq!(need(&format!("{PACKAGE}.{method}")).is_some(), is_built, "{method}");
        assert_eq!(called.contains(method), is_built, "{method}");
    }
    assert!(called.is_subset(&methods), "{called:?}");
}

/// Compares the answers to one token with the table. Returns how many those were.
async fn compare(world: &World, role: Role, scopes: &[Scope]) -> usize {
    let (_, secret) = world.token(wanted(1, role, scopes)).await;
    let calls: Vec<_> = ["projects/1", "projects/root%2Fdemo"].into_iter().flat_map(calls_in).collect();
    for (method, message) in &calls {
        let need = need(&format!("{PACKAGE}.{method}")).unwrap();
        let expected = match () {
            () if role < need.role => Verdict::Role,
            () if !scopes.contains(&need.scope) => Verdict::Scope,
            () => Verdict::Allowed,
        };
        let answer = world.call(method, &secret, message.clone()).await;
        assert_eq!(verdict(&answer), expected, "{method} as {role} with {scopes:?}: {answer:?}");
    }
    calls.len()
}

#[tokio::test]
async fn every_method_takes_its_role_its_scope_and_its_project() {
    let roles = [Role::Guest, Role::Reporter, Role::Developer, Role::Maintainer, Role::Owner];
    let sets: [&[Scope]; 6] =
        [&Scope::ALL, &[Scope::Read], &[Scope::Read, Scope::Publish], &[Scope::Publish], &[Scope::Delete], &[Scope::Admin, Scope::Promote]];
    let mut cells = 0;
    for engine in BOTH {
        let world = World::start(engine).await;
        for (role, scopes) in roles.iter().flat_map(|role| sets.iter().map(move |scopes| (*role, *scopes))) {
            cells += compare(&world, role, scopes).await;
        }
        // What is of others is not there, whatever the role.
        let (_, secret) = world.token(wanted(1, Role::Owner, &Scope::ALL)).await;
        for project in ["projects/2", "projects/root%2Fother", "projects/999", "projects/root%2Fabsent"] {
            for (method, message) in calls_in(project) {
                let answer = world.call(method, &secret, message).await;
                assert_eq!(verdict(&answer), Verdict::Unknown, "{method} in {project}: {answer:?}");
                assert!(answer.unwrap_err().message().contains(project), "{method}");
                cells += 1;
            }
        }
        for (method, message) in calls_above() {
            let answer = world.call(method, &secret, message.clone()).await;
            assert!(matches!(verdict(&answer), Verdict::Unknown | Verdict::Role), "{method}: {answer:?}");
            assert_eq!(verdict(&world.call(method, TOKEN, message).await), Verdict::Allowed, "{method}");
            cells += 2;
        }
    }
    assert!(cells > 3000, "{cells} cells");
}
