//! Lists that are counted: namespaces, users, members and releases, each as far as the caller sees them.

use consign_client::transport::connect;
use consign_client::{Client, Tls, Transfers};
use consign_proto::access::scope_numbers;
use consign_proto::metadata::{
    CreateMemberRequest, CreateNamespaceRequest, CreateProjectRequest, CreateTokenRequest, CreateUserRequest, ListMembersRequest,
    ListNamespacesRequest, ListReleasesRequest, ListUsersRequest, Member, Release, Role, UpdateMemberRequest, token,
};
use consign_types::access::Scope;
use consign_types::resource::{MemberParent, ProjectRef};
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::{BOTH, Builder, Engine, TOKEN, TestService};

/// A place with users in it: `alice` reports in `group`, `bob` develops `group/sub/lib`, and `carol` has no role.
struct Place {
    _service: TestService,
    grpc: Grpc,
    root: Client,
}

impl Place {
    async fn start(engine: Engine) -> Self {
        let (service, grpc) = Builder::on(engine).demo_grpc().await;
        let transport = connect(&format!("http://{}", service.grpc()), &Tls::default()).unwrap();
        let root = Client::new(transport.clone(), Transfers::Remote(transport)).with_token(TOKEN);
        let place = Self { _service: service, grpc, root };
        for path in ["group", "group/sub", "group-b"] {
            let new = CreateNamespaceRequest { path: path.to_owned(), ..Default::default() };
            place.root.create_namespace(new).await.unwrap();
        }
        let lib = CreateProjectRequest { parent: "namespaces/group/sub".to_owned(), project_id: "lib".to_owned(), ..Default::default() };
        place.grpc.projects().create_project(authorized(lib)).await.unwrap();
        for (username, display_name) in [("alice", "Alice in Chains"), ("bob", ""), ("carol", "")] {
            let (username, display_name) = (username.to_owned(), display_name.to_owned());
            place.root.create_user(CreateUserRequest { username, display_name, ..Default::default() }).await.unwrap();
        }
        place.give("namespaces/group", "alice", Role::Reporter).await;
        place.give("projects/2", "bob", Role::Developer).await;
        place
    }

    async fn give(&self, parent: &str, user: &str, role: Role) -> Member {
        let (parent, user) = (parent.to_owned(), format!("users/{user}"));
        self.root.create_member(CreateMemberRequest { parent, user, role: role.into(), ..Default::default() }).await.unwrap()
    }

    /// The client of a user.
    async fn client(&self, user: &str) -> Client {
        let new = CreateTokenRequest {
            parent: format!("users/{user}"),
            kind: token::Kind::Personal.into(),
            display_name: "test".to_owned(),
            scopes: scope_numbers(&[Scope::Read]),
            ..Default::default()
        };
        self.root.with_token(&self.grpc.tokens().create_token(authorized(new)).await.unwrap().into_inner().secret)
    }
}

#[tokio::test]
async fn callers_count_the_namespaces_that_they_see() {
    for engine in BOTH {
        let place = Place::start(engine).await;
        let asked = ListNamespacesRequest { filter: "path : \"group\"".to_owned(), page_size: 1, count: true, ..Default::default() };
        for (user, expected) in [("root", 3), ("alice", 2), ("bob", 2), ("carol", 0)] {
            let client = place.client(user).await;
            let first = client.list_namespaces(asked.clone()).await.unwrap();
            assert_eq!((first.namespaces.len(), first.total_size), (usize::from(expected > 0), expected), "{engine:?} {user}");
            let all = client.list_namespaces(ListNamespacesRequest { count: true, ..Default::default() }).await.unwrap();
            assert_eq!(i64::try_from(all.namespaces.len()).unwrap(), all.total_size, "{engine:?} {user}");
        }
        let first = place.root.list_namespaces(asked.clone()).await.unwrap();
        let next = ListNamespacesRequest { page_token: first.next_page_token, skip: 1, ..asked.clone() };
        let next = place.root.list_namespaces(next).await.unwrap();
        assert_eq!((next.namespaces[0].path.as_str(), next.total_size), ("group/sub", 3), "wherever the page begins");
        let uncounted = place.root.list_namespaces(ListNamespacesRequest { count: false, ..asked }).await.unwrap();
        assert_eq!((uncounted.namespaces.len(), uncounted.total_size), (1, 0));
    }
}

