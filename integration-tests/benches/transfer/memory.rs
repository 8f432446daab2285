//! What the service needs of memory: idle, with many uploads at once, and with a very large one.

use futures::future::join_all;
use integration_tests::measure::{memory, report, timed, verdict};
use integration_tests::{Binary, Builder};

use crate::disk::{free_bytes, zeros};
use crate::grpc::{client, upload};
use crate::services::one;

const STREAMS: u64 = 16;
const STREAM_BYTES: u64 = 512 << 20;

const GIB: u64 = 1 << 30;
const LARGE_BYTES: u64 = 50 * GIB;

/// What is left free of the disk.
const SPARE_DISK: u64 = 10 * GIB;

/// How many MiB one more stream may need.
const GOAL_MIB: f64 = 8.0;

pub(crate) async fn run() {
    report("\nMemory: what the process held at most, beyond what it held idle; zeros over gRPC");
    let (idle, many) = many().await;
    report(&format!("idle: {:.1} MiB", mib(idle)));
    #[expect(clippy::cast_precision_loss, reason = "there are few streams")]
    let each = mib(many) / STREAMS as f64;
    report(&format!("{STREAMS} uploads at once, each over its own connection: {:.1} MiB, {each:.1} MiB a stream", mib(many)));
    report(&format!("    goal < {GOAL_MIB:.0} MiB a stream: {}", verdict(each, GOAL_MIB)));

    let small = alone(GIB).await;
    report(&format!("one upload of 1 GiB: {:.1} MiB", mib(small)));
    let free = free_bytes(&std::env::temp_dir());
    let bytes = LARGE_BYTES.min(free.saturating_sub(SPARE_DISK)) / GIB * GIB;
    if bytes < LARGE_BYTES {
        report(&format!("the disk has {} GiB free: NOT 50 GiB, but {} GiB are sent", free / GIB, bytes / GIB));
    }
    if bytes > GIB {
        let large = alone(bytes).await;
        report(&format!(
            "one upload of {} GiB: {:.1} MiB, {:+.1} MiB beside that of 1 GiB",
            bytes / GIB,
            mib(large),
            mib(large) - mib(small)
        ));
    }
}

/// What is held idle, and how much more at most while many uploads run.
async fn many() -> (u64, u64) {
    let service = start().await;
    let idle = memory(service.id(), "VmRSS");
    let stream = async |number| {
        let client = client(service.grpc());
        upload(&client, &format!("1.0.{number}"), STREAM_BYTES, zeros(STREAM_BYTES, number)).await;
    };
    join_all((0..STREAMS).map(stream)).await;
    (idle, memory(service.id(), "VmHWM").saturating_sub(idle))
}

/// How much more than idle is held at most while one upload runs.
async fn alone(bytes: u64) -> u64 {
    let service = start().await;
    let idle = memory(service.id(), "VmRSS");
    let (wall, ()) = timed(upload(&client(service.grpc()), "1.0", bytes, zeros(bytes, 0))).await;
    report(&format!("  ({} GiB in {:.0} s)", bytes / GIB, wall.as_secs_f64()));
    memory(service.id(), "VmHWM").saturating_sub(idle)
}

async fn start() -> Binary {
    one(Builder::by_default().with("--max-file-bytes", LARGE_BYTES)).await
}

#[expect(clippy::cast_precision_loss, reason = "memory is smaller than that")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
