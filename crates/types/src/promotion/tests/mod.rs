//! Cases for all gates, as tables: a sentence, what is known, and what is found.

mod approval;
mod attestation;
mod cron;
mod freeze;
mod judgement;
mod order;
mod policy;
mod predecessor;
mod property;
mod soak;
mod status;
mod story;
mod version;
mod waiver;

use story::{Row, Story};

/// Noon of a Monday.
const NOW: Timestamp = Timestamp::from_micros(1_780_315_200_000_000);
const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

use super::Outcome::{Failed, Passed, Pending, Waived};
use crate::Timestamp;
use crate::time::Span;

/// So many microseconds after noon.
fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(NOW.as_micros() + micros)
}

fn span(micros: i64) -> Span {
    Span::from_micros(micros).unwrap()
}

/// All tables.
fn tables() -> [fn() -> Vec<Row>; 10] {
    [
        predecessor::rows,
        soak::rows,
        approval::rows,
        approval::distinct::rows,
        approval::unasked::rows,
        attestation::rows,
        status::rows,
        version::rows,
        order::rows,
        waiver::rows,
    ]
}

#[test]
fn every_gate_finds_what_its_table_says() {
    let rows: Vec<Row> = tables().iter().flat_map(|rows| rows()).collect();
    assert!(rows.len() >= 120, "{} cases are too few", rows.len());
    for row in rows {
        row.check();
    }
}
