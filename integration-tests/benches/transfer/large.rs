//! One large file, whose bytes nobody has yet, in rounds.

mod table;

use std::path::{Path, PathBuf};

use consign_client::Client;
use integration_tests::grpc::Grpc;
use integration_tests::measure::{processor, report, timed};
use integration_tests::rest::file;
use integration_tests::{Binary, Builder};
use tempfile::TempDir;
use tokio::process::Command;

use crate::disk::{CleanPages, Source, remove, settle};
use crate::nginx::Nginx;
use crate::services::{Split, one, url};
use crate::{curl, grpc};
use table::{Row, Table};

const BYTES: u64 = 1 << 30;

/// Who takes turns. What is uploaded is downloaded next, before others take its pages.
const CONTESTANTS: [Contestant; 7] =
    [Contestant::Openssl, Contestant::Dd, Contestant::Grpc, Contestant::Nginx, Contestant::Gateway, Contestant::Cp, Contestant::Split];

#[derive(Clone, Copy)]
enum Contestant {
    Openssl,
    Dd,
    Cp,
    Nginx,
    Grpc,
    Gateway,
    Split,
}

/// Measures, in as many rounds as there are contestants unless another number is given, and prints.
pub(crate) async fn run(rounds: Option<usize>) {
    let rounds = rounds.unwrap_or(CONTESTANTS.len());
    report(&format!("\nOne file of {} MiB, {rounds} rounds; ratios of seconds within a round; CPU of the server alone", BYTES >> 20));
    let mut large = Large::create().await;
    for round in 0..rounds {
        large.prepare().await;
        for step in 0..CONTESTANTS.len() {
            large.take_turn(CONTESTANTS[(round + step) % CONTESTANTS.len()], round).await;
        }
    }
    large.table.print();
}

struct Large {
    directory: TempDir,
    clean: CleanPages,
    source: Source,
    nginx: Nginx,
    service: Binary,
    client: Client,
    stock: Grpc,
    split: Split,
    table: Table,
}

impl Large {
    async fn create() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let service = one(Builder::by_default()).await;
        Self {
            clean: CleanPages::create(directory.path()),
            source: Source::create(directory.path(), BYTES),
            nginx: Nginx::start().await,
            client: grpc::client(service.grpc()),
            stock: Grpc::to(service.grpc()),
            service,
            split: Split::start().await,
            table: Table::default(),
            directory,
        }
    }

    /// Removes what the last round has written, and fills the page cache.
    async fn prepare(&mut self) {
        let copies = [self.copy("dd"), self.copy("cp"), self.nginx.file("large")];
        for path in copies.into_iter().chain(self.service.stored().blobs).chain(self.split.blobs()) {
            remove(&path);
        }
        settle(self.directory.path()).await;
        self.clean.fill().await;
        self.source.warm().await;
    }

    fn copy(&self, by: &str) -> PathBuf {
        self.directory.path().join(by)
    }

    async fn take_turn(&mut self, contestant: Contestant, round: usize) {
        self.source.stamp();
        let source = self.source.path().to_owned();
        match contestant {
            Contestant::Openssl => {
                self.measure(Row::Openssl, &[], async |_| command("openssl", &["dgst", "-sha256", &text(&source)]).await).await;
            }
            Contestant::Dd => {
                let (from, to) = (format!("if={}", text(&source)), format!("of={}", text(&self.copy("dd"))));
                self.measure(Row::Dd, &[], async |_| command("dd", &[&from, &to, "bs=1M", "conv=fsync", "status=none"]).await).await;
            }
            Contestant::Cp => {
                let script = "cp \"$0\" \"$1\" && sync \"$1\"";
                let to = text(&self.copy("cp"));
                self.measure(Row::Cp, &[], async |_| command("sh", &["-c", script, &text(&source), &to]).await).await;
            }
            Contestant::Nginx => {
                let (url, processes) = (self.nginx.url("large"), self.nginx.processes());
                self.rest([Row::NginxPut, Row::NginxGet], &url, &processes).await;
            }
            Contestant::Grpc => self.grpc(&format!("1.0.{round}")).await,
            Contestant::Gateway => {
                let (url, process) = (url(&self.service, &large_file(round)), self.service.id());
                self.rest([Row::GatewayPut, Row::GatewayGet], &url, &[process]).await;
            }
            Contestant::Split => {
                let (url, processes) = (self.split.url(&large_file(round)), self.split.processes());
                self.rest([Row::SplitPut, Row::SplitGet], &url, &processes).await;
            }
        }
    }

    async fn grpc(&mut self, version: &str) {
        let process = [self.service.id()];
        self.measure(Row::GrpcUpload, &process, async |large| grpc::upload(&large.client, version, BYTES, large.source.chunks()).await)
            .await;
        self.measure(Row::GrpcDownload, &process, async |large| assert_eq!(grpc::download(&large.client, version).await, BYTES)).await;
        self.measure(Row::GrpcStockDownload, &process, async |large| {
            assert_eq!(grpc::download_by_stub(&large.stock, version).await, BYTES);
        })
        .await;
    }

    async fn rest(&mut self, [put, get]: [Row; 2], url: &str, processes: &[u32]) {
        self.measure(put, processes, async |large| curl::put(url, large.source.path()).await).await;
        self.measure(get, processes, async |_| assert_eq!(curl::get(url).await, BYTES)).await;
    }

    async fn measure(&mut self, row: Row, processes: &[u32], work: impl AsyncFnOnce(&Self)) {
        settle(self.directory.path()).await;
        let before = processor(processes);
        let (wall, ()) = timed(work(self)).await;
        self.table.add(row, wall, processor(processes).saturating_sub(before));
    }
}

fn large_file(round: usize) -> String {
    file("large", "1.0", &format!("file-{round}"))
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

async fn command(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().await.expect("the program is installed");
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}
