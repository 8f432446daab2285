//! Ten thousand requests over REST, each with something in its URL or its headers that no client means well with: all are refused as the
//! client's fault, nothing is stored, and the service is none the worse.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::net::SocketAddr;

use consign_proto::metadata::GetUsageRequest;
use futures::StreamExt as _;
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::rest::Rest;
use integration_tests::{BOTH, Builder, TOKEN};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const REQUESTS: u64 = 5_000;
const AT_ONCE: usize = 16;

/// What no name of a package, version or file is, nor any number.
const NO_NAMES: &[&str] = &[
    "..",
    ".",
    "%2e%2e",
    "%2E",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e%2f",
    "..%5c",
    "%00",
    "a%00b",
    "%0a",
    "a%0d%0ab",
    "%ff",
    "%c0%ae",
    "%ed%a0%80",
    "a%20b",
    "a%2520b",
    "%25",
    "%",
    "%zz",
    "%u0041",
    "~x",
    "x~",
    "@x",
    "x@",
    "a%3fb",
    "a%23b",
    "a:b",
    "a;b",
    "a*b",
    "$(id)",
    "a'b",
    "a%22b",
    "%3Cscript%3E",
    "%F0%9F%91%A8",
    "%E2%80%AE",
    "a%5Cb",
    "{{7*7}}",
    "'%20OR%201=1--",
    "",
    "%09",
    "a%7fb",
    "%EF%BB%BFa",
    "a|b",
    "a&b=c",
];

/// What no folder is.
const NO_FOLDERS: &[&str] = &["..", ".", "%2e%2e", "%2E", "%2e%2e%2fx", "a%2f..%2fb", "%00", "a%0ab", "%ff", "%c0%ae", "%7f", ""];

/// What no number in a query is.
const NO_NUMBERS: &[&str] =
    &["x", "1.5", "1e3", "0x10", "+-1", "%00", "9223372036854775808", "-9223372036854775809", "1%20", "%201", "NaN", "1;2", "%ff"];

/// What no word of a list's parameters is.
const NO_WORDS: &[&str] = &["none", "ASC", "asc%00", "id;drop", "created_at,name", "%ff", "'", "desc%20", "-1"];

/// Routes with the place of a name or number.
const PLACES: &[&str] = &[
    "projects/{}",
    "projects/{}/packages",
    "projects/1/packages/{}",
    "projects/1/packages/{}/package_files",
    "groups/{}",
    "groups/{}/packages",
    "users/{}",
    "projects/1/members/{}",
    "projects/1/access_tokens/{}",
    "personal_access_tokens/{}",
    "projects/1/packages/generic/{}",
    "projects/1/releases/{}/downloads/{}",
    "{}/{}",
    "projects/{}/packages/generic/tool/1.0/f",
];

/// Headers that make any request one that is refused.
const NO_HEADERS: &[&str] = &[
    "Content-Length: -1",
    "Content-Length: 1e3",
    "Content-Length: 18446744073709551616",
    "Content-Length: 5, 6",
    "Transfer-Encoding: gzip",
    "Transfer-Encoding: chunked, identity",
    "PRIVATE-TOKEN: another",
    "JOB-TOKEN: another",
    "Authorization: Basic !",
    "Authorization: Digest x",
    "Authorization: Bearer another",
    "Bad Header: x",
    "Header\u{0}: x",
    "X-Checksum-SHA256: zz",
    "X-Checksum-SHA256: ",
    "Digest: sha-256=!",
    "Repr-Digest: sha-256=:!!:",
    "Content-Digest: sha-256=:AAAA:",
    "Content-Type: multipart/form-data; boundary=x",
    "PRIVATE-TOKEN: \u{7f}",
];

fn one_of<'a>(among: &[&'a str], random: &mut StdRng) -> &'a str {
    among[random.random_range(0..among.len())]
}

