//! Lists that pass over some of their items, are counted, and look below a namespace.

use consign_proto::metadata::{
    CreateNamespaceRequest, CreateProjectRequest, GetNamespaceRequest, ListFilesRequest, ListProjectsRequest, SearchVersionsRequest,
    SearchVersionsResponse, UpdateVersionRequest, Version,
};
use consign_types::Reason;
use integration_tests::grpc::{Grpc, authorized, refusal};
use integration_tests::publishing::{brought, publish};
use integration_tests::{BOTH, Builder};
use tonic::Status;

/// Projects `root/demo` and `group/sub/lib`, with five versions in each.
async fn filled(grpc: &Grpc) {
    for path in ["group", "group/sub"] {
        let namespace = CreateNamespaceRequest { path: path.to_owned(), ..Default::default() };
        grpc.projects().create_namespace(authorized(namespace)).await.unwrap();
    }
    let project = CreateProjectRequest { parent: "namespaces/group/sub".to_owned(), project_id: "lib".to_owned(), ..Default::default() };
    grpc.projects().create_project(authorized(project)).await.unwrap();
    for (project, number) in [1, 2].into_iter().flat_map(|project| (0..5).map(move |number| (project, number))) {
        let parent = format!("projects/{project}/packages/tool");
        let (body, version) = (format!("{project} {number}"), format!("1.{number}.0"));
        let set: [(&str, &'static [u8]); 3] = [("a", body.leak().as_bytes()), ("b", b"same"), ("c", b"same")];
        publish(grpc, brought(grpc, &parent, &version, &set).await).await.unwrap();
    }
}

async fn search(grpc: &Grpc, request: SearchVersionsRequest) -> Result<SearchVersionsResponse, Status> {
    grpc.packages().search_versions(authorized(request)).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn a_page_begins_behind_what_is_skipped_and_says_how_many_there_are_in_all() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        filled(&grpc).await;
        let asked = SearchVersionsRequest {
            parent: "projects/1".to_owned(),
            order_by: "create_time".to_owned(),
            page_size: 2,
            count: true,
            ..Default::default()
        };
        for (skip, expected, more) in
            [(0, &["1.0.0", "1.1.0"][..], true), (3, &["1.3.0", "1.4.0"], false), (4, &["1.4.0"], false), (9, &[], false)]
        {
            let page = search(&grpc, SearchVersionsRequest { skip, ..asked.clone() }).await.unwrap();
            let versions: Vec<&str> = page.versions.iter().map(|version| version.version.as_str()).collect();
            assert_eq!((versions.as_slice(), page.total_size, !page.next_page_token.is_empty()), (expected, 5, more), "{engine:?} {skip}");
        }
        // Behind a token, what is skipped is skipped from there on.
        let first = search(&grpc, asked.clone()).await.unwrap();
        let next = SearchVersionsRequest { page_token: first.next_page_token, skip: 1, count: false, ..asked.clone() };
        let next = search(&grpc, next).await.unwrap();
        assert_eq!((next.versions[0].version.as_str(), next.total_size), ("1.3.0", 0));
        for skip in [-1, 50_001] {
            let refused = search(&grpc, SearchVersionsRequest { skip, ..asked.clone() }).await.unwrap_err();
            assert_eq!(refusal(&refused).1, Some(Reason::ArgumentInvalid));
        }
        let filtered = SearchVersionsRequest { filter: "version = \"1.3.0\" OR version = \"1.1.0\"".to_owned(), ..asked };
        assert_eq!(search(&grpc, filtered).await.unwrap().total_size, 2);

        let parent = "projects/1/packages/tool/versions/1.0.0".to_owned();
        let files = ListFilesRequest { parent, skip: 1, count: true, page_size: 1, ..Default::default() };
        let files = grpc.files().list_files(authorized(files)).await.unwrap().into_inner();
        assert_eq!((files.files[0].path.as_str(), files.total_size), ("b", 3));
        let projects = ListProjectsRequest { skip: 1, count: true, ..Default::default() };
        let projects = grpc.projects().list_projects(authorized(projects)).await.unwrap().into_inner();
        assert_eq!((projects.projects[0].path.as_str(), projects.projects.len(), projects.total_size), ("root/demo", 1, 2));
    }
}

#[tokio::test]
async fn a_search_looks_below_a_namespace_and_finds_hidden_versions_by_saying_so() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        filled(&grpc).await;
        let hide = Version { name: "projects/2/packages/tool/versions/1.2.0".to_owned(), hidden: true, ..Default::default() };
        let hide = UpdateVersionRequest { version: Some(hide), ..Default::default() };
        grpc.packages().update_version(authorized(hide)).await.unwrap();
        let sub = GetNamespaceRequest { name: "namespaces/group/sub".to_owned() };
        let sub = grpc.projects().get_namespace(authorized(sub)).await.unwrap().into_inner().namespace.unwrap().id;
        for (parent, filter, show_hidden, expected) in [
            ("namespaces/group", "", false, 4),
            ("namespaces/group", "", true, 5),
            ("namespaces/group", "hidden = true", true, 1),
            ("namespaces/group/sub", "hidden = false", true, 4),
            ("namespaces/group", &format!("namespace_id = {sub}"), false, 4),
            ("namespaces/group", "namespace_id = 1", false, 0),
            ("namespaces/root", "", true, 5),
            ("projects/-", "", true, 10),
        ] {
            let (parent, filter) = (parent.to_owned(), filter.to_owned());
            let asked = SearchVersionsRequest { parent, filter, show_hidden, count: true, ..Default::default() };
            let found = search(&grpc, asked.clone()).await.unwrap();
            assert_eq!((found.versions.len(), found.total_size), (expected, i64::try_from(expected).unwrap()), "{engine:?} {asked:?}");
        }
        let absent = SearchVersionsRequest { parent: "namespaces/absent".to_owned(), ..Default::default() };
        assert_eq!(refusal(&search(&grpc, absent).await.unwrap_err()).1, Some(Reason::NamespaceNotFound));
    }
}
