//! The operations, on SQLite and on PostgreSQL.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod condemn;
mod housekeeping;
mod prepare;
mod promoting;
mod promotions;
mod publish;
mod purge;
mod races;
mod support;
mod together;
