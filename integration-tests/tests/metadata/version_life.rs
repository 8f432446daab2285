//! Drafts, what is added to them, and what is said about versions.

use std::collections::HashMap;

use bytes::Bytes;
use consign_proto::metadata::version::State;
use consign_proto::metadata::{
    CommitFilesRequest, CommitFilesResponse, CreateVersionRequest, CreateVersionResponse, GetFileChecksumsRequest, ListFilesRequest,
    ListVersionsRequest, PublishFile, PublishVersionRequest, UpdateVersionRequest, Version,
};
use consign_types::{Digest, Reason, crc32c};
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::publishing::{PACKAGE, brought, get_version, publish, publish_request, read, refused};
use integration_tests::rest::{Rest, file};
use integration_tests::{BOTH, Builder};
use prost_types::FieldMask;
use tonic::{Code, Status};

const ID: &str = "0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e";

const SEALED: (Code, Option<Reason>) = (Code::FailedPrecondition, Some(Reason::VersionSealed));
const INVALID: (Code, Option<Reason>) = (Code::InvalidArgument, Some(Reason::ArgumentInvalid));
const NOT_FOUND: (Code, Option<Reason>) = (Code::NotFound, Some(Reason::VersionNotFound));

fn draft(version: &str) -> CreateVersionRequest {
    CreateVersionRequest { parent: PACKAGE.to_owned(), version_id: version.to_owned(), ..CreateVersionRequest::default() }
}

async fn create(grpc: &Grpc, request: CreateVersionRequest) -> Result<CreateVersionResponse, Status> {
    Ok(grpc.packages().create_version(authorized(request)).await?.into_inner())
}

async fn commit(grpc: &Grpc, version: &str, files: Vec<PublishFile>, request_id: &str) -> Result<CommitFilesResponse, Status> {
    let request = CommitFilesRequest { parent: format!("{PACKAGE}/versions/{version}"), files, request_id: request_id.to_owned() };
    Ok(grpc.files().commit_files(authorized(request)).await?.into_inner())
}

