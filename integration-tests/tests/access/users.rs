//! The life of users, and what roles give them.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use consign_proto::metadata::{
    self as wire, CreateMemberRequest, CreateTokenRequest, CreateUserRequest, DeleteMemberRequest, GetProjectRequest, GetUserRequest,
    ListMembersRequest, ListUsersRequest, TestPermissionsRequest, UpdateMemberRequest, UpdateUserRequest, VerifyChainRequest,
};
use consign_types::Reason;
use consign_types::access::{Role, Scope};
use integration_tests::grpc::refusal;
use integration_tests::{BOTH, Engine, TOKEN, wait};
use prost::Message;
use prost_types::FieldMask;
use tonic::Status;

use crate::cast::wire_visibility;
use crate::world::*;

fn reason<T>(answer: Result<T, Status>) -> Option<Reason> {
    answer.err().and_then(|status| refusal(&status).1)
}

async fn sees(world: &World, project: &str, secret: &str) -> bool {
    let request = GetProjectRequest { name: project.to_owned() };
    match world.grpc().projects().get_project(bearing(request, secret)).await {
        Ok(_) => true,
        Err(status) => {
            assert_eq!(refusal(&status).1, Some(Reason::ProjectNotFound));
            false
        }
    }
}

#[tokio::test]
async fn a_user_is_made_with_a_namespace_and_is_let_in_until_disabled() {
    for engine in BOTH {
        let world = World::start(engine).await;
        let mut users = world.grpc().users();
        let request_id = "0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e".to_owned();
        let new =
            CreateUserRequest { username: "Alice".to_owned(), email: "alice@example.com".to_owned(), request_id, ..Default::default() };
        let alice = users.create_user(bearing(new.clone(), TOKEN)).await.unwrap().into_inner().user.unwrap();
        assert_eq!((alice.username.as_str(), alice.display_name.as_str(), alice.admin, alice.disabled), ("Alice", "Alice", false, false));
        assert_eq!(users.create_user(bearing(new, TOKEN)).await.unwrap().into_inner().user.unwrap(), alice, "once more");
        for (username, email, expected) in [
            ("alice", "", Reason::NameTaken),
            ("bob", "ALICE@example.com", Reason::NameTaken),
            ("project_1_bot_2", "", Reason::NameInvalid),
            ("7", "", Reason::NameInvalid),
            ("bob", "nonsense", Reason::ArgumentInvalid),
        ] {
            let new = CreateUserRequest { username: username.to_owned(), email: email.to_owned(), ..Default::default() };
            assert_eq!(reason(users.create_user(bearing(new, TOKEN)).await), Some(expected), "{username} {email}");
        }
        let namespaces = |secret: &str| bearing(wire::GetNamespaceRequest { name: "namespaces/Alice".to_owned() }, secret);
        let secret = world.personal("users/alice", &Scope::ALL).await;
        assert!(world.grpc().projects().get_namespace(namespaces(&secret)).await.is_ok());
        let made = wire::CreateProjectRequest { project_id: "own".to_owned(), ..Default::default() };
        let made = world.grpc().projects().create_project(bearing(made, &secret)).await.unwrap().into_inner().project.unwrap();
        assert_eq!(made.path, "Alice/own");

        let mut update = async |user: wire::User, paths: &[&str], secret: &str| {
            let update_mask = Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() });
            let request = UpdateUserRequest { user: Some(user), update_mask, ..Default::default() };
            users.update_user(bearing(request, secret)).await.map(|answer| answer.into_inner().user.unwrap())
        };
        let named = |name: &str| wire::User { name: name.to_owned(), ..Default::default() };
        let changed =
            update(wire::User { display_name: "Al".to_owned(), ..named("users/alice") }, &["display_name"], &secret).await.unwrap();
        assert_eq!((changed.display_name.as_str(), changed.email.as_str()), ("Al", "alice@example.com"));
        let stale = wire::User { etag: alice.etag.clone(), ..named("users/alice") };
        assert_eq!(reason(update(stale, &["email"], TOKEN).await), Some(Reason::EtagMismatch));
        let mail = wire::User { email: "root@example.com".to_owned(), ..named("users/root") };
        update(mail, &["email"], TOKEN).await.unwrap();
        let taken = wire::User { email: "ROOT@example.com".to_owned(), ..named("users/alice") };
        assert_eq!(reason(update(taken, &["email"], &secret).await), Some(Reason::NameTaken));
        let admin = wire::User { admin: true, ..named("users/alice") };
        assert_eq!(reason(update(admin.clone(), &["admin"], &secret).await), Some(Reason::RoleInsufficient));
        let root = wire::User { disabled: true, ..named("users/root") };
        assert_eq!(reason(update(root.clone(), &["disabled"], &secret).await), Some(Reason::UserNotFound));
        assert_eq!(reason(update(root.clone(), &["disabled"], TOKEN).await), Some(Reason::LastAdmin));
        assert_eq!(reason(update(named("users/root"), &["admin"], TOKEN).await), Some(Reason::LastAdmin));

        let disabled = wire::User { disabled: true, ..named("users/alice") };
        assert!(update(disabled, &["disabled"], TOKEN).await.unwrap().disabled);
        assert_eq!(reason(world.grpc().projects().get_namespace(namespaces(&secret)).await), Some(Reason::TokenInvalid));
        update(named("users/alice"), &["disabled"], TOKEN).await.unwrap();
        assert!(world.grpc().projects().get_namespace(namespaces(&secret)).await.is_ok());
        // With another administrator, the first may go, who finds the way back by the token of the settings alone.
        update(admin, &["admin"], TOKEN).await.unwrap();
        update(root, &["disabled"], &secret).await.unwrap();
        assert_eq!(reason(update(named("users/alice"), &["admin"], &secret).await), Some(Reason::LastAdmin));
    }
}

