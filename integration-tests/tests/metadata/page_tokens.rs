//! Page tokens: to what they belong, and that pages hold still while others write.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use consign_proto::metadata::{
    CompareVersionsRequest, CreateVersionRequest, FindByDigestRequest, PrepareDownloadsRequest, PublishVersionRequest,
};
use consign_types::{Digest, Reason};
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::lists::{List, Query, page};
use integration_tests::publishing::{PACKAGE, brought, publish, refused};
use integration_tests::{BOTH, Builder, Engine, TestService};
use tonic::{Code, Status};

const PAGE_TOKEN_INVALID: (Code, Option<Reason>) = (Code::InvalidArgument, Some(Reason::PageTokenInvalid));

/// A list and where it lists, with all its orders.
const LISTS: [(List, &str, &[&str]); 8] = [
    (List::Packages, "projects/1", &["package_id", "create_time", "update_time", "size_bytes"]),
    (List::Versions, PACKAGE, &["version", "id", "create_time", "publish_time"]),
    (List::Versions, "projects/1/packages/-", &["version", "id desc"]),
    (List::Search, "projects/-", &["publish_time", "create_time", "package", "version", "project"]),
    (List::Files, "projects/1/packages/tool/versions/1.0.0", &["path", "id", "create_time", "size_bytes"]),
    (List::Files, "projects/-/packages/-/versions/-", &["id"]),
    (List::Projects, "", &["path", "create_time", "update_time"]),
    (List::Namespaces, "", &["path", "create_time"]),
];

fn query(parent: &str, order_by: &str) -> Query {
    Query { parent: parent.to_owned(), order_by: order_by.to_owned(), page_size: 1, ..Query::default() }
}

/// Every list in every order.
fn queries() -> impl Iterator<Item = (List, Query)> {
    LISTS.into_iter().flat_map(|(list, parent, orders)| orders.iter().map(move |order| (list, query(parent, order))))
}

/// A service where every list has at least two items.
async fn filled(engine: Engine) -> (TestService, Grpc) {
    let (service, grpc) = Builder::on(engine).demo_grpc().await;
    for (package, version) in [("tool", "1.0.0"), ("tool", "2.0.0"), ("other", "1.0.0")] {
        let set: &[(&str, &[u8])] = if version == "1.0.0" { &[("a", b"one"), ("b", b"one")] } else { &[("c", b"two"), ("d", b"two")] };
        publish(&grpc, brought(&grpc, &format!("projects/1/packages/{package}"), version, set).await).await.unwrap();
    }
    let namespace = consign_proto::metadata::CreateNamespaceRequest { path: "group".to_owned(), ..Default::default() };
    grpc.projects().create_namespace(authorized(namespace)).await.unwrap();
    let project = consign_proto::metadata::CreateProjectRequest { project_id: "second".to_owned(), ..Default::default() };
    grpc.projects().create_project(authorized(project)).await.unwrap();
    (service, grpc)
}

fn decoded(token: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(token).unwrap()
}

