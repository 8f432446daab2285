//! How two versions differ, and where bytes are.

use bytes::Bytes;
use consign_proto::metadata::file_difference::Kind;
use consign_proto::metadata::{
    BlobRef, CompareVersionsRequest, CompareVersionsResponse, CreateProjectRequest, FileDifference, FindByDigestRequest,
    PublishVersionRequest,
};
use consign_proto::status::told;
use consign_types::{Digest, Reason};
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::publishing::{PACKAGE, brought, publish, refused};
use integration_tests::{BOTH, Builder};
use tonic::{Code, Status};

const INVALID: (Code, Option<Reason>) = (Code::InvalidArgument, Some(Reason::ArgumentInvalid));

async fn compare(grpc: &Grpc, request: CompareVersionsRequest) -> Result<CompareVersionsResponse, Status> {
    Ok(grpc.packages().compare_versions(authorized(request)).await?.into_inner())
}

/// All pages.
async fn walk(grpc: &Grpc, request: CompareVersionsRequest) -> Vec<CompareVersionsResponse> {
    let (mut request, mut pages) = (request, Vec::new());
    loop {
        let page = compare(grpc, request.clone()).await.unwrap();
        request.page_token.clone_from(&page.next_page_token);
        pages.push(page);
        if request.page_token.is_empty() {
            return pages;
        }
    }
}

fn between(base: &str, target: &str) -> CompareVersionsRequest {
    CompareVersionsRequest { base: base.to_owned(), target: target.to_owned(), ..CompareVersionsRequest::default() }
}

fn sha256(content: &[u8]) -> Bytes {
    Bytes::copy_from_slice(Digest::of(content).as_bytes())
}

fn blob(content: &[u8]) -> BlobRef {
    BlobRef { sha256: sha256(content), size_bytes: i64::try_from(content.len()).unwrap() }
}

fn counts(answer: &CompareVersionsResponse) -> [i64; 5] {
    [answer.added_count, answer.removed_count, answer.changed_count, answer.shared_bytes, answer.new_bytes]
}

async fn second_project(grpc: &Grpc) {
    let request = CreateProjectRequest { project_id: "second".to_owned(), ..CreateProjectRequest::default() };
    grpc.projects().create_project(authorized(request)).await.unwrap();
}

#[tokio::test]
async fn versions_are_compared_by_their_newest_files_across_projects() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        second_project(&grpc).await;
        let (base, target) = (PACKAGE, "projects/2/packages/other");
        let old = brought(&grpc, base, "1.0.0", &[("changed", b"superseded")]).await;
        publish(&grpc, PublishVersionRequest { keep_open: true, ..old }).await.unwrap();
        let set: [(&str, &[u8]); 4] = [("same", b"1"), ("changed", b"22"), ("gone", b"333"), ("was", b"4444")];
        publish(&grpc, brought(&grpc, base, "1.0.0", &set).await).await.unwrap();
        let set: [(&str, &[u8]); 4] = [("same", b"1"), ("changed", b"55555"), ("is", b"4444"), ("new", b"666666")];
        publish(&grpc, brought(&grpc, target, "2.0.0", &set).await).await.unwrap();
        let (base, target) = (format!("{base}/versions/1.0.0"), format!("{target}/versions/2.0.0"));

        let answer = compare(&grpc, between(&base, &target)).await.unwrap();
        let difference = |path: &str, kind: Kind, base: Option<&[u8]>, target: Option<&[u8]>| FileDifference {
            path: path.to_owned(),
            kind: kind.into(),
            base: base.map(blob),
            target: target.map(blob),
        };
        let expected = [
            difference("changed", Kind::Changed, Some(b"22"), Some(b"55555")),
            difference("gone", Kind::Removed, Some(b"333"), None),
            difference("is", Kind::Added, None, Some(b"4444")),
            difference("new", Kind::Added, None, Some(b"666666")),
            difference("was", Kind::Removed, Some(b"4444"), None),
        ];
        assert_eq!(answer.differences, expected);
        assert_eq!(counts(&answer), [2, 2, 1, 5, 11], "what has moved is shared");
        for page_size in [1, 2, 4, 5] {
            let pages = walk(&grpc, CompareVersionsRequest { page_size, ..between(&base, &target) }).await;
            assert!(pages.iter().all(|page| counts(page) == counts(&answer)), "each page tells the sums");
            let all: Vec<FileDifference> = pages.into_iter().flat_map(|page| page.differences).collect();
            assert_eq!(all, expected, "{page_size}");
        }
        let same = compare(&grpc, between(&base, &base)).await.unwrap();
        assert_eq!((same.differences.len(), counts(&same)), (0, [0, 0, 0, 10, 0]));
        let back = compare(&grpc, between(&target, &base)).await.unwrap();
        assert_eq!(counts(&back), [2, 2, 1, 5, 5]);

        for (one, other) in [(base.as_str(), "projects/1/packages/tool/versions/9"), ("projects/1/packages/tool/versions/9", &target)] {
            let status = compare(&grpc, between(one, other)).await.unwrap_err();
            assert_eq!(told(&status).details["resource"], "projects/1/packages/tool/versions/9");
            assert_eq!(refused::<()>(Err(status)), (Code::NotFound, Some(Reason::VersionNotFound)));
        }
        let negative = CompareVersionsRequest { page_size: -1, ..between(&base, &target) };
        assert_eq!(refused(compare(&grpc, negative).await), INVALID);
    }
}