#[tokio::test]
async fn what_a_role_gives_counts_at_once_and_ends_with_it() {
    for engine in BOTH {
        let world = World::start(engine).await;
        world.user("alice", false).await;
        let secret = world.personal("users/alice", &[Scope::Read, Scope::Publish]).await;
        assert!(!sees(&world, "projects/1", &secret).await, "nobody's");

        // A role of the namespace counts in the projects below it.
        let member = world.member("namespaces/root", "users/alice", Role::Guest).await;
        assert!(sees(&world, "projects/1", &secret).await && sees(&world, "projects/2", &secret).await);
        let publish = integration_tests::rest::file("tool", "1.0", "f");
        assert_eq!(world.rest.with_token(&secret).put(&publish, "hello").await.status, 403);
        let more = world.member("projects/1", "users/alice", Role::Developer).await;
        assert_eq!(world.rest.with_token(&secret).put(&publish, "hello").await.status, 201);

        let list = async |parent: &str, show_inherited| {
            let request = ListMembersRequest { parent: parent.to_owned(), show_inherited, ..Default::default() };
            world.grpc().users().list_members(bearing(request, TOKEN)).await.unwrap().into_inner().members
        };
        assert_eq!(list("projects/1", false).await, std::slice::from_ref(&more));
        let inherited: Vec<_> = list("projects/1", true).await.into_iter().map(|member| member.inherited_from).collect();
        assert_eq!(inherited, ["namespaces/root", "", "namespaces/root"]);
        let of_root = list("namespaces/root", true).await;
        assert_eq!(of_root[0], member, "{engine:?}");
        assert_eq!((of_root[1].user.as_str(), of_root[1].role()), ("users/1", wire::Role::Owner), "{engine:?}: the namespace of that name");
        assert_eq!(member.name, format!("namespaces/root/members/{}", member.user.trim_start_matches("users/")));

        let remove = |name: &str| bearing(DeleteMemberRequest { name: name.to_owned(), ..Default::default() }, TOKEN);
        world.grpc().users().delete_member(remove(&more.name)).await.unwrap();
        assert_eq!(world.rest.with_token(&secret).put(&publish, "hello").await.status, 403, "the inherited role stays");
        assert_eq!(reason(world.grpc().users().delete_member(remove(&more.name)).await), Some(Reason::MemberNotFound));
        assert_eq!(reason(world.grpc().users().delete_member(remove("projects/1/members/nobody")).await), Some(Reason::MemberNotFound));
        world.grpc().users().delete_member(remove("namespaces/root/members/alice")).await.unwrap();
        assert!(!sees(&world, "projects/1", &secret).await);
    }
}

