//! What must stay true of names, bytes and sizes at their edges.

use consign_proto::metadata::resolve_version_request::Selector;
use consign_proto::metadata::upload_plan::Action;
use consign_proto::metadata::{
    CommitFilesRequest, CreateVersionRequest, DeleteVersionRequest, PublishVersionRequest, QuarantineVersionRequest, ResolveVersionRequest,
    Settings, UpdateSettingsRequest, UploadFile,
};
use consign_types::Reason;
use integration_tests::BOTH;
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::publishing::{PACKAGE, files, get_version, prepare, publish, publish_request, refused, upload_file};
use integration_tests::rest::Rest;
use integration_tests::{Builder, Engine};
use tonic::Code;

async fn seal(grpc: &Grpc, version: &str, content: &'static [u8]) -> i64 {
    let set = files(grpc, version, &[("a", content)]).await;
    publish(grpc, publish_request(version, set)).await.unwrap().version.unwrap().id
}

async fn delete(grpc: &Grpc, version: &str) {
    let request = DeleteVersionRequest { name: format!("{PACKAGE}/versions/{version}"), ..DeleteVersionRequest::default() };
    grpc.packages().delete_version(authorized(request)).await.unwrap();
}

#[tokio::test]
async fn a_name_that_was_deleted_and_taken_again_means_the_new_version() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        for content in [b"one".as_slice(), b"two"] {
            seal(&grpc, "1.0.0", content).await;
            delete(&grpc, "1.0.0").await;
        }
        let id = seal(&grpc, "1.0.0", b"three").await;
        for selector in [Selector::VersionId("1.0.0".to_owned()), Selector::Range("^1".to_owned()), Selector::Latest(true)] {
            let request = ResolveVersionRequest { parent: PACKAGE.to_owned(), selector: Some(selector), ..Default::default() };
            let found = grpc.packages().resolve_version(authorized(request)).await.unwrap().into_inner();
            assert_eq!((found.version.unwrap().id, found.skipped_versions.len()), (id, 0), "{engine:?}");
        }
    }
}

#[tokio::test]
async fn bytes_that_can_not_be_read_are_not_handed_out_by_their_digest() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, "1.0.0", b"malicious").await;
        seal(&grpc, "2.0.0", b"deleted").await;
        let is_told = async |content: &[u8]| {
            let plan = prepare(&grpc, "3.0.0", vec![upload_file("a", content)]).await.unwrap().remove(0);
            matches!(plan, Action::Receipt(_))
        };
        assert!(is_told(b"malicious").await && is_told(b"deleted").await);
        let name = format!("{PACKAGE}/versions/1.0.0");
        let request = QuarantineVersionRequest { name, reason: "malware".to_owned(), ..QuarantineVersionRequest::default() };
        grpc.packages().quarantine_version(authorized(request)).await.unwrap();
        delete(&grpc, "2.0.0").await;
        assert!(!is_told(b"malicious").await && !is_told(b"deleted").await, "{engine:?}");
    }
}

#[tokio::test]
async fn a_put_over_rest_does_not_publish_a_draft() {
    for engine in BOTH {
        let (service, grpc) = Builder::on(engine).demo_grpc().await;
        let request =
            CreateVersionRequest { parent: PACKAGE.to_owned(), version_id: "1.0.0".to_owned(), ..CreateVersionRequest::default() };
        grpc.packages().create_version(authorized(request)).await.unwrap();
        let set = files(&grpc, "1.0.0", &[("secret", b"one")]).await;
        let request = CommitFilesRequest { parent: format!("{PACKAGE}/versions/1.0.0"), files: set, ..CommitFilesRequest::default() };
        grpc.files().commit_files(authorized(request)).await.unwrap();

        let rest = Rest::to(service.http());
        let answer = rest.put("/api/v4/projects/1/packages/generic/tool/1.0.0/other", "two").await;
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert_eq!(rest.get("/api/v4/projects/1/packages/generic/tool/1.0.0/secret").await.status, 404);
        assert_eq!(get_version(&grpc, "1.0.0").await.unwrap().file_count, 1);
    }
}

#[tokio::test]
async fn sizes_that_no_disk_has_are_refused_and_break_no_sum() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let limit = |bytes| {
            let settings = Settings { name: "projects/1".to_owned(), max_file_bytes: Some(bytes), ..Settings::default() };
            UpdateSettingsRequest { settings: Some(settings), ..UpdateSettingsRequest::default() }
        };
        let result = grpc.projects().update_settings(authorized(limit(i64::MAX))).await;
        assert_eq!(refused(result), (Code::InvalidArgument, Some(Reason::ArgumentInvalid)));
        grpc.projects().update_settings(authorized(limit(1 << 48))).await.unwrap();
        let huge = || {
            let file = |n: usize| UploadFile { path: n.to_string(), size_bytes: Some(1 << 48), ..UploadFile::default() };
            (0..9000).map(file).collect::<Vec<_>>()
        };
        prepare(&grpc, "1.0.0", huge()).await.unwrap();
        let over = prepare(&grpc, "1.0.0", huge()).await;
        assert_eq!(refused(over), (Code::ResourceExhausted, Some(Reason::QuotaExceeded)), "{engine:?}");
        seal(&grpc, "1.0.0", b"small").await;
    }
}

#[tokio::test]
async fn one_request_id_serves_a_commit_and_the_publish_behind_it() {
    let (_service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    let id = "0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e".to_owned();
    let parent = PACKAGE.to_owned();
    let request =
        CreateVersionRequest { parent, version_id: "1.0.0".to_owned(), request_id: id.clone(), ..CreateVersionRequest::default() };
    grpc.packages().create_version(authorized(request)).await.unwrap();
    let set = files(&grpc, "1.0.0", &[("a", b"one")]).await;
    let request = CommitFilesRequest { parent: format!("{PACKAGE}/versions/1.0.0"), files: set, request_id: id.clone() };
    grpc.files().commit_files(authorized(request)).await.unwrap();
    publish(&grpc, PublishVersionRequest { request_id: id, ..publish_request("1.0.0", Vec::new()) }).await.unwrap();
}
