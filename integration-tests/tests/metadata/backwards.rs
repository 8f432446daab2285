//! Lists that are read from their end, and the tokens of their entries.

use consign_proto::metadata::{CreateProjectRequest, ListFilesRequest, ListVersionsRequest, SearchVersionsRequest};
use consign_types::Reason;
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::publishing::refused;
use integration_tests::rest::{Rest, file};
use integration_tests::{BOTH, Builder, Engine, TestService};
use tonic::{Code, Status};

/// What is asked of a list.
#[derive(Clone, Debug, Default)]
struct Part {
    order_by: String,
    page_size: i32,
    page_token: String,
    before_token: String,
    backwards: bool,
    skip: i32,
}

/// What it answers: a word for each entry, its token, and the token of the next page.
#[derive(Debug, PartialEq, Eq)]
struct Page {
    words: Vec<String>,
    tokens: Vec<String>,
    next: String,
}

#[derive(Clone, Copy, Debug)]
enum List {
    Versions,
    Search,
    Files,
    AllFiles,
}

async fn page(grpc: &Grpc, list: List, part: Part) -> Result<Page, Status> {
    let Part { order_by, page_size, page_token, before_token, backwards, skip } = part;
    let with_entry_tokens = true;
    Ok(match list {
        List::Versions => {
            let parent = "projects/1/packages/-".to_owned();
            let request = ListVersionsRequest {
                parent,
                order_by,
                page_size,
                page_token,
                before_token,
                backwards,
                with_entry_tokens,
                ..Default::default()
            };
            let found = grpc.packages().list_versions(authorized(request)).await?.into_inner();
            let words = found.versions.into_iter().map(|version| version.name).collect();
            Page { words, tokens: found.entry_tokens, next: found.next_page_token }
        }
        List::Search => {
            let parent = "projects/-".to_owned();
            let request = SearchVersionsRequest {
                parent,
                order_by,
                page_size,
                page_token,
                before_token,
                backwards,
                with_entry_tokens,
                skip,
                ..Default::default()
            };
            let found = grpc.packages().search_versions(authorized(request)).await?.into_inner();
            let words = found.versions.into_iter().map(|version| version.name).collect();
            Page { words, tokens: found.entry_tokens, next: found.next_page_token }
        }
        List::Files | List::AllFiles => {
            let parent = match list {
                List::Files => "projects/1/packages/tool/versions/1.0",
                _ => "projects/-/packages/-/versions/-",
            };
            let parent = parent.to_owned();
            let request = ListFilesRequest {
                parent,
                order_by,
                page_size,
                page_token,
                before_token,
                backwards,
                with_entry_tokens,
                skip,
                ..Default::default()
            };
            let found = grpc.files().list_files(authorized(request)).await?.into_inner();
            let words = found.files.into_iter().map(|file| format!("{} {}", file.path, file.revision)).collect();
            Page { words, tokens: found.entry_tokens, next: found.next_page_token }
        }
    })
}

const ORDERS: [(List, &[&str]); 4] = [
    (List::Versions, &["version", "id", "create_time", "publish_time"]),
    (List::Search, &["publish_time", "create_time", "package", "version", "project", "project_path"]),
    (List::Files, &["path", "id", "create_time", "size_bytes"]),
    (List::AllFiles, &["id"]),
];

/// Two packages with versions, and files of several revisions; and a project whose path comes first, with versions of the same names.
async fn filled(engine: Engine) -> (TestService, Grpc) {
    let (service, rest): (_, Rest) = Builder::on(engine).demo().await;
    for path in ["tool/1.0/b", "other/2.0/a", "tool/1.0/a", "tool/0.9/a", "other/10.0/a", "tool/1.0/c", "tool/1.1/z"] {
        let (package, rest_of_it) = path.split_once('/').unwrap();
        let (version, name) = rest_of_it.split_once('/').unwrap();
        assert_eq!(rest.put(&file(package, version, name), path).await.status, 201);
    }
    assert_eq!(rest.put(&file("tool", "1.0", "a"), "once more").await.status, 201);
    let grpc = Grpc::to(service.grpc());
    let before = CreateProjectRequest { project_id: "before".to_owned(), ..CreateProjectRequest::default() };
    grpc.projects().create_project(authorized(before)).await.unwrap();
    for version in ["1.0", "0.9"] {
        let place = file("tool", version, "a").replace("root%2Fdemo", "root%2Fbefore");
        assert_eq!(rest.put(&place, version).await.status, 201);
    }
    (service, grpc)
}