/// The files with these bytes, gathered from pages of this size.
async fn find(grpc: &Grpc, parent: &str, content: &[u8], page_size: i32) -> Vec<(String, i32)> {
    let (mut page_token, mut found) = (String::new(), Vec::new());
    loop {
        let request = FindByDigestRequest { parent: parent.to_owned(), sha256: sha256(content), page_size, page_token };
        let page = grpc.packages().find_by_digest(authorized(request)).await.unwrap().into_inner();
        found.extend(page.files.into_iter().map(|file| (file.name, file.revision)));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return found;
        }
    }
}

#[tokio::test]
async fn bytes_are_found_in_all_projects_and_revisions() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        second_project(&grpc).await;
        for (package, path, content) in [
            ("projects/2/packages/other", "x", b"one".as_slice()),
            (PACKAGE, "a", b"one"),
            (PACKAGE, "a", b"newer"),
            (PACKAGE, "b", b"one"),
            (PACKAGE, "a", b"one"),
        ] {
            let set = brought(&grpc, package, "1.0.0", &[(path, content)]).await;
            publish(&grpc, PublishVersionRequest { keep_open: true, ..set }).await.unwrap();
        }
        let name = |path: &str| format!("{PACKAGE}/versions/1.0.0/files/{path}");
        let of_first = [(name("a"), 1), (name("b"), 1), (name("a"), 3)];
        let of_second = [("projects/2/packages/other/versions/1.0.0/files/x".to_owned(), 1)];
        for page_size in [0, 1, 2, 3] {
            assert_eq!(find(&grpc, "projects/-", b"one", page_size).await, [of_first.as_slice(), &of_second].concat(), "{page_size}");
            assert_eq!(find(&grpc, "projects/1", b"one", page_size).await, of_first, "{page_size}");
        }
        assert_eq!(find(&grpc, "projects/root%2Fsecond", b"one", 0).await, of_second);
        assert_eq!(find(&grpc, "projects/-", b"nowhere", 0).await, []);

        let request =
            FindByDigestRequest { parent: "projects/-".to_owned(), sha256: sha256(b"one"), page_size: 1, page_token: String::new() };
        let page_token = grpc.packages().find_by_digest(authorized(request.clone())).await.unwrap().into_inner().next_page_token;
        for (other, expected) in [
            (FindByDigestRequest { sha256: sha256(b"newer"), page_token, ..request.clone() }, Reason::PageTokenInvalid),
            (FindByDigestRequest { sha256: Bytes::from_static(b"short"), ..request.clone() }, Reason::ArgumentInvalid),
            (FindByDigestRequest { sha256: Bytes::new(), ..request.clone() }, Reason::ArgumentInvalid),
            (FindByDigestRequest { page_size: -1, ..request.clone() }, Reason::ArgumentInvalid),
            (FindByDigestRequest { parent: "projects/9".to_owned(), ..request }, Reason::ProjectNotFound),
        ] {
            let what = format!("{other:?}");
            assert_eq!(refused(grpc.packages().find_by_digest(authorized(other)).await).1, Some(expected), "{what}");
        }
    }
}
