//! Hostile input: whatever is sent, only typed refusals come of it, nothing is left behind, and memory does not grow.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::ops::Range;
use std::time::{Duration, Instant};

use consign_proto::metadata::tag_rule::{Action, Pattern};
use consign_proto::metadata::{CreateNamespaceRequest, CreateTagRequest, CreateTagRuleRequest, CreateVersionRequest, GetPackageRequest};
use consign_proto::metadata::{Tag, TagRule, UpdateTagRequest};
use consign_proto::status::told;
use consign_types::{ErrorKind, Reason};
use futures::StreamExt as _;
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::hostile::calls::{Row, send};
use integration_tests::hostile::lists::{LISTS, Query, SHARED};
use integration_tests::hostile::masses::MASSES;
use integration_tests::hostile::{Hostile, furniture, masses};
use integration_tests::publishing::PACKAGE;
use integration_tests::rest::{Rest, file};
use integration_tests::{BOTH, Binary, Builder, Database, Engine, TOKEN, TestService, wait};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::{Code, Status};

const PROGRAM: &str = env!("CARGO_BIN_EXE_service-under-test");
const INPUTS: u64 = 10_000;
const WARM_UP: u64 = 1_000;
const URLS: u64 = 1_000;
const AT_ONCE: usize = 8;

/// How much more memory the process may have after all inputs than after the first ones.
const MAX_GROWTH_KIB: i64 = 16 << 10;

/// How long a message of 4 MiB may take that is refused, most of which goes into writing and reading it.
const MAX_TIME: Duration = Duration::from_secs(8);

/// The allocator keeps memory for each thread that ever had some. With one arena for all of them, what grows is what is held.
const ONE_ARENA: &[(&str, &str)] = &[("MALLOC_ARENA_MAX", "1")];

/// The tables whose rows are counted.
const TABLES: &[&str] = &[
    "namespaces",
    "projects",
    "packages",
    "versions",
    "files",
    "blobs",
    "settings",
    "tags",
    "tag_rules",
    "stages",
    "promotions",
    "promotion_items",
    "placements",
    "attestations",
    "trusted_keys",
    "idempotency_records",
];

/// A project of everything in several, so that each list has a second page.
async fn furnish(rest: &Rest, grpc: &Grpc) {
    rest.create_project("demo").await;
    rest.create_project("second").await;
    for (package, version, path, content) in [
        ("tool", "1.0.0", "a", SHARED),
        ("tool", "1.0.0", "dir/b.txt", SHARED),
        ("tool", "1.1.0", "a", b"other"),
        ("tool", "1.1.0", "c", SHARED),
        ("other", "1.0.0", "a", b"x"),
    ] {
        assert_eq!(rest.put(&file(package, version, path), content).await.status, 201);
    }
    let group = CreateNamespaceRequest { path: "group".to_owned(), ..CreateNamespaceRequest::default() };
    grpc.projects().create_namespace(authorized(group)).await.unwrap();
    let draft = CreateVersionRequest { parent: PACKAGE.to_owned(), version_id: "2.0.0".to_owned(), ..CreateVersionRequest::default() };
    grpc.packages().create_version(authorized(draft)).await.unwrap();

    let version = |version: &str| format!("{PACKAGE}/versions/{version}");
    for tag in ["stable", "v1"] {
        let (parent, tag_id) = (PACKAGE.to_owned(), tag.to_owned());
        let request = CreateTagRequest { parent, tag_id, version: version("1.0.0"), ..CreateTagRequest::default() };
        grpc.tags().create_tag(authorized(request)).await.unwrap();
        let tag = Some(Tag { name: format!("{PACKAGE}/tags/{tag}"), version: version("1.1.0"), ..Tag::default() });
        grpc.tags().update_tag(authorized(UpdateTagRequest { tag, ..UpdateTagRequest::default() })).await.unwrap();
        let pattern = Some(Pattern::TagGlob("no-such-tag".to_owned()));
        let tag_rule = Some(TagRule { pattern, action: Action::Immutable.into(), ..TagRule::default() });
        let request = CreateTagRuleRequest { parent: "projects/1".to_owned(), tag_rule, request_id: String::new() };
        grpc.tags().create_tag_rule(authorized(request)).await.unwrap();
    }
    furniture::furnish(grpc).await;
}

/// A furnished service in this process.
async fn furnished(engine: Engine) -> (TestService, Grpc) {
    let service = Builder::on(engine).start().await;
    let grpc = Grpc::to(service.grpc());
    furnish(&Rest::to(service.http()), &grpc).await;
    (service, grpc)
}