async fn bring(grpc: &Grpc, files: &[(&str, &'static [u8])]) -> Vec<PublishFile> {
    brought(grpc, PACKAGE, "any", files).await.files
}

fn labels(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn content(lines: &[(&str, &[u8])]) -> Bytes {
    let line = |(path, content): &(&str, &[u8])| format!("{path}\t{}\t{}\n", Digest::of(content), content.len());
    Bytes::copy_from_slice(Digest::of(lines.iter().map(line).collect::<String>().as_bytes()).as_bytes())
}

#[tokio::test]
async fn a_draft_is_made_once() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let request = CreateVersionRequest {
            labels: labels(&[("team", "core")]),
            description: "the first".to_owned(),
            request_id: ID.to_owned(),
            ..draft("1.0.0")
        };
        let made = create(&grpc, request.clone()).await.unwrap();

        let version = made.version.clone().unwrap();
        assert_eq!((version.state(), version.name.as_str()), (State::Draft, "projects/1/packages/tool/versions/1.0.0"));
        assert_eq!((version.package.as_str(), version.version.as_str()), ("tool", "1.0.0"));
        assert_eq!((&version.labels, version.description.as_str()), (&request.labels, "the first"));
        assert_eq!((version.publish_time, version.content_digest.as_ref(), version.file_count), (None, b"".as_slice(), 0));
        assert!(version.create_time.is_some() && !version.creator.is_empty() && !version.etag.is_empty() && made.sequence > 0);
        assert_eq!(get_version(&grpc, "1.0.0").await.unwrap(), version);

        assert_eq!(create(&grpc, request.clone()).await.unwrap(), made, "the same request is answered as the first time");
        let taken = (Code::AlreadyExists, Some(Reason::NameTaken));
        assert_eq!(refused(create(&grpc, draft("1.0.0")).await), taken);
        let reused = CreateVersionRequest { description: "another".to_owned(), ..request };
        assert_eq!(refused(create(&grpc, reused).await), (Code::InvalidArgument, Some(Reason::RequestIdReused)));
        publish(&grpc, brought(&grpc, PACKAGE, "2.0.0", &[("a", b"one")]).await).await.unwrap();
        assert_eq!(refused(create(&grpc, draft("2.0.0")).await), taken);

        for version in ["", "latest", "a..b", "a b"] {
            assert_eq!(refused(create(&grpc, draft(version)).await), (Code::InvalidArgument, Some(Reason::NameInvalid)), "{version}");
        }
        for bad in [
            CreateVersionRequest { labels: labels(&[("a key", "x")]), ..draft("3") },
            CreateVersionRequest { labels: labels(&[("key", &"x".repeat(256))]), ..draft("3") },
            CreateVersionRequest { labels: (0..65).map(|n| (format!("k{n}"), String::new())).collect(), ..draft("3") },
            CreateVersionRequest { description: "x".repeat(4097), ..draft("3") },
        ] {
            assert_eq!(refused(create(&grpc, bad).await), INVALID);
        }
        let nowhere = CreateVersionRequest { parent: "projects/9/packages/tool".to_owned(), ..draft("3") };
        assert_eq!(refused(create(&grpc, nowhere).await), (Code::NotFound, Some(Reason::ProjectNotFound)));
    }
}

#[tokio::test]
async fn a_draft_takes_files_that_nobody_can_fetch_until_it_is_published() {
    for engine in BOTH {
        let (service, grpc) = Builder::on(engine).demo_grpc().await;
        let rest = Rest::to(service.http());
        create(&grpc, draft("1.0.0")).await.unwrap();
        let set = bring(&grpc, &[("b", b"two"), ("a", b"one")]).await;

        let added = commit(&grpc, "1.0.0", set.clone(), "").await.unwrap();

        assert_eq!(added.files.iter().map(|file| (file.path.as_str(), file.revision)).collect::<Vec<_>>(), [("b", 1), ("a", 1)]);
        assert!(!added.replayed);
        let again = commit(&grpc, "1.0.0", set, "").await.unwrap();
        assert!(again.replayed);
        assert_eq!(again.files, added.files);
        let version = get_version(&grpc, "1.0.0").await.unwrap();
        assert_eq!((version.state(), version.file_count, version.size_bytes), (State::Draft, 2, 6));
        assert_eq!(listed(&grpc, "").await, ["1.0.0"], "drafts are listed");
        assert_eq!(listed(&grpc, "publish_time").await, [""; 0], "by publish time drafts are left out");
        let rows = ListFilesRequest { parent: format!("{PACKAGE}/versions/1.0.0"), ..ListFilesRequest::default() };
        assert_eq!(grpc.files().list_files(authorized(rows)).await.unwrap().into_inner().files.len(), 2);
        assert_eq!(refused(read(&grpc, "1.0.0", "a", 0, 0).await), NOT_FOUND);
        assert_eq!(rest.get(&file("tool", "1.0.0", "a")).await.status, 404);

        let more = publish_request("1.0.0", bring(&grpc, &[("c", b"three")]).await);
        let published = publish(&grpc, more).await.unwrap().version.unwrap();
        assert_eq!((published.state(), published.file_count, published.size_bytes), (State::Published, 3, 11));
        assert_eq!(published.content_digest, content(&[("a", b"one"), ("b", b"two"), ("c", b"three")]));
        assert!(published.publish_time.is_some());
        assert_eq!(rest.get(&file("tool", "1.0.0", "a")).await.text(), "one");

        create(&grpc, draft("2.0.0")).await.unwrap();
        commit(&grpc, "2.0.0", bring(&grpc, &[("a", b"one")]).await, "").await.unwrap();
        let open = publish(&grpc, PublishVersionRequest { keep_open: true, ..publish_request("2.0.0", vec![]) }).await.unwrap();
        let open = open.version.unwrap();
        assert_eq!((open.state(), open.content_digest.as_ref()), (State::Open, b"".as_slice()));
        assert_eq!(read(&grpc, "2.0.0", "a", 0, 0).await.unwrap(), b"one");

        create(&grpc, draft("3.0.0")).await.unwrap();
        assert_eq!(refused(publish(&grpc, publish_request("3.0.0", vec![])).await), INVALID, "a version has at least one file");
    }
}

async fn listed(grpc: &Grpc, order_by: &str) -> Vec<String> {
    let request = ListVersionsRequest { parent: PACKAGE.to_owned(), order_by: order_by.to_owned(), ..ListVersionsRequest::default() };
    let versions = grpc.packages().list_versions(authorized(request)).await.unwrap().into_inner().versions;
    versions.into_iter().map(|version| version.version).collect()
}

#[tokio::test]
async fn files_are_added_to_drafts_and_open_versions_only() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let set = async || bring(&grpc, &[("a", b"one")]).await;
        assert_eq!(refused(commit(&grpc, "1.0.0", set().await, "").await), NOT_FOUND);
        publish(&grpc, PublishVersionRequest { keep_open: true, ..publish_request("1.0.0", set().await) }).await.unwrap();

        let request = bring(&grpc, &[("a", b"newer"), ("b", b"two")]).await;
        let added = commit(&grpc, "1.0.0", request.clone(), ID).await.unwrap();
        assert_eq!(added.files.iter().map(|file| file.revision).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(read(&grpc, "1.0.0", "a", 0, 0).await.unwrap(), b"newer");
        let again = commit(&grpc, "1.0.0", request.clone(), ID).await.unwrap();
        assert_eq!((again.files, again.replayed), (added.files, true));
        let reused = (Code::InvalidArgument, Some(Reason::RequestIdReused));
        assert_eq!(refused(commit(&grpc, "1.0.0", request[..1].to_vec(), ID).await), reused);
        assert_eq!(refused(commit(&grpc, "1.0.0", vec![], "").await), INVALID);

        publish(&grpc, publish_request("1.0.0", vec![])).await.unwrap();
        for other in [&[("a", b"other".as_slice())], &[("c", b"three".as_slice())]] {
            let other = bring(&grpc, other).await;
            assert_eq!(refused(commit(&grpc, "1.0.0", other, "").await), SEALED);
        }
    }
}