/// All words of a list, gathered from its end.
async fn walk_back(grpc: &Grpc, list: List, part: &Part) -> Vec<String> {
    let (mut words, mut before_token) = (Vec::new(), String::new());
    loop {
        let found = page(grpc, list, Part { backwards: true, before_token, ..part.clone() }).await.unwrap();
        words.splice(..0, found.words);
        before_token = found.next;
        if before_token.is_empty() {
            return words;
        }
    }
}

#[tokio::test]
async fn every_list_is_the_same_from_its_end_in_every_order_and_page_size() {
    for engine in BOTH {
        let (_service, grpc) = filled(engine).await;
        let directed = |order: &str| [order.to_owned(), format!("{order} desc")];
        let all = ORDERS.iter().flat_map(|(list, orders)| orders.iter().flat_map(|order| directed(order)).map(|order| (*list, order)));
        for (list, order) in all {
            let part = Part { order_by: order.clone(), ..Part::default() };
            let all = page(&grpc, list, part.clone()).await.unwrap();
            assert!(all.words.len() >= 4 && all.tokens.len() == all.words.len() && all.next.is_empty(), "{engine:?} {list:?} {all:?}");
            for page_size in 1..=i32::try_from(all.words.len()).unwrap() {
                let words = walk_back(&grpc, list, &Part { page_size, ..part.clone() }).await;
                assert_eq!(words, all.words, "{engine:?} {list:?} by {order} in pages of {page_size}");
            }
        }
    }
}

#[tokio::test]
async fn the_token_of_an_entry_stands_for_its_place_in_either_direction() {
    for engine in BOTH {
        let (_service, grpc) = filled(engine).await;
        for (list, orders) in ORDERS {
            let part = Part { order_by: orders[0].to_owned(), ..Part::default() };
            let all = page(&grpc, list, part.clone()).await.unwrap();
            for (number, token) in all.tokens.iter().enumerate() {
                let behind = Part { page_token: token.clone(), ..part.clone() };
                assert_eq!(page(&grpc, list, behind.clone()).await.unwrap().words, all.words[number + 1..], "{engine:?} {list:?} {number}");
                let before = Part { before_token: token.clone(), backwards: true, ..part.clone() };
                assert_eq!(page(&grpc, list, before).await.unwrap().words, all.words[..number], "{engine:?} {list:?} {number}");
                let last = Part { backwards: true, page_size: 1, ..behind };
                let expected: Vec<String> = all.words[number + 1..].last().cloned().into_iter().collect();
                assert_eq!(page(&grpc, list, last).await.unwrap().words, expected, "{engine:?} {list:?} {number}");
            }
            let between = Part { page_token: all.tokens[0].clone(), before_token: all.tokens[3].clone(), ..part.clone() };
            assert_eq!(page(&grpc, list, between.clone()).await.unwrap().words, all.words[1..3], "{engine:?} {list:?}");
            let crossed = Part { page_token: between.before_token, before_token: between.page_token, ..part.clone() };
            assert_eq!(page(&grpc, list, crossed).await.unwrap().words, Vec::<String>::new(), "{engine:?} {list:?}");
            for before_token in ["x", "AAAA", "AAAAAAAAAAAx"] {
                let wrong = Part { before_token: before_token.to_owned(), ..part.clone() };
                let refusal = (Code::InvalidArgument, Some(Reason::PageTokenInvalid));
                assert_eq!(refused(page(&grpc, list, wrong).await), refusal, "{engine:?} {list:?} {before_token}");
            }
        }
        let skipped = Part { order_by: "id".to_owned(), backwards: true, skip: 1, page_size: 2, ..Part::default() };
        assert_eq!(page(&grpc, List::Files, skipped).await.unwrap().words, ["a 1", "c 1"], "{engine:?}: one at the end is passed over");
    }
}
