//! The operations, on SQLite and on PostgreSQL.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod attestation_life;
mod attestations;
mod attesting;
mod cleanups;
mod condemn;
mod deciding;
mod housekeeping;
mod late;
mod observing;
mod prepare;
mod promoting;
mod promotions;
mod publish;
mod purge;
mod races;
mod sequences;
mod support;
mod together;