#[tokio::test]
async fn a_set_is_published_whole_or_not_at_all() {
    for engine in BOTH {
        let (service, grpc) = Builder::on(engine).demo_grpc().await;
        let set = brought(&grpc, PACKAGE, "1.0.0", &[("a", b"one"), ("b", b"two")]).await;
        let mut broken = set.clone();
        broken.files[1].receipt = Bytes::from_static(b"forged");
        let digest = content(&[("a", b"one"), ("b", b"two")]);
        let unexpected = PublishVersionRequest { expected_content_digest: content(&[("a", b"one")]), ..set.clone() };
        for (request, reason) in [
            (broken, Reason::ReceiptInvalid),
            (unexpected, Reason::ContentUnexpected),
            (PublishVersionRequest { labels: labels(&[("a key", "x")]), ..set.clone() }, Reason::ArgumentInvalid),
            (PublishVersionRequest { tag_ids: vec!["a tag".to_owned()], ..set.clone() }, Reason::NameInvalid),
        ] {
            assert_eq!(refused(publish(&grpc, request).await).1, Some(reason));
            let counts = ["packages", "versions", "files", "tags"].map(|table| service.database().count(table));
            assert_eq!(counts, [0; 4], "{reason} leaves nothing behind");
        }
        let set = PublishVersionRequest {
            expected_content_digest: digest.clone(),
            labels: labels(&[("team", "core"), ("tier", "1")]),
            tag_ids: vec!["stable".to_owned(), "beta".to_owned()],
            hidden: Some(true),
            ..set
        };
        let published = publish(&grpc, set.clone()).await.unwrap();
        let version = published.version.unwrap();
        assert_eq!((&version.content_digest, &version.labels, version.hidden), (&digest, &set.labels, true));
        assert_eq!(version.tag_ids, ["beta", "stable"]);
        assert_eq!(version, get_version(&grpc, "1.0.0").await.unwrap());
        let rest = Rest::to(service.http());
        assert_eq!(rest.get(&file("tool", "1.0.0", "b")).await.text(), "two", "hidden is not secret");

        let over = PublishVersionRequest { labels: labels(&[("tier", "2")]), hidden: None, tag_ids: vec![], ..set };
        let again = publish(&grpc, over).await.unwrap().version.unwrap();
        assert_eq!(again.labels, labels(&[("team", "core"), ("tier", "2")]), "labels are laid over those that it has");
        assert!(again.hidden, "what is not said stays");
    }
}

