//! Connections that mean no good: two thousand held at once, and a few that flood. The service stays small, and those who mean well notice
//! nothing.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use integration_tests::rest::{Rest, file};
use integration_tests::{Binary, Builder, Engine, TOKEN, load};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;

const PROGRAM: &str = env!("CARGO_BIN_EXE_service-under-test");

/// What the service may need in all. What bodies and transfers may hold is a part of it; the buffers of HTTP come besides.
const MEMORY_LIMIT: u64 = 150 << 20;

/// How long they are held, at least.
const HELD: Duration = Duration::from_secs(20);

/// What a connection does that means no good.
#[derive(Clone, Copy, Debug)]
enum Trick {
    /// It says nothing.
    Silent,
    /// It sends a file, a byte a second.
    Trickle,
    /// It asks for a large file and reads none of it.
    Deaf,
    /// It speaks HTTP/2, answers nothing and asks for nothing.
    Idle,
}

impl Trick {
    const ALL: [Self; 4] = [Self::Silent, Self::Trickle, Self::Deaf, Self::Idle];

    async fn play(self, number: usize, address: SocketAddr, end: Arc<Notify>) {
        let end = end.notified();
        let Ok(mut stream) = TcpStream::connect(address).await else { return };
        let work = async {
            match self {
                Self::Silent => {}
                Self::Trickle => trickle(&mut stream, number).await?,
                Self::Deaf => stream.write_all(request("GET", "large", "").as_bytes()).await?,
                Self::Idle => stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await?,
            }
            std::future::pending::<std::io::Result<()>>().await
        };
        tokio::select! {
            // How the service ends such a connection is its own affair.
            _ = work => {}
            () = end => {}
        }
    }
}

fn request(method: &str, name: &str, headers: &str) -> String {
    format!("{method} {} HTTP/1.1\r\nHost: here\r\nPRIVATE-TOKEN: {TOKEN}\r\n{headers}\r\n", file("tool", "1.0", name))
}

