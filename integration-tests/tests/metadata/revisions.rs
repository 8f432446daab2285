//! Paths that are published more than once: the newest is served, those below it are kept.

use bytes::Bytes;
use consign_proto::blob::ReadRequest;
use consign_proto::metadata::{
    DeleteFileRequest, DownloadPlan, File, GetFileRequest, ListFilesRequest, PrepareDownloadsRequest, PublishVersionRequest,
    UndeleteFileRequest,
};
use consign_types::{Digest, Reason};
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::publishing::{PACKAGE, brought, get_version, publish, publish_request, read, refused};
use integration_tests::{BOTH, Builder, Engine, TestService};
use tonic::{Code, Status};

const CONTENTS: [&[u8]; 3] = [b"one", b"two two", b"three three three"];
const NOT_FOUND: (Code, Option<Reason>) = (Code::NotFound, Some(Reason::FileNotFound));

fn parent() -> String {
    format!("{PACKAGE}/versions/1.0.0")
}

fn name() -> String {
    format!("{PACKAGE}/versions/1.0.0/files/a")
}

fn sha256(content: &[u8]) -> Bytes {
    Bytes::copy_from_slice(Digest::of(content).as_bytes())
}

/// A service with an open version whose file `a` was published three times.
async fn thrice(engine: Engine) -> (TestService, Grpc) {
    let (service, grpc) = Builder::on(engine).demo_grpc().await;
    for content in CONTENTS {
        let set = brought(&grpc, PACKAGE, "1.0.0", &[("a", content)]).await;
        publish(&grpc, PublishVersionRequest { keep_open: true, ..set }).await.unwrap();
    }
    (service, grpc)
}

async fn get(grpc: &Grpc, revision: i32) -> Result<File, Status> {
    let request = GetFileRequest { name: name(), revision };
    Ok(grpc.files().get_file(authorized(request)).await?.into_inner().file.unwrap())
}

async fn delete(grpc: &Grpc, request: DeleteFileRequest) -> Result<File, Status> {
    let request = DeleteFileRequest { name: name(), ..request };
    Ok(grpc.files().delete_file(authorized(request)).await?.into_inner().file.unwrap())
}

async fn undelete(grpc: &Grpc, revision: i32, request_id: &str) -> Result<File, Status> {
    let request = UndeleteFileRequest { name: name(), revision, request_id: request_id.to_owned() };
    Ok(grpc.files().undelete_file(authorized(request)).await?.into_inner().file.unwrap())
}

/// The revisions that are listed.
async fn revisions(grpc: &Grpc, show_deleted: bool) -> Vec<i32> {
    let request = ListFilesRequest { parent: parent(), show_deleted, ..ListFilesRequest::default() };
    let files = grpc.files().list_files(authorized(request)).await.unwrap().into_inner().files;
    files.iter().map(|file| file.revision).collect()
}

async fn downloads(grpc: &Grpc, request: PrepareDownloadsRequest) -> Result<Vec<DownloadPlan>, Status> {
    let request = PrepareDownloadsRequest { parent: parent(), ..request };
    Ok(grpc.files().prepare_downloads(authorized(request)).await?.into_inner().plans)
}

async fn bytes_of(grpc: &Grpc, plan: &DownloadPlan) -> Vec<u8> {
    let request = ReadRequest { ticket: plan.ticket.clone().unwrap().token, ..ReadRequest::default() };
    let mut messages = grpc.blobs().read(request).await.unwrap().into_inner();
    let mut content = Vec::new();
    while let Some(message) = messages.message().await.unwrap() {
        content.extend_from_slice(&message.chunk.unwrap().data);
    }
    content
}

