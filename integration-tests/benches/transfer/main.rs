//! What transfers cost: time, processor and memory of the service, beside what the same machine needs in the same run to hash, to copy
//! and to sync the same bytes, and beside nginx, which neither hashes nor syncs.
//!
//! `cargo bench --bench transfer` measures everything; `-- large`, `-- small`, `-- batch` and `-- memory` measure one part each, and a
//! number among them is that of the rounds. `make bench` installs nginx and starts the PostgreSQL that `small` and `batch` need.
//!
//! Figures are ratios, since machines differ and are shared: medians of several rounds, in which the order of the contestants rotates,
//! with the lowest and the highest. Seconds of processors stand beside those of the clock. What makes figures wrong is kept away:
//!
//! - A virtual machine gives free pages back to its host, and the first touch of one is dear: free memory is filled with clean pages of
//!   the page cache before every round.
//! - Whoever comes after a writer that does not sync would pay for it: everything is synced before each measurement.
//! - ext4 is slow for minutes after many files were deleted: small files come first, and are deleted when all is measured. Two runs
//!   right after each other are not to be compared.

mod batch;
mod curl;
mod disk;
mod grpc;
mod large;
mod light;
mod memory;
mod nginx;
mod services;
mod small;

use integration_tests::measure::{load, report};

/// How many rounds there are at least, unless the command line asks for fewer.
const ROUNDS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let named = |name: &str| arguments.iter().any(|argument| argument == name);
    let is_wanted = |part: &str| named(part) || !["small", "batch", "large", "memory"].into_iter().any(named);
    let rounds = arguments.iter().find_map(|argument| argument.parse().ok());
    // One thread: the client takes no more of the machine than it must.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    runtime.block_on(async {
        let cores = std::thread::available_parallelism().expect("the system tells");
        report(&format!("{cores} processors, load {}; median [lowest–highest]", load()));
        // What is measured on small files stays until the end.
        let mut kept = None;
        if is_wanted("small") || is_wanted("batch") {
            let stores = small::Stores::create().await;
            if is_wanted("small") {
                small::run(&stores, rounds.unwrap_or(ROUNDS)).await;
            }
            if is_wanted("batch") {
                batch::run(&stores, rounds.unwrap_or(ROUNDS)).await;
            }
            kept = Some(stores);
        }
        if is_wanted("large") {
            large::run(rounds).await;
        }
        if is_wanted("memory") {
            memory::run().await;
        }
        report(&format!("\nload {} at the end", load()));
        drop(kept);
    });
}
