//! Disks that fail under a service that lives on: it must not take for durable what a dead disk never got.

use integration_tests::load::power_cuts;
use integration_tests::power::{Disk, FileSystem};
use integration_tests::{Builder, Engine};

use crate::PROGRAM;
use crate::torture::{Fault, torture};

/// The database is elsewhere, or the service could not commit anything that it takes for durable.
async fn fail(name: &str, file_system: FileSystem) {
    let disk = Disk::make(file_system).await;
    let service = disk.under(Builder::on(Engine::Sqlite)).spawn(PROGRAM, &[]).await;
    torture(name, service, Fault::DiskFailure(disk), power_cuts()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn disk_failures_lose_nothing_that_was_acknowledged_on_ext4() {
    fail("disk failures on ext4", FileSystem::Ext4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn disk_failures_lose_nothing_that_was_acknowledged_on_xfs() {
    fail("disk failures on xfs", FileSystem::Xfs).await;
}