#[tokio::test]
async fn older_rows_are_listed_and_fetched_by_their_digest() {
    for engine in BOTH {
        let (_service, grpc) = thrice(engine).await;
        assert_eq!(revisions(&grpc, false).await, [1, 2, 3]);
        let version = get_version(&grpc, "1.0.0").await.unwrap();
        assert_eq!((version.file_count, version.size_bytes), (1, 17), "a version serves each path once");
        for (revision, served) in [(0, 2), (1, 0), (2, 1), (3, 2)] {
            let file = get(&grpc, revision).await.unwrap();
            assert_eq!(file.blob.unwrap().sha256, sha256(CONTENTS[served]), "{revision}");
            assert_eq!(file.revision, i32::try_from(served).unwrap() + 1);
        }
        assert_eq!(refused(get(&grpc, 4).await), NOT_FOUND);
        assert_eq!(refused(get(&grpc, -1).await), (Code::InvalidArgument, Some(Reason::ArgumentInvalid)));

        let sha256s = vec![sha256(CONTENTS[1]), sha256(CONTENTS[0])];
        let wanted = PrepareDownloadsRequest { paths: vec!["a".to_owned()], sha256s, ..PrepareDownloadsRequest::default() };
        let plans = downloads(&grpc, wanted.clone()).await.unwrap();
        for (plan, content) in plans.iter().zip([CONTENTS[2], CONTENTS[1], CONTENTS[0]]) {
            assert_eq!(bytes_of(&grpc, plan).await, content);
        }
        assert_eq!(plans.iter().map(|plan| plan.file.as_ref().unwrap().revision).collect::<Vec<_>>(), [3, 2, 1]);
        let whole = downloads(&grpc, PrepareDownloadsRequest::default()).await.unwrap();
        assert_eq!(whole.len(), 1, "the whole version is what it serves");

        let foreign = PrepareDownloadsRequest { sha256s: vec![sha256(CONTENTS[0]), sha256(b"foreign")], ..wanted.clone() };
        assert_eq!(refused(downloads(&grpc, foreign).await), NOT_FOUND);
        let short = PrepareDownloadsRequest { sha256s: vec![Bytes::from_static(b"short")], ..wanted.clone() };
        assert_eq!(refused(downloads(&grpc, short).await), (Code::InvalidArgument, Some(Reason::ArgumentInvalid)));
        let missing = PrepareDownloadsRequest { paths: vec!["a".to_owned(), "b".to_owned()], ..wanted };
        assert_eq!(refused(downloads(&grpc, missing).await), NOT_FOUND);
    }
}

#[tokio::test]
async fn deleting_the_newest_uncovers_the_one_before_and_undeleting_covers_it_again() {
    for engine in BOTH {
        let (_service, grpc) = thrice(engine).await;
        let validate_only = DeleteFileRequest { validate_only: true, ..DeleteFileRequest::default() };
        assert!(delete(&grpc, validate_only).await.unwrap().delete_time.is_some());
        assert_eq!(revisions(&grpc, false).await, [1, 2, 3], "nothing is done where it is only tried");

        let deleted = delete(&grpc, DeleteFileRequest::default()).await.unwrap();
        assert_eq!((deleted.revision, deleted.delete_time.is_some()), (3, true));
        assert_eq!(read(&grpc, "1.0.0", "a", 0, 0).await.unwrap(), CONTENTS[1]);
        assert_eq!(get_version(&grpc, "1.0.0").await.unwrap().size_bytes, 7);
        assert_eq!((revisions(&grpc, false).await, revisions(&grpc, true).await), (vec![1, 2], vec![1, 2, 3]));
        let by_digest = PrepareDownloadsRequest { sha256s: vec![sha256(CONTENTS[2])], ..PrepareDownloadsRequest::default() };
        assert_eq!(refused(downloads(&grpc, by_digest).await), NOT_FOUND, "what is deleted is not fetched by its digest");

        delete(&grpc, DeleteFileRequest { revision: 1, ..DeleteFileRequest::default() }).await.unwrap();
        assert_eq!(read(&grpc, "1.0.0", "a", 0, 0).await.unwrap(), CONTENTS[1], "a row that is covered leaves unseen");
        let again = DeleteFileRequest { revision: 1, ..DeleteFileRequest::default() };
        assert_eq!(refused(delete(&grpc, again).await), NOT_FOUND);
        delete(&grpc, DeleteFileRequest::default()).await.unwrap();
        assert_eq!(refused(read(&grpc, "1.0.0", "a", 0, 0).await), NOT_FOUND);
        assert_eq!(get_version(&grpc, "1.0.0").await.unwrap().file_count, 0);

        let last = undelete(&grpc, 0, "").await.unwrap();
        assert_eq!((last.revision, last.delete_time), (2, None), "the one that was deleted last");
        assert_eq!(read(&grpc, "1.0.0", "a", 0, 0).await.unwrap(), CONTENTS[1]);
        assert_eq!(undelete(&grpc, 3, "").await.unwrap().revision, 3);
        assert_eq!(read(&grpc, "1.0.0", "a", 0, 0).await.unwrap(), CONTENTS[2]);
        assert_eq!(undelete(&grpc, 3, "").await.unwrap().revision, 3, "a row that is not deleted is answered as it is");
        assert_eq!(refused(undelete(&grpc, 7, "").await), NOT_FOUND);
        assert_eq!(revisions(&grpc, false).await, [2, 3]);

        let set = brought(&grpc, PACKAGE, "1.0.0", &[("a", b"four")]).await;
        let published = publish(&grpc, PublishVersionRequest { keep_open: true, ..set }).await.unwrap();
        assert_eq!(published.files[0].revision, 4, "a revision is never given twice");
    }
}

