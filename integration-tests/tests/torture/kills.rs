//! `kill -9` in the midst of load. What a dead process has written is not lost, so this is about the order of things: bytes, rows, answer.

use integration_tests::load::kills;
use integration_tests::{Builder, Engine};

use crate::PROGRAM;
use crate::torture::{Fault, torture};

#[tokio::test(flavor = "multi_thread")]
async fn kills_under_load_lose_nothing_that_was_acknowledged_on_sqlite() {
    let service = Builder::on(Engine::Sqlite).spawn(PROGRAM, &[]).await;
    torture("kills on SQLite", service, Fault::Kill, kills()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_under_load_lose_nothing_that_was_acknowledged_on_postgres() {
    let service = Builder::on(Engine::Postgres).spawn(PROGRAM, &[]).await;
    torture("kills on PostgreSQL", service, Fault::Kill, kills()).await;
}
