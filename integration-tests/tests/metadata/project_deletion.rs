//! Deleting projects and namespaces, and what can't be brought back any more.

use bytes::Bytes;
use consign_proto::metadata::tag_rule::Action;
use consign_proto::metadata::{
    CreateNamespaceRequest, CreateProjectRequest, DeleteFileRequest, DeleteNamespaceRequest, DeletePackageRequest, DeleteProjectRequest,
    DeleteVersionRequest, FindByDigestRequest, GetNamespaceRequest, GetProjectRequest, ListPackagesRequest, Namespace, Project,
    PublishVersionRequest, UndeleteFileRequest, UndeletePackageRequest, UndeleteProjectRequest, UndeleteVersionRequest,
};
use consign_types::{Digest, Reason};
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::lists::{List, Query, walk};
use integration_tests::publishing::{PACKAGE, brought, get_version, publish, read, refused};
use integration_tests::rest::{Rest, file};
use integration_tests::{BOTH, Builder, tagging};
use tonic::{Code, Status};

const ID: &str = "0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e";

const NO_PROJECT: (Code, Option<Reason>) = (Code::NotFound, Some(Reason::ProjectNotFound));
const NO_NAMESPACE: (Code, Option<Reason>) = (Code::NotFound, Some(Reason::NamespaceNotFound));
const TAKEN: (Code, Option<Reason>) = (Code::AlreadyExists, Some(Reason::NameTaken));
const STALE: (Code, Option<Reason>) = (Code::Aborted, Some(Reason::EtagMismatch));
const REUSED: (Code, Option<Reason>) = (Code::InvalidArgument, Some(Reason::RequestIdReused));

async fn get_project(grpc: &Grpc, name: &str) -> Result<Project, Status> {
    let request = GetProjectRequest { name: name.to_owned() };
    Ok(grpc.projects().get_project(authorized(request)).await?.into_inner().project.unwrap())
}

async fn create_project(grpc: &Grpc, parent: &str, id: &str) -> Result<Project, Status> {
    let request = CreateProjectRequest { parent: parent.to_owned(), project_id: id.to_owned(), ..CreateProjectRequest::default() };
    Ok(grpc.projects().create_project(authorized(request)).await?.into_inner().project.unwrap())
}

async fn delete_project(grpc: &Grpc, name: &str, etag: &str, request_id: &str) -> Result<Project, Status> {
    let [name, etag, request_id] = [name, etag, request_id].map(str::to_owned);
    let request = DeleteProjectRequest { name, etag, request_id, force: false };
    Ok(grpc.projects().delete_project(authorized(request)).await?.into_inner().project.unwrap())
}

async fn undelete_project(grpc: &Grpc, name: &str) -> Result<Project, Status> {
    let request = UndeleteProjectRequest { name: name.to_owned(), ..UndeleteProjectRequest::default() };
    Ok(grpc.projects().undelete_project(authorized(request)).await?.into_inner().project.unwrap())
}

async fn create_namespace(grpc: &Grpc, path: &str) -> Namespace {
    let request = CreateNamespaceRequest { path: path.to_owned(), ..CreateNamespaceRequest::default() };
    grpc.projects().create_namespace(authorized(request)).await.unwrap().into_inner().namespace.unwrap()
}

async fn delete_namespace(grpc: &Grpc, path: &str, etag: &str, request_id: &str) -> Result<(), Status> {
    let (name, etag, request_id) = (format!("namespaces/{path}"), etag.to_owned(), request_id.to_owned());
    let request = DeleteNamespaceRequest { name, etag, request_id, force: false };
    grpc.projects().delete_namespace(authorized(request)).await.map(|_| ())
}

async fn force_namespace(grpc: &Grpc, path: &str, request_id: &str) -> Result<(), Status> {
    let (name, request_id) = (format!("namespaces/{path}"), request_id.to_owned());
    let request = DeleteNamespaceRequest { name, request_id, force: true, ..DeleteNamespaceRequest::default() };
    grpc.projects().delete_namespace(authorized(request)).await.map(|_| ())
}

async fn get_namespace(grpc: &Grpc, path: &str) -> Result<Namespace, Status> {
    let request = GetNamespaceRequest { name: format!("namespaces/{path}") };
    Ok(grpc.projects().get_namespace(authorized(request)).await?.into_inner().namespace.unwrap())
}