#[expect(clippy::disallowed_methods, reason = "the service under test goes by the system's clock")]
fn in_two_seconds() -> prost_types::Timestamp {
    (SystemTime::now() + Duration::from_secs(2)).into()
}

#[tokio::test]
async fn a_role_ends_at_its_time() {
    let world = World::start(Engine::Sqlite).await;
    world.user("alice", false).await;
    let secret = world.personal("users/alice", &[Scope::Read]).await;
    let new = CreateMemberRequest {
        parent: "projects/1".to_owned(),
        user: "users/alice".to_owned(),
        role: wire::Role::Guest.into(),
        expire_time: Some(in_two_seconds()),
        ..Default::default()
    };
    world.grpc().users().create_member(bearing(new, TOKEN)).await.unwrap();
    assert!(sees(&world, "projects/1", &secret).await);

    wait::until("the end of the role", async || (!sees(&world, "projects/1", &secret).await).then_some(())).await;
}

#[tokio::test]
async fn nobody_gives_a_role_above_their_own_and_whoever_has_one_may_give_it_back() {
    let world = World::start(Engine::Sqlite).await;
    for name in ["owner", "maintainer", "alice"] {
        world.user(name, false).await;
    }
    world.member("projects/1", "users/owner", Role::Owner).await;
    let kept = world.member("projects/1", "users/maintainer", Role::Maintainer).await;
    let secret = |name: &'static str| world.personal(name, &Scope::ALL);
    let (owner, maintainer, alice) = (secret("users/owner").await, secret("users/maintainer").await, secret("users/alice").await);
    let mut users = world.grpc().users();
    let mut give = async |role: wire::Role, secret: &str| {
        let (parent, user) = ("projects/1".to_owned(), "users/alice".to_owned());
        reason(users.create_member(bearing(CreateMemberRequest { parent, user, role: role.into(), ..Default::default() }, secret)).await)
    };

    assert_eq!(give(wire::Role::Guest, &maintainer).await, Some(Reason::RoleInsufficient));
    assert_eq!(give(wire::Role::Guest, &alice).await, Some(Reason::ProjectNotFound));
    assert_eq!(give(wire::Role::Admin, &owner).await, Some(Reason::ArgumentInvalid));
    assert_eq!(give(wire::Role::Unspecified, &owner).await, Some(Reason::ArgumentInvalid));
    assert_eq!(give(wire::Role::Owner, &owner).await, None);
    assert_eq!(give(wire::Role::Owner, &owner).await, Some(Reason::NameTaken));
    let change = |etag: &str, role: wire::Role| UpdateMemberRequest {
        member: Some(wire::Member { name: kept.name.clone(), etag: etag.to_owned(), role: role.into(), ..Default::default() }),
        ..Default::default()
    };
    let mut users = world.grpc().users();
    assert_eq!(reason(users.update_member(bearing(change("", wire::Role::Owner), &maintainer)).await), Some(Reason::RoleInsufficient));
    assert_eq!(reason(users.update_member(bearing(change("stale", wire::Role::Owner), &owner)).await), Some(Reason::EtagMismatch));
    let changed = users.update_member(bearing(change(&kept.etag, wire::Role::Developer), &owner)).await.unwrap().into_inner();
    assert_eq!(changed.member.unwrap().role(), wire::Role::Developer);

    let leave = |name: &str| DeleteMemberRequest { name: name.to_owned(), ..Default::default() };
    assert_eq!(reason(users.delete_member(bearing(leave("projects/1/members/owner"), &maintainer)).await), Some(Reason::RoleInsufficient));
    assert_eq!(
        reason(users.delete_member(bearing(leave("projects/2/members/maintainer"), &maintainer)).await),
        Some(Reason::ProjectNotFound)
    );
    users.delete_member(bearing(leave("projects/1/members/maintainer"), &maintainer)).await.unwrap();
    assert!(!sees(&world, "projects/1", &maintainer).await);
}

