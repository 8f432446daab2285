//! Small files in batches over gRPC: prepared together, sent together, published as one version.

use bytes::{Bytes, BytesMut};
use consign_proto::blob::{BatchWriteItem, BatchWriteRequest, GetCapabilitiesRequest, GetCapabilitiesResponse};
use consign_proto::metadata::PublishFile;
use futures::future::join_all;
use integration_tests::grpc::Grpc;
use integration_tests::measure::{Figures, processor, report, timed};
use integration_tests::publishing::{prepare, publish, publish_request, ticket, upload_file};

use crate::small::Stores;

const FILES: usize = 1000;
const FILE_BYTES: usize = 4 << 10;

/// Versions that are published one after the other in a round.
const VERSIONS: usize = 5;

/// Versions that are there before anything is measured.
const WARMING_VERSIONS: usize = 4;

const GOAL_RATE: f64 = 5000.0;

pub(crate) async fn run(stores: &Stores, rounds: usize) {
    report(&format!(
        "\nVersions of {FILES} files of {} KiB, {rounds} rounds of {VERSIONS}: PrepareUploads, BatchWrite by as many calls as its \
         limits ask for, at once, PublishVersion; {WARMING_VERSIONS} versions were there before",
        FILE_BYTES >> 10
    ));
    let mut sides = Vec::new();
    for (name, service) in &stores.services {
        let side = Side::open(name, service.id(), Grpc::tuned(service.grpc())).await;
        for number in 0..WARMING_VERSIONS {
            side.publish(number, content(number)).await;
        }
        sides.push((side, Figures::default(), Figures::default()));
    }
    for round in 0..rounds {
        for step in 0..sides.len() {
            stores.settle().await;
            let turn = (round + step) % sides.len();
            let (side, rates, cpus) = &mut sides[turn];
            let (rate, cpu) = side.round(WARMING_VERSIONS + round * VERSIONS).await;
            rates.push(rate);
            cpus.push(cpu);
        }
    }
    for (side, rates, cpus) in sides {
        let [low, high] = rates.spread();
        report(&format!("{:<12}{:.0} [{low:.0}–{high:.0}] files/s  {:.3} CPU-s/k", side.name, rates.median(), cpus.median()));
        report(&format!("    goal >= {GOAL_RATE:.0} files/s: {}", if rates.median() >= GOAL_RATE { "met" } else { "missed" }));
    }
}

struct Side {
    name: &'static str,
    process: u32,
    grpc: Grpc,
    limits: GetCapabilitiesResponse,
}

impl Side {
    async fn open(name: &'static str, process: u32, grpc: Grpc) -> Self {
        let limits = grpc.blobs().get_capabilities(GetCapabilitiesRequest {}).await.expect("the server tells its limits").into_inner();
        Self { name, process, grpc, limits }
    }

    /// Files a second, and seconds of processors for a thousand.
    async fn round(&self, first: usize) -> (f64, f64) {
        let contents: Vec<_> = (first..first + VERSIONS).map(|number| (number, content(number))).collect();
        let before = processor(&[self.process]);
        let all = async {
            for (number, content) in contents {
                self.publish(number, content).await;
            }
        };
        let (wall, ()) = timed(all).await;
        let cpu = processor(&[self.process]).saturating_sub(before);
        #[expect(clippy::cast_precision_loss, reason = "there are few files")]
        let files = (VERSIONS * FILES) as f64;
        (files / wall.as_secs_f64(), cpu.as_secs_f64() / files * 1000.0)
    }

    async fn publish(&self, number: usize, content: Vec<Bytes>) {
        let version = format!("1.0.{number}");
        let files = content.iter().enumerate().map(|(at, content)| upload_file(&format!("dir-{}/file-{at}", at % 10), content));
        let plans = prepare(&self.grpc, &version, files.collect()).await.expect("bytes may come");
        let items: Vec<BatchWriteItem> = plans
            .into_iter()
            .map(ticket)
            .zip(content)
            .map(|(ticket, data)| BatchWriteItem { ticket: ticket.token, upload_id: ticket.upload_id, data, crc32c: None })
            .collect();
        let receipts = join_all(items.chunks(self.items_a_call()).map(|items| self.write(items.to_vec()))).await.concat();
        let files = receipts.into_iter().enumerate().map(|(at, receipt)| {
            let path = format!("dir-{}/file-{at}", at % 10);
            PublishFile { path, receipt, ..PublishFile::default() }
        });
        publish(&self.grpc, publish_request(&version, files.collect())).await.expect("the version is published");
    }

    /// As few calls as the limits allow, all of a size.
    fn items_a_call(&self) -> usize {
        let limit = |limit: i32| usize::try_from(limit).expect("a limit is not negative");
        let most = limit(self.limits.max_batch_items).min(limit(self.limits.max_batch_bytes) / FILE_BYTES);
        FILES.div_ceil(FILES.div_ceil(most))
    }

    async fn write(&self, items: Vec<BatchWriteItem>) -> Vec<Bytes> {
        let written = self.grpc.blobs().batch_write(BatchWriteRequest { items }).await.expect("the blobs are taken").into_inner();
        let receipt = |result: consign_proto::blob::BatchWriteResult| {
            assert!(result.status.as_ref().is_some_and(|status| status.code == 0), "{result:?}");
            result.receipt
        };
        written.results.into_iter().map(receipt).collect()
    }
}

/// Bytes that nobody has.
fn content(version: usize) -> Vec<Bytes> {
    let block: Vec<u8> = rand::random_iter().take(FILE_BYTES).collect();
    let file = |number: usize| {
        let mut file = BytesMut::from(&*block);
        file[..8].copy_from_slice(&(version * FILES + number).to_le_bytes());
        file.freeze()
    };
    (0..FILES).map(file).collect()
}