/// How many packages and files of all projects are seen.
async fn seen(grpc: &Grpc) -> (usize, usize) {
    let packages = ListPackagesRequest { parent: "projects/-".to_owned(), ..ListPackagesRequest::default() };
    let packages = grpc.packages().list_packages(authorized(packages)).await.unwrap().into_inner().packages;
    let sha256 = Bytes::copy_from_slice(Digest::of(b"one").as_bytes());
    let files = FindByDigestRequest { parent: "projects/-".to_owned(), sha256, ..FindByDigestRequest::default() };
    (packages.len(), grpc.packages().find_by_digest(authorized(files)).await.unwrap().into_inner().files.len())
}

#[tokio::test]
async fn a_deleted_project_vanishes_with_all_it_holds_and_comes_back_with_it() {
    for engine in BOTH {
        let (service, grpc) = Builder::on(engine).demo_grpc().await;
        let rest = Rest::to(service.http());
        let path = file("tool", "1.0.0", "a");
        let set = brought(&grpc, PACKAGE, "1.0.0", &[("a", b"one")]).await;
        publish(&grpc, PublishVersionRequest { tag_ids: vec!["stable".to_owned()], ..set.clone() }).await.unwrap();
        let before = get_project(&grpc, "projects/1").await.unwrap();
        assert_eq!(refused(delete_project(&grpc, "projects/1", "other", "").await), STALE);

        let deleted = delete_project(&grpc, "projects/1", &before.etag, ID).await.unwrap();
        assert_eq!(deleted.purge_time.unwrap().seconds - deleted.delete_time.unwrap().seconds, 7 * 24 * 60 * 60);
        assert_eq!(get_project(&grpc, "projects/root%2Fdemo").await.unwrap(), deleted, "that it is deleted is told");
        assert_eq!(refused(get_version(&grpc, "1.0.0").await), NO_PROJECT);
        assert_eq!(refused(read(&grpc, "1.0.0", "a", 0, 0).await), NO_PROJECT);
        assert_eq!(refused(publish(&grpc, set).await), NO_PROJECT);
        assert_eq!(seen(&grpc).await, (0, 0));
        assert_eq!(rest.get(&path).await.status, 404);
        assert_eq!(rest.put(&path, "two").await.status, 404);
        assert_eq!(refused(create_project(&grpc, "", "demo").await), TAKEN, "it keeps its path");
        assert_eq!(refused(delete_project(&grpc, "projects/1", "", "").await), NO_PROJECT);

        let back = undelete_project(&grpc, "projects/root%2Fdemo").await.unwrap();
        assert_eq!((back.id, back.delete_time, back.purge_time), (1, None, None));
        assert_eq!(get_version(&grpc, "1.0.0").await.unwrap().tag_ids, ["stable"]);
        assert_eq!((rest.get(&path).await.text(), seen(&grpc).await), ("one", (1, 1)));
        assert_eq!(undelete_project(&grpc, "projects/1").await.unwrap(), back, "what is not deleted is answered as it is");
        delete_project(&grpc, "projects/1", &before.etag, ID).await.unwrap();
        assert_eq!(get_project(&grpc, "projects/1").await.unwrap(), back, "a repeated request changes nothing");
        assert_eq!(refused(delete_project(&grpc, "projects/1", "", ID).await), REUSED);
        assert_eq!(refused(undelete_project(&grpc, "projects/9").await), NO_PROJECT);
    }
}