#[tokio::test]
async fn what_is_said_about_a_version_changes_by_mask_and_etag() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        publish(&grpc, brought(&grpc, PACKAGE, "1.0.0", &[("a", b"one")]).await).await.unwrap();
        let before = get_version(&grpc, "1.0.0").await.unwrap();
        let named = || Version { name: before.name.clone(), ..Version::default() };
        let update = async |version: Version, paths: &[&str]| {
            let update_mask = Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() });
            let request = UpdateVersionRequest { version: Some(version), update_mask, request_id: String::new() };
            grpc.packages().update_version(authorized(request)).await.map(|answer| answer.into_inner().version.unwrap())
        };
        let wanted =
            Version { hidden: true, labels: labels(&[("a", "b")]), description: "text".to_owned(), etag: before.etag.clone(), ..named() };
        let changed = update(wanted.clone(), &["labels"]).await.unwrap();
        assert_eq!((changed.hidden, &changed.labels, changed.description.as_str()), (false, &wanted.labels, ""));
        assert_ne!(changed.etag, before.etag);
        assert!(consign_proto::to_time(changed.update_time.unwrap()) > consign_proto::to_time(before.update_time.unwrap()));
        assert_eq!(refused(update(wanted, &["labels"]).await), (Code::Aborted, Some(Reason::EtagMismatch)));

        let all = Version { hidden: true, description: "text".to_owned(), etag: changed.etag, ..named() };
        let changed = update(all, &[]).await.unwrap();
        assert_eq!((changed.hidden, changed.labels.len(), changed.description.as_str()), (true, 1, "text"), "what is set is changed");
        let cleared = update(named(), &["hidden", "labels", "description"]).await.unwrap();
        assert_eq!((cleared.hidden, cleared.labels.len(), cleared.description.as_str()), (false, 0, ""));
        assert_eq!(cleared.content_digest, before.content_digest);
        assert_eq!(cleared, get_version(&grpc, "1.0.0").await.unwrap());

        for path in ["state", "name", "nonsense"] {
            assert_eq!(refused(update(named(), &[path]).await), INVALID, "{path}");
        }
        assert_eq!(refused(update(Version { description: "x".repeat(4097), ..named() }, &[]).await), INVALID);
        let unknown = Version { name: before.name.replace("1.0.0", "9"), ..named() };
        assert_eq!(refused(update(unknown, &["hidden"]).await), NOT_FOUND);
    }
}

#[tokio::test]
async fn checksums_are_those_of_the_bytes() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        for content in [b"one".as_slice(), b"two"] {
            let set = brought(&grpc, PACKAGE, "1.0.0", &[("a", content)]).await;
            publish(&grpc, PublishVersionRequest { keep_open: true, ..set }).await.unwrap();
        }
        let name = format!("{PACKAGE}/versions/1.0.0/files/a");
        for (revision, content) in [(0, b"two"), (1, b"one"), (2, b"two")] {
            let request = GetFileChecksumsRequest { name: name.clone(), revision };
            let sums = grpc.files().get_file_checksums(authorized(request)).await.unwrap().into_inner().checksums.unwrap();
            let blob = sums.blob.unwrap();
            assert_eq!((blob.sha256.as_ref(), blob.size_bytes), (Digest::of(content).as_bytes().as_slice(), 3));
            assert!([0, 16].contains(&sums.md5.len()) && [0, 20].contains(&sums.sha1.len()) && [0, 64].contains(&sums.sha512.len()));
            assert!(sums.crc32c.is_none_or(|sum| sum == crc32c::crc32c(content).cast_signed()));
        }
        for (name, revision, reason) in [
            (name.clone(), 3, Reason::FileNotFound),
            (name.replace("files/a", "files/b"), 0, Reason::FileNotFound),
            (name.replace("1.0.0", "2.0.0"), 0, Reason::VersionNotFound),
        ] {
            let request = GetFileChecksumsRequest { name, revision };
            let answer = grpc.files().get_file_checksums(authorized(request)).await;
            assert_eq!(refused(answer), (Code::NotFound, Some(reason)));
        }
    }
}
