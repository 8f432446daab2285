//! Small files through the gateway, many clients at once, each file at a new path and of bytes that nobody has.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use integration_tests::measure::{Figures, processor, quantile, report};
use integration_tests::rest::file;
use integration_tests::{Binary, Builder, Engine};
use tempfile::TempDir;

use crate::disk::{CleanPages, settle};
use crate::light::Load;
use crate::nginx::Nginx;
use crate::services::one;

/// Files that are there before anything is measured: the first ones of a store pay for its directories.
const WARMING_FILES: u64 = 4000;

/// Files go to a new version of their package, or a new directory, after so many.
const FILES_A_VERSION: u64 = 100;

const SIZES: [usize; 2] = [4 << 10, 64 << 10];

/// How many clients there are at once, and how many files they send in a round.
const CLIENTS: [(usize, u64); 3] = [(1, 400), (16, 2000), (64, 2000)];

/// What is promised of files of the first size from 16 clients.
const GOAL_RATE: f64 = 1000.0;
const GOAL_P99_SECONDS: f64 = 0.05;

/// The services whose small files are measured, and what they keep.
pub(crate) struct Stores {
    pub(crate) services: [(&'static str, Binary); 2],
    nginx: Nginx,
    directory: TempDir,
    _clean: CleanPages,
}

impl Stores {
    pub(crate) async fn create() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let postgres = one(Builder::on(Engine::Postgres)).await;
        if !postgres.database().is_durable() {
            report("PostgreSQL does not sync: its figures promise nothing (`make bench` has it durable)");
        }
        let services = [("SQLite", one(Builder::on(Engine::Sqlite)).await), ("PostgreSQL", postgres)];
        let mut clean = CleanPages::create(directory.path());
        clean.fill().await;
        Self { services, nginx: Nginx::start().await, directory, _clean: clean }
    }

    /// Writes out what anybody has written.
    pub(crate) async fn settle(&self) {
        settle(self.directory.path()).await;
    }

    fn targets(&self) -> [Target; 3] {
        let gateway = |(database, service): &(&str, Binary)| {
            let (address, processes) = (service.http(), vec![service.id()]);
            Target { name: format!("gateway, {database}"), address, processes, path: gateway_path }
        };
        let nginx = Target {
            name: "nginx (no hash, no sync)".to_owned(),
            address: self.nginx.address(),
            processes: self.nginx.processes(),
            path: nginx_path,
        };
        [gateway(&self.services[0]), gateway(&self.services[1]), nginx]
    }
}

/// A server.
struct Target {
    name: String,
    address: SocketAddr,
    processes: Vec<u32>,
    path: fn(usize, u64) -> String,
}

fn gateway_path(size: usize, number: u64) -> String {
    file(&format!("small-{size}"), &format!("1.{}", number / FILES_A_VERSION), &number.to_string())
}

fn nginx_path(size: usize, number: u64) -> String {
    format!("/small-{size}/{}/{number}", number / FILES_A_VERSION)
}

pub(crate) async fn run(stores: &Stores, rounds: usize) {
    report(&format!(
        "\nSmall files, {rounds} rounds, in one project, {FILES_A_VERSION} to a version; published durably; {WARMING_FILES} files were \
         there before; CPU of PostgreSQL's own processes is not counted"
    ));
    let targets = stores.targets();
    let content: Vec<u8> = rand::random_iter().take(SIZES[1]).collect();
    let mut numbers = 0..WARMING_FILES;
    for target in &targets {
        Bout { target, size: SIZES[0], clients: 16, content: &content }.put(numbers.clone()).await;
    }
    for size in SIZES {
        for (clients, files) in CLIENTS {
            let mut results = [(); 3].map(|()| [Results::default(), Results::default()]);
            for round in 0..rounds {
                numbers = numbers.end..numbers.end + files;
                for step in 0..targets.len() {
                    let turn = (round + step) % targets.len();
                    let bout = Bout { target: &targets[turn], size, clients, content: &content };
                    stores.settle().await;
                    results[turn][0].add(bout.put(numbers.clone()).await);
                    results[turn][1].add(bout.get(numbers.clone()).await);
                }
            }
            print(size, clients, &targets, &results);
        }
    }
}

/// One server's turn.
struct Bout<'a> {
    target: &'a Target,
    size: usize,
    clients: usize,
    content: &'a [u8],
}