#[tokio::test]
async fn a_namespace_goes_when_it_is_empty() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let group = create_namespace(&grpc, "group").await;
        create_namespace(&grpc, "group/sub").await;
        let not_empty = (Code::FailedPrecondition, Some(Reason::NamespaceNotEmpty));
        assert_eq!(refused(delete_namespace(&grpc, "nowhere", "", "").await), NO_NAMESPACE);
        assert_eq!(refused(delete_namespace(&grpc, "group", "", "").await), not_empty);
        create_project(&grpc, "namespaces/group/sub", "tool").await.unwrap();
        assert_eq!(refused(delete_namespace(&grpc, "group/sub", "", "").await), not_empty);
        delete_project(&grpc, "projects/group%2Fsub%2Ftool", "", "").await.unwrap();
        assert_eq!(refused(delete_namespace(&grpc, "group/sub", "", "").await), not_empty, "what can be undeleted counts");
        assert_eq!(refused(delete_namespace(&grpc, "root", "", "").await), not_empty);

        create_namespace(&grpc, "empty").await;
        delete_namespace(&grpc, "empty", "", ID).await.unwrap();
        delete_namespace(&grpc, "empty", "", ID).await.expect("a repeated request is answered");
        assert_eq!(refused(delete_namespace(&grpc, "group", "", ID).await), REUSED);
        assert_eq!(refused(delete_namespace(&grpc, "empty", "", "").await), NO_NAMESPACE);
        let gone = grpc.projects().get_namespace(authorized(GetNamespaceRequest { name: "namespaces/empty".to_owned() })).await;
        assert_eq!(refused(gone), NO_NAMESPACE);
        let second = create_namespace(&grpc, "empty").await;
        assert!(second.id > group.id, "the name is free, the id is new");
        assert_eq!(refused(delete_namespace(&grpc, "empty", "other", "").await), STALE);
        delete_namespace(&grpc, "empty", &second.etag, "").await.unwrap();
    }
}

#[tokio::test]
async fn a_namespace_goes_with_what_is_in_it_and_comes_back_with_it_where_that_is_forced() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        for path in ["group", "group/sub", "group/sub/deep", "group/empty", "groups"] {
            create_namespace(&grpc, path).await;
        }
        create_project(&grpc, "namespaces/group", "app").await.unwrap();
        create_project(&grpc, "namespaces/group/sub/deep", "tool").await.unwrap();
        create_project(&grpc, "namespaces/groups", "other").await.unwrap();
        force_namespace(&grpc, "group", ID).await.unwrap();
        force_namespace(&grpc, "group", ID).await.expect("a repeated request is answered");
        for path in ["group", "group/sub", "group/sub/deep", "group/empty"] {
            assert_eq!(refused(get_namespace(&grpc, path).await), NO_NAMESPACE, "{engine:?} {path}");
        }
        assert!(get_namespace(&grpc, "groups").await.is_ok() && get_project(&grpc, "projects/groups%2Fother").await.is_ok());
        assert_eq!(walk(&grpc, List::Namespaces, Query::default()).await, ["groups", "root"]);
        assert_eq!(walk(&grpc, List::Projects, Query::default()).await, ["groups/other", "root/demo"]);
        assert_eq!(refused(create_project(&grpc, "namespaces/group/sub", "new").await), NO_NAMESPACE);
        let taken = CreateNamespaceRequest { path: "group".to_owned(), ..CreateNamespaceRequest::default() };
        let taken = grpc.projects().create_namespace(authorized(taken)).await;
        assert_eq!(refused(taken), TAKEN, "it keeps its path");

        undelete_project(&grpc, "projects/group%2Fsub%2Fdeep%2Ftool").await.unwrap();
        for path in ["group", "group/sub", "group/sub/deep"] {
            assert!(get_namespace(&grpc, path).await.is_ok(), "{engine:?} {path}");
        }
        assert_eq!(refused(get_namespace(&grpc, "group/empty").await), NO_NAMESPACE, "nothing was in it, so it is gone");
        create_namespace(&grpc, "group/empty").await;
        assert_eq!(walk(&grpc, List::Projects, Query::default()).await, ["group/sub/deep/tool", "groups/other", "root/demo"]);
    }
}

#[tokio::test]
async fn a_namespace_stays_whole_where_one_of_its_projects_can_not_be_deleted() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        create_project(&grpc, "namespaces/root", "another").await.unwrap();
        publish(&grpc, brought(&grpc, PACKAGE, "1.0.0", &[("a", b"one")]).await).await.unwrap();
        tagging::add_rule(&grpc, tagging::rule("release", Action::Immutable)).await.unwrap();
        tagging::create(&grpc, tagging::new_tag("release", "1.0.0")).await.unwrap();
        assert_eq!(refused(force_namespace(&grpc, "root", "").await), (Code::FailedPrecondition, Some(Reason::VersionInUse)));
        assert!(get_namespace(&grpc, "root").await.is_ok(), "{engine:?}");
        assert_eq!(walk(&grpc, List::Projects, Query::default()).await, ["root/another", "root/demo"], "{engine:?}");
    }
}

