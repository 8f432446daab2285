//! Publishing over gRPC, as services and build systems do.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use bytes::Bytes;
use consign_proto::blob::{Chunk, ReadRequest, WriteRequest, WriteResponse};
use consign_proto::metadata::upload_plan::Action;
use consign_proto::metadata::version::State;
use consign_proto::metadata::{
    CreateNamespaceRequest, CreateProjectRequest, GetFileRequest, GetVersionRequest, ListFilesRequest, ListVersionsRequest,
    PrepareDownloadsRequest, PrepareUploadsRequest, PublishFile, PublishVersionRequest, PublishVersionResponse, UploadFile, UploadTicket,
};
use consign_types::{Digest, Reason};
use integration_tests::grpc::{Grpc, authorized, refusal};
use integration_tests::service::Stored;
use integration_tests::{BOTH, Builder, Engine, TestService};
use tonic::{Code, Status};

const PACKAGE: &str = "projects/1/packages/tool";

async fn started(builder: Builder) -> (TestService, Grpc) {
    let service = builder.start().await;
    let grpc = Grpc::to(service.grpc());
    let demo = CreateProjectRequest { project_id: "demo".to_owned(), ..CreateProjectRequest::default() };
    grpc.projects().create_project(authorized(demo)).await.unwrap();
    (service, grpc)
}

fn upload_file(path: &str, content: &[u8]) -> UploadFile {
    UploadFile {
        path: path.to_owned(),
        sha256: Bytes::copy_from_slice(Digest::of(content).as_bytes()),
        size_bytes: Some(i64::try_from(content.len()).unwrap()),
        ..UploadFile::default()
    }
}

async fn prepare(grpc: &Grpc, version: &str, files: Vec<UploadFile>) -> Result<Vec<Action>, Status> {
    let request = PrepareUploadsRequest { parent: format!("{PACKAGE}/versions/{version}"), files, request_id: String::new() };
    let plans = grpc.files().prepare_uploads(authorized(request)).await?.into_inner().plans;
    Ok(plans.into_iter().map(|plan| plan.action.expect("a plan says what to do")).collect())
}

fn ticket(action: Action) -> UploadTicket {
    match action {
        Action::Ticket(ticket) => ticket,
        Action::Receipt(_) => panic!("the bytes are not there yet"),
    }
}

fn message(ticket: &UploadTicket, offset: i64, data: &'static [u8], finish: bool) -> WriteRequest {
    WriteRequest {
        ticket: ticket.token.clone(),
        upload_id: ticket.upload_id.clone(),
        write_offset: offset,
        chunk: Some(Chunk { data: data.into(), crc32c: Some(crc32c::crc32c(data).cast_signed()) }),
        finish,
    }
}

async fn write(grpc: &Grpc, messages: Vec<WriteRequest>) -> Result<WriteResponse, Status> {
    Ok(grpc.blobs().write(tokio_stream::iter(messages)).await?.into_inner())
}

/// Brings bytes and returns the receipt for them.
async fn upload(grpc: &Grpc, version: &str, path: &str, content: &'static [u8]) -> Bytes {
    match prepare(grpc, version, vec![upload_file(path, content)]).await.unwrap().remove(0) {
        Action::Receipt(receipt) => receipt,
        Action::Ticket(ticket) => write(grpc, vec![message(&ticket, 0, content, true)]).await.unwrap().receipt,
    }
}

