//! How many rows PostgreSQL goes through for a publish: as many at the end of a long version as at its start, by plans that were made when
//! the tables were empty.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "operations/support.rs"]
mod support;

use std::thread::sleep;
use std::time::Duration;

use consign_metadata::UploadPlan;
use consign_types::receipt::Receipt;
use integration_tests::{Database, Engine};

use support::{opened, prepare, prepare_small, publish, receipt};

const PUBLISHES: i64 = 150;

/// How many rows of a table a publish may go through, its own one several times.
const ROWS_A_PUBLISH: i64 = 20;

#[tokio::test]
async fn a_publish_goes_through_no_more_rows_where_there_are_many() {
    let database = Database::create(Engine::Postgres);
    let metadata = opened(&database).await;
    let mut receipts = Vec::new();
    for number in 0..PUBLISHES {
        let content = format!("content {number}");
        let UploadPlan::Send(ticket) = prepare(&metadata, &content).await else { panic!("nobody has the bytes") };
        receipts.push(Receipt { upload: ticket.upload, ..receipt(&content, 1) });
        prepare_small(&metadata).await;
    }
    for (number, receipt) in receipts.into_iter().enumerate() {
        publish(&metadata, &[(&format!("file-{number}"), receipt)]).await.unwrap();
    }
    drop(metadata);
    // What a connection has counted is known when it ends.
    for table in ["files", "leases"] {
        let [added, fetched] = rows(&database, table);
        assert_eq!(added, PUBLISHES, "all connections have told");
        assert!(fetched < PUBLISHES * ROWS_A_PUBLISH, "{PUBLISHES} publishes went through {fetched} rows of {table}");
    }
}

/// How many rows were added to a table, and how many were gone through, once all connections but the one that asks have ended.
fn rows(database: &Database, table: &str) -> [i64; 2] {
    let others = "select count(*)::text as text from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    while database.texts(others) != ["0"] {
        sleep(Duration::from_millis(20));
    }
    ["n_tup_ins", "idx_tup_fetch + seq_tup_read"].map(|column| {
        let query = format!("select ({column})::text as text from pg_stat_user_tables where relname = '{table}'");
        database.texts(&query)[0].parse().unwrap()
    })
}