#[tokio::test]
async fn users_know_those_with_whom_they_share_a_place() {
    for engine in BOTH {
        let world = World::start(engine).await;
        for name in ["alice", "bob", "carol"] {
            let new = CreateUserRequest { username: name.to_owned(), email: format!("{name}@example.com"), ..Default::default() };
            world.grpc().users().create_user(bearing(new, TOKEN)).await.unwrap();
        }
        world.member("namespaces/root", "users/alice", Role::Guest).await;
        world.member("projects/1", "users/bob", Role::Guest).await;
        let alice = world.personal("users/alice", &[Scope::Read]).await;
        let mut users = world.grpc().users();
        let list = ListUsersRequest::default();
        let known = users.list_users(bearing(list.clone(), &alice)).await.unwrap().into_inner().users;
        let known: Vec<_> = known.iter().map(|user| (user.username.as_str(), user.email.as_str())).collect();
        assert_eq!(known, [("alice", "alice@example.com"), ("bob", ""), ("root", "")]);
        let all = users.list_users(bearing(list, TOKEN)).await.unwrap().into_inner().users;
        assert_eq!(all.len(), 4);
        assert!(all.iter().skip(1).all(|user| user.username == "root" || !user.email.is_empty()));

        let get = |name: &str| GetUserRequest { name: name.to_owned() };
        assert_eq!(users.get_user(bearing(get("users/bob"), &alice)).await.unwrap().into_inner().user.unwrap().email, "");
        assert_eq!(reason(users.get_user(bearing(get("users/carol"), &alice)).await), Some(Reason::UserNotFound));
        let by_mail = ListUsersRequest { filter: "email : \"carol\"".to_owned(), ..Default::default() };
        assert_eq!(reason(users.list_users(bearing(by_mail.clone(), &alice)).await), Some(Reason::FilterInvalid));
        assert_eq!(users.list_users(bearing(by_mail, TOKEN)).await.unwrap().into_inner().users.len(), 1);
        for order_by in ["id desc", "create_time", "username"] {
            let page = ListUsersRequest { page_size: 3, order_by: order_by.to_owned(), ..Default::default() };
            let first = users.list_users(bearing(page.clone(), TOKEN)).await.unwrap().into_inner();
            let second = ListUsersRequest { page_token: first.next_page_token, ..page };
            let second = users.list_users(bearing(second, TOKEN)).await.unwrap().into_inner();
            assert_eq!((first.users.len(), second.users.len(), second.next_page_token.as_str()), (3, 1, ""), "{order_by}");
        }
    }
}

#[tokio::test]
async fn permissions_are_told_as_they_are_judged() {
    let world = World::start(Engine::Sqlite).await;
    world.user("alice", false).await;
    world.member("projects/1", "users/alice", Role::Developer).await;
    let secret = world.personal("users/alice", &[Scope::Read, Scope::Publish]).await;
    let methods =
        ["ProjectService/GetProject", "PackageService/PublishVersion", "PackageService/DeletePackage", "ProjectService/CreateProject"];
    let test = async |resource: &str| {
        let methods = methods.iter().map(|method| format!("{PACKAGE}.{method}")).collect();
        let request = TestPermissionsRequest { resource: resource.to_owned(), methods };
        world.tokens().test_permissions(bearing(request, &secret)).await.map(|answer| answer.into_inner().allowed_methods)
    };
    let both = methods[..2].iter().map(|method| format!("{PACKAGE}.{method}")).collect::<Vec<_>>();
    for resource in ["projects/1", "projects/1/packages/tool", "projects/1/packages/tool/tags/stable"] {
        assert_eq!(test(resource).await.unwrap(), both, "{resource}");
    }
    assert_eq!(test("projects/2").await.unwrap(), Vec::<String>::new());
    assert_eq!(test("instance").await.unwrap(), Vec::<String>::new());
    assert_eq!(reason(test("nonsense").await), Some(Reason::NameInvalid));
    // What a maintainer may change of settings is one of them, of a project alone: the method is for owners.
    let team = wire::CreateNamespaceRequest { path: "team".to_owned(), ..Default::default() };
    world.grpc().projects().create_namespace(bearing(team, TOKEN)).await.unwrap();
    for (user, role, expected) in [("mia", Role::Maintainer, 0), ("olga", Role::Owner, 1)] {
        world.user(user, false).await;
        let user = format!("users/{user}");
        world.member("namespaces/team", &user, role).await;
        let secret = world.personal(&user, &Scope::ALL).await;
        let methods = vec![format!("{PACKAGE}.ProjectService/UpdateSettings")];
        let request = TestPermissionsRequest { resource: "namespaces/team".to_owned(), methods };
        let told = world.tokens().test_permissions(bearing(request, &secret)).await.unwrap().into_inner();
        assert_eq!(told.allowed_methods.len(), expected, "{role}");
    }
}