async fn trickle(stream: &mut TcpStream, number: usize) -> std::io::Result<()> {
    stream.write_all(request("PUT", &format!("slow-{number}"), "Content-Length: 1000000\r\n").as_bytes()).await?;
    loop {
        stream.write_all(b"x").await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Publishes and fetches until the end, and counts.
async fn mean_well(number: usize, rest: Rest, until: Instant) -> usize {
    let mut done = 0;
    while Instant::now() < until {
        let path = file("tool", "1.0", &format!("good-{number}-{done}"));
        let body = format!("content {number} {done}");
        assert_eq!(rest.put(&path, body.clone()).await.status, 201, "{path}");
        assert_eq!(rest.get(&path).await.text(), body, "{path}");
        done += 1;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    done
}

/// A line of `/proc/<pid>/status`, in bytes.
fn memory(service: &Binary, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_connections_that_mean_no_good_cost_little_and_others_notice_nothing() {
    let service = Builder::on(Engine::Sqlite).spawn(PROGRAM, &[]).await;
    let rest = Rest::to(service.http());
    rest.create_project("demo").await;
    assert_eq!(rest.put(&file("tool", "1.0", "large"), vec![7; 64 << 20]).await.status, 201);

    let end = Arc::new(Notify::new());
    let mut strangers = Vec::new();
    for number in 0..load::strangers() {
        strangers.push(tokio::spawn(Trick::ALL[number % 4].play(number, service.http(), Arc::clone(&end))));
        // They hold connections: that they come all at once is another trick, which limits of rate are for.
        tokio::time::sleep(Duration::from_millis(4)).await;
    }
    let until = Instant::now() + HELD;
    let friends: Vec<_> = (0..20).map(|number| tokio::spawn(mean_well(number, rest.clone(), until))).collect();
    let mut done = 0;
    for friend in friends {
        done += friend.await.unwrap();
    }
    // The pages of the program itself come besides: of a build that is not optimised those are many, and they are given back when asked for.
    let peak = memory(&service, "VmHWM") - memory(&service, "RssFile");
    end.notify_waiters();
    for stranger in strangers {
        stranger.await.unwrap();
    }

    assert!(done > 20, "each of those who mean well got something done");
    assert!(peak < MEMORY_LIMIT, "the service needed {} MiB", peak >> 20);
    let mut late = TcpStream::connect(service.http()).await.unwrap();
    late.write_all(request("GET", "good-0-0", "Connection: close\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    late.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    load::report(&format!("{} strangers: {done} publishes by others, {} MiB at most", load::strangers(), peak >> 20));
}

/// What a connection of HTTP/2 sends without end.
#[derive(Clone, Copy, Debug)]
enum Flood {
    /// Calls that are taken back at once: CVE-2023-44487.
    Resets,
    /// Parts of headers that never end: CVE-2024-27316.
    Continuations,
    /// Questions that ask for an answer each: CVE-2019-9512.
    Pings,
    /// Settings that ask for an answer each: CVE-2019-9515.
    Settings,
    /// Frames of data that are empty: CVE-2019-9518.
    Emptiness,
}

impl Flood {
    const ALL: [Self; 5] = [Self::Resets, Self::Continuations, Self::Pings, Self::Settings, Self::Emptiness];

    /// Headers of a call that is never finished: `:method: POST`, `:scheme: http`, `:path: /`, `:authority: a`.
    const HEADERS: &[u8] = b"\x83\x86\x84\x41\x01a";

    /// What is sent first.
    fn opening(self) -> Vec<u8> {
        let opening = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".iter().copied().chain(frame(4, 0, 0, b""));
        match self {
            Self::Continuations => opening.chain(frame(1, 0, 1, Self::HEADERS)).collect(),
            Self::Emptiness => opening.chain(frame(1, 4, 1, Self::HEADERS)).collect(),
            Self::Resets | Self::Pings | Self::Settings => opening.collect(),
        }
    }

    /// What is sent again and again.
    fn frames(self, number: u32) -> Vec<u8> {
        match self {
            Self::Resets => {
                let stream = 2 * number + 1;
                [frame(1, 4, stream, Self::HEADERS), frame(3, 0, stream, &[0, 0, 0, 8])].concat()
            }
            // A header that is not kept: `a: <a thousand bytes>`.
            Self::Continuations => frame(9, 0, 1, &[b"\x00\x01a\x7f\xe9\x06".as_slice(), &[b'x'; 1000]].concat()),
            Self::Pings => frame(6, 0, 0, &[0; 8]),
            Self::Settings => frame(4, 0, 0, &[0, 4, 0, 1, 0, 0]),
            Self::Emptiness => frame(0, 0, 1, b""),
        }
    }

    /// Sends for a while, and reads nothing. Returns how much it got rid of, and whether it was cut off.
    async fn play(self, address: SocketAddr) -> (u64, bool) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&self.opening()).await.unwrap();
        let (mut sent, end) = (0_u64, Instant::now() + FLOODED);
        for number in 0.. {
            let batch: Vec<u8> = (0..32).flat_map(|step| self.frames(number * 32 + step)).collect();
            let left = end.saturating_duration_since(Instant::now());
            match tokio::time::timeout(left, stream.write_all(&batch)).await {
                Ok(Ok(())) if sent < MOST_FLOODED => sent += batch.len() as u64,
                Ok(Ok(())) | Err(_) => return (sent, false),
                Ok(Err(_)) => return (sent, true),
            }
        }
        unreachable!("the numbers do not end before the time");
    }
}

/// How long a flood lasts, and how many bytes it has at most.
const FLOODED: Duration = Duration::from_secs(8);
const MOST_FLOODED: u64 = 1 << 30;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_frames_are_cut_off_or_held_up_and_others_notice_nothing() {
    let service = Builder::on(Engine::Sqlite).spawn(PROGRAM, &[]).await;
    let rest = Rest::to(service.http());
    rest.create_project("demo").await;
    let before = memory(&service, "VmHWM");
    for address in [service.grpc(), service.http()] {
        let floods: Vec<_> = Flood::ALL.iter().map(|flood| tokio::spawn(flood.play(address))).collect();
        let done = mean_well(usize::from(address.port()), rest.clone(), Instant::now() + FLOODED / 2).await;
        assert!(done > 2, "those who mean well got {done} things done");
        for (flood, played) in Flood::ALL.iter().zip(floods) {
            let (sent, is_cut_off) = played.await.unwrap();
            load::report(&format!("{flood:?}: {} KiB, cut off: {is_cut_off}", sent >> 10));
            let must_be_cut_off = matches!(flood, Flood::Resets | Flood::Continuations);
            assert!(is_cut_off || !must_be_cut_off, "{flood:?} went on");
        }
    }
    let peak = memory(&service, "VmHWM");
    load::report(&format!("floods: {} MiB more at most", (peak - before) >> 20));
    assert!(peak - before < 32 << 20, "floods cost {} MiB", (peak - before) >> 20);
}