/// What is there before anything hostile comes.
fn furniture() -> HashSet<Row> {
    let packages = ["tool", "other"].map(|name| ("packages", name.to_owned()));
    let versions = ["tool/1.0.0", "tool/1.1.0", "tool/2.0.0", "other/1.0.0"].map(|name| ("versions", name.to_owned()));
    let tags = ["stable", "v1"].map(|name| ("tags", format!("{PACKAGE}/tags/{name}")));
    packages.into_iter().chain(versions).chain(tags).collect()
}

fn counts(database: &Database) -> BTreeMap<&'static str, i64> {
    TABLES.iter().map(|table| (*table, database.count(table))).collect()
}

/// What came of some inputs.
#[derive(Default)]
struct Record {
    made: HashSet<Row>,
    answered: u64,
    refused: BTreeMap<&'static str, u64>,
    faults: Vec<String>,
}

impl Record {
    /// Sends the inputs of these numbers.
    async fn send(&mut self, grpc: &Grpc, numbers: Range<u64>) {
        let calls = futures::stream::iter(numbers).map(|number| async move { (number, send(grpc, number).await) });
        let mut answers = calls.buffer_unordered(AT_ONCE);
        while let Some((number, (what, outcome))) = answers.next().await {
            match outcome {
                Ok(rows) => {
                    self.answered += 1;
                    self.made.extend(rows);
                }
                Err(status) => self.refuse(number, &what, &status),
            }
        }
    }

    fn refuse(&mut self, number: u64, what: &str, status: &Status) {
        let at_fault = |kind| matches!(kind, ErrorKind::Internal | ErrorKind::Unavailable | ErrorKind::DataLoss);
        match told(status).reason {
            Some(reason) if !at_fault(reason.kind()) => *self.refused.entry(reason.as_str()).or_default() += 1,
            _ => self.faults.push(format!("input {number}, {}: {status}", what.chars().take(300).collect::<String>())),
        }
    }
}

fn resident_kib(service: &Binary) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Messages beyond 4 MiB are not even read, so nothing of Consign speaks in the refusal.
async fn send_too_large(grpc: &Grpc) {
    for length in [5 << 20, 16 << 20] {
        let name = "a".repeat(length);
        let refused = grpc.packages().get_package(authorized(GetPackageRequest { name })).await.unwrap_err();
        assert!(matches!(refused.code(), Code::OutOfRange | Code::ResourceExhausted), "{refused}");
    }
}

#[tokio::test]
async fn of_ten_thousand_hostile_inputs_come_typed_refusals_and_nothing_else() {
    for engine in BOTH {
        let service = Builder::on(engine).spawn(PROGRAM, ONE_ARENA).await;
        let (rest, grpc) = (Rest::to(service.http()), Grpc::to(service.grpc()));
        furnish(&rest, &grpc).await;
        let before = counts(service.database());
        let mut record = Record { made: furniture(), ..Record::default() };

        send_too_large(&grpc).await;
        record.send(&grpc, 0..WARM_UP).await;
        let warm = resident_kib(&service);
        record.send(&grpc, WARM_UP..INPUTS).await;
        send_too_large(&grpc).await;
        let growth = resident_kib(&service) - warm;

        println!("{engine:?}: {} answered, refused {:?}; {warm} KiB, then {growth:+} KiB", record.answered, record.refused);
        let faults = &record.faults;
        assert_eq!(record.answered + record.refused.values().sum::<u64>() + u64::try_from(faults.len()).unwrap(), INPUTS);
        assert!(record.answered > INPUTS / 20 && record.refused.len() > 10, "the inputs must reach different depths");
        assert!(growth < MAX_GROWTH_KIB, "{engine:?}: {growth} KiB");
        for (table, count) in counts(service.database()) {
            let made = record.made.difference(&furniture()).filter(|(of, _)| *of == table).count();
            assert_eq!(count - before[table], i64::try_from(made).unwrap(), "{engine:?}: rows of `{table}` that no answer told of");
        }
        let name = PACKAGE.to_owned();
        grpc.packages().get_package(authorized(GetPackageRequest { name })).await.expect("the service still answers");
        assert!(faults.is_empty(), "{engine:?}: {} inputs were not refused in words of Consign:\n{}", faults.len(), faults.join("\n"));
    }
}

