//! What a large file costs: time, processor and memory of the service, beside the plain cost of hashing and of copying the same
//! bytes on the same machine in the same run.
//!
//! Figures are ratios: machines differ, and are shared. Each is the median of several rounds, in which the order rotates.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::TryStreamExt as _;
use integration_tests::rest::{Rest, file};
use integration_tests::{Binary, Builder};
use reqwest::{Body, Method};
use sha2::Digest as _;

const PROGRAM: &str = env!("CARGO_BIN_EXE_service-under-test");
const ROUNDS: usize = 5;
const FILE_BYTES: u64 = 1 << 30;
const FILE_GIB: f64 = 1.0;
const LARGE_BYTES: u64 = 5 << 30;

/// What the service may need beyond its idle size, whatever the size of a file.
const MEMORY_LIMIT: u64 = 80 << 20;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime starts");
    runtime.block_on(run());
}

async fn run() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let source = directory.path().join("source");
    write_random(&source, FILE_BYTES);

    let service = Builder::by_default().with("--max-file-bytes", LARGE_BYTES).spawn(PROGRAM, &[]).await;
    let rest = Rest::to(service.http());
    rest.create_project("demo").await;
    let idle = memory(&service, "VmRSS");

    let mut rounds = Rounds::default();
    for round in 0..ROUNDS {
        let path = file("bench", "1.0", &format!("file-{round}"));
        // The bytes differ from round to round, or they would be there already. Copies are kept as the service keeps files: pages
        // that were never touched cost more than those of a file that is written over.
        stamp(&source, round);
        for step in 0..2 {
            if (round + step) % 2 == 0 {
                rounds.hash.push(timed(async || hash(&source)).await.0);
                rounds.copy.push(timed(async || copy(&source, &directory.path().join(format!("copy-{round}")))).await.0);
            } else {
                let before = processor(&service);
                rounds.upload.push(timed(async || upload(&rest, &path, FILE_BYTES, open(&source)).await).await.0);
                let between = processor(&service);
                rounds.download.push(timed(async || download(&rest, &path).await).await.0);
                rounds.upload_cpu.push(between.saturating_sub(before));
                rounds.download_cpu.push(processor(&service).saturating_sub(between));
            }
        }
    }
    rounds.print();

    let chunk = Bytes::from(vec![0; 1 << 20]);
    let zeros = futures::stream::iter((0..LARGE_BYTES >> 20).map(move |_| Ok::<_, std::io::Error>(chunk.clone())));
    let path = file("bench", "1.0", "large");
    upload(&rest, &path, LARGE_BYTES, Body::wrap_stream(zeros)).await;
    download(&rest, &path).await;
    let needed = memory(&service, "VmHWM").saturating_sub(idle);
    report(&format!("memory: {} MiB idle, {} MiB more at most, up to files of {} GiB", idle >> 20, needed >> 20, LARGE_BYTES >> 30));
    assert!(needed < MEMORY_LIMIT, "the service needed more than {} MiB", MEMORY_LIMIT >> 20);
}

#[derive(Default)]
struct Rounds {
    hash: Vec<Duration>,
    copy: Vec<Duration>,
    upload: Vec<Duration>,
    download: Vec<Duration>,
    upload_cpu: Vec<Duration>,
    download_cpu: Vec<Duration>,
}

impl Rounds {
    fn print(self) {
        let gib = |duration: Duration| FILE_GIB / duration.as_secs_f64();
        let [hash, copy, upload, download] = [self.hash, self.copy, self.upload, self.download].map(median);
        let [upload_cpu, download_cpu] = [self.upload_cpu, self.download_cpu].map(median);
        report(&format!("SHA-256 alone      {:5.2} GiB/s", gib(hash)));
        report(&format!("copy and sync      {:5.2} GiB/s", gib(copy)));
        let floor = hash.max(copy).as_secs_f64();
        let ratio = upload.as_secs_f64() / floor;
        report(&format!(
            "REST upload        {:5.2} GiB/s, {ratio:.2} × the slower of these, {:.2} CPU-s/GiB",
            gib(upload),
            upload_cpu.as_secs_f64()
        ));
        let ratio = download.as_secs_f64() / copy.as_secs_f64();
        report(&format!(
            "REST download      {:5.2} GiB/s, {ratio:.2} × the copy, {:.2} CPU-s/GiB",
            gib(download),
            download_cpu.as_secs_f64()
        ));
    }
}

#[expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
fn report(line: &str) {
    println!("{line}");
}

fn median(mut values: Vec<Duration>) -> Duration {
    values.sort_unstable();
    values[values.len() / 2]
}

async fn timed<T>(work: impl AsyncFnOnce() -> T) -> (Duration, T) {
    let started = Instant::now();
    let value = work().await;
    (started.elapsed(), value)
}

fn write_random(path: &Path, bytes: u64) {
    let mut file = File::create(path).expect("a file can be made");
    let mut source = File::open("/dev/urandom").expect("there is randomness").take(bytes);
    std::io::copy(&mut source, &mut file).expect("the file can be written");
    file.sync_all().expect("the file can be synced");
}

fn stamp(path: &Path, round: usize) {
    let mut file = File::options().write(true).open(path).expect("the file is there");
    file.write_all(&round.to_le_bytes()).expect("the file can be written");
}

fn hash(path: &Path) {
    let mut file = File::open(path).expect("the file is there");
    let (mut hash, mut buffer) = (sha2::Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer).expect("the file can be read") {
            0 => break,
            read => hash.update(&buffer[..read]),
        }
    }
    std::hint::black_box(hash.finalize());
}

fn copy(from: &Path, to: &Path) {
    let (from, to) = (format!("if={}", from.display()), format!("of={}", to.display()));
    let status = Command::new("dd").args([&from, &to, "bs=1M", "conv=fsync", "status=none"]).status();
    assert!(status.expect("dd runs").success());
}

fn open(path: &Path) -> Body {
    let (sender, receiver) = tokio::sync::mpsc::channel(4);
    let mut file = File::open(path).expect("the file is there");
    tokio::task::spawn_blocking(move || {
        loop {
            let mut buffer = vec![0; 256 << 10];
            let read = file.read(&mut buffer).expect("the file can be read");
            buffer.truncate(read);
            if read == 0 || sender.blocking_send(Ok::<_, std::io::Error>(buffer)).is_err() {
                return;
            }
        }
    });
    Body::wrap_stream(tokio_stream::wrappers::ReceiverStream::new(receiver))
}

async fn upload(rest: &Rest, path: &str, bytes: u64, body: Body) {
    let request = rest.request(Method::PUT, path).header("content-length", bytes).body(body);
    assert_eq!(rest.send(request).await.status, 201);
}

async fn download(rest: &Rest, path: &str) {
    let response = rest.request(Method::GET, path).send().await.expect("the gateway answers");
    let expected = response.content_length().expect("the length is told");
    let read = response.bytes_stream().try_fold(0, async |read, chunk| Ok(read + chunk.len() as u64)).await;
    assert_eq!(read.expect("the body is whole"), expected);
}

/// A line of `/proc/<pid>/status`, in bytes.
fn memory(service: &Binary, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", service.id())).expect("the process runs");
    let line = status.lines().find(|line| line.starts_with(name)).expect("the line is there");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("the line has a number") << 10
}

/// Time that the service has spent on processors, in user and system mode.
fn processor(service: &Binary) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", service.id())).expect("the process runs");
    let fields = stat.rsplit(')').next().expect("the name is in parentheses").split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("ticks are a number")).sum();
    Duration::from_millis(ticks * 10)
}