#[tokio::test]
async fn files_leave_and_come_back_under_their_etag_and_request_id() {
    for engine in BOTH {
        let (_service, grpc) = thrice(engine).await;
        let newest = get(&grpc, 0).await.unwrap();
        let stale = get(&grpc, 1).await.unwrap();
        let etag = DeleteFileRequest { etag: "nonsense".to_owned(), ..DeleteFileRequest::default() };
        assert_eq!(refused(delete(&grpc, etag).await), (Code::Aborted, Some(Reason::EtagMismatch)));
        assert_ne!(newest.etag, stale.etag);
        let [first, second] = ["0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e", "0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6f"];
        let request = DeleteFileRequest { etag: newest.etag, request_id: first.to_owned(), ..DeleteFileRequest::default() };
        assert_eq!(delete(&grpc, request.clone()).await.unwrap().revision, 3);
        assert_eq!(delete(&grpc, request.clone()).await.unwrap().revision, 3, "a repeated request does not delete the next one");
        let reused = (Code::InvalidArgument, Some(Reason::RequestIdReused));
        assert_eq!(refused(delete(&grpc, DeleteFileRequest { revision: 2, ..request }).await), reused);
        assert_eq!(revisions(&grpc, false).await, [1, 2]);
        assert_eq!(undelete(&grpc, 0, second).await.unwrap().revision, 3);
        assert_eq!(undelete(&grpc, 0, second).await.unwrap().revision, 3);
        assert_eq!(refused(undelete(&grpc, 1, second).await), reused);
    }
}

#[tokio::test]
async fn a_sealed_version_keeps_its_files() {
    for engine in BOTH {
        let (_service, grpc) = thrice(engine).await;
        delete(&grpc, DeleteFileRequest::default()).await.unwrap();
        let version = publish(&grpc, publish_request("1.0.0", vec![])).await.unwrap().version.unwrap();
        let line = format!("a\t{}\t7\n", Digest::of(CONTENTS[1]));
        assert_eq!(version.content_digest, sha256(line.as_bytes()), "only what is served makes the content");

        let sealed = (Code::FailedPrecondition, Some(Reason::VersionSealed));
        assert_eq!(refused(delete(&grpc, DeleteFileRequest::default()).await), sealed);
        assert_eq!(refused(undelete(&grpc, 0, "").await), sealed);
        assert_eq!(revisions(&grpc, false).await, [1, 2]);
    }
}
