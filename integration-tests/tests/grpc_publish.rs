//! Publishing over gRPC, as services and build systems do.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use bytes::Bytes;
use consign_proto::metadata::version::State;
use consign_proto::metadata::{CreateProjectRequest, GetFileRequest, ListFilesRequest, PublishFile, PublishVersionRequest, UploadFile};
use consign_types::{Digest, Reason};
use integration_tests::grpc::authorized;
use integration_tests::publishing::{PACKAGE, files, get_version, prepare, publish, publish_request, read, refused, upload_file};
use integration_tests::{BOTH, Builder, Engine};
use tonic::Code;

#[tokio::test]
async fn a_set_of_files_becomes_a_sealed_version_at_once() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let set = files(&grpc, "1.0", &[("b", b"two"), ("a/a", b"one")]).await;
        assert_eq!(refused(get_version(&grpc, "1.0").await), (Code::NotFound, Some(Reason::VersionNotFound)));

        let published = publish(&grpc, publish_request("1.0", set)).await.unwrap();

        let version = published.version.unwrap();
        let (one, two) = (Digest::of(b"one"), Digest::of(b"two"));
        let expected = Digest::of(format!("a/a\t{one}\t3\nb\t{two}\t3\n").as_bytes());
        assert_eq!((version.state(), version.file_count, version.size_bytes), (State::Published, 2, 6));
        assert_eq!(version.content_digest, expected.as_bytes().as_slice());
        assert_eq!(version.name, "projects/1/packages/tool/versions/1.0");
        assert_eq!(published.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["b", "a/a"]);
        assert!(!published.replayed);
        assert_eq!(get_version(&grpc, "1.0").await.unwrap(), version);
        assert_eq!(read(&grpc, "1.0", "a/a", 0, 0).await.unwrap(), b"one");
        assert_eq!(read(&grpc, "1.0", "b", 1, 1).await.unwrap(), b"w");

        let name = "projects/root%2Fdemo/packages/tool/versions/1.0/files/a/a".to_owned();
        let file = grpc.files().get_file(authorized(GetFileRequest { name, revision: 0 })).await.unwrap().into_inner().file.unwrap();
        assert_eq!((file.name.as_str(), file.revision), ("projects/1/packages/tool/versions/1.0/files/a/a", 1));
        assert_eq!(file.media_type, "text/plain");
    }
}

#[tokio::test]
async fn the_same_set_once_more_is_a_replay_and_another_set_is_refused() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let set = files(&grpc, "1.0", &[("a", b"one"), ("b", b"two")]).await;
        let first = publish(&grpc, publish_request("1.0", set.clone())).await.unwrap();

        let again = publish(&grpc, publish_request("1.0", set.clone())).await.unwrap();
        assert!(again.replayed);
        assert_eq!(again.version, first.version);

        assert_eq!(
            refused(prepare(&grpc, "1.0", vec![upload_file("b", b"other")]).await),
            (Code::FailedPrecondition, Some(Reason::VersionSealed))
        );
        for other in [set[..1].to_vec(), files(&grpc, "2.0", &[("a", b"one"), ("b", b"other")]).await] {
            let mismatch = (Code::AlreadyExists, Some(Reason::VersionContentMismatch));
            assert_eq!(refused(publish(&grpc, publish_request("1.0", other)).await), mismatch);
        }
        let more = PublishVersionRequest { keep_open: true, ..publish_request("1.0", files(&grpc, "2.0", &[("c", b"new")]).await) };
        assert_eq!(refused(publish(&grpc, more).await), (Code::FailedPrecondition, Some(Reason::VersionSealed)));
        let refusal = prepare(&grpc, "1.0", vec![upload_file("c", b"new")]).await;
        assert_eq!(refused(refusal), (Code::FailedPrecondition, Some(Reason::VersionSealed)));
        assert_eq!(get_version(&grpc, "1.0").await.unwrap(), first.version.unwrap());
    }
}

#[tokio::test]
async fn an_open_version_takes_more_files_until_it_is_sealed() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        for content in [b"one".as_slice(), b"two"] {
            let set = files(&grpc, "1.0", &[("a", content)]).await;
            let published = publish(&grpc, PublishVersionRequest { keep_open: true, ..publish_request("1.0", set) }).await.unwrap();
            assert_eq!(published.version.unwrap().state(), State::Open);
        }
        let set = files(&grpc, "1.0", &[("b", b"three")]).await;
        let sealed = publish(&grpc, publish_request("1.0", set)).await.unwrap().version.unwrap();

        assert_eq!((sealed.state(), sealed.file_count, sealed.size_bytes), (State::Published, 2, 8));
        assert_eq!(read(&grpc, "1.0", "a", 0, 0).await.unwrap(), b"two", "the newest is served");
        let request = ListFilesRequest { parent: format!("{PACKAGE}/versions/1.0"), page_size: 2, ..ListFilesRequest::default() };
        let first = grpc.files().list_files(authorized(request.clone())).await.unwrap().into_inner();
        let request = ListFilesRequest { page_token: first.next_page_token, ..request };
        let second = grpc.files().list_files(authorized(request)).await.unwrap().into_inner();
        let rows = first.files.iter().chain(&second.files).map(|file| (file.path.as_str(), file.revision));
        assert_eq!(rows.collect::<Vec<_>>(), [("a", 1), ("a", 2), ("b", 1)]);
        assert_eq!(second.next_page_token, "");
    }
}