async fn files(grpc: &Grpc, version: &str, files: &[(&str, &'static [u8])]) -> Vec<PublishFile> {
    let mut prepared = Vec::new();
    for (path, content) in files {
        let receipt = upload(grpc, version, path, content).await;
        prepared.push(PublishFile { path: (*path).to_owned(), receipt, blob: None, media_type: "text/plain".to_owned() });
    }
    prepared
}

fn publish_request(version: &str, files: Vec<PublishFile>) -> PublishVersionRequest {
    PublishVersionRequest { parent: PACKAGE.to_owned(), version_id: version.to_owned(), files, ..PublishVersionRequest::default() }
}

async fn publish(grpc: &Grpc, request: PublishVersionRequest) -> Result<PublishVersionResponse, Status> {
    Ok(grpc.packages().publish_version(authorized(request)).await?.into_inner())
}

async fn get_version(grpc: &Grpc, version: &str) -> Result<consign_proto::metadata::Version, Status> {
    let request = GetVersionRequest { name: format!("{PACKAGE}/versions/{version}") };
    Ok(grpc.packages().get_version(authorized(request)).await?.into_inner().version.unwrap())
}

async fn read(grpc: &Grpc, version: &str, path: &str, offset: i64, limit: i64) -> Result<Vec<u8>, Status> {
    let request = PrepareDownloadsRequest {
        parent: format!("{PACKAGE}/versions/{version}"),
        paths: vec![path.to_owned()],
        ..PrepareDownloadsRequest::default()
    };
    let plan = grpc.files().prepare_downloads(authorized(request)).await?.into_inner().plans.remove(0);
    let request = ReadRequest { ticket: plan.ticket.unwrap().token, read_offset: offset, read_limit: limit };
    let mut messages = grpc.blobs().read(request).await?.into_inner();
    let mut content = Vec::new();
    while let Some(message) = messages.message().await? {
        let chunk = message.chunk.unwrap();
        assert_eq!(chunk.crc32c, Some(crc32c::crc32c(&chunk.data).cast_signed()));
        content.extend_from_slice(&chunk.data);
    }
    Ok(content)
}

fn refused<T: std::fmt::Debug>(result: Result<T, Status>) -> (Code, Option<Reason>) {
    let status = result.expect_err("the call is refused");
    let (code, reason, _) = refusal(&status);
    (code, reason)
}

#[tokio::test]
async fn a_set_of_files_becomes_a_sealed_version_at_once() {
    for engine in BOTH {
        let (_service, grpc) = started(Builder::on(engine)).await;
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
        let (_service, grpc) = started(Builder::on(engine)).await;
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
        let (_service, grpc) = started(Builder::on(engine)).await;
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
        let (_service, grpc) = started(Builder::on(engine)).await;
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
        let (_service, grpc) = started(Builder::on(engine)).await;
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
        let (_service, grpc) = started(Builder::on(engine)).await;
        let set = files(&grpc, "1.0", &[("a", b"one")]).await;
        let expected_content_digest = Bytes::copy_from_slice(Digest::of(b"something else").as_bytes());
        let request = PublishVersionRequest { expected_content_digest, ..publish_request("1.0", set) };

        assert_eq!(refused(publish(&grpc, request).await), (Code::FailedPrecondition, Some(Reason::ContentUnexpected)));
        assert_eq!(refused(get_version(&grpc, "1.0").await), (Code::NotFound, Some(Reason::VersionNotFound)));
    }
}

#[tokio::test]
async fn bytes_that_the_project_has_need_not_be_sent_and_those_of_another_project_must_be() {
    for engine in BOTH {
        let (_service, grpc) = started(Builder::on(engine)).await;
        let set = files(&grpc, "1.0", &[("a", b"one")]).await;
        publish(&grpc, publish_request("1.0", set)).await.unwrap();
        let again = UploadFile { always_send: true, ..upload_file("z", b"one") };
        let plans = prepare(&grpc, "2.0", vec![upload_file("x", b"one"), upload_file("y", b"two"), again]).await.unwrap();
        assert!(matches!(plans[..], [Action::Receipt(_), Action::Ticket(_), Action::Ticket(_)]));
        let Action::Receipt(receipt) = plans[0].clone() else { unreachable!() };

        let other = CreateProjectRequest { project_id: "other".to_owned(), ..CreateProjectRequest::default() };
        grpc.projects().create_project(authorized(other)).await.unwrap();
        let request = PrepareUploadsRequest {
            parent: "projects/2/packages/tool/versions/1.0".to_owned(),
            files: vec![upload_file("x", b"one")],
            request_id: String::new(),
        };
        let plans = grpc.files().prepare_uploads(authorized(request)).await.unwrap().into_inner().plans;
        assert!(matches!(plans[0].action, Some(Action::Ticket(_))), "knowing a digest proves nothing");
        let file = PublishFile { path: "x".to_owned(), receipt, ..PublishFile::default() };
        let stolen = PublishVersionRequest { parent: "projects/2/packages/tool".to_owned(), ..publish_request("1.0", vec![file]) };
        assert_eq!(refused(publish(&grpc, stolen).await), (Code::InvalidArgument, Some(Reason::ReceiptInvalid)));
    }
}

#[tokio::test]
async fn an_upload_is_refused_for_each_thing_that_can_be_wrong_with_it() {
    let (service, grpc) = started(Builder::on(Engine::Sqlite)).await;
    let good = || async { ticket(prepare(&grpc, "1.0", vec![upload_file("a", b"hello")]).await.unwrap().remove(0)) };
    let mut damaged = message(&good().await, 0, b"hello", true);
    damaged.chunk.as_mut().unwrap().crc32c = Some(7);
    let other = WriteRequest { upload_id: "77".to_owned(), ..message(&good().await, 0, b"hello", true) };
    let forged = WriteRequest { ticket: Bytes::from_static(b"forged"), ..message(&good().await, 0, b"hello", true) };
    let large: &'static [u8] = vec![7; (256 << 10) + 1].leak();
    let free = UploadFile { path: "a".to_owned(), size_bytes: None, ..UploadFile::default() };
    let free = ticket(prepare(&grpc, "1.0", vec![free]).await.unwrap().remove(0));

    for (messages, code, reason) in [
        (vec![message(&good().await, 0, b"hullo", true)], Code::InvalidArgument, Reason::DigestMismatch),
        (vec![message(&good().await, 0, b"hell", true)], Code::InvalidArgument, Reason::SizeMismatch),
        (vec![message(&good().await, 0, b"hello!", true)], Code::InvalidArgument, Reason::SizeMismatch),
        (vec![message(&good().await, 0, b"hello", false)], Code::Aborted, Reason::UploadIncomplete),
        (vec![], Code::Aborted, Reason::UploadIncomplete),
        (vec![message(&good().await, 3, b"lo", true)], Code::OutOfRange, Reason::OffsetMismatch),
        (vec![message(&good().await, -1, b"hello", true)], Code::OutOfRange, Reason::OffsetMismatch),
        (vec![damaged], Code::InvalidArgument, Reason::ChunkCorrupt),
        (vec![other], Code::PermissionDenied, Reason::TicketInvalid),
        (vec![forged], Code::PermissionDenied, Reason::TicketInvalid),
        (vec![message(&free, 0, large, true)], Code::InvalidArgument, Reason::ArgumentInvalid),
    ] {
        let shape = format!("{messages:?}").chars().take(200).collect::<String>();
        assert_eq!(refused(write(&grpc, messages).await), (code, Some(reason)), "{shape}");
    }
    assert_eq!(service.stored(), Stored::default(), "nothing is left behind");

    let repeated = good().await;
    let messages = vec![message(&repeated, 0, b"hel", false), message(&repeated, 1, b"ello", true)];
    assert_eq!(write(&grpc, messages).await.unwrap().committed_size, 5, "bytes that come twice are skipped");
}

#[tokio::test]
async fn a_read_is_refused_for_each_thing_that_can_be_wrong_with_it() {
    let (service, grpc) = started(Builder::on(Engine::Sqlite)).await;
    let set = files(&grpc, "1.0", &[("a", b"hello")]).await;
    publish(&grpc, publish_request("1.0", set)).await.unwrap();

    assert_eq!(read(&grpc, "1.0", "a", 5, 0).await.unwrap(), b"");
    assert_eq!(refused(read(&grpc, "1.0", "a", 6, 0).await), (Code::OutOfRange, Some(Reason::RangeNotSatisfiable)));
    assert_eq!(refused(read(&grpc, "1.0", "a", -1, 0).await), (Code::OutOfRange, Some(Reason::RangeNotSatisfiable)));
    assert_eq!(refused(read(&grpc, "1.0", "a", 0, -1).await), (Code::InvalidArgument, Some(Reason::ArgumentInvalid)));
    assert_eq!(refused(read(&grpc, "1.0", "b", 0, 0).await), (Code::NotFound, Some(Reason::FileNotFound)));
    let forged = grpc.blobs().read(ReadRequest { ticket: Bytes::from_static(b"forged"), ..ReadRequest::default() }).await;
    assert_eq!(refused(forged), (Code::PermissionDenied, Some(Reason::TicketInvalid)));

    let blob = service.stored().blobs.remove(0);
    std::fs::write(&blob, "hell").unwrap();
    assert_eq!(refused(read(&grpc, "1.0", "a", 0, 0).await), (Code::DataLoss, Some(Reason::BlobCorrupt)));
    std::fs::remove_file(&blob).unwrap();
    assert_eq!(refused(read(&grpc, "1.0", "a", 0, 0).await), (Code::DataLoss, Some(Reason::BlobMissing)));
}

#[tokio::test]
async fn what_a_request_says_wrong_is_named() {
    let (_service, grpc) = started(Builder::on(Engine::Sqlite)).await;
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
        (PublishVersionRequest { tag_ids: vec!["t".to_owned()], ..good() }, invalid),
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

#[tokio::test]
async fn lists_come_in_pages_of_what_is_visible() {
    for engine in BOTH {
        let (_service, grpc) = started(Builder::on(engine)).await;
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
        assert_eq!(refused(unsupported), (Code::InvalidArgument, Some(Reason::ArgumentInvalid)));
    }
}

#[tokio::test]
async fn a_whole_version_is_prepared_page_by_page() {
    for engine in BOTH {
        let (_service, grpc) = started(Builder::on(engine)).await;
        let set = files(&grpc, "1.0", &[("c", b"3"), ("a", b"1"), ("b/x", b"2")]).await;
        publish(&grpc, publish_request("1.0", set)).await.unwrap();
        let mut request =
            PrepareDownloadsRequest { parent: format!("{PACKAGE}/versions/1.0"), page_size: 2, ..PrepareDownloadsRequest::default() };
        let mut paths = Vec::new();
        loop {
            let page = grpc.files().prepare_downloads(authorized(request.clone())).await.unwrap().into_inner();
            paths.extend(page.plans.into_iter().map(|plan| plan.file.unwrap().path));
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                break;
            }
        }
        assert_eq!(paths, ["a", "b/x", "c"]);
    }
}

#[tokio::test]
async fn namespaces_nest_and_names_are_taken_once() {
    for engine in BOTH {
        let (_service, grpc) = started(Builder::on(engine)).await;
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
        let nowhere = grpc.projects().create_project(project("namespaces/nowhere")).await;
        assert_eq!(refused(nowhere), (Code::NotFound, Some(Reason::NamespaceNotFound)));
    }
}