/// A request with one thing in it that is wrong, so that this one decides.
fn request(number: u64) -> String {
    let random = &mut StdRng::seed_from_u64(number);
    let name = match random.random_range(0..8) {
        0 => "a".repeat(random.random_range(1025..4000)),
        1 => format!("{}%0{}", "a".repeat(random.random_range(0..3)), random.random_range(0..9)),
        _ => one_of(NO_NAMES, random).to_owned(),
    };
    let mut headers = String::new();
    let (method, target) = match random.random_range(0..7) {
        // A part of a file's name.
        0..3 => {
            let mut parts = ["tool", "1.0", "folder", "f"].map(str::to_owned);
            let at = random.random_range(0..parts.len());
            parts[at] = match at {
                // A folder may be called almost anything.
                2 => one_of(NO_FOLDERS, random).to_owned(),
                _ if name.is_empty() => "%20".to_owned(),
                _ => name,
            };
            (one_of(&["PUT", "PUT", "GET", "HEAD"], random), format!("/api/v4/projects/1/packages/generic/{}", parts.join("/")))
        }
        // The number or the path of something.
        3 => {
            let place = one_of(PLACES, random);
            (one_of(&["GET", "DELETE", "POST", "PATCH", "PUT"], random), format!("/api/v4/{}", place.replace("{}", &format!("{name}%"))))
        }
        // A parameter of a list.
        4 => {
            let list = one_of(&["projects/1/packages", "projects", "groups/1/packages"], random);
            let parameter = match random.random_range(0..3) {
                0 => format!("{}={}", one_of(&["page", "per_page"], random), one_of(NO_NUMBERS, random)),
                1 => format!("order_by={}", one_of(NO_WORDS, random)),
                _ => format!("sort={}", one_of(NO_WORDS, random)),
            };
            ("GET", format!("/api/v4/{list}?{parameter}"))
        }
        // A parameter of a publish.
        5 => {
            let parameter = format!("{}={}", one_of(&["status", "select"], random), one_of(NO_WORDS, random));
            ("PUT", format!("/api/v4/projects/1/packages/generic/tool/1.0/f?{parameter}"))
        }
        // A header.
        _ => {
            headers = header(random);
            ("PUT", "/api/v4/projects/1/packages/generic/tool/1.0/f".to_owned())
        }
    };
    let length =
        if headers.starts_with("Content-Length") || headers.starts_with("Transfer-Encoding") { "" } else { "Content-Length: 5\r\n" };
    format!("{method} {target} HTTP/1.1\r\nHost: here\r\nPRIVATE-TOKEN: {TOKEN}\r\nConnection: close\r\n{headers}{length}\r\nhello")
}

/// A header that is too long, one of too many, or one that means nothing good.
fn header(random: &mut StdRng) -> String {
    match random.random_range(0..12) {
        0 => format!("X-Long: {}\r\n", "a".repeat(1_000_000)),
        1 => "X-Many: x\r\n".repeat(400),
        _ => format!("{}\r\n", one_of(NO_HEADERS, random)),
    }
}

/// The status of the answer; `None` where the connection is closed without one.
async fn status(address: SocketAddr, request: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    // A service that refuses early closes while the rest is sent.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()
}

#[tokio::test]
async fn whatever_is_hostile_is_refused_and_nothing_is_stored() {
    for (first, engine) in [0, REQUESTS].into_iter().zip(BOTH) {
        let (service, rest) = Builder::on(engine).demo().await;
        let address = service.http();
        let requests =
            futures::stream::iter(first..first + REQUESTS).map(|number| async move { (number, status(address, &request(number)).await) });
        let mut answers = requests.buffer_unordered(AT_ONCE);
        let mut seen = BTreeMap::<_, u64>::new();
        while let Some((number, status)) = answers.next().await {
            let is_refused = status.is_none_or(|status| (400..500).contains(&status));
            assert!(is_refused, "{engine:?} request {number}: {status:?}\n{:.400}", request(number));
            *seen.entry(status).or_default() += 1;
        }
        println!("{engine:?}: {seen:?}");
        // Headers that are no headers at all, and those that are too long while they are still sent.
        assert!(seen.get(&None).is_none_or(|closed| *closed < REQUESTS / 20), "{seen:?}");
        nothing_is_there(&rest, &Grpc::to(service.grpc())).await;
        drop(answers);
        service.stop().await;
    }
}

async fn nothing_is_there(rest: &Rest, grpc: &Grpc) {
    for (list, total) in [("projects/1/packages", "0"), ("projects", "1"), ("groups", "1"), ("users", "1")] {
        assert_eq!(rest.get(&format!("/api/v4/{list}")).await.header("x-total"), total, "{list}");
    }
    let asked = GetUsageRequest { name: "instance".to_owned(), top_count: 0 };
    let usage = grpc.projects().get_usage(authorized(asked)).await.unwrap().into_inner().usage.unwrap();
    assert_eq!((usage.file_count, usage.stored_bytes, usage.reserved_bytes), (0, 0, 0), "{usage:?}");
    assert_eq!(rest.put("/api/v4/projects/1/packages/generic/tool/1.0/f", "hello").await.status, 201);
}