#[tokio::test]
async fn the_token_of_a_namespace_acts_in_all_below_it() {
    for engine in BOTH {
        let world = World::start(engine).await;
        let kind = wire::token::Kind::Namespace.into();
        let new =
            CreateTokenRequest { parent: "namespaces/root".to_owned(), kind, ..wanted(1, Role::Developer, &[Scope::Read, Scope::Publish]) };
        let (token, secret) = world.token(new.clone()).await;
        assert!(secret.starts_with("consign_nsp_"));
        let me = world.tokens().who_am_i(bearing(wire::WhoAmIRequest {}, &secret)).await.unwrap().into_inner();
        assert_eq!(me.actor, format!("namespace_1_bot_{}", token.id));
        for project in ["demo", "other"] {
            let path = format!("/api/v4/projects/root%2F{project}/packages/generic/tool/1.0/f");
            assert_eq!(world.rest.with_token(&secret).put(&path, "hello").await.status, 201);
        }
        world.user("alice", false).await;
        let elsewhere = wire::CreateProjectRequest {
            parent: "namespaces/alice".to_owned(),
            project_id: "own".to_owned(),
            visibility: wire_visibility(consign_types::version::Visibility::Internal).into(),
            ..Default::default()
        };
        world.grpc().projects().create_project(bearing(elsewhere, TOKEN)).await.unwrap();
        assert!(!sees(&world, "projects/alice%2Fown", &secret).await, "a token of no user does not sign in");
        let deploy = CreateTokenRequest { kind: wire::token::Kind::Deploy.into(), ..new.clone() };
        assert!(world.token(deploy).await.1.starts_with("consign_dep_"));
        let wrong = CreateTokenRequest { kind: wire::token::Kind::Project.into(), ..new };
        assert_eq!(reason(world.tokens().create_token(bearing(wrong, TOKEN)).await), Some(Reason::ArgumentInvalid));
    }
}

#[tokio::test]
async fn what_is_done_above_projects_is_audited_too() {
    for engine in BOTH {
        let world = World::start(engine).await;
        world.user("alice", false).await;
        world.member("namespaces/root", "users/alice", Role::Owner).await;
        world.member("projects/1", "users/alice", Role::Owner).await;
        let secret = world.personal("users/alice", &Scope::ALL).await;
        let namespace = wire::CreateNamespaceRequest { path: "root/sub".to_owned(), ..Default::default() };
        world.grpc().projects().create_namespace(bearing(namespace, &secret)).await.unwrap();

        let entries = async |parent: &str| {
            let list = wire::ListAuditEntriesRequest { parent: parent.to_owned(), order_by: "number".to_owned(), ..Default::default() };
            let answer = world.call("AuditService/ListAuditEntries", TOKEN, list.encode_to_vec().into()).await.unwrap();
            wire::ListAuditEntriesResponse::decode(answer).unwrap().audit_entries
        };
        let found = entries("instance").await;
        let told: Vec<_> = found.iter().map(|entry| (entry.actor.as_str(), entry.method.as_str(), entry.resource.as_str())).collect();
        assert_eq!(
            told,
            [
                ("root", "EnsureAdminToken", "users/1"),
                ("root", "CreateUser", "users/alice"),
                ("root", "CreateMember", "namespaces/root"),
                ("root", "CreateToken", "users/alice"),
                ("alice", "CreateNamespace", "root/sub"),
                ("alice", "CreateMember", "namespaces/root/sub"),
            ]
        );
        assert_eq!(found[4].name, "instance/auditEntries/5");
        assert!(entries("projects/1").await.iter().any(|entry| entry.method == "CreateMember"));
        let verify = VerifyChainRequest { parent: "instance".to_owned(), ..Default::default() };
        let verified: Bytes = world.call("AuditService/VerifyChain", TOKEN, verify.encode_to_vec().into()).await.unwrap();
        let verified = wire::VerifyChainResponse::decode(verified).unwrap();
        assert_eq!((verified.intact, verified.verified_number), (true, 6));
    }
}

