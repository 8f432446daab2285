//! Lists: every order, rising and falling, and what they show.

use consign_proto::metadata::{
    CreateNamespaceRequest, CreateProjectRequest, CreateVersionRequest, DeletePackageRequest, DeleteProjectRequest, DeleteVersionRequest,
    Package, Project, PublishVersionRequest, UpdatePackageRequest, UpdateProjectRequest,
};
use consign_types::Reason;
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::lists::{List, Query, assert_order, page, walk};
use integration_tests::publishing::{PACKAGE, brought, publish, refused};
use integration_tests::{BOTH, Builder};
use tonic::Code;

const ARGUMENT_INVALID: (Code, Option<Reason>) = (Code::InvalidArgument, Some(Reason::ArgumentInvalid));

async fn draft(grpc: &Grpc, version: &str) {
    let request = CreateVersionRequest { parent: PACKAGE.to_owned(), version_id: version.to_owned(), ..CreateVersionRequest::default() };
    grpc.packages().create_version(authorized(request)).await.unwrap();
}

async fn publish_one(grpc: &Grpc, package: &str, version: &str, content: &'static [u8]) {
    publish(grpc, brought(grpc, &format!("projects/1/packages/{package}"), version, &[("a", content)]).await).await.unwrap();
}

fn within(parent: &str) -> Query {
    Query { parent: parent.to_owned(), ..Query::default() }
}

#[tokio::test]
async fn packages_come_in_every_order() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        for (package, content) in [("gamma", b"three".as_slice()), ("Beta", b"five five"), ("alpha", b"1")] {
            publish_one(&grpc, package, "1.0.0", content).await;
        }
        let package = Package { name: "projects/1/packages/gamma".to_owned(), description: "changed".to_owned(), ..Package::default() };
        let request = UpdatePackageRequest { package: Some(package), ..UpdatePackageRequest::default() };
        grpc.packages().update_package(authorized(request)).await.unwrap();

        let query = within("projects/1");
        assert_order(&grpc, List::Packages, &query, "package_id", &["Beta", "alpha", "gamma"]).await;
        assert_order(&grpc, List::Packages, &query, "create_time", &["gamma", "Beta", "alpha"]).await;
        assert_order(&grpc, List::Packages, &query, "update_time", &["Beta", "alpha", "gamma"]).await;
        assert_order(&grpc, List::Packages, &query, "size_bytes", &["alpha", "gamma", "Beta"]).await;
        assert_eq!(walk(&grpc, List::Packages, query.clone()).await, ["Beta", "alpha", "gamma"]);

        let request = DeletePackageRequest { name: "projects/1/packages/Beta".to_owned(), ..DeletePackageRequest::default() };
        grpc.packages().delete_package(authorized(request)).await.unwrap();
        assert_order(&grpc, List::Packages, &query, "package_id", &["alpha", "gamma"]).await;
        let deleted = Query { show_deleted: true, ..query };
        assert_order(&grpc, List::Packages, &deleted, "package_id", &["Beta", "alpha", "gamma"]).await;
    }
}

#[tokio::test]
async fn versions_come_in_every_order() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        for version in ["2.0.0", "1.0.0", "10.0.0", "3.0.0"] {
            draft(&grpc, version).await;
        }
        for version in ["10.0.0", "2.0.0", "1.0.0"] {
            publish_one(&grpc, "tool", version, b"one").await;
        }
        let query = within(PACKAGE);
        let rising = ["tool/1.0.0", "tool/2.0.0", "tool/3.0.0", "tool/10.0.0"];
        let made = ["tool/2.0.0", "tool/1.0.0", "tool/10.0.0", "tool/3.0.0"];
        assert_order(&grpc, List::Versions, &query, "version", &rising).await;
        assert_order(&grpc, List::Versions, &query, "id", &made).await;
        assert_order(&grpc, List::Versions, &query, "create_time", &made).await;
        assert_order(&grpc, List::Versions, &query, "publish_time", &["tool/10.0.0", "tool/2.0.0", "tool/1.0.0"]).await;
        assert_eq!(walk(&grpc, List::Versions, query.clone()).await, rising);

        publish_one(&grpc, "alpha", "5.0.0", b"one").await;
        let all = within("projects/1/packages/-");
        let of_all = [["alpha/5.0.0"].as_slice(), &rising].concat();
        assert_order(&grpc, List::Versions, &all, "version", &of_all).await;
        assert_eq!(walk(&grpc, List::Versions, within("projects/root%2Fdemo/packages/-")).await, of_all);

        let hidden = PublishVersionRequest { hidden: Some(true), ..brought(&grpc, PACKAGE, "1.0.0", &[("a", b"one")]).await };
        publish(&grpc, hidden).await.unwrap();
        let request = DeleteVersionRequest { name: format!("{PACKAGE}/versions/2.0.0"), ..DeleteVersionRequest::default() };
        grpc.packages().delete_version(authorized(request)).await.unwrap();
        assert_eq!(walk(&grpc, List::Versions, query.clone()).await, rising[2..]);
        let hidden = Query { show_hidden: true, ..query.clone() };
        assert_eq!(walk(&grpc, List::Versions, hidden.clone()).await, ["tool/1.0.0", "tool/3.0.0", "tool/10.0.0"]);
        assert_order(&grpc, List::Versions, &Query { show_deleted: true, ..hidden }, "version", &rising).await;
        assert_eq!(walk(&grpc, List::Versions, Query { show_deleted: true, ..query }).await, rising[1..]);
    }
}

