//! Power cuts in the midst of load: what was written and not synced is lost, so this is about each sync before an answer.
//!
//! Where the database is on the disk that loses its power, SQLite's syncs make names of blobs durable with its rows, and hide a sync that
//! the blob plane lacks. So there are cuts that the database survives, as beside a blob plane that runs alone: then all that the blob
//! plane has of its own is what it synced itself.

use integration_tests::load::power_cuts;
use integration_tests::power::{Disk, FileSystem};
use integration_tests::{Builder, Engine};

use crate::PROGRAM;
use crate::torture::{Fault, torture};

async fn cut(name: &str, file_system: FileSystem, service: Builder) {
    let disk = Disk::make(file_system).await;
    let service = disk.under(service).spawn(PROGRAM, &[]).await;
    torture(name, service, Fault::PowerCut(disk), power_cuts()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn power_cuts_lose_nothing_that_was_acknowledged_on_ext4() {
    cut("power cuts on ext4", FileSystem::Ext4, Builder::by_default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn power_cuts_lose_nothing_that_was_acknowledged_on_xfs() {
    cut("power cuts on xfs", FileSystem::Xfs, Builder::by_default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn power_cuts_that_the_database_survives_lose_nothing_that_was_acknowledged_on_ext4() {
    cut("power cuts of the blob plane on ext4", FileSystem::Ext4, Builder::on(Engine::Sqlite)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn power_cuts_that_the_database_survives_lose_nothing_that_was_acknowledged_on_xfs() {
    cut("power cuts of the blob plane on xfs", FileSystem::Xfs, Builder::on(Engine::Sqlite)).await;
}