/// What a turn took: by the clock, for each file, and of the processors of server and client.
type Taken = (Duration, Vec<Duration>, [Duration; 2]);

impl Bout<'_> {
    async fn put(&self, numbers: Range<u64>) -> Taken {
        let before = self.processors();
        let (wall, times) = self.load(numbers).put(|number| (self.target.path)(self.size, number)).await;
        (wall, times, self.since(before))
    }

    async fn get(&self, numbers: Range<u64>) -> Taken {
        let before = self.processors();
        let (wall, times) = self.load(numbers).get(|number| (self.target.path)(self.size, number)).await;
        (wall, times, self.since(before))
    }

    fn load(&self, numbers: Range<u64>) -> Load<'_> {
        Load { address: self.target.address, clients: self.clients, numbers, content: &self.content[..self.size] }
    }

    fn processors(&self) -> [Duration; 2] {
        [processor(&self.target.processes), processor(&[std::process::id()])]
    }

    fn since(&self, before: [Duration; 2]) -> [Duration; 2] {
        let now = self.processors();
        [now[0].saturating_sub(before[0]), now[1].saturating_sub(before[1])]
    }
}

/// What was measured of one server, by round.
#[derive(Default)]
struct Results {
    rate: Figures,
    p50: Figures,
    p99: Figures,
    /// Seconds of processors for a thousand files: of the server, and of the client.
    cpu: [Figures; 2],
}

impl Results {
    fn add(&mut self, (wall, mut times, cpu): Taken) {
        #[expect(clippy::cast_precision_loss, reason = "there are few files")]
        let files = times.len() as f64;
        self.rate.push(files / wall.as_secs_f64());
        self.p50.push(quantile(&mut times, 0.5).as_secs_f64());
        self.p99.push(quantile(&mut times, 0.99).as_secs_f64());
        for (figures, cpu) in self.cpu.iter_mut().zip(cpu) {
            figures.push(cpu.as_secs_f64() / files * 1000.0);
        }
    }

    fn line(&self, name: &str) -> String {
        let [low, high] = self.rate.spread();
        let [server, client] = [&self.cpu[0], &self.cpu[1]].map(Figures::median);
        let [p50, p99] = [&self.p50, &self.p99].map(|times| times.median() * 1e3);
        let rate = format!("{:.0} [{low:.0}–{high:.0}]", self.rate.median());
        format!("  {name:<30}{rate:<22}{p50:>8.2}{p99:>9.2}{server:>10.3}{client:>10.3}")
    }
}

fn print(size: usize, clients: usize, targets: &[Target], results: &[[Results; 2]]) {
    let title = format!("{} KiB, clients: {clients}", size >> 10);
    report(&format!("{title:<32}{:<22}{:>8}{:>9}{:>10}{:>10}", "op/s", "p50 ms", "p99 ms", "CPU-s/k", "client's"));
    for (operation, which) in ["PUT", "GET"].into_iter().zip(0..) {
        let nginx = results[2][which].rate.clone();
        for (target, results) in targets.iter().zip(results) {
            let results = &results[which];
            let share = results.rate.with(&nginx, |ours, theirs| ours / theirs).median();
            report(&format!("{}  {share:.2} × nginx", results.line(&format!("{operation} {}", target.name))));
        }
    }
    if (size, clients) == (SIZES[0], 16) {
        for (target, results) in targets.iter().zip(results).take(2) {
            let (rate, p99) = (results[0].rate.median(), results[0].p99.median());
            let verdict = if rate >= GOAL_RATE && p99 < GOAL_P99_SECONDS { "met" } else { "missed" };
            report(&format!("    goal >= {GOAL_RATE:.0}/s and p99 < {:.0} ms, {}: {verdict}", GOAL_P99_SECONDS * 1e3, target.name));
        }
    }
}