#[tokio::test]
async fn a_request_id_gives_the_first_answer_again_and_belongs_to_one_request() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let id = "0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e".to_owned();
        let set = files(&grpc, "1.0", &[("a", b"one")]).await;
        let request = PublishVersionRequest { keep_open: true, request_id: id.clone(), ..publish_request("1.0", set) };
        let first = publish(&grpc, request.clone()).await.unwrap();
        let set = files(&grpc, "1.0", &[("a", b"newer")]).await;
        publish(&grpc, PublishVersionRequest { keep_open: true, ..publish_request("1.0", set) }).await.unwrap();

        let again = publish(&grpc, request.clone()).await.unwrap();
        assert!(again.replayed);
        assert_eq!(again.files, first.files);
        assert_eq!(read(&grpc, "1.0", "a", 0, 0).await.unwrap(), b"newer", "a replay changes nothing");

        let reused = (Code::InvalidArgument, Some(Reason::RequestIdReused));
        assert_eq!(refused(publish(&grpc, PublishVersionRequest { keep_open: false, ..request.clone() }).await), reused);
        let nonsense = publish(&grpc, PublishVersionRequest { request_id: "1".to_owned(), ..request }).await;
        assert_eq!(refused(nonsense), (Code::InvalidArgument, Some(Reason::ArgumentInvalid)));

        let create = CreateProjectRequest { project_id: "again".to_owned(), request_id: id, ..CreateProjectRequest::default() };
        let made = grpc.projects().create_project(authorized(create.clone())).await.unwrap().into_inner();
        assert_eq!(grpc.projects().create_project(authorized(create)).await.unwrap().into_inner(), made);
    }
}

#[tokio::test]
async fn validate_only_answers_and_does_nothing() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let set = files(&grpc, "1.0", &[("a", b"one")]).await;

        let tried = publish(&grpc, PublishVersionRequest { validate_only: true, ..publish_request("1.0", set.clone()) }).await.unwrap();

        assert_eq!(tried.version.unwrap().state(), State::Published);
        assert_eq!(refused(get_version(&grpc, "1.0").await), (Code::NotFound, Some(Reason::VersionNotFound)));
        publish(&grpc, publish_request("1.0", set)).await.unwrap();
    }
}

#[tokio::test]
async fn an_unexpected_content_is_not_published() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let set = files(&grpc, "1.0", &[("a", b"one")]).await;
        let expected_content_digest = Bytes::copy_from_slice(Digest::of(b"something else").as_bytes());
        let request = PublishVersionRequest { expected_content_digest, ..publish_request("1.0", set) };

        assert_eq!(refused(publish(&grpc, request).await), (Code::FailedPrecondition, Some(Reason::ContentUnexpected)));
        assert_eq!(refused(get_version(&grpc, "1.0").await), (Code::NotFound, Some(Reason::VersionNotFound)));
    }
}

#[tokio::test]
async fn what_a_request_says_wrong_is_named() {
    let (_service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    let set = files(&grpc, "1.0", &[("a", b"one")]).await;
    let good = || publish_request("1.0", set.clone());
    let name_invalid = (Code::InvalidArgument, Some(Reason::NameInvalid));
    let invalid = (Code::InvalidArgument, Some(Reason::ArgumentInvalid));
    let file = |path: &str| PublishFile { path: path.to_owned(), ..set[0].clone() };

    for (request, expected) in [
        (PublishVersionRequest { parent: "nonsense".to_owned(), ..good() }, name_invalid),
        (PublishVersionRequest { version_id: "latest".to_owned(), ..good() }, name_invalid),
        (PublishVersionRequest { files: vec![file("../a")], ..good() }, (Code::InvalidArgument, Some(Reason::PathInvalid))),
        (PublishVersionRequest { files: vec![file("a"), file("a")], ..good() }, invalid),
        (PublishVersionRequest { files: vec![], ..good() }, invalid),
        (PublishVersionRequest { tag_ids: vec!["a/b".to_owned()], ..good() }, name_invalid),
        (PublishVersionRequest { tag_ids: vec!["t".to_owned(); 101], ..good() }, invalid),
        (PublishVersionRequest { expected_content_digest: Bytes::from_static(b"x"), ..good() }, invalid),
        (PublishVersionRequest { parent: "projects/9/packages/a".to_owned(), ..good() }, (Code::NotFound, Some(Reason::ProjectNotFound))),
    ] {
        let shape = format!("{request:?}");
        assert_eq!(refused(publish(&grpc, request).await), expected, "{shape}");
    }
    let forged = PublishFile { receipt: Bytes::from_static(b"forged"), ..file("a") };
    let forged = publish(&grpc, publish_request("1.0", vec![forged])).await;
    assert_eq!(refused(forged), (Code::InvalidArgument, Some(Reason::ReceiptInvalid)));
    let blob = consign_proto::metadata::BlobRef { sha256: Bytes::copy_from_slice(Digest::of(b"two").as_bytes()), size_bytes: 3 };
    let other = PublishFile { blob: Some(blob), ..file("a") };
    let other = publish(&grpc, publish_request("1.0", vec![other])).await;
    assert_eq!(refused(other), (Code::InvalidArgument, Some(Reason::ReceiptInvalid)));
    assert_eq!(refused(get_version(&grpc, "1.0").await), (Code::NotFound, Some(Reason::VersionNotFound)));
    let size = UploadFile { size_bytes: Some(-1), ..upload_file("a", b"x") };
    assert_eq!(refused(prepare(&grpc, "1.0", vec![size]).await), invalid);
    assert_eq!(refused(prepare(&grpc, "1.0", vec![]).await), invalid);
    let huge = UploadFile { size_bytes: Some(i64::MAX), ..upload_file("a", b"x") };
    assert_eq!(refused(prepare(&grpc, "1.0", vec![huge]).await), (Code::ResourceExhausted, Some(Reason::FileTooLarge)));
}
