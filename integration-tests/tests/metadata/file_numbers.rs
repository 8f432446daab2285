//! Files that are found by their numbers, in whichever versions they are.

use consign_proto::metadata::{
    CreateProjectRequest, CreateVersionRequest, DeleteVersionRequest, ListFilesRequest, ListFilesResponse, PublishVersionRequest,
};
use consign_types::Reason;
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::publishing::{PACKAGE, brought, publish, refused};
use integration_tests::{BOTH, Builder};
use tonic::{Code, Status};

const EVERYWHERE: &str = "projects/-/packages/-/versions/-";

async fn list(grpc: &Grpc, request: ListFilesRequest) -> Result<ListFilesResponse, Status> {
    let request = ListFilesRequest { parent: EVERYWHERE.to_owned(), ..request };
    grpc.files().list_files(authorized(request)).await.map(tonic::Response::into_inner)
}

async fn names(grpc: &Grpc, filter: &str) -> Vec<String> {
    let request = ListFilesRequest { filter: filter.to_owned(), ..ListFilesRequest::default() };
    list(grpc, request).await.unwrap().files.into_iter().map(|file| format!("{}@{}", file.name, file.revision)).collect()
}

#[tokio::test]
async fn files_of_all_versions_are_found_by_their_numbers() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let project = CreateProjectRequest { project_id: "second".to_owned(), ..Default::default() };
        grpc.projects().create_project(authorized(project)).await.unwrap();
        for (package, version, content) in [
            (PACKAGE, "1.0.0", b"one" as &'static [u8]),
            (PACKAGE, "1.0.0", b"two"),
            ("projects/2/packages/lib", "1.0.0", b"three"),
            (PACKAGE, "2.0.0", b"four"),
        ] {
            let set = brought(&grpc, package, version, &[("to/a", content)]).await;
            let hidden = Some(version == "2.0.0");
            publish(&grpc, PublishVersionRequest { keep_open: true, hidden, ..set }).await.unwrap();
        }
        let draft = CreateVersionRequest { parent: PACKAGE.to_owned(), version_id: "3.0.0".to_owned(), ..Default::default() };
        grpc.packages().create_version(authorized(draft)).await.unwrap();

        let all = [
            "projects/1/packages/tool/versions/1.0.0/files/to/a@1",
            "projects/1/packages/tool/versions/1.0.0/files/to/a@2",
            "projects/2/packages/lib/versions/1.0.0/files/to/a@1",
            "projects/1/packages/tool/versions/2.0.0/files/to/a@1",
        ];
        assert_eq!(names(&grpc, "").await, all, "{engine:?}: replaced and hidden ones too");
        let found = list(&grpc, ListFilesRequest { count: true, order_by: "id desc".to_owned(), page_size: 1, ..Default::default() }).await;
        let found = found.unwrap();
        assert_eq!((found.total_size, found.files.len(), found.next_page_token.is_empty()), (4, 1, false));
        let ids: Vec<i64> = list(&grpc, ListFilesRequest::default()).await.unwrap().files.iter().map(|file| file.id).collect();
        assert_eq!(found.files[0].id, ids[3]);
        for (filter, expected) in [
            (format!("id = {}", ids[2]), &all[2..3]),
            (format!("id = {} OR id = {} OR id = 999999", ids[3], ids[0]), &[all[0], all[3]]),
            ("id = 999999".to_owned(), &[]),
        ] {
            assert_eq!(names(&grpc, &filter).await, expected, "{filter}");
        }

        let delete = DeleteVersionRequest { name: format!("{PACKAGE}/versions/1.0.0"), ..Default::default() };
        grpc.packages().delete_version(authorized(delete)).await.unwrap();
        assert_eq!(names(&grpc, "").await, all[2..], "{engine:?}: those of a deleted version are gone");
    }
}

#[tokio::test]
async fn what_would_need_another_order_or_deleted_rows_is_refused_across_versions() {
    let (_service, grpc) = Builder::by_default().demo_grpc().await;
    for request in [
        ListFilesRequest { order_by: "path".to_owned(), ..Default::default() },
        ListFilesRequest { order_by: "create_time".to_owned(), ..Default::default() },
        ListFilesRequest { show_deleted: true, ..Default::default() },
    ] {
        assert_eq!(refused(list(&grpc, request).await), (Code::InvalidArgument, Some(Reason::ArgumentInvalid)));
    }
    let unknown = ListFilesRequest { filter: "package = tool".to_owned(), ..Default::default() };
    assert_eq!(refused(list(&grpc, unknown).await), (Code::InvalidArgument, Some(Reason::FilterInvalid)));
}
