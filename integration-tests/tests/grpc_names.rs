//! Namespaces, projects and lists over gRPC.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use consign_proto::metadata::{CreateNamespaceRequest, CreateProjectRequest, ListVersionsRequest, PublishVersionRequest};
use consign_types::Reason;
use integration_tests::grpc::authorized;
use integration_tests::publishing::{files, get_version, publish, publish_request, refused};
use integration_tests::{BOTH, Builder};
use tonic::Code;

#[tokio::test]
async fn lists_come_in_pages_of_what_is_visible() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        for version in ["1.0", "1.1", "1.2"] {
            let set = files(&grpc, version, &[("a", b"one")]).await;
            let hidden = (version == "1.1").then_some(true);
            publish(&grpc, PublishVersionRequest { hidden, ..publish_request(version, set) }).await.unwrap();
        }
        let list = async |request: ListVersionsRequest| {
            let page = grpc.packages().list_versions(authorized(request)).await.unwrap().into_inner();
            (page.versions.iter().map(|version| version.version.clone()).collect::<Vec<_>>(), page.next_page_token)
        };
        let all = ListVersionsRequest { parent: "projects/1/packages/-".to_owned(), ..ListVersionsRequest::default() };
        assert_eq!(list(all.clone()).await.0, ["1.0", "1.2"]);
        assert_eq!(list(ListVersionsRequest { show_hidden: true, ..all.clone() }).await.0, ["1.0", "1.1", "1.2"]);
        assert!(get_version(&grpc, "1.1").await.unwrap().hidden);

        let (first, token) = list(ListVersionsRequest { page_size: 1, ..all.clone() }).await;
        let (second, end) = list(ListVersionsRequest { page_size: 1, page_token: token.clone(), ..all.clone() }).await;
        assert_eq!((first, second, end.as_str()), (vec!["1.0".to_owned()], vec!["1.2".to_owned()], ""));
        let other = ListVersionsRequest { page_token: token, show_hidden: true, ..all.clone() };
        let other = grpc.packages().list_versions(authorized(other)).await;
        assert_eq!(refused(other), (Code::InvalidArgument, Some(Reason::PageTokenInvalid)));
        let unsupported = ListVersionsRequest { filter: "x".to_owned(), ..all };
        let unsupported = grpc.packages().list_versions(authorized(unsupported)).await;
        assert_eq!(refused(unsupported), (Code::InvalidArgument, Some(Reason::FilterInvalid)));
    }
}

#[tokio::test]
async fn namespaces_nest_and_names_are_taken_once() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let namespace = |path: &str| authorized(CreateNamespaceRequest { path: path.to_owned(), ..CreateNamespaceRequest::default() });
        let orphan = grpc.projects().create_namespace(namespace("group/sub")).await;
        assert_eq!(refused(orphan), (Code::NotFound, Some(Reason::NamespaceNotFound)));
        grpc.projects().create_namespace(namespace("group")).await.unwrap();
        grpc.projects().create_namespace(namespace("group/sub")).await.unwrap();
        let again = grpc.projects().create_namespace(namespace("group")).await;
        assert_eq!(refused(again), (Code::AlreadyExists, Some(Reason::NameTaken)));

        let project = |parent: &str| {
            let parent = parent.to_owned();
            authorized(CreateProjectRequest { parent, project_id: "tool".to_owned(), ..CreateProjectRequest::default() })
        };
        let made = grpc.projects().create_project(project("namespaces/group/sub")).await.unwrap().into_inner().project.unwrap();
        assert_eq!((made.path.as_str(), made.name.as_str()), ("group/sub/tool", "projects/2"));
        let again = grpc.projects().create_project(project("namespaces/group/sub")).await;
        assert_eq!(refused(again), (Code::AlreadyExists, Some(Reason::NameTaken)));
        let shared = grpc.projects().create_namespace(namespace("group/sub/tool")).await;
        assert_eq!(refused(shared), (Code::AlreadyExists, Some(Reason::NameTaken)), "a project has this path");
        grpc.projects().create_namespace(namespace("group/tool")).await.unwrap();
        let shared = grpc.projects().create_project(project("namespaces/group")).await;
        assert_eq!(refused(shared), (Code::AlreadyExists, Some(Reason::NameTaken)), "a namespace has this path");
        let nowhere = grpc.projects().create_project(project("namespaces/nowhere")).await;
        assert_eq!(refused(nowhere), (Code::NotFound, Some(Reason::NamespaceNotFound)));
    }
}