#[tokio::test]
async fn a_search_comes_newest_first_and_in_every_order() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        draft(&grpc, "1.0.0").await;
        draft(&grpc, "0.1.0").await;
        for (package, version) in [("zeta", "1.0.0"), ("tool", "1.0.0"), ("alpha", "1.0.0")] {
            publish_one(&grpc, package, version, b"one").await;
        }
        let query = within("projects/1");
        let newest_first = ["alpha/1.0.0", "tool/1.0.0", "zeta/1.0.0"];
        assert_eq!(walk(&grpc, List::Search, Query { page_size: 1, ..query.clone() }).await, newest_first);
        assert_order(&grpc, List::Search, &query, "publish_time", &["zeta/1.0.0", "tool/1.0.0", "alpha/1.0.0"]).await;
        assert_order(&grpc, List::Search, &query, "create_time", &["tool/1.0.0", "zeta/1.0.0", "alpha/1.0.0"]).await;
        assert_order(&grpc, List::Search, &query, "package", &newest_first).await;
        assert_eq!(walk(&grpc, List::Search, within("projects/-")).await, newest_first);

        let hidden = brought(&grpc, "projects/1/packages/beta", "1.0.0", &[("a", b"one")]).await;
        publish(&grpc, PublishVersionRequest { hidden: Some(true), ..hidden }).await.unwrap();
        assert_eq!(walk(&grpc, List::Search, query.clone()).await, newest_first);
        let shown = Query { show_hidden: true, ..query };
        assert_eq!(walk(&grpc, List::Search, shown).await, [["beta/1.0.0"].as_slice(), &newest_first].concat());
    }
}

#[tokio::test]
async fn files_come_in_every_order() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        for (path, content) in [("b", b"one".as_slice()), ("a", b"seven77"), ("c/d", b"1"), ("b", b"fifty")] {
            let set = brought(&grpc, PACKAGE, "1.0.0", &[(path, content)]).await;
            publish(&grpc, PublishVersionRequest { keep_open: true, ..set }).await.unwrap();
        }
        let query = within(&format!("{PACKAGE}/versions/1.0.0"));
        let made = ["b@1", "a@1", "c/d@1", "b@2"];
        assert_order(&grpc, List::Files, &query, "path", &["a@1", "b@1", "b@2", "c/d@1"]).await;
        assert_order(&grpc, List::Files, &query, "id", &made).await;
        assert_order(&grpc, List::Files, &query, "create_time", &made).await;
        assert_order(&grpc, List::Files, &query, "size_bytes", &["c/d@1", "b@1", "b@2", "a@1"]).await;
        let unknown = page(&grpc, List::Files, within(&format!("{PACKAGE}/versions/9"))).await;
        assert_eq!(refused(unknown), (Code::NotFound, Some(Reason::VersionNotFound)));
    }
}