fn encoded(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Tokens that nobody gave, with what a real one begins with.
fn forged(token: &str) -> Vec<String> {
    let real = decoded(token);
    let (list, key) = real.split_at(8);
    let keys: [&[u8]; 27] = [
        b"",
        b"x",
        b"-",
        b"1",
        b"-1",
        b"1\n",
        b"1\nx",
        b"1\nsx",
        b"1\ns",
        b"1\nn1",
        b"1\nnx",
        b"1\nt1",
        b"1\nb00",
        b"1\nbzz",
        b"1\nb0",
        b"1\nsa\nsb",
        b"1\nsa\nb00",
        b"1\nsa\nn1",
        b"1\nsa\nb00\nn1\nt1",
        b"1\ns\0",
        b"1\ns\0\nb00",
        b"1\ns\0\ns\0",
        b"\xff\xfe",
        b"1\nt9223372036854775807",
        b"1\nt-9223372036854775808",
        b"9223372036854775807\nn9223372036854775807",
        b"99999999999999999999",
    ];
    let mut tokens: Vec<String> = keys.iter().map(|key| encoded(&[list, key].concat())).collect();
    tokens.push(encoded(&[list, key, b"\n"].concat()));
    tokens.push(encoded(&[list, key, b"\nsx"].concat()));
    tokens.push(encoded(&[list, key, b"\0"].concat()));
    tokens.push(encoded(&[list, b"/../a"].concat()));
    tokens
}

/// What a forged token brings about beside what it may: a key of the right shape is a place in the list like any other, and all
/// others are refused.
fn fault<T: std::fmt::Debug>(answer: Result<T, Status>, what: String) -> Option<String> {
    let status = answer.err()?;
    let refusal = refused::<()>(Err(status));
    (refusal != PAGE_TOKEN_INVALID).then(|| format!("{what}: {refusal:?}"))
}

/// A token as people read it.
fn shown(token: &str) -> String {
    format!("{:?}", String::from_utf8_lossy(&decoded(token)[8..]))
}

#[tokio::test]
async fn a_forged_token_is_never_a_fault_of_the_service() {
    for engine in BOTH {
        let (_service, grpc) = filled(engine).await;
        let mut faults = Vec::new();
        for (list, query) in queries() {
            let (_, token) = page(&grpc, list, query.clone()).await.unwrap();
            for page_token in forged(&token) {
                let what = format!("{list:?} by {} with {} on {engine:?}", query.order_by, shown(&page_token));
                faults.extend(fault(page(&grpc, list, Query { page_token, ..query.clone() }).await, what));
            }
        }
        assert_eq!(faults, [""; 0]);
    }
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    for engine in BOTH {
        let (_service, grpc) = filled(engine).await;
        for (list, parent, orders) in LISTS {
            let query = query(parent, orders[0]);
            let (_, token) = page(&grpc, list, query.clone()).await.unwrap();
            let foreign = encoded(&[&[0; 8], &decoded(&token)[8..]].concat());
            for page_token in ["x", "AAAA", "!", "é", &encoded(&[0; 8]), &format!("{token}="), &foreign, &"A".repeat(100_000)] {
                let answer = page(&grpc, list, Query { page_token: page_token.to_owned(), ..query.clone() }).await;
                assert_eq!(refused(answer), PAGE_TOKEN_INVALID, "{list:?} with {page_token}");
            }
        }
    }
}

#[tokio::test]
async fn a_key_of_another_shape_is_refused() {
    for engine in BOTH {
        let (_service, grpc) = filled(engine).await;
        for (list, query) in queries() {
            let (_, token) = page(&grpc, list, query.clone()).await.unwrap();
            for key in [b"x".as_slice(), b"", b"1\nx", b"1\nsa\nsb\nsc", b"\xff\xfe", b"99999999999999999999"] {
                let page_token = encoded(&[&decoded(&token)[..8], key].concat());
                let answer = page(&grpc, list, Query { page_token: page_token.clone(), ..query.clone() }).await;
                assert_eq!(refused(answer), PAGE_TOKEN_INVALID, "{list:?} by {} with {}", query.order_by, shown(&page_token));
            }
        }
    }
}

#[tokio::test]
async fn tokens_of_other_methods_are_no_fault_either() {
    for engine in BOTH {
        let (_service, grpc) = filled(engine).await;
        let mut faults = Vec::new();
        let [base, target] = ["1.0.0", "2.0.0"].map(|version| format!("{PACKAGE}/versions/{version}"));
        let compare = CompareVersionsRequest { base: base.clone(), target, page_size: 1, page_token: String::new() };
        let token = grpc.packages().compare_versions(authorized(compare.clone())).await.unwrap().into_inner().next_page_token;
        for page_token in forged(&token) {
            let what = shown(&page_token);
            let request = CompareVersionsRequest { page_token, ..compare.clone() };
            faults.extend(fault(grpc.packages().compare_versions(authorized(request)).await, format!("CompareVersions with {what}")));
        }
        let swapped = CompareVersionsRequest { base: compare.target.clone(), target: base.clone(), page_token: token, ..compare };
        assert_eq!(refused(grpc.packages().compare_versions(authorized(swapped)).await), PAGE_TOKEN_INVALID);

        let sha256 = bytes::Bytes::copy_from_slice(Digest::of(b"one").as_bytes());
        let find = FindByDigestRequest { parent: "projects/-".to_owned(), sha256, page_size: 1, page_token: String::new() };
        let token = grpc.packages().find_by_digest(authorized(find.clone())).await.unwrap().into_inner().next_page_token;
        for page_token in forged(&token) {
            let what = shown(&page_token);
            let request = FindByDigestRequest { page_token, ..find.clone() };
            faults.extend(fault(grpc.packages().find_by_digest(authorized(request)).await, format!("FindByDigest with {what}")));
        }
        let other = FindByDigestRequest { parent: "projects/1".to_owned(), page_token: token, ..find };
        assert_eq!(refused(grpc.packages().find_by_digest(authorized(other)).await), PAGE_TOKEN_INVALID);

        let download = PrepareDownloadsRequest { parent: base.clone(), page_size: 1, ..PrepareDownloadsRequest::default() };
        let token = grpc.files().prepare_downloads(authorized(download.clone())).await.unwrap().into_inner().next_page_token;
        for page_token in forged(&token) {
            let what = shown(&page_token);
            let request = PrepareDownloadsRequest { page_token, ..download.clone() };
            faults.extend(fault(grpc.files().prepare_downloads(authorized(request)).await, format!("PrepareDownloads with {what}")));
        }
        let other = PrepareDownloadsRequest { parent: base.replace("1.0.0", "2.0.0"), page_token: token, ..download };
        assert_eq!(refused(grpc.files().prepare_downloads(authorized(other)).await), PAGE_TOKEN_INVALID);
        assert_eq!(faults, [""; 0]);
    }
}

#[tokio::test]
async fn a_token_belongs_to_its_arguments() {
    for engine in BOTH {
        let (_service, grpc) = filled(engine).await;
        for (list, parent, orders) in LISTS {
            let query = query(parent, orders[0]);
            let (_, page_token) = page(&grpc, list, query.clone()).await.unwrap();
            let query = Query { page_token, ..query };
            page(&grpc, list, Query { page_size: 7, ..query.clone() }).await.expect("pages may have other sizes");
            let mut others = vec![
                Query { filter: "create_time > \"2020-01-01T00:00:00Z\"".to_owned(), ..query.clone() },
                Query { order_by: "create_time desc".to_owned(), ..query.clone() },
            ];
            if matches!(list, List::Packages | List::Versions | List::Search | List::Files) {
                others.push(Query { parent: parent.replacen("projects/1", "projects/root%2Fdemo", 1) + "x", ..query.clone() });
            }
            if matches!(list, List::Versions | List::Search) {
                others.push(Query { show_hidden: true, ..query.clone() });
            }
            if !matches!(list, List::Search | List::Namespaces) {
                others.push(Query { show_deleted: true, ..query.clone() });
            }
            for other in others {
                let what = format!("{list:?} {other:?}");
                let status = page(&grpc, list, other).await.unwrap_err();
                let is_gone = status.code() == Code::NotFound;
                assert!(is_gone || refused::<()>(Err(status)) == PAGE_TOKEN_INVALID, "{what}");
            }
        }
    }
}

/// Makes a package, as a draft.
async fn make(grpc: &Grpc, package: &str) {
    let parent = format!("projects/1/packages/{package}");
    let request = CreateVersionRequest { parent, version_id: "1.0.0".to_owned(), ..CreateVersionRequest::default() };
    grpc.packages().create_version(authorized(request)).await.unwrap();
}

/// Walks through the packages while others are made before, amidst and behind those that are `there`.
async fn walk_while_others_write(grpc: &Grpc, order: &str, there: &[String]) -> Vec<String> {
    let (mut seen, mut query) = (Vec::new(), Query { page_size: 3, ..query("projects/1", order) });
    for n in 0.. {
        let [before, amidst, behind] = [format!("a{n}"), format!("p05-{n}"), format!("z{n}")];
        let answer = page(grpc, List::Packages, query.clone());
        let (answer, ..) = tokio::join!(answer, make(grpc, &before), make(grpc, &amidst), make(grpc, &behind));
        let (items, next) = answer.unwrap();
        seen.extend(items);
        // Where they are made behind the walk, it never ends.
        let found_all = there.iter().all(|package| seen.contains(package));
        if next.is_empty() || (found_all && n > 20) {
            break;
        }
        query.page_token = next;
    }
    seen
}

#[tokio::test]
async fn pages_neither_skip_nor_repeat_what_was_there_while_others_write() {
    for engine in BOTH {
        for order in ["package_id", "package_id desc", "create_time", "create_time desc", "size_bytes", "update_time desc"] {
            let (_service, grpc) = Builder::on(engine).demo_grpc().await;
            let there: Vec<String> = (0..12).map(|n| format!("p{n:02}")).collect();
            for package in &there {
                make(&grpc, package).await;
            }
            let seen = walk_while_others_write(&grpc, order, &there).await;

            let distinct: BTreeSet<&String> = seen.iter().collect();
            assert_eq!(distinct.len(), seen.len(), "{engine:?} by {order}: nothing comes twice");
            assert!(there.iter().all(|package| distinct.contains(package)), "{engine:?} by {order}: {seen:?}");
        }
    }
}

#[tokio::test]
async fn pages_of_versions_hold_still_while_versions_come() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        for n in 0..6 {
            publish(&grpc, brought(&grpc, PACKAGE, &format!("1.{n}.0"), &[("a", b"one")]).await).await.unwrap();
        }
        let (mut seen, mut query) = (Vec::new(), Query { page_size: 1, ..query(PACKAGE, "version desc") });
        for n in 0.. {
            let (items, next) = page(&grpc, List::Versions, query.clone()).await.unwrap();
            seen.extend(items);
            if next.is_empty() {
                break;
            }
            query.page_token = next;
            let newer = brought(&grpc, PACKAGE, &format!("2.{n}.0"), &[("a", b"one")]).await;
            publish(&grpc, PublishVersionRequest { keep_open: true, ..newer }).await.unwrap();
        }
        assert_eq!(seen, ["tool/1.5.0", "tool/1.4.0", "tool/1.3.0", "tool/1.2.0", "tool/1.1.0", "tool/1.0.0"]);
    }
}