#[tokio::test]
async fn what_is_kept_for_no_time_can_not_be_undeleted() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).with("--restore-days", 0).demo_grpc().await;
        let open = brought(&grpc, PACKAGE, "1.0.0", &[("a", b"one"), ("b", b"two")]).await;
        publish(&grpc, PublishVersionRequest { keep_open: true, ..open }).await.unwrap();
        let version = format!("{PACKAGE}/versions/1.0.0");

        let name = format!("{version}/files/a");
        let request = DeleteFileRequest { name: name.clone(), ..DeleteFileRequest::default() };
        grpc.files().delete_file(authorized(request)).await.unwrap();
        let request = UndeleteFileRequest { name, ..UndeleteFileRequest::default() };
        let back = grpc.files().undelete_file(authorized(request)).await;
        assert_eq!(refused(back), (Code::NotFound, Some(Reason::FileNotFound)));

        let request = DeleteVersionRequest { name: version.clone(), ..DeleteVersionRequest::default() };
        let deleted = grpc.packages().delete_version(authorized(request)).await.unwrap().into_inner().version.unwrap();
        assert_eq!(deleted.purge_time, deleted.delete_time);
        let request = UndeleteVersionRequest { name: version, ..UndeleteVersionRequest::default() };
        let back = grpc.packages().undelete_version(authorized(request)).await;
        assert_eq!(refused(back), (Code::NotFound, Some(Reason::VersionNotFound)));

        let request = DeletePackageRequest { name: PACKAGE.to_owned(), ..DeletePackageRequest::default() };
        grpc.packages().delete_package(authorized(request)).await.unwrap();
        let request = UndeletePackageRequest { name: PACKAGE.to_owned(), ..UndeletePackageRequest::default() };
        let back = grpc.packages().undelete_package(authorized(request)).await;
        assert_eq!(refused(back), (Code::NotFound, Some(Reason::PackageNotFound)));

        delete_project(&grpc, "projects/1", "", "").await.unwrap();
        assert_eq!(refused(undelete_project(&grpc, "projects/1").await), NO_PROJECT);
    }
}

#[tokio::test]
async fn only_what_can_be_undeleted_is_shown() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).with("--restore-days", 0).demo_grpc().await;
        for version in ["1.0.0", "2.0.0"] {
            publish(&grpc, brought(&grpc, PACKAGE, version, &[("a", b"one")]).await).await.unwrap();
        }
        let deleted = async |list: List, parent: &str| {
            let query = Query { parent: parent.to_owned(), show_deleted: true, ..Query::default() };
            walk(&grpc, list, query).await
        };
        let request = DeleteVersionRequest { name: format!("{PACKAGE}/versions/1.0.0"), ..DeleteVersionRequest::default() };
        grpc.packages().delete_version(authorized(request)).await.unwrap();
        let versions = deleted(List::Versions, PACKAGE).await;
        let request = DeletePackageRequest { name: PACKAGE.to_owned(), ..DeletePackageRequest::default() };
        grpc.packages().delete_package(authorized(request)).await.unwrap();
        let packages = deleted(List::Packages, "projects/1").await;
        delete_project(&grpc, "projects/1", "", "").await.unwrap();
        let projects = deleted(List::Projects, "").await;
        assert_eq!((versions, packages, projects), (vec!["tool/2.0.0".to_owned()], Vec::new(), Vec::new()));
        assert_eq!(refused(get_project(&grpc, "projects/1").await), NO_PROJECT);
    }
}

#[tokio::test]
async fn a_deleted_project_is_not_found_over_rest() {
    for engine in BOTH {
        let (service, grpc) = Builder::on(engine).demo_grpc().await;
        let rest = Rest::to(service.http());
        delete_project(&grpc, "projects/1", "", "").await.unwrap();
        for path in ["/api/v4/projects/1", "/api/v4/projects/root%2Fdemo"] {
            assert_eq!(rest.get(path).await.status, 404, "{path}");
        }
        assert_eq!(rest.get("/api/v4/projects").await.json().as_array().map(Vec::len), Some(0));
        undelete_project(&grpc, "projects/1").await.unwrap();
        assert_eq!(rest.get("/api/v4/projects/1").await.status, 200);
    }
}