#[tokio::test]
async fn projects_and_namespaces_come_in_every_order() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        for path in ["zoo", "group", "group/sub", "groups"] {
            let request = CreateNamespaceRequest { path: path.to_owned(), ..CreateNamespaceRequest::default() };
            grpc.projects().create_namespace(authorized(request)).await.unwrap();
        }
        for (parent, id) in [("namespaces/zoo", "a"), ("namespaces/groups", "a"), ("namespaces/group/sub", "a"), ("namespaces/group", "z")]
        {
            let (parent, project_id) = (parent.to_owned(), id.to_owned());
            let request = CreateProjectRequest { parent, project_id, ..CreateProjectRequest::default() };
            grpc.projects().create_project(authorized(request)).await.unwrap();
        }
        let project = Project { name: "projects/zoo%2Fa".to_owned(), description: "changed".to_owned(), ..Project::default() };
        let request = UpdateProjectRequest { project: Some(project), ..UpdateProjectRequest::default() };
        grpc.projects().update_project(authorized(request)).await.unwrap();

        let made = ["root", "zoo", "group", "group/sub", "groups"];
        assert_order(&grpc, List::Namespaces, &within(""), "create_time", &made).await;
        assert_order(&grpc, List::Namespaces, &within(""), "path", &["group", "group/sub", "groups", "root", "zoo"]).await;
        let all = within("");
        assert_order(&grpc, List::Projects, &all, "path", &["group/sub/a", "group/z", "groups/a", "root/demo", "zoo/a"]).await;
        assert_order(&grpc, List::Projects, &all, "create_time", &["root/demo", "zoo/a", "groups/a", "group/sub/a", "group/z"]).await;
        assert_order(&grpc, List::Projects, &all, "update_time", &["root/demo", "groups/a", "group/sub/a", "group/z", "zoo/a"]).await;
        assert_order(&grpc, List::Projects, &within("namespaces/group"), "path", &["group/sub/a", "group/z"]).await;
        let nowhere = page(&grpc, List::Projects, within("namespaces/nowhere")).await;
        assert_eq!(refused(nowhere), (Code::NotFound, Some(Reason::NamespaceNotFound)));

        let request = DeleteProjectRequest { name: "projects/zoo%2Fa".to_owned(), ..DeleteProjectRequest::default() };
        grpc.projects().delete_project(authorized(request)).await.unwrap();
        let zoo = within("namespaces/zoo");
        assert_eq!(walk(&grpc, List::Projects, zoo.clone()).await, [""; 0]);
        assert_eq!(walk(&grpc, List::Projects, Query { show_deleted: true, ..zoo }).await, ["zoo/a"]);
    }
}

#[tokio::test]
async fn what_a_list_is_not_ordered_by_is_refused() {
    let (_service, grpc) = Builder::on(integration_tests::Engine::Sqlite).demo_grpc().await;
    publish_one(&grpc, "tool", "1.0.0", b"one").await;
    for (list, parent, words) in [
        (List::Packages, "projects/1", ["name", "version_count"]),
        (List::Versions, PACKAGE, ["package", "update_time"]),
        (List::Search, "projects/1", ["state", "id"]),
        (List::Files, "projects/1/packages/tool/versions/1.0.0", ["revision", "sha256"]),
        (List::Projects, "", ["description", "display_name"]),
        (List::Namespaces, "", ["id", "display_name"]),
    ] {
        for order_by in [words[0], words[1], "create_time up", "create_time desc desc", "create_time, id", "CREATE_TIME", "1; --"] {
            let query = Query { order_by: order_by.to_owned(), ..within(parent) };
            assert_eq!(refused(page(&grpc, list, query).await), ARGUMENT_INVALID, "{list:?} by `{order_by}`");
        }
        let negative = Query { page_size: -1, ..within(parent) };
        assert_eq!(refused(page(&grpc, list, negative).await), ARGUMENT_INVALID, "{list:?}");
    }
    for (list, parent) in [(List::Packages, "projects/9"), (List::Versions, "projects/9/packages/-"), (List::Search, "projects/9")] {
        assert_eq!(refused(page(&grpc, list, within(parent)).await), (Code::NotFound, Some(Reason::ProjectNotFound)), "{list:?}");
    }
}

#[tokio::test]
async fn a_page_has_fifty_items_where_nothing_is_said_and_a_thousand_at_most() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let set = brought(&grpc, PACKAGE, "1.0.0", &[("a", b"one")]).await;
        let copy = |n: i32| consign_proto::metadata::PublishFile { path: format!("f{n:04}"), ..set.files[0].clone() };
        let many = PublishVersionRequest { files: (0..1001).map(copy).collect(), ..set.clone() };
        publish(&grpc, many).await.unwrap();
        let query = within(&format!("{PACKAGE}/versions/1.0.0"));
        for (page_size, expected) in [(0, 50), (7, 7), (1000, 1000), (5000, 1000), (i32::MAX, 1000)] {
            let (items, next) = page(&grpc, List::Files, Query { page_size, ..query.clone() }).await.unwrap();
            assert_eq!((items.len(), next.is_empty()), (expected, false), "{page_size}");
        }
        assert_eq!(walk(&grpc, List::Files, Query { page_size: 1000, ..query }).await.len(), 1001);
    }
}