#[tokio::test]
async fn a_user_of_many_and_deep_roles_lists_as_others_do() {
    for engine in BOTH {
        let world = World::start(engine).await;
        world.user("alice", false).await;
        let secret = world.personal("users/alice", &[Scope::Read]).await;
        let mut path = "root".to_owned();
        for level in 1..20 {
            path = format!("{path}/n{level}");
            let new = wire::CreateNamespaceRequest { path: path.clone(), ..Default::default() };
            world.grpc().projects().create_namespace(bearing(new, TOKEN)).await.unwrap();
            world.member(&format!("namespaces/{path}"), "users/alice", Role::Reporter).await;
        }
        let deeper = wire::CreateNamespaceRequest { path: format!("{path}/n20"), ..Default::default() };
        assert_eq!(reason(world.grpc().projects().create_namespace(bearing(deeper, TOKEN)).await), Some(Reason::ArgumentInvalid));
        // As many as a user may have, side by side, so that none holds another.
        world.service.database().execute(
            "insert into namespaces (parent_id, path, display_name, created_at) \
             with recursive numbers (number) as (select 20 union all select number + 1 from numbers where number < 999) \
             select n.id, 'root/m' || number, '', n.created_at from namespaces n, numbers where n.path = 'root'",
        );
        world.service.database().execute(
            "insert into members (user_id, namespace_id, role, revision, created_at) \
             select m.user_id, n.id, m.role, m.revision, m.created_at from namespaces n, members m \
             where n.path like 'root/m%' and m.namespace_id = (select id from namespaces where path = 'root/n1')",
        );
        let one_more = CreateMemberRequest {
            parent: "projects/1".to_owned(),
            user: "users/alice".to_owned(),
            role: wire::Role::Guest.into(),
            ..Default::default()
        };
        assert_eq!(reason(world.grpc().users().create_member(bearing(one_more, TOKEN)).await), Some(Reason::ArgumentInvalid));
        assert_eq!(world.service.database().count("members"), 2 * 1000, "{engine:?}: hers, and those of whoever made all of it");
        let past = wire::CreateNamespaceRequest { path: "root/past".to_owned(), ..Default::default() };
        world.grpc().projects().create_namespace(bearing(past, TOKEN)).await.unwrap();
        assert_eq!(world.service.database().count("members"), 2 * 1000, "{engine:?}: a namespace is made without one more");
        for method in ["ProjectService/ListNamespaces", "ProjectService/ListProjects", "UserService/ListUsers"] {
            let answer = world.call(method, &secret, Bytes::new()).await;
            assert!(answer.is_ok(), "{engine:?} {method}: {answer:?}");
        }
        let everywhere = wire::SearchVersionsRequest { parent: "projects/-".to_owned(), ..Default::default() }.encode_to_vec();
        assert!(world.call("PackageService/SearchVersions", &secret, everywhere.into()).await.is_ok(), "{engine:?}");
    }
}