#[tokio::test]
async fn callers_count_the_users_whom_they_know() {
    for engine in BOTH {
        let place = Place::start(engine).await;
        let some = "username = \"bob\" OR username = \"carol\"";
        let asked = |filter: &str| ListUsersRequest { filter: filter.to_owned(), page_size: 1, count: true, ..Default::default() };
        for (user, filter, expected) in
            [("root", "", 4), ("root", some, 2), ("alice", "", 3), ("alice", some, 1), ("bob", "", 3), ("carol", "", 1), ("carol", some, 1)]
        {
            let found = place.client(user).await.list_users_page(asked(filter)).await.unwrap();
            assert_eq!((found.users.len(), found.total_size), (1, expected), "{engine:?} {user} {filter}");
        }
        let skipping = place.root.list_users_page(ListUsersRequest { skip: 3, ..asked("") }).await.unwrap();
        assert_eq!((skipping.users[0].username.as_str(), skipping.total_size), ("root", 4));
        let uncounted = place.root.list_users_page(ListUsersRequest { count: false, ..asked("") }).await.unwrap();
        assert_eq!((uncounted.users.len(), uncounted.total_size), (1, 0));
        assert_eq!(place.root.list_users().await.unwrap().len(), 4);
    }
}

#[tokio::test]
async fn members_are_counted_with_those_of_the_namespaces_above_if_they_are_wanted() {
    for engine in BOTH {
        let place = Place::start(engine).await;
        let asked = |parent: &str, filter: &str, show_inherited| ListMembersRequest {
            parent: parent.to_owned(),
            filter: filter.to_owned(),
            show_inherited,
            page_size: 1,
            count: true,
            ..Default::default()
        };
        for (parent, filter, show_inherited, expected) in [
            ("projects/2", "", false, 1),
            ("projects/2", "", true, 4),
            ("projects/2", "role = \"reporter\"", true, 1),
            ("projects/2", "role = \"reporter\"", false, 0),
            ("projects/2", "role = \"owner\"", true, 2),
            ("namespaces/group/sub", "", false, 1),
            ("namespaces/group/sub", "", true, 3),
            ("namespaces/group", "", true, 2),
            ("namespaces/group-b", "", true, 1),
        ] {
            let found = place.root.list_members_page(asked(parent, filter, show_inherited)).await.unwrap();
            let told = (found.members.len(), found.total_size);
            assert_eq!(told, (usize::from(expected > 0), expected), "{engine:?} {parent} {filter} {show_inherited}");
        }
        let uncounted = ListMembersRequest { count: false, ..asked("projects/2", "", true) };
        assert_eq!(place.root.list_members_page(uncounted).await.unwrap().total_size, 0);
    }
}

#[tokio::test]
async fn members_have_the_names_that_people_call_them() {
    for engine in BOTH {
        let place = Place::start(engine).await;
        let made = place.give("projects/2", "alice", Role::Guest).await;
        assert_eq!(made.display_name, "Alice in Chains", "{engine:?}");
        let member = Member { role: Role::Developer.into(), display_name: "another".to_owned(), ..made };
        let changed = place.root.update_member(UpdateMemberRequest { member: Some(member), ..Default::default() }).await.unwrap();
        assert_eq!((changed.role(), changed.display_name.as_str()), (Role::Developer, "Alice in Chains"), "{engine:?}");

        let project: MemberParent = "projects/2".parse().unwrap();
        let listed = place.root.list_members(&project).await.unwrap();
        let mut names: Vec<_> = listed.iter().map(|member| (member.inherited_from.as_str(), member.display_name.as_str())).collect();
        names.sort_unstable();
        let above =
            [("namespaces/group", "Administrator"), ("namespaces/group", "Alice in Chains"), ("namespaces/group/sub", "Administrator")];
        assert_eq!(names, [&[("", "Alice in Chains"), ("", "bob")][..], &above].concat(), "{engine:?}");
    }
}

#[tokio::test]
async fn the_releases_of_a_project_are_counted() {
    for engine in BOTH {
        let place = Place::start(engine).await;
        let demo: ProjectRef = "projects/1".parse().unwrap();
        for tag in ["v1", "v2", "v3"] {
            place.root.create_release(&demo, Release { tag: tag.to_owned(), ..Default::default() }).await.unwrap();
        }
        let asked = |parent: &str| ListReleasesRequest { parent: parent.to_owned(), page_size: 1, count: true, ..Default::default() };
        let first = place.root.list_releases(asked("projects/1")).await.unwrap();
        assert_eq!((first.releases.len(), first.total_size), (1, 3), "{engine:?}");
        let next = ListReleasesRequest { page_token: first.next_page_token, skip: 1, ..asked("projects/1") };
        let next = place.root.list_releases(next).await.unwrap();
        assert_eq!((next.releases[0].tag.as_str(), next.total_size), ("v1", 3), "wherever the page begins");
        let bob = place.client("bob").await;
        assert_eq!(bob.list_releases(asked("projects/2")).await.unwrap().total_size, 0, "those of other projects do not count");
        assert!(bob.list_releases(asked("projects/1")).await.is_err(), "{engine:?}");
        let uncounted = place.root.list_releases(ListReleasesRequest { count: false, ..asked("projects/1") }).await.unwrap();
        assert_eq!((uncounted.releases.len(), uncounted.total_size), (1, 0));
    }
}