#[tokio::test]
async fn each_list_takes_the_filters_and_orders_that_are_made_hostile() {
    for engine in BOTH {
        let (service, grpc) = furnished(engine).await;
        for list in LISTS {
            assert_ne!(list.ask(&grpc, list.query()).await.unwrap(), "", "{list:?} has a second page");
            for filter in list.filters {
                list.ask(&grpc, Query { filter: (*filter).to_owned(), ..list.query() }).await.expect(filter);
            }
            for order in list.orders {
                let order_by = (*order).to_owned();
                let page_token = list.ask(&grpc, Query { order_by: order_by.clone(), ..list.query() }).await.expect(order);
                list.ask(&grpc, Query { order_by, page_token, ..list.query() }).await.expect(order);
            }
        }
        service.stop().await;
    }
}

#[tokio::test]
async fn of_what_there_is_too_much_a_call_is_refused_before_it_costs_anything() {
    for engine in BOTH {
        let (service, grpc) = furnished(engine).await;
        let before = counts(service.database());
        for what in MASSES {
            let start = Instant::now();
            let answer = masses::send(&grpc, what).await;
            let took = start.elapsed();
            println!("{engine:?} {what}: {took:?}");
            assert!(took < MAX_TIME, "{engine:?} {what}: {took:?}");
            let reason = answer.map_err(|status| told(&status).reason);
            assert!(matches!(reason, Err(Some(Reason::ArgumentInvalid | Reason::AttestationInvalid))), "{engine:?} {what}: {reason:?}");
        }
        assert_eq!(counts(service.database()), before);
        service.stop().await;
    }
}

/// The status of the answer to a request with this target, byte for byte; `None` where the connection was closed without one.
async fn status_of(address: SocketAddr, method: &str, target: &str) -> Option<u16> {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let head =
        format!("{method} {target} HTTP/1.1\r\nhost: x\r\nprivate-token: {TOKEN}\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx");
    // The service may close before it has read all of a request that it refuses.
    let _ = connection.write_all(head.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(wait::PATIENCE, connection.read_to_end(&mut answer)).await.expect("the connection is closed in time");
    let line = String::from_utf8_lossy(&answer);
    line.strip_prefix("HTTP/1.1 ").map(|line| line[..3].parse().unwrap())
}

#[tokio::test]
async fn no_url_makes_the_gateway_fail() {
    const TARGETS: &[&str] = &[
        "/api/v4/projects/root%2Fdemo/packages/generic/tool/1.0.0/a",
        "/api/v4/projects/1/packages/generic/tool/1.0.0/dir/b.txt",
        "/api/v4/projects/root%2Fdemo",
        "/api/v4/projects/root%2Fdemo/packages?order_by=name&sort=desc&per_page=2&page=2&package_name=tool&status=hidden",
        "/api/v4/projects/1/packages/1/package_files/1?order_by=id",
        "/api/v4/projects/1/packages/protection/rules/1",
        "/api/v4/projects/1/releases/v1/assets/links/1",
        "/api/v4/groups/root/packages?exclude_subgroups=true",
        "/api/v4/projects?search=a&visibility=public&order_by=id",
    ];
    for engine in BOTH {
        let (service, grpc) = furnished(engine).await;
        let address = service.http();
        let requests = futures::stream::iter(0..URLS).map(|number| async move {
            let mut hostile = Hostile::numbered(number);
            let method = hostile.one_of(&["GET", "PUT", "HEAD", "POST", "DELETE", "OPTIONS"]);
            let target = hostile.url(TARGETS);
            // The project and the group are to be there until the end.
            let method = if method == "DELETE" && !target.contains("packages/generic") { "GET" } else { method };
            let status = status_of(address, method, &target).await;
            (status, format!("request {number}: {method} {target:?}"))
        });
        let mut answers = requests.buffer_unordered(AT_ONCE);
        let mut seen = BTreeMap::<_, u64>::new();
        while let Some((status, what)) = answers.next().await {
            assert!(status.is_none_or(|status| (200..500).contains(&status)), "{engine:?} {status:?} {what}");
            *seen.entry(status).or_default() += 1;
        }
        println!("{engine:?}: {seen:?}");
        assert!(seen.len() > 4 && seen.get(&None).is_none_or(|closed| *closed < URLS / 20), "{seen:?}");
        let name = PACKAGE.to_owned();
        grpc.packages().get_package(authorized(GetPackageRequest { name })).await.expect("the service still answers");
        drop(answers);
        service.stop().await;
    }
}