#[tokio::test]
async fn what_is_over_shows_nobody_and_nothing() {
    for engine in BOTH {
        let world = World::start(engine).await;
        for name in ["alice", "bob"] {
            world.user(name, false).await;
        }
        let alice = world.personal("users/alice", &[Scope::Read]).await;
        world.member("projects/1", "users/bob", Role::Guest).await;
        let new = CreateMemberRequest {
            parent: "projects/1".to_owned(),
            user: "users/alice".to_owned(),
            role: wire::Role::Guest.into(),
            expire_time: Some(in_two_seconds()),
            ..Default::default()
        };
        world.grpc().users().create_member(bearing(new, TOKEN)).await.unwrap();
        let known = async || {
            let users = world.grpc().users().list_users(bearing(ListUsersRequest::default(), &alice)).await.unwrap().into_inner().users;
            users.into_iter().map(|user| user.username).collect::<Vec<_>>()
        };
        assert_eq!(known().await, ["alice", "bob", "root"]);
        wait::until("the end of the role", async || (known().await == ["alice"]).then_some(())).await;

        // A project that was public and is deleted is seen by those who may bring it back, alone.
        let project = wire::Project { name: "projects/2".to_owned(), visibility: wire::Visibility::Public.into(), ..Default::default() };
        let update = wire::UpdateProjectRequest { project: Some(project), ..Default::default() };
        world.grpc().projects().update_project(bearing(update, TOKEN)).await.unwrap();
        let list = wire::ListProjectsRequest { show_deleted: true, ..Default::default() };
        let listed =
            async || world.grpc().projects().list_projects(tonic::Request::new(list.clone())).await.unwrap().into_inner().projects.len();
        assert_eq!(listed().await, 1);
        let delete = wire::DeleteProjectRequest { name: "projects/2".to_owned(), ..Default::default() };
        world.grpc().projects().delete_project(bearing(delete, TOKEN)).await.unwrap();
        assert_eq!(listed().await, 0);
    }
}

#[tokio::test]
async fn what_ends_gives_nothing_that_lasts() {
    let world = World::start(Engine::Sqlite).await;
    world.user("alice", false).await;
    let expire_time = Some(prost_types::Timestamp { seconds: in_two_seconds().seconds + 600, nanos: 0 });
    let (token, ending) = world.token(CreateTokenRequest { expire_time, ..wanted(1, Role::Owner, &Scope::ALL) }).await;
    let give = |expire_time| CreateMemberRequest {
        parent: "projects/1".to_owned(),
        user: "users/alice".to_owned(),
        role: wire::Role::Owner.into(),
        expire_time,
        ..Default::default()
    };
    let mut users = world.grpc().users();
    assert_eq!(reason(users.create_member(bearing(give(None), &ending)).await), Some(Reason::ScopeInsufficient));
    assert!(users.create_member(bearing(give(Some(in_two_seconds())), &ending)).await.is_ok());
    let overlap = Some(prost_types::Duration { seconds: 60, nanos: 0 });
    let rotate = wire::RotateTokenRequest { name: token.name, overlap, ..Default::default() };
    world.tokens().rotate_token(bearing(rotate, &ending)).await.unwrap();
    let leave = DeleteMemberRequest { name: "projects/1/members/alice".to_owned(), ..Default::default() };
    assert_eq!(reason(users.delete_member(bearing(leave, &ending)).await), Some(Reason::ScopeInsufficient), "an old secret");

    // A token is nobody who has a namespace.
    let project = wire::CreateProjectRequest { project_id: "own".to_owned(), ..Default::default() };
    let (_, owner) = world.token(wanted(1, Role::Owner, &Scope::ALL)).await;
    assert_eq!(reason(world.grpc().projects().create_project(bearing(project, &owner)).await), Some(Reason::ArgumentInvalid));

    // A token of a namespace ends itself by the name that it is answered by.
    let kind = wire::token::Kind::Namespace.into();
    let new = CreateTokenRequest { parent: "namespaces/root".to_owned(), kind, ..wanted(1, Role::Reporter, &[Scope::Read]) };
    let (token, secret) = world.token(new).await;
    assert!(token.name.starts_with("namespaces/1/tokens/"), "{}", token.name);
    let revoke = wire::RevokeTokenRequest { name: token.name, ..Default::default() };
    world.tokens().revoke_token(bearing(revoke, &secret)).await.unwrap();
}
